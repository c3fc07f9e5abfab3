//! `--profile`: instructions processed per source line, or per instruction where there is no source.

use std::collections::BTreeMap;
use std::io::{self, Write};

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use serde_json::{Value, json};
use skep::Object;
use skep_object::Program;
use skep_verifier::Input;

use super::finding::{SourceLine, source_line};

/// Lines of the table.
const ROWS: usize = 20;

/// A program's counts.
pub(super) struct Profile {
    /// The busiest first.
    rows: Vec<Row>,
    total: u64,
}

/// A line of source, or an instruction.
struct Row {
    source: Option<SourceLine>,
    /// Its first slot.
    at: usize,
    text: String,
    /// How many of the program's instructions belong to it.
    insns: u64,
    processed: u64,
}

impl Profile {
    /// `counts` is by slot.
    pub(super) fn new(object: &Object, program: &Program, input: &Input, counts: &[u64]) -> Self {
        let mut rows: BTreeMap<(String, usize, usize), Row> = BTreeMap::new();
        for line in skep_isa::text::disassemble(&input.insns) {
            let processed = counts.get(line.at).copied().unwrap_or(0);
            let source = program.line_at(line.at).and_then(|line| source_line(object, line));
            let key = match &source {
                Some(source) => (source.file.clone(), source.line, 0),
                None => (String::new(), 0, line.at),
            };
            let text =
                source.as_ref().map_or_else(|| line.to_string(), |source| source.text.trim().to_owned());
            let row = rows.entry(key).or_insert(Row { source, at: line.at, text, insns: 0, processed: 0 });
            row.insns += 1;
            row.processed += processed;
        }
        let mut rows: Vec<Row> = rows.into_values().collect();
        rows.sort_by_key(|row| (std::cmp::Reverse(row.processed), row.at));
        Self { rows, total: counts.iter().sum() }
    }

    fn share(&self, row: &Row) -> f64 {
        row.processed as f64 * 100.0 / self.total.max(1) as f64
    }

    /// The busiest lines as a table.
    pub(super) fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut table = Table::new();
        table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
        table.set_header(["processed", "share", "place", "line"]);
        for row in self.rows.iter().filter(|row| row.processed > 0).take(ROWS) {
            let place = match &row.source {
                Some(line) => format!("{}:{}", line.file.rsplit('/').next().unwrap_or_default(), line.line),
                None => format!("instruction {}", row.at),
            };
            table.add_row([
                row.processed.to_string(),
                format!("{:.1} %", self.share(row)),
                place,
                row.text.clone(),
            ]);
        }
        for column in [0, 1] {
            if let Some(column) = table.column_mut(column) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        writeln!(out, "{}", table.trim_fmt())?;
        let more = self.rows.iter().filter(|row| row.processed > 0).count().saturating_sub(ROWS);
        if more > 0 {
            writeln!(out, "  … and {more} more lines (all of them with --format json)")?;
        }
        Ok(())
    }

    /// All lines, the busiest first.
    pub(super) fn json(&self) -> Value {
        let row = |row: &Row| {
            json!({
                "insn": row.at,
                "file": row.source.as_ref().map(|line| &line.file),
                "line": row.source.as_ref().map(|line| line.line),
                "text": row.text,
                "insns": row.insns,
                "processed": row.processed,
            })
        };
        self.rows.iter().map(row).collect()
    }
}
