//! The report for people: verdicts, maps, records, trace output.

use std::io::{self, Write};
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use comfy_table::CellAlignment;
use skep::net::Fate;
use skep_object::MapOrigin;

use super::maps::{indented, plain, table};
use super::session::{MapReport, Packets, Report};
use super::{Args, json};

const TITLE: Style = Style::new().bold();
const FAINT: Style = Style::new().dimmed();

/// Writes the report.
pub(crate) fn render(report: &Report, args: &Args, out: &mut dyn Write) -> io::Result<()> {
    if let Some(packets) = &report.packets {
        render_packets(report, packets, args, out)?;
    } else {
        render_values(report, out)?;
    }
    for map in &report.maps {
        render_map(report, map, args, out)?;
    }
    render_trace(report, args, out)?;
    render_fault(report, out)
}

fn render_packets(report: &Report, packets: &Packets, args: &Args, out: &mut dyn Write) -> io::Result<()> {
    let summary = &packets.summary;
    writeln!(out, "{TITLE}{}{TITLE:#} ({}) on {}", report.program, report.hook, packets.source)?;
    let seconds = report.elapsed.as_secs_f64().max(1e-9);
    writeln!(
        out,
        "{} packets, {} in {}, {} packets a second\n",
        count(summary.packets),
        size(summary.bytes),
        time(report.elapsed),
        count((summary.packets as f64 / seconds) as u64),
    )?;
    let mut verdicts = plain();
    verdicts.set_header(["verdict", "packets", "", "bytes"]);
    for (code, (verdict, tally)) in &summary.verdicts {
        let name = if verdict.name.is_empty() { code.to_string() } else { verdict.name.to_owned() };
        let share = 100.0 * tally.packets as f64 / summary.packets.max(1) as f64;
        verdicts.add_row([name, count(tally.packets), format!("{share:.1} %"), count(tally.bytes)]);
    }
    if summary.faults > 0 {
        let share = 100.0 * summary.faults as f64 / summary.packets.max(1) as f64;
        verdicts.add_row([
            "stopped".to_owned(),
            count(summary.faults),
            format!("{share:.1} %"),
            String::new(),
        ]);
    }
    for (index, column) in verdicts.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        if index > 0 {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    // The verdict's fate decides its colour, so the table's text is laid out first and painted afterwards.
    for (number, line) in indented(&verdicts).lines().enumerate() {
        let fate = number.checked_sub(1).and_then(|row| summary.verdicts.values().nth(row));
        let style = match fate.map(|(verdict, _)| verdict.fate) {
            _ if number == 0 => FAINT,
            Some(Fate::Pass) => AnsiColor::Green.on_default(),
            Some(Fate::Drop) => AnsiColor::Red.on_default(),
            Some(_) => AnsiColor::Cyan.on_default(),
            None => AnsiColor::Red.on_default().bold(),
        };
        writeln!(out, "{style}{line}{style:#}")?;
    }
    for (to, times) in &summary.redirects {
        writeln!(out, "  {} redirected {to}", count(*times))?;
    }
    if summary.rewritten > 0 {
        writeln!(out, "  {} rewritten on the way", count(summary.rewritten))?;
    }
    if let Some(path) = &args.out {
        writeln!(out, "  {} written to {}", count(packets.written), path.display())?;
    }
    for frame in &packets.leaving {
        writeln!(out, "\n{TITLE}leaving{TITLE:#}, {} bytes", frame.len())?;
        write!(out, "{}", hex_dump(frame))?;
    }
    Ok(())
}

fn render_values(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    write!(out, "{TITLE}{}{TITLE:#} ({})", report.program, report.hook)?;
    for (value, times) in &report.values {
        write!(out, " returned {value:#x}")?;
        if *value as i64 as i128 != i128::from(*value) || *value > 9 {
            write!(out, " ({})", *value as i64)?;
        }
        if *times > 1 {
            write!(out, ", {} times", count(*times))?;
        }
    }
    if let Some(socket) = &report.chosen {
        write!(out, ", chose {socket}")?;
    }
    writeln!(out, ", {}", time(report.elapsed))
}

fn render_map(report: &Report, map: &MapReport, args: &Args, out: &mut dyn Write) -> io::Result<()> {
    let definition = &map.definition;
    let kind = definition.map_type.name();
    if !map.records.is_empty() || map.lost > 0 {
        return render_records(report, map, args, out);
    }
    let dump = &map.dump;
    if matches!(definition.origin, MapOrigin::Data | MapOrigin::Bss) {
        return render_globals(map, out);
    }
    if dump.total == 0 {
        return writeln!(out, "\n{TITLE}{}{TITLE:#} {FAINT}{kind}, empty{FAINT:#}", definition.name);
    }
    let summed = if dump.per_cpu && !args.per_cpu { ", summed over CPUs" } else { "" };
    writeln!(
        out,
        "\n{TITLE}{}{TITLE:#} {FAINT}{kind}, {} of {} entries{summed}{FAINT:#}",
        definition.name,
        count(dump.total),
        count(definition.max_entries.into()),
    )?;
    write!(out, "{}", indented(&table(&dump.rows, dump.per_cpu, args.per_cpu)))?;
    more(out, dump.total.saturating_sub(dump.rows.len() as u64), "--entries")
}

/// Global variables: one line each.
fn render_globals(map: &MapReport, out: &mut dyn Write) -> io::Result<()> {
    let Some(value) = map.dump.rows.first().and_then(|row| row.values.first()) else { return Ok(()) };
    writeln!(out, "\n{TITLE}{}{TITLE:#} {FAINT}variables{FAINT:#}", map.definition.name)?;
    match value {
        skep_btf::value::Value::Struct(fields) => {
            for (name, value) in fields {
                writeln!(out, "  {name} = {value}")?;
            }
            Ok(())
        }
        value => writeln!(out, "  {value}"),
    }
}

fn render_records(report: &Report, map: &MapReport, args: &Args, out: &mut dyn Write) -> io::Result<()> {
    let (name, kind) = (&map.definition.name, map.definition.map_type.name());
    writeln!(out, "\n{TITLE}{name}{TITLE:#} {FAINT}{kind}, {} records{FAINT:#}", count(map.record_count))?;
    let limit = if args.lines == 0 { usize::MAX } else { args.lines };
    for record in map.records.iter().take(limit) {
        match json::decoded(report, map, args, record) {
            Some(value) => writeln!(out, "  {value}")?,
            None => writeln!(out, "  {}", json::hex(record))?,
        }
    }
    more(out, map.record_count.saturating_sub(limit as u64), "--lines")?;
    if map.lost > 0 {
        let red = AnsiColor::Red.on_default();
        writeln!(out, "  {red}{} lost{red:#}: the buffer was full", count(map.lost))?;
    }
    Ok(())
}

fn render_trace(report: &Report, args: &Args, out: &mut dyn Write) -> io::Result<()> {
    let trace = &report.trace;
    if trace.total == 0 {
        return Ok(());
    }
    writeln!(out, "\n{TITLE}trace{TITLE:#} {FAINT}{} lines{FAINT:#}", count(trace.total))?;
    let limit = if args.lines == 0 { usize::MAX } else { args.lines };
    for (at, line) in trace.lines.iter().take(limit) {
        match at.checked_sub(report.begin).filter(|_| *at > 0) {
            Some(since) => writeln!(out, "  {FAINT}{:>10.6}{FAINT:#} {line}", since as f64 / 1e9)?,
            None => writeln!(out, "  {line}")?,
        }
    }
    more(out, trace.total.saturating_sub(trace.lines.len().min(limit) as u64), "--lines")
}

fn render_fault(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let in_packet = report.packets.as_ref().and_then(|packets| packets.summary.first_fault.as_ref());
    let (place, fault) = match (in_packet, &report.fault) {
        (Some((number, fault)), _) => (format!("stopped, first at packet {number}"), fault),
        (None, Some(fault)) => ("stopped".to_owned(), fault),
        (None, None) => return Ok(()),
    };
    let red = AnsiColor::Red.on_default().bold();
    writeln!(out, "\n{red}{place}{red:#}: {fault}")?;
    if let Some(source) = json::source(report, fault.at) {
        writeln!(out, "  {}:{}: {}", source.file, source.line, source.text.trim())?;
    }
    write!(out, "{FAINT}")?;
    for line in fault.detailed().to_string().lines().skip(1) {
        writeln!(out, "{line}")?;
    }
    write!(out, "{FAINT:#}")
}

fn more(out: &mut dyn Write, left: u64, option: &str) -> io::Result<()> {
    if left == 0 {
        return Ok(());
    }
    writeln!(out, "  {FAINT}… {} more ({option} 0 shows all){FAINT:#}", count(left))
}

/// A number with its thousands apart: `12,345`.
fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn size(bytes: u64) -> String {
    indicatif::HumanBytes(bytes).to_string()
}

fn time(elapsed: Duration) -> String {
    format!("{elapsed:.1?}")
}

/// Sixteen bytes a line, with their offset and as text.
fn hex_dump(bytes: &[u8]) -> String {
    let line = |(number, chunk): (usize, &[u8])| {
        let hex: Vec<String> = chunk.iter().map(|byte| format!("{byte:02x}")).collect();
        let text: String =
            chunk.iter().map(|&b| if b.is_ascii_graphic() || b == b' ' { b as char } else { '.' }).collect();
        format!("  {:04x}  {:<47}  {text}\n", number * 16, hex.join(" "))
    };
    bytes.chunks(16).enumerate().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
    }
}
