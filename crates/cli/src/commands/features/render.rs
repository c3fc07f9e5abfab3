//! Sections as aligned text and as JSON.

use std::io::Write;

use anstyle::{AnsiColor, Style};
use serde_json::{Map, Value, json};
use skep_platform::{ProgramType, Release};

use super::sections::{Cell, Section};
use crate::report::Failure;

/// The width of text when the terminal does not tell.
const WIDTH: usize = 120;
/// The narrowest a wrapped column gets; a terminal that is narrower wraps by itself.
const NARROWEST: usize = 24;
/// Columns up to this width are never wrapped.
const NEVER_WRAPPED: usize = 34;
const GAP: &str = "  ";

/// Writes the sections for people.
pub(super) fn text(
    out: &mut dyn Write,
    kernel: Release,
    live: Option<Release>,
    sections: &[Section],
) -> Result<(), Failure> {
    for (at, section) in sections.iter().enumerate() {
        if at > 0 {
            writeln!(out)?;
        }
        let count = section.rows.len();
        let title = Style::new().bold();
        writeln!(out, "{title}{count} {} of Linux {kernel}{title:#}", section.noun)?;
        table(out, section)?;
    }
    if live.is_some() {
        let differing = sections.iter().flat_map(|s| &s.rows).filter(|row| row.differs).count();
        match differing {
            0 => writeln!(out, "\nThis kernel agrees with the table wherever it can be asked.")?,
            n => writeln!(out, "\nThis kernel differs from the table in {n} rows, marked with !.")?,
        }
    }
    Ok(())
}

/// One section: columns as wide as their widest cell; those that are too wide share what is left of the line and wrap.
fn table(out: &mut dyn Write, section: &Section) -> Result<(), Failure> {
    let rows: Vec<Vec<String>> =
        section.rows.iter().map(|row| row.cells.iter().map(Cell::to_text).collect()).collect();
    let widths = widths(&section.columns, &rows);
    let head = Style::new().dimmed();
    let names: Vec<String> = section.columns.iter().map(|&name| name.to_owned()).collect();
    write!(out, "{head}")?;
    for line in lines(&names, &widths) {
        writeln!(out, "  {line}")?;
    }
    write!(out, "{head:#}")?;
    let alert = AnsiColor::Yellow.on_default();
    for (row, cells) in section.rows.iter().zip(&rows) {
        let style = if row.differs { alert } else { Style::new() };
        for (at, line) in lines(cells, &widths).into_iter().enumerate() {
            let mark = if row.differs && at == 0 { '!' } else { ' ' };
            writeln!(out, "{style}{mark} {line}{style:#}")?;
        }
    }
    Ok(())
}

/// The width of every column.
fn widths(columns: &[&str], rows: &[Vec<String>]) -> Vec<usize> {
    let natural = |at: usize| rows.iter().map(|row| row[at].len()).max().unwrap_or(0).max(columns[at].len());
    let mut widths: Vec<usize> = (0..columns.len()).map(natural).collect();
    let line = std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok()).unwrap_or(WIDTH);
    let fixed: usize = widths.iter().filter(|width| **width <= NEVER_WRAPPED).sum::<usize>();
    let wide = widths.iter().filter(|width| **width > NEVER_WRAPPED).count();
    let gaps = GAP.len() * (columns.len() + 1);
    if let Some(share) = line.saturating_sub(fixed + gaps).checked_div(wide) {
        let limit = share.max(NARROWEST);
        widths
            .iter_mut()
            .filter(|width| **width > NEVER_WRAPPED)
            .for_each(|width| *width = (*width).min(limit));
    }
    widths
}

/// The lines of one row.
fn lines(cells: &[String], widths: &[usize]) -> Vec<String> {
    let wrapped: Vec<Vec<String>> =
        cells.iter().zip(widths).map(|(cell, width)| wrap(cell, *width)).collect();
    let height = wrapped.iter().map(Vec::len).max().unwrap_or(0);
    (0..height)
        .map(|at| {
            let parts: Vec<String> = wrapped
                .iter()
                .zip(widths)
                .map(|(lines, width)| format!("{:width$}", lines.get(at).map_or("", String::as_str)))
                .collect();
            parts.join(GAP).trim_end().to_owned()
        })
        .collect()
}

/// Breaks at spaces; a word that is longer than the column stays whole.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let fits = lines.last().is_some_and(|line| line.is_empty() || line.len() + 1 + word.len() <= width);
        if !fits {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}

impl Cell {
    fn to_text(&self) -> String {
        match self {
            Cell::Text(text) => text.clone(),
            Cell::Number(number) => number.to_string(),
            Cell::Flag(flag) => if *flag { "gpl" } else { "" }.to_owned(),
            Cell::List(words) => words.join(", "),
            Cell::Programs(programs) => programs_text(programs),
        }
    }

    fn to_json(&self) -> Value {
        match self {
            Cell::Text(text) => json!(text),
            Cell::Number(number) => json!(number),
            Cell::Flag(flag) => json!(flag),
            Cell::List(words) => json!(words),
            Cell::Programs(programs) => json!(programs.iter().map(|p| p.name()).collect::<Vec<_>>()),
        }
    }
}

/// The shorter of the types and the types left out. "All" leaves out the types that the release does not have.
fn programs_text(programs: &[ProgramType]) -> String {
    let names = |list: &[ProgramType]| list.iter().map(|p| p.name()).collect::<Vec<_>>().join(", ");
    let newest = programs.iter().map(|p| p.number()).max().unwrap_or(0);
    let missing: Vec<ProgramType> = ProgramType::ALL
        .iter()
        .copied()
        .filter(|p| p.number() <= newest && !programs.contains(p) && *p != ProgramType::Ext)
        .collect();
    match missing.len() {
        0 if programs.len() > 1 => "all".to_owned(),
        1..=6 if programs.len() > 2 * missing.len() => format!("all but {}", names(&missing)),
        _ => names(programs),
    }
}

/// Writes the sections as one JSON object.
pub(super) fn json(
    out: &mut dyn Write,
    kernel: Release,
    live: Option<Release>,
    sections: &[Section],
) -> Result<(), Failure> {
    let tables: Map<String, Value> = sections.iter().map(|s| (s.name.to_owned(), rows_json(s))).collect();
    let document = json!({
        "kernel": kernel.to_string(),
        "running": live.map(|release| release.to_string()),
        "sections": tables,
    });
    serde_json::to_writer_pretty(&mut *out, &document)
        .map_err(|error| Failure::from(std::io::Error::from(error)))?;
    writeln!(out)?;
    Ok(())
}

fn rows_json(section: &Section) -> Value {
    let asked = section.columns.last() == Some(&"this kernel");
    let row = |row: &super::sections::Row| {
        let keys = section.columns.iter().map(|name| name.replace(' ', "_"));
        let mut object: Map<String, Value> = keys.zip(row.cells.iter().map(Cell::to_json)).collect();
        if asked {
            object.insert("differs".to_owned(), json!(row.differs));
        }
        Value::Object(object)
    };
    section.rows.iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wraps_at_spaces() {
        assert_eq!(wrap("one, two, three", 9), ["one, two,", "three"]);
        assert_eq!(wrap("unbreakable", 3), ["unbreakable"]);
        assert_eq!(wrap("", 3), [""]);
    }

    #[test]
    fn all_program_types_are_one_word() {
        let all: Vec<_> = ProgramType::ALL.iter().copied().filter(|p| *p != ProgramType::Ext).collect();
        assert_eq!(programs_text(&all), "all");
        assert_eq!(programs_text(&all[1..]), "all but socket_filter");
        assert_eq!(programs_text(&[ProgramType::Xdp]), "xdp");
    }
}
