//! Verdicts as SARIF 2.1.0, the form in which code hosting sites and editors take findings.
//!
//! A rejection is a result with level `error`; what is unsupported is a result of kind `open`, which is SARIF's word
//! for "not decided". Accepted programs have no results. Rules are those of the catalogue that occur.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use skep_verifier::{Code, Verdict};

use super::finding::{Finding, Spot};
use super::objects::Judged;

/// Rule of results that say that nothing can be said.
const UNSUPPORTED: &str = "unsupported";

/// All objects as one run of the tool.
pub(super) fn document(objects: &[Judged]) -> Value {
    let (mut results, mut codes, mut undecided) = (Vec::new(), BTreeSet::new(), false);
    for judged in objects {
        for program in &judged.programs {
            let name = &judged.program(program).name;
            for finding in &program.findings {
                codes.insert(finding.code);
                results.push(rejection(&judged.object.name, finding));
            }
            if let Verdict::Unsupported(what) = &program.report.verdict {
                undecided = true;
                results.push(open(&judged.object.name, name, &what.to_string()));
            }
        }
    }
    let mut rules: Vec<Value> = codes.into_iter().map(rule).collect();
    if undecided {
        let text = "something that the verifier does not model";
        rules.push(json!({ "id": UNSUPPORTED, "shortDescription": { "text": text } }));
    }
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": { "name": "skep", "version": env!("CARGO_PKG_VERSION"), "rules": rules } },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn rule(code: Code) -> Value {
    json!({
        "id": code.to_string(),
        "name": format!("{code:?}"),
        "shortDescription": { "text": code.title() },
        "fullDescription": { "text": code.explanation() },
        "help": { "text": code.text() },
        "properties": { "category": code.category() },
    })
}

fn rejection(object: &str, finding: &Finding) -> Value {
    let mut result = json!({
        "ruleId": finding.code.to_string(),
        "level": "error",
        "message": { "text": message(finding) },
        "locations": [location(object, &finding.at, None)],
    });
    if !finding.notes.is_empty() {
        let notes = finding.notes.iter().map(|(spot, text)| location(object, spot, Some(text)));
        result["relatedLocations"] = notes.collect();
    }
    result
}

fn message(finding: &Finding) -> String {
    let mut text = finding.message.clone();
    for (word, more) in [("compiler", &finding.damage), ("help", &finding.help)] {
        if let Some(more) = more {
            text += &format!("\n{word}: {more}");
        }
    }
    text
}

fn open(object: &str, program: &str, what: &str) -> Value {
    json!({
        "ruleId": UNSUPPORTED,
        "kind": "open",
        "level": "none",
        "message": { "text": format!("{program}: {what}") },
        "locations": [{
            "physicalLocation": { "artifactLocation": { "uri": uri(object) } },
            "logicalLocations": [{ "name": program, "kind": "function" }],
        }],
    })
}

/// A place in the source, or in the object where there is no source.
fn location(object: &str, spot: &Spot, text: Option<&str>) -> Value {
    let physical = match &spot.source {
        Some(line) => {
            let span = line.span();
            let column = |at: usize| line.text.get(..at).map_or(0, |before| before.chars().count()) + 1;
            json!({
                "artifactLocation": { "uri": uri(&line.file) },
                "region": {
                    "startLine": line.line,
                    "startColumn": column(span.start),
                    "endColumn": column(span.end),
                    "snippet": { "text": line.text },
                },
            })
        }
        None => json!({ "artifactLocation": { "uri": uri(object) } }),
    };
    let mut value = json!({
        "physicalLocation": physical,
        "logicalLocations": [{
            "name": spot.function,
            "fullyQualifiedName": format!("{}:{}", spot.function, spot.insn),
            "kind": "function",
        }],
    });
    if let Some(text) = text {
        value["message"] = json!({ "text": text });
    }
    value
}

/// A file's name as a URI: every byte that has a meaning in URIs is escaped.
fn uri(file: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-~+@,=".contains(&byte);
    let escape = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    let escaped: String = file.bytes().map(escape).collect();
    if file.starts_with('/') { format!("file://{escaped}") } else { escaped }
}

#[cfg(test)]
mod tests {
    use super::uri;

    #[test]
    fn file_names_become_uris() {
        assert_eq!(uri("src/a.bpf.c"), "src/a.bpf.c");
        assert_eq!(uri("/a b/ü#.c"), "file:///a%20b/%C3%BC%23.c");
        assert_eq!(uri("<stdin>"), "%3Cstdin%3E");
    }
}
