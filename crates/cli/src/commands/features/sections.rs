//! The platform's tables as rows of words.

use skep_linux::probe::{self, Answer, BTF_KINDS, INSTRUCTIONS, Probe};
use skep_platform::context::{By, FieldKind, LAYOUTS};
use skep_platform::kfunc::KNOWN;
use skep_platform::map::{Entries, MapRules, SizeRule};
use skep_platform::{AttachType, Helper, MapType, ProgramType, Release, helper};

use super::Kind;

/// One table.
pub(super) struct Section {
    /// Its name, as `--section` takes it.
    pub(super) name: &'static str,
    /// What one row is called.
    pub(super) noun: &'static str,
    /// Headings.
    pub(super) columns: Vec<&'static str>,
    /// Rows.
    pub(super) rows: Vec<Row>,
}

/// One row.
pub(super) struct Row {
    /// A cell for each column.
    pub(super) cells: Vec<Cell>,
    /// How to ask the live kernel about it.
    pub(super) question: Question,
    /// Whether the live kernel says something else than the table.
    pub(super) differs: bool,
}

/// What one asks the live kernel about a row.
pub(super) enum Question {
    /// Nothing: no probe exists.
    None,
    /// Whether it is there.
    Exists(Box<dyn Fn() -> Answer>),
    /// Which program types may use it.
    Programs {
        /// Asks for one type.
        ask: Box<dyn Fn(ProgramType) -> Answer>,
        /// What the table says.
        expected: Vec<ProgramType>,
        /// What decides whether a kernel of this release has it at all; nothing for most.
        depends: Option<&'static str>,
    },
}

/// A cell: JSON keeps the difference that text does not show.
pub(super) enum Cell {
    Text(String),
    Number(u64),
    Flag(bool),
    List(Vec<String>),
    /// Program types: in text, all of them are "all".
    Programs(Vec<ProgramType>),
}

impl From<&str> for Cell {
    fn from(text: &str) -> Cell {
        Cell::Text(text.to_owned())
    }
}

impl From<Release> for Cell {
    fn from(release: Release) -> Cell {
        Cell::Text(release.to_string())
    }
}

/// The table of `kind` as of `kernel`.
pub(super) fn section(kind: Kind, kernel: Release) -> Section {
    match kind {
        Kind::Programs => programs(kernel),
        Kind::Attach => attach(kernel),
        Kind::Maps => maps(kernel),
        Kind::Helpers => helpers(kernel),
        Kind::Contexts => contexts(kernel),
        Kind::Kfuncs => kfuncs(kernel),
        Kind::Instructions => probes(kernel, "instructions", "groups of instructions", INSTRUCTIONS),
        Kind::Btf => probes(kernel, "btf", "kinds of BTF", BTF_KINDS),
    }
}

/// A row that is asked about as a whole.
fn row(cells: Vec<Cell>, question: Question) -> Row {
    Row { cells, question, differs: false }
}

fn programs(kernel: Release) -> Section {
    let rows = ProgramType::ALL.iter().filter(|p| p.since() <= kernel).map(|&program| {
        let places: Vec<String> = program
            .attach_types()
            .iter()
            .filter(|attach| attach.since() <= kernel)
            .map(|attach| attach.name().to_owned())
            .collect();
        let cells = vec![
            Cell::Number(program.number().into()),
            program.name().into(),
            program.since().into(),
            program.context_name().into(),
            Cell::List(places),
        ];
        row(cells, Question::Exists(Box::new(move || probe::program_type(program))))
    });
    let columns = vec!["number", "name", "since", "context", "attach types"];
    Section { name: "programs", noun: "program types", columns, rows: rows.collect() }
}

fn attach(kernel: Release) -> Section {
    let rows = AttachType::ALL.iter().filter(|a| a.since() <= kernel).map(|&attach| {
        let users: Vec<ProgramType> =
            ProgramType::ALL.iter().copied().filter(|p| p.attach_types().contains(&attach)).collect();
        let first = users.first().copied();
        let cells = vec![
            Cell::Number(attach.number().into()),
            attach.name().into(),
            attach.since().into(),
            Cell::Programs(users),
        ];
        let ask = move || first.map_or(Answer::Unknown, |program| probe::attach_type(program, attach));
        row(cells, Question::Exists(Box::new(ask)))
    });
    let columns = vec!["number", "name", "since", "program types"];
    Section { name: "attach", noun: "attach types", columns, rows: rows.collect() }
}

fn maps(kernel: Release) -> Section {
    let rows = MapType::ALL.iter().filter(|m| m.since() <= kernel).map(|&map| {
        let rules = map.rules();
        let cells = vec![
            Cell::Number(map.number().into()),
            map.name().into(),
            map.since().into(),
            Cell::Text(size(rules.key)),
            Cell::Text(size(rules.value)),
            Cell::Text(entries(rules)),
            Cell::List(rules.allowed.to_string().split('|').map(str::to_owned).collect()),
        ];
        row(cells, Question::Exists(Box::new(move || probe::map_type(map))))
    });
    let columns = vec!["number", "name", "since", "key", "value", "entries", "flags"];
    Section { name: "maps", noun: "map types", columns, rows: rows.collect() }
}

fn size(rule: SizeRule) -> String {
    match rule {
        SizeRule::OneOf(sizes) => sizes.iter().map(u32::to_string).collect::<Vec<_>>().join(" or "),
        SizeRule::Between(min, max, _) => format!("{min} to {max}"),
        SizeRule::Multiple(unit, max) => format!("multiple of {unit} to {max}"),
        SizeRule::Any => "any".to_owned(),
    }
}

fn entries(rules: &MapRules) -> String {
    match rules.entries {
        Entries::NonZero => "1 or more".to_owned(),
        Entries::UpTo(n) => format!("1 to {n}"),
        Entries::Exactly(n) => n.to_string(),
        Entries::PowerOfTwoPages => "bytes: 2^n pages".to_owned(),
        Entries::Cpus => "up to the CPUs".to_owned(),
    }
}

fn helpers(kernel: Release) -> Section {
    let rows = helper::ALL.iter().filter(|h| h.since <= kernel).map(|helper| {
        let programs: Vec<ProgramType> =
            helper.programs(kernel).filter(|p| p.since() <= kernel && *p != ProgramType::Ext).collect();
        let cells = vec![
            Cell::Number(helper.id.into()),
            helper.name.into(),
            helper.since.into(),
            Cell::Flag(helper.gpl_only),
            Cell::Text(prototype(helper)),
            Cell::Programs(programs.clone()),
        ];
        // With the attach types that can be asked, one that allows it is enough.
        let ask = move |program: ProgramType| {
            let mut answer = probe::helper(helper, program, None);
            for &attach in program.attach_types() {
                if answer == Answer::Yes {
                    break;
                }
                if probe::helper(helper, program, Some(attach)) == Answer::Yes {
                    answer = Answer::Yes;
                }
            }
            match answer {
                // Only hooks that policy closes allow these, so no answer is an answer.
                Answer::No if helper.allowed_only_where_closed(program) => Answer::Policy,
                other => other,
            }
        };
        let depends = probe::may_be_missing(helper);
        row(cells, Question::Programs { ask: Box::new(ask), expected: programs, depends })
    });
    let columns = vec!["number", "name", "since", "gpl", "prototype", "program types"];
    Section { name: "helpers", noun: "helpers", columns, rows: rows.collect() }
}

/// Facts about helpers that only this comparison needs.
trait ClosedHooks {
    /// Whether every attach type that allows the helper is one that the kernel's policy refuses.
    fn allowed_only_where_closed(&self, program: ProgramType) -> bool;
}

impl ClosedHooks for Helper {
    fn allowed_only_where_closed(&self, program: ProgramType) -> bool {
        let mut places = program
            .attach_types()
            .iter()
            .filter(|a| self.allowed(program, Some(**a), Release::LATEST))
            .peekable();
        places.peek().is_some() && places.all(|a| probe::attach_type(program, *a) == Answer::Policy)
    }
}

fn prototype(helper: &Helper) -> String {
    let args: Vec<String> = helper.args[..helper.arity()].iter().map(ToString::to_string).collect();
    format!("({}) -> {}", args.join(", "), helper.ret)
}

fn contexts(kernel: Release) -> Section {
    let rows = LAYOUTS.iter().flat_map(|layout| {
        let fields = layout.fields.iter().filter(move |f| f.since <= kernel && !f.name.is_empty());
        fields.map(move |field| {
            let count = if field.count > 1 { format!("[{}]", field.count) } else { String::new() };
            let written = field.write != skep_platform::context::Sizes::Never;
            let cells = vec![
                layout.name.into(),
                Cell::Text(format!("{}{count}", field.name)),
                Cell::Number(field.offset.into()),
                Cell::Number(field.bytes().into()),
                Cell::Text(kind(field.kind)),
                if field.since <= Release::OLDEST { "<= 5.4".into() } else { field.since.into() },
                Cell::Text(by(field.readers)),
                Cell::Text(if written { by(field.writers) } else { "-".to_owned() }),
            ];
            row(cells, Question::None)
        })
    });
    let columns = vec!["struct", "field", "offset", "size", "gives", "since", "readers", "writers"];
    Section { name: "contexts", noun: "context fields", columns, rows: rows.collect() }
}

fn kind(kind: FieldKind) -> String {
    match kind {
        FieldKind::Scalar => "number",
        FieldKind::Packet => "packet",
        FieldKind::PacketEnd => "packet end",
        FieldKind::PacketMeta => "packet metadata",
        FieldKind::FlowKeys => "flow keys",
        FieldKind::SockCommonOrNull => "socket of any sort or NULL",
        FieldKind::Socket => "socket",
        FieldKind::SocketOrNull => "socket or NULL",
        FieldKind::Kernel(name) => return format!("struct {name}"),
    }
    .to_owned()
}

fn by(by: By) -> String {
    let names = |programs: &[ProgramType]| programs.iter().map(|p| p.name()).collect::<Vec<_>>().join(", ");
    match by {
        By::All => "all".to_owned(),
        By::Programs(programs) => names(programs),
        By::Except(programs) => format!("all but {}", names(programs)),
        By::Attach(places) => places.iter().map(|a| a.name()).collect::<Vec<_>>().join(", "),
    }
}

fn kfuncs(kernel: Release) -> Section {
    let functions = KNOWN.iter().flat_map(|set| set.functions.iter().map(move |function| (set, function)));
    let rows = functions.filter(|(_, function)| function.since <= kernel).map(|(set, function)| {
        let programs: Vec<ProgramType> = ProgramType::ALL
            .iter()
            .copied()
            .filter(|&p| set.allows(p) && p.since() <= kernel && p != ProgramType::Ext)
            .collect();
        let cells = vec![
            function.name.into(),
            function.since.into(),
            Cell::List(function.flags.iter().map(|flag| flag.name().to_owned()).collect()),
            Cell::Programs(programs.clone()),
        ];
        let ask = |program| probe::kfunc(function.name, program);
        let asked = Question::Programs { ask: Box::new(ask), expected: programs, depends: None };
        row(cells, if set.narrowed { Question::None } else { asked })
    });
    let columns = vec!["name", "since", "flags", "program types"];
    Section { name: "kfuncs", noun: "kernel functions", columns, rows: rows.collect() }
}

fn probes(kernel: Release, name: &'static str, noun: &'static str, probes: &'static [Probe]) -> Section {
    let rows = probes
        .iter()
        .filter(|probe| probe.since <= kernel)
        .map(|probe| row(vec![probe.name.into(), probe.since.into()], Question::Exists(Box::new(probe.run))));
    let columns = vec!["name", "since"];
    Section { name, noun, columns, rows: rows.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_shows_what_it_had() {
        let count = |kind, release| section(kind, release).rows.len();
        assert_eq!(count(Kind::Programs, Release::V5_4), 25);
        assert_eq!(count(Kind::Attach, Release::V5_4), 23);
        assert_eq!(count(Kind::Maps, Release::V5_4), 25);
        assert_eq!(count(Kind::Helpers, Release::V5_4), 110);
        assert_eq!(count(Kind::Kfuncs, Release::V5_10), 0);
        assert_eq!(count(Kind::Programs, Release::LATEST), 32);
        assert_eq!(count(Kind::Attach, Release::LATEST), 58);
        assert_eq!(count(Kind::Maps, Release::LATEST), 33);
        assert_eq!(count(Kind::Helpers, Release::LATEST), 211);
    }

    #[test]
    fn every_row_fills_its_columns() {
        use clap::ValueEnum;
        for &kind in Kind::value_variants() {
            let section = section(kind, Release::LATEST);
            assert!(
                section.rows.iter().all(|row| row.cells.len() == section.columns.len()),
                "{}",
                section.name
            );
        }
    }
}
