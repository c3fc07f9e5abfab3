//! Maps as tables: a column for the key and one for each member of the value, if there are few enough to be read.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use skep::dump::Row;
use skep_btf::value::Value;

/// More members than this are shown in one column, as C writes a structure.
const MAX_COLUMNS: usize = 10;

/// A table without lines, two blanks before each column.
pub(crate) fn plain() -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table
}

/// Prints a table indented by two, without blanks at the ends of lines.
pub(crate) fn indented(table: &Table) -> String {
    table.lines().map(|line| format!("  {}\n", line.trim_end())).collect::<String>()
}

/// The rows of a map.
pub(crate) fn table(rows: &[Row], per_cpu: bool, split_cpus: bool) -> Table {
    let mut table = plain();
    let columns = columns(rows);
    let mut header = vec!["key".to_owned()];
    if per_cpu && split_cpus {
        header.push("cpu".to_owned());
    }
    header.extend(columns.iter().flatten().cloned());
    if columns.is_none() {
        header.push("value".to_owned());
    }
    table.set_header(header);
    for row in rows {
        if per_cpu && split_cpus {
            for (cpu, value) in row.values.iter().enumerate() {
                let mut cells = vec![row.key.to_string(), cpu.to_string()];
                cells.extend(cells_of(value, columns.as_deref()));
                table.add_row(cells);
            }
        } else {
            let mut cells = vec![row.key.to_string()];
            cells.extend(cells_of(&row.sum(), columns.as_deref()));
            table.add_row(cells);
        }
    }
    align(&mut table, rows);
    table
}

/// The members that get a column each: those of the first row's value, if it is a flat structure.
fn columns(rows: &[Row]) -> Option<Vec<String>> {
    let Value::Struct(fields) = rows.first()?.values.first()? else { return None };
    let flat = fields.iter().all(|(_, value)| !matches!(value, Value::Struct(_) | Value::Array(_)));
    (flat && !fields.is_empty() && fields.len() <= MAX_COLUMNS)
        .then(|| fields.iter().map(|(name, _)| name.clone()).collect())
}

fn cells_of(value: &Value, columns: Option<&[String]>) -> Vec<String> {
    match (value, columns) {
        (Value::Struct(fields), Some(_)) => fields.iter().map(|(_, value)| value.to_string()).collect(),
        (value, _) => vec![value.to_string()],
    }
}

/// Numbers to the right, everything else to the left.
fn align(table: &mut Table, rows: &[Row]) {
    let Some(first) = rows.first() else { return };
    let numeric = |value: &Value| matches!(value, Value::Int(_) | Value::Float(_));
    let key = numeric(&first.key);
    let textual = match first.values.first() {
        Some(Value::Struct(fields)) => !fields.iter().all(|(_, value)| numeric(value)),
        Some(value) => !numeric(value),
        None => true,
    };
    for (index, column) in table.column_iter_mut().enumerate() {
        if (index == 0 && key) || (index > 0 && !textual) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        column.set_padding((0, 2));
    }
}
