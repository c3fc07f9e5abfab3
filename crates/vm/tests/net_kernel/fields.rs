//! Context fields and legacy loads: what each program type may access, and what it finds.

use skep_platform::context::View;
use skep_platform::{ProgramType, Release};

use crate::rng::Rng;
use crate::{compare, in_kernel, in_vm, mix_asm, packet, skipped};

/// Fields whose value is the kernel's own affair: addresses, what its test run makes up (a socket) or leaves out (the length on
/// the wire), what only programs in a devmap may ask.
const UNKNOWN: [&str; 14] = [
    "data",
    "data_end",
    "data_meta",
    "sk",
    "flow_keys",
    "egress_ifindex",
    "wire_len",
    "family",
    "remote_ip4",
    "local_ip4",
    "remote_ip6",
    "local_ip6",
    "remote_port",
    "local_port",
];

/// Types that a test run gives an skb.
const SKB_TYPES: [ProgramType; 5] = [
    ProgramType::SchedCls,
    ProgramType::SocketFilter,
    ProgramType::CgroupSkb,
    ProgramType::LwtXmit,
    ProgramType::LwtOut,
];

/// Runs `load`, which leaves a value in `r0`, in both. Some types may return but 0 and 1, so the kernel is asked whether it finds
/// what the interpreter found.
fn assert_same(program_type: ProgramType, load: &str, what: &str) {
    let input = packet(100, 0x0800);
    let vm = in_vm(program_type, &format!("{load}exit"), &input).0;
    let text = format!("{load}w0 = w0\nr2 = {vm:#x} ll\nif r0 == r2 goto +2\nr0 = 0\nexit\nr0 = 1\nexit");
    let same = in_kernel(program_type, &text, &input, None).0;
    assert_eq!(same, 1, "{program_type:?} {what}: the interpreter has {vm:#x}\n{load}");
}

/// All legal accesses of a type's context, to fields whose value both sides know: bits and offset.
fn accesses(program_type: ProgramType, write: bool) -> Vec<(u32, u32, &'static str)> {
    let view = View::Context(program_type, None);
    let mut all = Vec::new();
    for field in view.layout().unwrap().fields.iter().filter(|f| !UNKNOWN.contains(&f.name)) {
        for offset in field.offset..field.offset + field.bytes() {
            // Linux reads the upper half of a word that stands for a 16-bit number as that number again.
            let sizes = [1, 2, 4, 8].into_iter().filter(|size| *size != 2 || offset % 4 != 2);
            for size in sizes {
                let legal = |write| view.access(Release::LATEST, offset, size, write).is_some();
                if legal(false) && (!write || legal(true)) {
                    all.push((8 * size, offset, field.name));
                }
            }
        }
    }
    all
}

#[test]
fn every_field_of_every_type_holds_the_same() {
    if skipped("every_field_of_every_type_holds_the_same") {
        return;
    }
    for program_type in SKB_TYPES.into_iter().chain([ProgramType::Xdp]) {
        for (bits, offset, name) in accesses(program_type, false) {
            assert_same(program_type, &format!("r0 = *(u{bits} *)(r1 + {offset})\n"), name);
        }
    }
}

#[test]
fn stores_to_fields_read_back_the_same() {
    if skipped("stores_to_fields_read_back_the_same") {
        return;
    }
    let mut rng = Rng(5);
    for program_type in SKB_TYPES {
        for (bits, offset, name) in accesses(program_type, true) {
            let value = rng.next();
            let at = format!("*(u{bits} *)(r1 + {offset})");
            assert_same(program_type, &format!("r2 = {value:#x} ll\n{at} = r2\nr0 = {at}\n"), name);
        }
    }
}

#[test]
fn legacy_loads_find_the_same() {
    if skipped("legacy_loads_find_the_same") {
        return;
    }
    let mut rng = Rng(6);
    for _ in 0..500 {
        let near = rng.range(0, 110) as i32;
        let area = rng.pick(&[0, 0, -0x10_0000, -0x20_0000, -0x1000, i32::MIN, -1]);
        let off = near.wrapping_add(area);
        let bits = rng.pick(&[8, 16, 32]);
        let load = match rng.range(0, 2) {
            0 => format!("r0 = *(u{bits} *)skb[{off}]\n"),
            _ => format!("r2 = {near}\nr0 = *(u{bits} *)skb[r2 + {area}]\n"),
        };
        let text = format!("r6 = r1\n{load}exit");
        let input = packet(100, 0x0800);
        let program_type = ProgramType::SchedCls;
        let kernel = in_kernel(program_type, &text, &input, None).0;
        assert_eq!(in_vm(program_type, &text, &input).0, kernel, "{text}");
    }
}

#[test]
fn checksum_differences_are_the_same() {
    if skipped("checksum_differences_are_the_same") {
        return;
    }
    let mut rng = Rng(7);
    for _ in 0..500 {
        let mut size = || rng.pick(&[0, 4, 8, 12, 16, 20, 32, 3, 6]);
        let (from, to) = (size(), size());
        let pointer = |reg: u32, off: i32, len: i32| match len {
            0 => format!("r{reg} = 0\n"),
            _ => format!("r{reg} = r10\nr{reg} += {off}\n"),
        };
        let fill = rng.pick(&["", "r1 = -1\n*(u64 *)(r10 - 64) = r1\n", "r1 = 0\n*(u64 *)(r10 - 32) = r1\n"]);
        let seed = rng.pick(&[0, -1, 1, rng.0 as i32, 0xffff]);
        let step = format!(
            "{fill}{}r2 = {from}\n{}r4 = {to}\nw5 = {seed}\ncall 28\n{}",
            pointer(1, -64, from),
            pointer(3, -32, to),
            mix_asm("r0")
        );
        let program_type = rng.pick(&[ProgramType::SchedCls, ProgramType::Xdp]);
        compare(
            program_type,
            &[(format!("csum_diff {from} {to} {seed:#x}"), step)],
            &packet(64, 0x0800),
            true,
        );
    }
}
