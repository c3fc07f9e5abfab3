//! Packet pointers and context fields: what is legal is what lies inside, and what the program type allows.

use skep_platform::ProgramType;
use skep_vm::net::{Environment, SkbContext, Verdict};
use skep_vm::{FaultKind, Hook, Program, ProgramSpec};

use crate::{assert_fault, fault, frame, program, skb, value, xdp};

const LOAD: &str = "r2 = *(u32 *)(r1 + 0)\n";

#[test]
fn packets_are_read_and_written_inside_their_bounds() {
    let p =
        program(ProgramType::Xdp, &format!("{LOAD}*(u8 *)(r2 + 63) = 7\nr0 = *(u8 *)(r2 + 63)\nexit"), &[]);
    let mut context = xdp(Environment::default());
    assert_eq!(value(&p, &mut context), 7);
    assert_eq!(context.packet.bytes()[63], 7);
    let p = program(ProgramType::Xdp, &format!("{LOAD}r0 = *(u16 *)(r2 + 63)\nexit"), &[]);
    assert_fault(&fault(&p, &mut context), FaultKind::OutOfBounds, "64-byte packet");
}

#[test]
fn pointers_do_not_outlive_a_change() {
    for (helper, by) in [(44, -8), (54, -8), (65, 8)] {
        let text = format!("r6 = *(u32 *)(r1 + 0)\nr2 = {by}\ncall {helper}\nr0 = *(u8 *)(r6 + 0)\nexit");
        let p = program(ProgramType::Xdp, &text, &[]);
        assert_fault(&fault(&p, &mut xdp(Environment::default())), FaultKind::Dead, "packet");
    }
}

#[test]
fn metadata_travels_before_the_packet() {
    let text = "r6 = r1\nr2 = -4\ncall 54\nr2 = *(u32 *)(r6 + 8)\n*(u32 *)(r2 + 0) = 0x01020304\n\
                r1 = r6\nr2 = -20\ncall 44\nr2 = *(u32 *)(r6 + 8)\nr0 = *(u32 *)(r2 + 0)\nexit";
    let mut context = xdp(Environment::default());
    assert_eq!(value(&program(ProgramType::Xdp, text, &[]), &mut context), 0x0102_0304);
    assert_eq!((context.packet.meta(), context.packet.len()), (&[4, 3, 2, 1][..], 84));
    let text = "r2 = *(u32 *)(r1 + 8)\nr0 = *(u8 *)(r2 + 0)\nexit";
    let p = program(ProgramType::Xdp, text, &[]);
    assert_fault(&fault(&p, &mut xdp(Environment::default())), FaultKind::OutOfBounds, "metadata");
}

#[test]
fn each_program_type_has_its_own_view() {
    let run = |program_type, text: &str| {
        let mut context = skb(program_type, Environment::default());
        program(program_type, text, &[]).run(&mut context).map(|o| o.value).map_err(|f| f.to_string())
    };
    use ProgramType::{CgroupSkb, SchedCls, SocketFilter};
    // The packet's length, at its layer.
    assert_eq!(run(SchedCls, "r0 = *(u32 *)(r1 + 0)\nexit"), Ok(64));
    // What a cgroup program may return is at most 3: 50 - 49.
    assert_eq!(run(CgroupSkb, "r0 = *(u32 *)(r1 + 0)\nr0 -= 49\nexit"), Ok(1));
    // Direct access: not at all, to read, to write.
    let data = "r2 = *(u32 *)(r1 + 76)\nr0 = *(u8 *)(r2 + 0)\nexit";
    assert!(run(SocketFilter, data).unwrap_err().contains("__sk_buff.data"));
    assert_eq!(run(CgroupSkb, &data.replace("exit", "r0 -= 0x44\nexit")), Ok(1));
    assert_eq!(run(SchedCls, data), Ok(0));
    let store = "r2 = *(u32 *)(r1 + 76)\n*(u8 *)(r2 + 0) = 1\nr0 = 0\nexit";
    assert!(run(CgroupSkb, store).is_err());
    assert_eq!(run(SchedCls, store), Ok(0));
    // Fields.
    let mark = "*(u32 *)(r1 + 8) = 3\nr0 = *(u32 *)(r1 + 8)\nexit";
    assert_eq!(run(CgroupSkb, mark), Ok(3));
    assert!(run(SocketFilter, mark).unwrap_err().contains("read-only"));
    let cb = "r2 = 0x1122334455667788 ll\n*(u64 *)(r1 + 48) = r2\nr0 = *(u16 *)(r1 + 54)\nexit";
    assert_eq!(run(SocketFilter, cb), Ok(0x1122));
    assert_eq!(run(SchedCls, "r0 = *(u32 *)(r1 + 16)\nexit"), Ok(8));
    assert!(run(SchedCls, "r0 = *(u32 *)(r1 + 2)\nexit").is_err());
    assert!(run(SchedCls, "r0 = *(u32 *)(r1 + 192)\nexit").is_err());
    assert!(run(SchedCls, "r0 = *(u32 *)(r1 - 4)\nexit").is_err());
}

#[test]
fn legacy_loads_end_the_program_outside_the_packet() {
    let run = |text: &str| {
        let p = program(ProgramType::SocketFilter, &format!("r6 = r1\n{text}\nexit"), &[]);
        value(&p, &mut skb(ProgramType::SocketFilter, Environment::default()))
    };
    assert_eq!(run("r0 = *(u16 *)skb[12]"), 0x0800);
    assert_eq!(run("r0 = *(u8 *)skb[63]"), 63);
    assert_eq!(run("r0 = *(u16 *)skb[63]\nr0 = 99"), 0);
    assert_eq!(run("r1 = 20\nr0 = *(u8 *)skb[r1 + 3]"), 17);
    assert_eq!(run("r0 = *(u8 *)skb[-0x100000]"), 0x45);
}

#[test]
fn a_dissector_reports_through_its_keys() {
    let text =
        "r2 = *(u64 *)(r1 + 144)\n*(u16 *)(r2 + 2) = 34\n*(u8 *)(r2 + 9) = 17\nr0 = *(u16 *)(r2 + 0)\nexit";
    let program_type = ProgramType::FlowDissector;
    let mut context: SkbContext = skb(program_type, Environment::default());
    assert_eq!(value(&program(program_type, text, &[]), &mut context), 14);
    let keys = context.dissected();
    assert_eq!((&keys[..4], keys[9], &keys[10..12]), (&[14, 0, 34, 0][..], 17, &[8, 0][..]));
}

#[test]
fn contexts_are_used_again() {
    let text = "r6 = r1\nr2 = 20\ncall 44\nr0 = 2\nexit";
    let p = program(ProgramType::Xdp, text, &[]);
    let mut context = xdp(Environment::default());
    for _ in 0..3 {
        context.reset(&frame());
        let verdict = Verdict::of(ProgramType::Xdp, value(&p, &mut context));
        assert_eq!((verdict.name, context.packet.len()), ("XDP_PASS", 44));
    }
}

#[test]
fn a_dynptr_follows_its_packet_and_its_slices_do_not() {
    // bpf_dynptr_from_xdp(ctx, 0, r10 - 16); then head += 4; then bpf_dynptr_slice(d, 30, NULL, 4).
    let text = "r6 = r1\nr2 = 0\nr3 = r10\nr3 += -16\ncall kfunc[1]\nif r0 != 0 goto out\n\
                r1 = r10\nr1 += -16\nr2 = 0\nr3 = 0\nr4 = 4\ncall kfunc[2]\nr7 = r0\n\
                r1 = r6\nr2 = 4\ncall 44\n\
                r1 = r10\nr1 += -16\nr2 = 59\nr3 = 0\nr4 = 1\ncall kfunc[2]\nif r0 == 0 goto out\n";
    let run = |rest: &str| {
        let insns = skep_isa::text::assemble(&format!("{text}{rest}out:\nr0 = 0\nexit")).unwrap();
        let calls = insns.iter().enumerate().filter(|(_, i)| i.code == 0x85 && i.src == 2);
        let name = |imm| if imm == 1 { "bpf_dynptr_from_xdp" } else { "bpf_dynptr_slice" };
        let kfuncs = calls.map(|(at, i)| (at, name(i.imm).to_owned())).collect();
        let mut spec = ProgramSpec::new("test", Hook::linux(ProgramType::Xdp), insns);
        spec.kfuncs = kfuncs;
        Program::unproved(spec).unwrap().run(&mut xdp(Environment::default())).map(|o| o.value)
    };
    assert_eq!(run("r0 = *(u8 *)(r0 + 0)\nexit\n").ok(), Some(63));
    assert_fault(&run("r0 = *(u8 *)(r7 + 0)\nexit\n").unwrap_err(), FaultKind::Dead, "memory");
}
