//! What this kernel says of each row.

use skep_linux::live_bpf;
use skep_linux::probe::{self, Answer};
use skep_platform::{ProgramType, Release};

use super::sections::{Cell, Question, Row, Section};
use crate::report::Failure;

/// The running kernel's release, or the newest one modelled when it is newer.
pub(super) fn release() -> Result<Release, Failure> {
    let release = live_bpf().map_err(|why| Failure::new(format!("cannot ask this kernel: {why}")))?;
    Ok(release.min(Release::LATEST))
}

/// Adds the column of answers to a section, unless nothing in it can be asked.
pub(super) fn compare(section: &mut Section) {
    if section.rows.iter().all(|row| matches!(row.question, Question::None)) {
        return;
    }
    section.columns.push("this kernel");
    // Types that cannot be loaded at all have no say about what they may call.
    let loadable: Vec<ProgramType> =
        ProgramType::ALL.iter().copied().filter(|&p| probe::program_type(p) == Answer::Yes).collect();
    for row in &mut section.rows {
        let cell = answer(row, &loadable);
        row.cells.push(cell);
    }
}

fn answer(row: &mut Row, loadable: &[ProgramType]) -> Cell {
    match &row.question {
        Question::None => "".into(),
        Question::Exists(ask) => {
            let answer = ask();
            row.differs = answer == Answer::No;
            answer.word().into()
        }
        Question::Programs { ask, expected, depends } => {
            let mut changes = Vec::new();
            for &program in loadable {
                match (ask(program), expected.contains(&program)) {
                    (Answer::Yes, false) => changes.push(format!("+{}", program.name())),
                    (Answer::No, true) => changes.push(format!("-{}", program.name())),
                    _ => {}
                }
            }
            row.differs = !changes.is_empty();
            let gone = changes.len() == expected.iter().filter(|p| loadable.contains(p)).count();
            match depends {
                _ if changes.is_empty() => "as the table".into(),
                Some(why) if gone => Cell::Text(format!("missing: {why}")),
                _ => Cell::List(changes),
            }
        }
    }
}
