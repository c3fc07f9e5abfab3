//! Programs for an application's own hook: its context, the memory it lends, its helpers.

#![allow(clippy::unwrap_used)] // A test may panic.

use std::sync::Arc;

use skep_isa::text::assemble;
use skep_platform::ProgramType;
use skep_verifier::host::{Host, HostArg, HostEntry, HostField, HostFieldKind, HostHelper};
use skep_verifier::{Input, verify};

fn field(name: &str, offset: u32, size: u32, kind: HostFieldKind) -> HostField {
    HostField { name: name.into(), offset, size, kind }
}

/// `struct { u32 method, verdict; const u8 *path; u64 path_len; u8 *reply; u64 reply_len; }`
fn host() -> Host {
    let fields = vec![
        field("method", 0, 4, HostFieldKind::Number { writable: false }),
        field("verdict", 4, 4, HostFieldKind::Number { writable: true }),
        field("path", 8, 16, HostFieldKind::Lent { writable: false }),
        field("reply", 24, 16, HostFieldKind::Lent { writable: true }),
    ];
    let helper = |name: &str, id, args| HostHelper { name: name.into(), id, args };
    Host {
        name: "request".into(),
        entry: HostEntry::Context(fields),
        helpers: vec![
            helper("dots", 0x1_0000, vec![HostArg::Bytes { write: false }]),
            helper("fill", 0x1_0001, vec![HostArg::Bytes { write: true }]),
            helper("stamp", 0x1_0002, vec![HostArg::Context, HostArg::Struct { size: 8, write: true }]),
        ],
        returns: Some((0, 1)),
    }
}

fn verdict(host: Host, text: &str) -> String {
    let mut input = Input::new(ProgramType::SocketFilter, assemble(text).unwrap());
    input.host = Some(Arc::new(host));
    verify(&input).verdict.to_string()
}

#[track_caller]
fn accepted(text: &str) {
    assert_eq!(verdict(host(), text), "accept", "{text}");
}

#[track_caller]
fn refused(text: &str, why: &str) {
    let verdict = verdict(host(), text);
    assert!(verdict.starts_with("reject") && verdict.contains(why), "{text}\n{verdict}");
}

#[test]
fn a_length_that_was_compared_is_there() {
    let program = |length: u32, at: u32| {
        format!(
            "r2 = *(u64 *)(r1 + 8)\nr3 = *(u64 *)(r1 + 16)\nr0 = 0\nif r3 < {length} goto out\nr4 = *(u8 *)(r2 + {at})\nout: exit"
        )
    };
    accepted(&program(6, 5));
    refused(&program(6, 6), "bytes 6 to 6 where there are 6");
    refused(&program(0, 0), "bytes 0 to 0 where there are 0");
}

#[test]
fn any_copy_of_the_length_tells() {
    accepted(
        "r2 = *(u64 *)(r1 + 8)\nr3 = *(u64 *)(r1 + 16)\nr5 = r3\n*(u64 *)(r10 - 8) = r5\nr0 = 0\nr6 = *(u64 *)(r10 - 8)
         if r6 <= 9 goto out\nr4 = *(u64 *)(r2 + 2)\nout: exit",
    );
}

#[test]
fn the_length_of_another_region_tells_nothing() {
    refused(
        "r2 = *(u64 *)(r1 + 8)\nr3 = *(u64 *)(r1 + 32)\nr0 = 0\nif r3 < 6 goto out\nr4 = *(u8 *)(r2 + 5)\nout: exit",
        "where there are 0",
    );
}

#[test]
fn a_number_that_is_not_the_length_tells_nothing() {
    // On one way r3 is the length, on the other it is not; both meet before the comparison.
    let text = "r2 = *(u64 *)(r1 + 8)\nr3 = *(u64 *)(r1 + 16)\nr4 = *(u32 *)(r1 + 0)\nr0 = *(u32 *)(r1 + 4)\nif r0 == 0 goto +1\nr3 = r4\n\
         if r3 < 6 goto out\nr5 = *(u8 *)(r2 + 5)\nout: exit";
    refused(text, "where there are 0");
    refused(&text.replace("if r0 == 0", "if r0 != 0"), "where there are 0");
}

#[test]
fn loops_over_lent_memory() {
    accepted(
        "r6 = *(u64 *)(r1 + 8)\nr7 = *(u64 *)(r1 + 16)\nr8 = 0\nr0 = 0\nloop: if r8 >= r7 goto out\nr2 = r6\nr2 += r8
         r3 = *(u8 *)(r2 + 0)\nr8 += 1\nif r8 < 32 goto loop\nout: exit",
    );
}

#[test]
fn permissions_hold() {
    let store = |pointer: u32, length: u32| {
        format!(
            "r2 = *(u64 *)(r1 + {pointer})\nr3 = *(u64 *)(r1 + {length})\nr0 = 0\nif r3 == 0 goto out\n*(u8 *)(r2 + 0) = 1\nout: exit"
        )
    };
    accepted(&store(24, 32));
    refused(&store(8, 16), "read-only");
    accepted("*(u32 *)(r1 + 4) = 1\nr0 = 0\nexit");
    refused("*(u32 *)(r1 + 0) = 1\nr0 = 0\nexit", "read-only");
    refused("r0 = *(u32 *)(r1 + 8)\nexit", "each read whole");
    refused("r0 = *(u64 *)(r1 + 40)\nexit", "no 8-byte field at 40");
    refused("r0 = 2\nexit", "0 to 1 may be returned");
}

#[test]
fn helpers_of_the_application() {
    let call = |helper: u32, pointer: u32, length: u32| {
        format!(
            "r6 = r1\nr1 = *(u64 *)(r6 + {pointer})\nr2 = *(u64 *)(r6 + {length})\ncall {helper}\nr0 = 0\nexit"
        )
    };
    accepted(&call(0x1_0000, 8, 16));
    accepted(&call(0x1_0001, 24, 32));
    refused(&call(0x1_0001, 8, 16), "read-only");
    refused(&call(0x1_0000, 8, 32), "where there are 0");
    accepted("r2 = r10\nr2 += -8\ncall 0x10002\nr0 = *(u64 *)(r10 - 8)\nr0 = 0\nexit");
    refused("r2 = r10\nr2 += -4\ncall 0x10002\nr0 = 0\nexit", "from the frame pointer");
    refused("r1 = 1\nr2 = r10\nr2 += -8\ncall 0x10002\nr0 = 0\nexit", "takes the context here");
}

#[test]
fn plain_memory_has_its_length_in_r2() {
    let memory = || Host { name: "memory".into(), entry: HostEntry::Memory, ..Host::default() };
    let program = "r0 = 0\nif r2 < 8 goto out\nr0 = *(u64 *)(r1 + 0)\n*(u8 *)(r1 + 7) = 1\nout: exit";
    assert_eq!(verdict(memory(), program), "accept");
    let verdict = verdict(memory(), &program.replace("r2 < 8", "r2 < 7"));
    assert!(verdict.contains("bytes 0 to 7 where there are 7"), "{verdict}");
}
