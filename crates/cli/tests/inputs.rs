//! What a program can be run on, and what a run says when the program or its input is at fault.

// A helper outside of #[test] functions may panic as well as they.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Scratch, fails, json, pcap, run, stdout, text};

/// Looks the packet's IPv4 destination up, sends it on to the next hop's address, and drops what leads nowhere.
const ROUTER: &str = "\
    r6 = r1
    r7 = *(u32 *)(r1 +0)
    r3 = *(u32 *)(r1 +4)
    r4 = r7
    r4 += 34
    if r4 > r3 goto drop
    r1 = 0
    *(u64 *)(r10 -64) = r1
    *(u64 *)(r10 -56) = r1
    *(u64 *)(r10 -48) = r1
    *(u64 *)(r10 -40) = r1
    *(u64 *)(r10 -32) = r1
    *(u64 *)(r10 -24) = r1
    *(u64 *)(r10 -16) = r1
    *(u64 *)(r10 -8) = r1
    *(u8 *)(r10 -64) = 2       // AF_INET
    r1 = *(u32 *)(r6 +12)      // ingress_ifindex
    *(u32 *)(r10 -56) = r1
    r1 = *(u32 *)(r7 +30)
    *(u32 *)(r10 -32) = r1
    r1 = r6
    r2 = r10
    r2 += -64
    r3 = 64
    r4 = 0
    call bpf_fib_lookup
    if r0 != 0 goto drop
    r1 = *(u16 *)(r10 -6)      // the next hop's address
    *(u16 *)(r7 +0) = r1
    r1 = *(u16 *)(r10 -4)
    *(u16 *)(r7 +2) = r1
    r1 = *(u16 *)(r10 -2)
    *(u16 *)(r7 +4) = r1
    r1 = *(u32 *)(r10 -56)
    r2 = 0
    call bpf_redirect
    exit
drop:
    r0 = 1
    exit
";

const NETWORK: &str = r#"{
    "devices": [
        { "index": 1, "name": "inside", "mac": "02:00:00:00:00:01" },
        { "index": 7, "name": "outside", "mac": "02:00:00:00:00:07" }
    ],
    "routes": [{ "to": "198.51.100.0/24", "via": "192.0.2.1", "dev": "outside" }],
    "neighbours": [{ "ip": "192.0.2.1", "mac": "02:11:22:33:44:55", "dev": "outside" }]
}"#;

/// An IPv4 header without payload, behind an Ethernet header.
fn packet(destination: [u8; 4]) -> Vec<u8> {
    let mut frame = vec![0xff; 6];
    frame.extend([2, 0, 0, 0, 0, 9, 8, 0]);
    frame.extend([0x45, 0, 0, 20, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1]);
    frame.extend(destination);
    frame
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_program_believes_in_the_network_it_is_given() {
    let router = Scratch::new("router.s", ROUTER);
    let network = Scratch::new("net.json", NETWORK);
    let capture = Scratch::new("in.pcap", pcap(1, &[&packet([198, 51, 100, 9]), &packet([203, 0, 113, 9])]));
    let args = ["run", router.arg(), "--type", "xdp", "--network", network.arg(), "--on", capture.arg()];
    let report = json(&args);
    let verdicts: Vec<_> = report["verdicts"].as_array().unwrap().iter().map(|v| v["name"].clone()).collect();
    assert_eq!(verdicts, ["XDP_DROP", "XDP_REDIRECT"]);
    assert_eq!(report["redirects"], serde_json::json!({ "out of interface 7": 1 }));
    assert!(stdout(&args).contains("\n  1 redirected out of interface 7\n"));
    let one = format!("hex:{}", hex(&packet([198, 51, 100, 9])));
    let report = json(&["run", router.arg(), "--type", "xdp", "--network", network.arg(), "--on", &one]);
    assert!(report["leaving"][0].as_str().unwrap().starts_with("021122334455"), "{report}");
    // Without a network nothing leads anywhere.
    let report = json(&["run", router.arg(), "--type", "xdp", "--on", &one]);
    assert_eq!(report["verdicts"][0]["name"], "XDP_DROP");
}

#[test]
fn a_network_that_is_none_is_refused_by_name() {
    let router = Scratch::new("router.s", ROUTER);
    for (network, words) in [
        ("", "EOF"),
        ("[]", "expected"),
        (r#"{"devcies": []}"#, "unknown field `devcies`"),
        (r#"{"routes": [{"to": "10.0.0.0/8", "dev": "lost"}]}"#, "no device is called `lost`"),
    ] {
        let file = Scratch::new("net.json", network);
        let args = ["run", router.arg(), "--type", "xdp", "--network", file.arg(), "--on", "hex:00"];
        fails(&args, &["net.json: ", words]);
    }
}

#[test]
fn contexts_and_arguments() {
    let sum = Scratch::new(
        "sum.s",
        "r0 = *(u32 *)(r1 +0)\nr2 = *(u32 *)(r1 +4)\nr0 += r2\n*(u32 *)(r1 +0) = r0\nexit",
    );
    let report = json(&["run", sum.arg(), "--type", "syscall", "--on", "ctx:01000000 02:00:00:00"]);
    assert_eq!(report["values"], serde_json::json!([{ "value": 3, "times": 1 }]));
    assert_eq!((&report["hook"], &report["fault"]), (&"syscall".into(), &serde_json::Value::Null));
    let second = Scratch::new("second.s", "r0 = *(u64 *)(r1 +8)\nexit");
    let args = ["run", second.arg(), "--type", "raw_tp", "--on", "args:1,-2", "--repeat", "3"];
    let shown = stdout(&args);
    assert!(
        shown.starts_with("second (raw_tracepoint) returned 0xfffffffffffffffe (-2), 3 times, "),
        "{shown}"
    );
}

#[test]
fn a_fault_is_a_finding_with_exit_code_1() {
    let reader = Scratch::new("reader.s", "r0 = 0\nr1 = *(u32 *)(r1 +0)\nr0 = *(u8 *)(r1 +14)\nexit");
    let capture = Scratch::new("in.pcap", pcap(1, &[&[7; 60], &[8; 14], &[9; 15]]));
    let args = ["run", reader.arg(), "--type", "xdp", "--on", capture.arg(), "--unproved"];
    let output = run(&args);
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(1), ""));
    let report = text(&output.stdout);
    assert!(report.contains("\n  stopped "), "{report}");
    assert!(
        report.contains("\nstopped, first at packet 2: reader: insn 2 (r0 = *(u8 *)(r1 +14)): "),
        "{report}"
    );
    assert!(report.contains("reader.s:3: r0 = *(u8 *)(r1 +14)\n"), "{report}");
    let output = run(&[&args[..], &["--format", "json"]].concat());
    assert_eq!(output.status.code(), Some(1));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["faults"]["packets"], 1);
    let first = &report["faults"]["first"];
    assert_eq!((&first["packet"], &first["kind"]), (&2.into(), &"out-of-bounds".into()));
    assert_eq!((&first["instruction"], &first["source"]["line"]), (&2.into(), &3.into()));
}

#[test]
fn what_is_not_safe_is_explained_and_not_run() {
    let reader = Scratch::new("reader.s", "r0 = 0\nr1 = *(u32 *)(r1 +0)\nr0 = *(u8 *)(r1 +14)\nexit");
    let capture = Scratch::new("in.pcap", pcap(1, &[&[7; 60]]));
    let output = run(&["run", reader.arg(), "--type", "xdp", "--on", capture.arg()]);
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(1), ""));
    let said = text(&output.stderr);
    assert!(said.starts_with("error[E0306]: packet bytes 14 to 14 where 0 are proved\n"), "{said}");
    assert!(said.contains("reader.s:3:1") && said.contains("program reader is not safe"), "{said}");
}

#[test]
fn a_run_without_end_is_stopped_by_its_budget() {
    let endless = Scratch::new("endless.s", "again: r0 = 1\ngoto again");
    let output = run(&["run", endless.arg(), "--type", "syscall", "--budget", "1000", "--unproved"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).contains("\nstopped: "), "{}", text(&output.stdout));
}

#[test]
fn one_of_several_programs_must_be_chosen() {
    fails(
        &["run", "examples/gate.bpf.o"],
        &["examples/gate.bpf.o has 2 programs", "open_gate, guarded_gate"],
    );
    fails(&["run", "examples/gate.bpf.o", "--program", "gate"], &["has no program `gate`", "open_gate"]);
    fails(&["run", "examples/gate.bpf.o", "--program", "open_gate"], &["section `http_request`"]);
    fails(
        &["inspect", "examples/gate.bpf.o", "--program", "gate"],
        &["gate.bpf.o", "open_gate, guarded_gate"],
    );
}

#[test]
fn captures_that_are_none() {
    let on = |capture: &Scratch, words: &[&str]| {
        let input = format!("pcap:{}", capture.arg());
        fails(&["run", "examples/doorman.bpf.o", "--on", &input], words);
    };
    on(&Scratch::new("empty.pcap", ""), &["empty.pcap: "]);
    on(&Scratch::new("text.pcap", "GET / HTTP/1.1\r\nHost: example.com\r\n\r\n"), &["text.pcap: ", "magic"]);
    on(&Scratch::new("elf.pcap", std::fs::read(env!("CARGO_BIN_EXE_skep")).unwrap()), &["elf.pcap: "]);
    // 113 is "Linux cooked": frames without the Ethernet header that programs look for.
    on(&Scratch::new("cooked.pcap", pcap(113, &[&[0; 60]])), &["cooked.pcap: ", "113"]);
    let whole = pcap(1, &[&[0; 60], &[1; 60]]);
    for cut in [23, 30, whole.len() - 1] {
        on(&Scratch::new("cut.pcap", &whole[..cut]), &["cut.pcap: "]);
    }
    let mut huge = whole;
    huge[32..36].copy_from_slice(&u32::MAX.to_le_bytes());
    on(&Scratch::new("huge.pcap", huge), &["huge.pcap: "]);
    fails(&["run", "examples/doorman.bpf.o", "--on", "pcap:/nowhere/x.pcap"], &["/nowhere/x.pcap: "]);
    fails(&["run", "examples/doorman.bpf.o", "--on", "pcap:/tmp"], &["/tmp: "]);
    let out = ["--on", "pcap:examples/evening.pcap", "--out", "/nowhere/out.pcap"];
    fails(&[&["run", "examples/doorman.bpf.o"], &out[..]].concat(), &["/nowhere/out.pcap: "]);
}

#[test]
fn a_program_is_not_run_on_what_it_is_not_for() {
    let reader = Scratch::new("reader.s", "r0 = 0\nexit");
    let packets = ["--on", "pcap:examples/evening.pcap"];
    fails(&[&["run", reader.arg(), "--type", "raw_tp"], &packets[..]].concat(), &["does not see packets"]);
    for input in [&[][..], &["--on", "args:1"], &["--on", "ctx:00"]] {
        let output = run(&[&["run", "examples/doorman.bpf.o"], input].concat());
        assert_eq!(output.status.code(), Some(2), "{input:?}");
        assert!(text(&output.stderr).contains("give it packets"), "{}", text(&output.stderr));
    }
}

#[test]
fn maps_take_the_sizes_they_are_given() {
    let args = ["run", "examples/doorman.bpf.o", "--on", "pcap:examples/evening.pcap"];
    let small = json(&[&args[..], &["--map", "knocked_ports.max_entries=8"]].concat());
    let ports = small["maps"].as_array().unwrap().iter().find(|map| map["name"] == "knocked_ports").unwrap();
    assert_eq!((&ports["max_entries"], &ports["entries"]), (&8.into(), &8.into()));
    fails(&[&args[..], &["--map", "ports.max_entries=8"]].concat(), &["no map `ports`", "knocked_ports"]);
    fails(&[&args[..], &["--map", "tallies.max_entries=0"]].concat(), &["map tallies", "max_entries 0"]);
}

#[test]
fn a_look_up_is_given_as_such() {
    let web =
        Scratch::new("web.s", "r2 = *(u32 *)(r1 +60)\nr0 = 1\nif r2 == 443 goto out\nr0 = 0\nout: exit");
    let run_on =
        |input| json(&["run", web.arg(), "--type", "sk_lookup", "--on", input])["values"][0]["value"].clone();
    assert_eq!(run_on("lookup:tcp,198.51.100.1:40000,192.0.2.1:443"), 1);
    assert_eq!(run_on("lookup:udp,[2001:db8::1]:40000,[2001:db8::2]:53"), 0);
    for wrong in ["lookup:tcp", "lookup:sctp,1.2.3.4:5,1.2.3.4:6", "lookup:tcp,1.2.3.4,1.2.3.4:6", "ctx:00"] {
        let output = run(&["run", web.arg(), "--type", "sk_lookup", "--on", wrong]);
        assert_eq!(output.status.code(), Some(2), "{wrong}");
    }
}

#[test]
fn events_must_be_of_a_structure_that_exists() {
    let args = ["run", "examples/doorman.bpf.o", "--on", "hex:00", "--events"];
    fails(&[&args[..], &["nobody"]].concat(), &["doorman.bpf.o", "no structure is called `nobody`"]);
    fails(&[&args[..4], &["--kconfig", "/nowhere/config"]].concat(), &["/nowhere/config: "]);
}
