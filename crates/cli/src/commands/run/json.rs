//! The report for programs: the same as the text, as one JSON object.

use std::io::Write;

use serde_json::{Map as Object, Value as Json, json};
use skep::events;
use skep::net::Fate;
use skep_btf::value::{Value, format_named};
use skep_object::Source;
use skep_platform::MapType;

use super::Args;
use super::session::{MapReport, Packets, Report};
use crate::report::Failure;

/// Writes the report.
pub(crate) fn render(report: &Report, args: &Args, out: &mut dyn Write) -> Result<(), Failure> {
    let mut root = Object::new();
    root.insert("object".into(), report.object.name.clone().into());
    root.insert("program".into(), report.program.clone().into());
    root.insert("hook".into(), report.hook.clone().into());
    root.insert("elapsed_ns".into(), json!(report.elapsed.as_nanos() as u64));
    match &report.packets {
        Some(packets) => packets_json(&mut root, report, packets),
        None => {
            let values = report.values.iter().map(|(value, times)| json!({ "value": value, "times": times }));
            root.insert("values".into(), values.collect());
            root.insert("socket".into(), report.chosen.clone().into());
            let fault = report.fault.as_ref().map(|fault| fault_json(report, fault, None));
            root.insert("fault".into(), fault.into());
        }
    }
    root.insert("maps".into(), report.maps.iter().map(|map| map_json(report, map, args)).collect());
    let lines = report.trace.lines.iter().map(|(at, line)| json!({ "time_ns": at, "text": line }));
    root.insert("trace".into(), json!({ "total": report.trace.total, "lines": lines.collect::<Json>() }));
    serde_json::to_writer_pretty(&mut *out, &Json::Object(root)).map_err(std::io::Error::from)?;
    writeln!(out)?;
    Ok(())
}

fn packets_json(root: &mut Object<String, Json>, report: &Report, packets: &Packets) {
    let summary = &packets.summary;
    root.insert("input".into(), packets.source.clone().into());
    root.insert("packets".into(), summary.packets.into());
    root.insert("bytes".into(), summary.bytes.into());
    let verdicts = summary.verdicts.values().map(|(verdict, tally)| {
        let fate = match verdict.fate {
            Fate::Pass => "pass",
            Fate::Drop => "drop",
            Fate::Transmit => "transmit",
            Fate::Redirect => "redirect",
        };
        json!({
            "code": verdict.code, "name": verdict.name, "fate": fate,
            "packets": tally.packets, "bytes": tally.bytes,
        })
    });
    root.insert("verdicts".into(), verdicts.collect());
    root.insert("redirects".into(), json!(summary.redirects));
    root.insert("rewritten".into(), summary.rewritten.into());
    root.insert("written".into(), packets.written.into());
    let leaving = packets.leaving.iter().map(|frame| Json::from(hex(frame)));
    if !packets.leaving.is_empty() {
        root.insert("leaving".into(), leaving.collect());
    }
    let fault = summary.first_fault.as_ref().map(|(number, fault)| fault_json(report, fault, Some(*number)));
    root.insert("faults".into(), json!({ "packets": summary.faults, "first": fault }));
}

fn fault_json(report: &Report, fault: &skep::Fault, packet: Option<u64>) -> Json {
    let source = source(report, fault.at);
    json!({
        "kind": fault.kind.name(),
        "message": fault.message,
        "function": fault.function,
        "instruction": fault.at,
        "text": fault.insn,
        "packet": packet,
        "source": source.map(|s| json!({ "file": s.file, "line": s.line, "column": s.column, "text": s.text })),
        "registers": fault.registers.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}

fn map_json(report: &Report, map: &MapReport, args: &Args) -> Json {
    let definition = &map.definition;
    let mut object = Object::new();
    object.insert("name".into(), definition.name.clone().into());
    object.insert("type".into(), definition.map_type.name().into());
    object.insert("max_entries".into(), definition.max_entries.into());
    object.insert("entries".into(), map.dump.total.into());
    let rows = map.dump.rows.iter().map(|row| {
        let mut object = Object::new();
        object.insert("key".into(), row.key.to_json());
        if map.dump.per_cpu {
            object.insert("cpus".into(), row.values.iter().map(|value| value.to_json()).collect());
            object.insert("sum".into(), row.sum().to_json());
        } else {
            object.insert("value".into(), row.sum().to_json());
        }
        Json::Object(object)
    });
    object.insert("rows".into(), rows.collect());
    if map.record_count > 0 || map.lost > 0 {
        let records = map.records.iter().map(|record| match decoded(report, map, args, record) {
            Some(value) => value.to_json(),
            None => hex(record).into(),
        });
        object.insert("records".into(), records.collect());
        object.insert("record_count".into(), map.record_count.into());
        object.insert("lost".into(), map.lost.into());
    }
    Json::Object(object)
}

/// A record by its type: the map's values' own, the one asked for, or the likely one.
pub(crate) fn decoded(report: &Report, map: &MapReport, args: &Args, record: &[u8]) -> Option<Value> {
    let btf = report.object.btf.as_deref()?;
    if let (MapType::Queue | MapType::Stack, Some(id)) = (map.definition.map_type, map.definition.value_type)
    {
        return Some(format_named(btf, id, &map.definition.name, record));
    }
    let name = args.events.clone().or_else(|| events::likely_type(btf, record.len()))?;
    Some(events::decode(btf, &name, record))
}

/// The source line of an instruction, where the object knows it.
pub(crate) fn source(report: &Report, at: usize) -> Option<Source<'_>> {
    let program = report.object.program(&report.program)?;
    report.object.source(program.line_at(at)?)
}

/// Bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
