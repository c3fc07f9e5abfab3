//! `skep verify` and `skep explain` from outside: verdicts, exit codes, and how a rejection reads.

#![allow(clippy::unwrap_used)]

mod common;

use std::process::Command;

use common::{Scratch, fails_with, json, run, skep, stdout, text};
use serde_json::Value;

const DOORMAN: &str = "examples/doorman.bpf.o";

/// Two XDP programs: one counts through a pointer that may be NULL, one reads a byte too far.
const MISTAKES: &str = r#"
#define SEC(name) __attribute__((section(name), used))
typedef unsigned int u32; typedef unsigned long long u64; typedef unsigned char u8;
struct xdp_md { u32 data, data_end, data_meta, ingress_ifindex; };
struct { int (*type)[1]; u32 *key; u64 *value; int (*max_entries)[64]; } seen SEC(".maps");
static void *(*bpf_map_lookup_elem)(void *map, const void *key) = (void *)1;
SEC("xdp") int count(struct xdp_md *ctx)
{
	u32 key = ctx->ingress_ifindex;
	u64 *value = bpf_map_lookup_elem(&seen, &key);
	*value += 1;
	return 2;
}
SEC("xdp") int peek(struct xdp_md *ctx)
{
	u8 *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	if (data + 14 > end)
		return 1;
	return data[14] == 6 ? 1 : 2;
}
"#;

/// The mistakes, compiled; none, with a line that says so, without clang.
fn mistakes(test: &str) -> Option<Scratch> {
    compiled(test, MISTAKES)
}

/// A source file, compiled; none, with a line that says so, without clang.
fn compiled(test: &str, source: &str) -> Option<Scratch> {
    let source = Scratch::new("mistakes.bpf.c", source);
    let object = Scratch::new("mistakes.bpf.o", "");
    let arguments = ["-target", "bpfel", "-mcpu=v3", "-g", "-O2", "-c", source.arg(), "-o", object.arg()];
    match Command::new("clang-19").args(arguments).output() {
        Ok(output) => assert!(output.status.success(), "{}", text(&output.stderr)),
        Err(_) => {
            eprintln!("SKIPPED {test}: clang-19 is not installed");
            return None;
        }
    }
    Some(object)
}

/// Verdict lines of `--raw` for these lines, the exit code, and what is on standard error.
fn raw(lines: impl AsRef<[u8]>) -> (Vec<Value>, Option<i32>, String) {
    let file = Scratch::new("programs.jsonl", lines);
    let output = run(&["verify", "--raw", file.arg()]);
    let lines = text(&output.stdout).lines().map(|line| serde_json::from_str(line).expect("a line is JSON"));
    (lines.collect(), output.status.code(), text(&output.stderr).to_owned())
}

#[test]
fn the_example_is_accepted() {
    let output = stdout(&["verify", DOORMAN]);
    assert!(output.contains("accepted") && output.contains("doorman"), "{output}");
    let document = json(&["verify", DOORMAN, "--set", "burst=3"]);
    assert_eq!((&document["accepted"], &document["rejected"]), (&1.into(), &0.into()));
    let program = &document["objects"][0]["programs"][0];
    assert_eq!(program["verdict"], "accept");
    assert!(program["processed"].as_u64() > Some(0));
}

#[test]
fn what_is_not_modelled_is_neither_accepted_nor_rejected() {
    let output = run(&["verify", "examples/gate.bpf.o"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(text(&output.stdout).contains("0 accepted, 0 rejected, 2 unsupported"));
}

#[test]
fn a_rejection_points_into_the_source() {
    let Some(object) = mistakes("a_rejection_points_into_the_source") else { return };
    let output = run(&["verify", object.arg()]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let shown = text(&output.stdout);
    for expected in [
        "error[E0302]: ",
        "mistakes.bpf.c:11:9",
        "11 |     *value += 1;",
        "error[E0306]: ",
        "19 |     return data[14] == 6 ? 1 : 2;",
        "^^^^^^^^ this is byte 14 of the packet",
        "---- this proves 14 bytes",
        "check 15 bytes instead",
        "2 programs: 0 accepted, 2 rejected, 0 unsupported",
    ] {
        assert!(shown.contains(expected), "expected {expected:?} in\n{shown}");
    }
    let one = run(&["verify", object.arg(), "--program", "peek", "--format", "json"]);
    let document: Value = serde_json::from_slice(&one.stdout).unwrap();
    let rejection = &document["objects"][0]["programs"][0]["rejection"];
    assert_eq!((&rejection["code"], &rejection["category"]), (&"E0306".into(), &"memory".into()));
    assert_eq!(rejection["at"]["source"]["line"], 19);
}

#[test]
fn findings_are_sarif() {
    let Some(object) = mistakes("findings_are_sarif") else { return };
    let output = run(&["verify", object.arg(), "examples/gate.bpf.o", "--format", "sarif"]);
    assert_eq!(output.status.code(), Some(1));
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["version"], "2.1.0");
    let run = &document["runs"][0];
    let rules: Vec<&Value> = run["tool"]["driver"]["rules"].as_array().unwrap().iter().collect();
    let results = run["results"].as_array().unwrap();
    assert_eq!((rules.len(), results.len()), (3, 4));
    for result in results {
        assert!(rules.iter().any(|rule| rule["id"] == result["ruleId"]), "{result}");
        assert!(result["message"]["text"].is_string(), "{result}");
        let place = &result["locations"][0]["physicalLocation"];
        assert!(place["artifactLocation"]["uri"].is_string(), "{result}");
        // Results of another kind than `fail` must have no level.
        assert!(result["level"] == "error" || (result["kind"] == "open" && result["level"] == "none"));
    }
    let region = &results[0]["locations"][0]["physicalLocation"]["region"];
    assert_eq!(region["startLine"], 11);
}

#[test]
fn trouble_is_exit_code_2() {
    for (args, words) in [
        (&["verify", "nowhere.o"][..], "nowhere.o"),
        (&["verify", "Cargo.toml"], "Cargo.toml"),
        (&["verify", DOORMAN, "--program", "nobody"], "expected a program named nobody, found doorman"),
        (&["verify", DOORMAN, "--set", "nothing=1"], "nothing"),
        (&["verify", DOORMAN, "--btf", "Cargo.toml"], "Cargo.toml"),
        (&["verify", "--raw", "nowhere.jsonl"], "nowhere.jsonl"),
    ] {
        fails_with(2, args, &[words]);
    }
    for args in [&["verify"][..], &["verify", DOORMAN, "--kernel", "2.6"], &["verify", DOORMAN, "--raw", "x"]]
    {
        assert_eq!(run(args).status.code(), Some(2), "{args:?}");
    }
}

#[test]
fn lines_become_verdicts() {
    let (verdicts, code, stderr) =
        raw(r#"{"name":"pass","prog_type":6,"insns":"b7000000020000009500000000000000","remark":1}
{"name":"beyond","prog_type":"xdp","insns":"61106400000000009500000000000000"}

{"name":"typeless","prog_type":99,"insns":"9500000000000000"}
"#);
    assert_eq!((code, stderr.as_str()), (Some(1), ""));
    let expected =
        ["name", "verdict", "code", "message", "insn", "processed", "states", "peak_states", "time_us"];
    for verdict in &verdicts {
        assert_eq!(verdict.as_object().unwrap().keys().collect::<Vec<_>>(), expected);
    }
    let shown: Vec<_> =
        verdicts.iter().map(|v| [&v["name"], &v["verdict"], &v["code"], &v["insn"]]).collect();
    assert_eq!(shown[0], [&Value::from("pass"), &"accept".into(), &Value::Null, &Value::Null]);
    assert_eq!(shown[1], [&Value::from("beyond"), &"reject".into(), &"E0305".into(), &0.into()]);
    assert_eq!(shown[2], [&Value::from("typeless"), &"reject".into(), &"E0107".into(), &0.into()]);
}

/// A look-up in `maps[1]` of a value that is then written, with the map's index in the instruction or by relocation.
#[test]
fn maps_are_by_index_or_by_relocation() {
    let program = "620afcff00000000bfa200000000000007020000fcffffff18SS0000II0000000000000000000000\
                   85000000010000001500010000000000 7a000000010000 00b7000000000000009500000000000000";
    let program = program.replace(' ', "");
    let maps = r#""maps":[{"type":1,"key_size":4,"value_size":4,"max_entries":1},
        {"name":"m","type":"hash","key_size":4,"value_size":8,"max_entries":1}]"#
        .replace('\n', "");
    let direct = program.replace("SS", "11").replace("II", "01");
    let later = program.replace("SS", "01").replace("II", "00");
    let lines = [
        format!(r#"{{"prog_type":1,"insns":"{direct}",{maps}}}"#),
        format!(r#"{{"prog_type":1,"insns":"{later}",{maps},"relocs":[{{"insn":3,"kind":"map","map":1}}]}}"#),
        format!(
            r#"{{"prog_type":1,"insns":"{later}",{maps},"relocs":[{{"insn":3,"kind":"map","name":"m"}}]}}"#
        ),
        // The other map's values are too small.
        format!(r#"{{"prog_type":1,"insns":"{later}",{maps},"relocs":[{{"insn":3,"kind":"map","map":0}}]}}"#),
    ];
    let (verdicts, _, stderr) = raw(lines.join("\n"));
    assert_eq!(stderr, "");
    let words: Vec<_> = verdicts.iter().map(|verdict| verdict["verdict"].as_str().unwrap()).collect();
    assert_eq!(words, ["accept", "accept", "accept", "reject"], "{verdicts:?}");
}

#[test]
fn a_line_out_of_form_is_named_and_the_rest_is_judged() {
    let good = r#"{"name":"last","prog_type":1,"insns":"b7000000000000009500000000000000"}"#;
    let cases = [
        ("{", "column 1: expected a JSON object"),
        ("[]", "expected an object, found a list"),
        ("{}", "insns: expected the program in hexadecimal, found nothing"),
        (r#"{"insns":"95"}"#, "insns: expected 8 bytes an instruction, found 1 bytes"),
        (r#"{"insns":"9g"}"#, "insns: expected hexadecimal digits"),
        (r#"{"insns":""}"#, "prog_type: expected a number or a name, found nothing"),
        (r#"{"insns":"","prog_type":"xxx"}"#, "prog_type: expected a name of the UAPI, found \"xxx\""),
        (r#"{"insns":"","prog_type":1,"prog_flags":-1}"#, "prog_flags: expected a whole number"),
        (r#"{"insns":"","prog_type":1,"maps":[{}]}"#, "maps[0].type: expected a number or a name"),
        (
            r#"{"insns":"","prog_type":1,"maps":[{"type":1,"inner":7}]}"#,
            "maps[0].inner: expected a map or the index",
        ),
        (
            r#"{"insns":"","prog_type":1,"relocs":[{"insn":0}]}"#,
            "relocs[0].insn: expected less than 0, found 0",
        ),
        (r#"{"insns":"","prog_type":1,"btf":"/nowhere"}"#, "btf: cannot read /nowhere"),
        (
            r#"{"insns":"","prog_type":1,"func_info":"00"}"#,
            "func_info: expected records of 8 bytes, found 1 bytes",
        ),
    ];
    for (line, problem) in cases {
        let (verdicts, code, stderr) = raw(format!("{line}\n{good}"));
        assert_eq!((verdicts.len(), code), (1, Some(2)), "{line}: {stderr}");
        assert_eq!(verdicts[0]["name"], "last");
        assert_eq!(stderr.lines().count(), 1, "{line}: {stderr}");
        assert!(stderr.contains(&format!("programs.jsonl: line 1: {problem}")), "{line}: {stderr}");
    }
}

/// Types that are no BTF are the program's fault, as the kernel would find.
#[test]
fn broken_types_are_a_verdict() {
    let line = r#"{"name":"x","prog_type":1,"insns":"","btf":"n+sBAA"}"#;
    let (verdicts, code, stderr) = raw(line);
    assert_eq!((verdicts.len(), code), (1, Some(1)), "{stderr}");
    assert_eq!(verdicts[0]["verdict"], "reject");
}

/// Damaged lines are verdicts or one line of error each, and never the end of the command.
#[test]
fn any_bytes_are_answered() {
    let good = r#"{"name":"x","prog_type":1,"insns":"620afcff00000000bfa200000000000007020000fcffffff1811000000000000000000000000000085000000010000009500000000000000","maps":[{"type":1,"key_size":4,"value_size":8,"max_entries":1,"inner":0}],"func_info":"0000000001000000","relocs":[{"insn":3,"kind":"map","map":0}]}"#;
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below as u64) as usize
    };
    let mut file = Vec::new();
    for _ in 0..2000 {
        let mut line = good.as_bytes().to_vec();
        for _ in 0..=next(4) {
            let at = next(line.len());
            match next(3) {
                0 => line[at] = next(256) as u8,
                1 => line[at] = b"0123456789abcdef"[next(16)],
                _ => drop(line.remove(at)),
            }
        }
        line.retain(|&byte| byte != b'\n');
        file.extend(line);
        file.push(b'\n');
    }
    let (verdicts, code, stderr) = raw(&file);
    assert!(matches!(code, Some(0..=3)), "{code:?}");
    assert_eq!(
        verdicts.len() + stderr.lines().count(),
        2000,
        "{}",
        stderr.lines().take(5).collect::<String>()
    );
    assert!(!stderr.contains("panicked") && !verdicts.iter().any(|v| v.to_string().contains("broke down")));
}

#[test]
fn every_code_is_explained() {
    let list = stdout(&["explain"]);
    let codes: Vec<&str> = list.split_whitespace().filter(|word| word.starts_with("E0")).collect();
    assert!(codes.len() > 40, "{list}");
    for code in codes {
        let explanation = stdout(&["explain", code]);
        assert!(
            explanation.starts_with(&format!("{code}: ")) && explanation.lines().count() > 3,
            "{explanation}"
        );
        assert!(!explanation.contains("```"), "{explanation}");
    }
    assert!(stdout(&["explain", "302"]).starts_with("E0302"));
    assert_eq!(run(&["explain", "E9999"]).status.code(), Some(2));
    assert!(skep(&["explain", "--help"]).output().unwrap().status.success());
}

#[test]
fn every_release_in_one_table() {
    let object = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/doorman.bpf.o");
    let run = |format: &str| {
        let arguments = ["verify", object, "--kernel", "all", "--format", format];
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_skep")).args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let text = run("text");
    assert!(text.contains("5.4    5.10    5.15     6.1     6.6    6.12    6.18"), "{text}");
    assert!(text.contains("doorman     yes"), "{text}");
    let json: serde_json::Value = serde_json::from_str(&run("json")).unwrap();
    assert_eq!(json[0]["programs"][0]["releases"].as_array().unwrap().len(), 7);
    assert!(json[0]["programs"][0]["first_difference"].is_null());
}

/// A log as a loader prints it, told like one of our own rejections.
#[test]
fn a_kernels_log_is_told() {
    let log = Scratch::new(
        "load.log",
        "libbpf: prog 'p': -- BEGIN PROG LOAD LOG --
0: R1=ctx() R10=fp0
; return *data; @ p.bpf.c:7
0: (61) r2 = *(u32 *)(r1 +0)          ; R1=ctx() R2_w=pkt(r=0)
1: (71) r0 = *(u8 *)(r2 +0)
invalid access to packet, off=0 size=1, R2(id=0,off=0,r=0)
R2 offset is outside of the packet
processed 2 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
-- END PROG LOAD LOG --
libbpf: prog 'p': failed to load: -13
",
    );
    let output = run(&["verify", "--kernel-log", log.arg()]);
    assert_eq!(output.status.code(), Some(1));
    let shown = text(&output.stdout);
    for expected in ["error[E0306]: invalid access to packet", "--> p.bpf.c:7", "7 | return *data;"] {
        assert!(shown.contains(expected), "expected {expected:?} in\n{shown}");
    }
    assert!(!shown.contains("failed to load"), "{shown}");
    let other = Scratch::new("other.log", "nothing to see\n");
    fails_with(2, &["verify", "--kernel-log", other.arg()], &["expected a log of the kernel's verifier"]);
}

#[test]
fn the_walk_is_shown_when_asked_for() {
    let log = stdout(&["verify", DOORMAN, "--log"]);
    assert!(log.contains("\n0: R1=ctx() R10=fp0\n") && log.contains("; R"), "{}", &log[..log.len().min(500)]);
    let short = stdout(&["verify", DOORMAN, "--log", "--fields", "insn"]);
    assert!(short.len() < log.len() / 2 && !short.contains("; R"));
    let profile = stdout(&["verify", DOORMAN, "--profile"]);
    assert!(profile.contains("doorman.bpf.c:"), "{profile}");
    let document = json(&["verify", DOORMAN, "--profile"]);
    let program = &document["objects"][0]["programs"][0];
    let rows = program["profile"].as_array().unwrap();
    let sum: u64 = rows.iter().filter_map(|row| row["processed"].as_u64()).sum();
    assert_eq!(Some(sum), program["processed"].as_u64());
}

#[test]
fn a_counterexample_is_found_and_seen() {
    let Some(object) = mistakes("a_counterexample_is_found_and_seen") else { return };
    let output = run(&["verify", object.arg(), "--counterexample"]);
    let shown = text(&output.stdout);
    for expected in
        ["a packet of 14 bytes:", "0000  00 00 00", "ends 1 byte past the end of the 14-byte packet"]
    {
        assert!(shown.contains(expected), "expected {expected:?} in\n{shown}");
    }
    let output = run(&["verify", object.arg(), "--counterexample", "--format", "json"]);
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let found = &document["objects"][0]["programs"][0]["rejection"]["counterexample"];
    assert_eq!((&found["found"], &found["maps"]), (&true.into(), &"initial".into()));
    assert_eq!(found["fault"]["kind"], "null-pointer");
}

/// XDP programs that go wrong for what a map holds only: an index in an array's value, a flag in a hash under a constant key, a
/// global variable.
const SETTINGS: &str = r#"
#define SEC(name) __attribute__((section(name), used))
typedef unsigned int u32; typedef unsigned long long u64; typedef unsigned char u8;
struct xdp_md { u32 data, data_end, data_meta, ingress_ifindex; };
struct window { u32 spare, index; u8 slots[24]; };
struct { int (*type)[2]; u32 *key; struct window *value; int (*max_entries)[8]; } windows SEC(".maps");
struct { int (*type)[1]; u32 *key; u64 *value; int (*max_entries)[64]; } modes SEC(".maps");
static void *(*bpf_map_lookup_elem)(void *map, const void *key) = (void *)1;
static u32 (*bpf_get_prandom_u32)(void) = (void *)7;
volatile u32 level = 7;
SEC("xdp") int indexed(struct xdp_md *ctx)
{
	u32 key = 3;
	struct window *window = bpf_map_lookup_elem(&windows, &key);
	if (!window || window->spare != 0x5eed)
		return 2;
	return window->slots[window->index & 31] ? 1 : 2;
}
SEC("xdp") int mode(struct xdp_md *ctx)
{
	u8 *data = (void *)(long)ctx->data;
	u32 key = 0x0a0b;
	u64 *mode = bpf_map_lookup_elem(&modes, &key);
	if (!mode || *mode != 0x1234)
		return 2;
	return data[0] == 6 ? 1 : 2;
}
SEC("xdp") int chance(struct xdp_md *ctx)
{
	u8 *data = (void *)(long)ctx->data;
	bpf_get_prandom_u32();
	if (bpf_get_prandom_u32() != 0xbeef)
		return 2;
	return data[0] == 6 ? 1 : 2;
}
SEC("xdp") int variable(struct xdp_md *ctx)
{
	u8 *data = (void *)(long)ctx->data;
	if (level != 0x4d2)
		return 2;
	return data[0] == 6 ? 1 : 2;
}
"#;

#[test]
fn a_counterexample_says_what_maps_must_hold() {
    let Some(object) = compiled("a_counterexample_says_what_maps_must_hold", SETTINGS) else { return };
    let document: Value = {
        let output = run(&["verify", object.arg(), "--counterexample", "--format", "json"]);
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let programs = document["objects"][0]["programs"].as_array().unwrap();
    let found = |name: &str| {
        let program = programs.iter().find(|program| program["name"] == name).unwrap();
        let found = &program["rejection"]["counterexample"];
        assert_eq!((&found["found"], &found["maps"]), (&true.into(), &"values".into()), "{name}: {found}");
        found["values"][0].clone()
    };
    let index = found("indexed");
    assert_eq!((&index["map"], &index["key"]), (&"windows".into(), &"03000000".into()), "{index}");
    assert!(index["value"].as_str().unwrap().starts_with("ed5e0000"), "{index}");
    let mode = found("mode");
    assert_eq!((&mode["map"], &mode["key"]), (&"modes".into(), &"0b0a0000".into()), "{mode}");
    assert_eq!(mode["value"], "3412000000000000");
    assert_eq!(mode["marks"], serde_json::json!([{ "offset": 0, "size": 8 }]));
    let variable = found("variable");
    assert_eq!((&variable["map"], &variable["value"]), (&".data".into(), &"d2040000".into()), "{variable}");

    let chance = programs.iter().find(|program| program["name"] == "chance").unwrap();
    let chance = &chance["rejection"]["counterexample"];
    assert_eq!((&chance["found"], &chance["by_chance"]), (&true.into(), &false.into()), "{chance}");
    let answer = serde_json::json!([{ "helper": "get_prandom_u32", "before": 1, "value": 0xbeef }]);
    assert_eq!(chance["helpers"], answer);

    let shown = run(&["verify", object.arg(), "--counterexample"]);
    let shown = text(&shown.stdout);
    assert!(shown.contains("bpf_get_prandom_u32(), after 1 other call of it, returns 0xbeef"), "{shown}");
    for expected in ["map modes holds, under the key 0b 0a 00 00, 8 bytes", "0000  34 12 00 00", "^^ ^^"] {
        assert!(shown.contains(expected), "expected {expected:?} in\n{shown}");
    }
}

/// The kind of frame is read byte by byte and put together, as compilers do where an address may be odd.
const PIECES: &str = r#"
#define SEC(name) __attribute__((section(name), used))
typedef unsigned int u32; typedef unsigned short u16; typedef unsigned char u8;
struct xdp_md { u32 data, data_end; };
struct frame { u8 addresses[12]; u16 kind; } __attribute__((packed));
SEC("xdp") int pieces(struct xdp_md *ctx)
{
	u8 *data = (u8 *)(long)ctx->data, *end = (u8 *)(long)ctx->data_end;
	if (data + 14 > end || ((struct frame *)data)->kind != 0xdd86)
		return 2;
	return data[20] == 6 ? 1 : 2;
}
char LICENSE[] SEC("license") = "GPL";
"#;

#[test]
fn a_counterexample_takes_numbers_apart() {
    let Some(object) = compiled("a_counterexample_takes_numbers_apart", PIECES) else { return };
    let output = run(&["verify", object.arg(), "--counterexample"]);
    let shown = text(&output.stdout);
    for expected in ["a packet of 14 bytes:", "00 00 00 00 86 dd", "of the 14-byte packet"] {
        assert!(shown.contains(expected), "expected {expected:?} in\n{shown}");
    }
}
