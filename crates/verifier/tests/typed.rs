//! Programs whose contexts are the kernel's own objects, against the live kernel: every argument of every tracepoint, every
//! field of a few large structs, iterators and struct members.

mod common;

use std::sync::Arc;

use common::{Agreement, kernel_btf, live};
use skep_btf::{Btf, Kind, Type};
use skep_platform::{AttachType, ProgramType};
use skep_verifier::Input;

/// A program for a tracepoint of the kernel, from text.
fn tracepoint(btf: &Arc<Btf>, name: &str, text: &str) -> Input {
    typed(btf, ProgramType::Tracing, AttachType::TraceRawTp, name, text)
}

/// Text to instructions; helpers are called by name.
fn assemble(text: &str) -> Vec<skep_isa::RawInsn> {
    let number = |line: &str| match line.strip_prefix("call ").and_then(skep_platform::helper::by_name) {
        Some(helper) => format!("call {}\n", helper.id),
        None => format!("{line}\n"),
    };
    let text: String = text.lines().map(number).collect();
    skep_isa::text::assemble(&text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn typed(btf: &Arc<Btf>, program: ProgramType, attach: AttachType, name: &str, text: &str) -> Input {
    let insns = assemble(text);
    let mut input = Input::new(program, insns);
    input.name = format!("{name}: {}", text.replace('\n', "; "));
    input.attach_type = Some(attach);
    input.attach_target = Some(name.into());
    input.kernel_btf = Some(Arc::clone(btf));
    input.maps = common::maps();
    input
}

/// Names of the kernel's tracepoints and how many arguments each has.
fn tracepoints(btf: &Btf) -> Vec<(String, usize)> {
    let found = btf.types().filter_map(|(_, item)| {
        let Type::Typedef(typedef) = item else { return None };
        let name = typedef.name.strip_prefix("btf_trace_")?;
        let Some(Type::Ptr(to)) = btf.get_resolved(typedef.target) else { return None };
        let Some(Type::FuncProto(proto)) = btf.get_resolved(to) else { return None };
        Some((name.to_owned(), proto.params.len() - 1))
    });
    found.collect()
}

#[test]
fn every_argument_of_every_tracepoint() {
    if !live("every_argument_of_every_tracepoint") {
        return;
    }
    let Some(btf) = kernel_btf() else { return };
    let mut agreement = Agreement::default();
    for (index, (name, count)) in tracepoints(&btf).into_iter().enumerate() {
        for argument in 0..=count {
            let at = argument * 8;
            let load = format!("r2 = *(u64 *)(r1 +{at})\n");
            for rest in ["", "r3 = *(u8 *)(r2 +0)\n", "r3 = *(u64 *)(r2 +8)\nr4 = *(u64 *)(r3 +0)\n"] {
                // Every argument is read; of every fourth tracepoint they are followed too.
                if rest.is_empty() || index % 4 == 0 {
                    let text = format!("{load}{rest}r0 = 0\nexit\n");
                    agreement.add(&tracepoint(&btf, &name, &text));
                }
            }
        }
    }
    agreement.print("arguments of tracepoints");
    assert_eq!((agreement.only_we_accept, agreement.only_kernel_accepts), (0, 0));
    assert_eq!(agreement.unsupported, 0);
}

/// A tracepoint's argument that is a pointer to a large struct.
const LARGE: &[(&str, usize, &str)] = &[
    ("sched_switch", 1, "task_struct"),
    ("kfree_skb", 0, "sk_buff"),
    ("inet_sock_set_state", 0, "sock"),
    ("sched_process_exec", 2, "linux_binprm"),
    ("cgroup_mkdir", 0, "cgroup"),
    ("block_rq_issue", 0, "request"),
    ("mm_vmscan_write_folio", 0, "folio"),
    ("net_dev_start_xmit", 1, "net_device"),
    ("workqueue_queue_work", 1, "pool_workqueue"),
];

#[test]
fn every_field_of_large_structs() {
    if !live("every_field_of_large_structs") {
        return;
    }
    let Some(btf) = kernel_btf() else { return };
    let mut agreement = Agreement::default();
    for (name, argument, of) in LARGE {
        let Some(id) = btf.find(of, Kind::Struct) else { continue };
        let size = btf.size_of(id).unwrap_or(0);
        for off in 0..size + 16 {
            for (width, bytes) in [("u8", 1), ("u16", 2), ("u32", 4), ("u64", 8)] {
                // Words at every place, the rest now and then.
                if off % bytes != 0 && off % 31 != 0 || bytes < 4 && off % 13 > 1 {
                    continue;
                }
                let load = format!("r2 = *(u64 *)(r1 +{})\nr3 = *({width} *)(r2 +{off})\n", argument * 8);
                // What was found is followed as well: the verdict shows what it was taken for.
                let follow = if bytes == 8 { "r4 = *(u32 *)(r3 +0)\n" } else { "" };
                agreement.add(&tracepoint(&btf, name, &format!("{load}{follow}r0 = 0\nexit\n")));
            }
        }
    }
    agreement.print("fields of large structs");
    assert_eq!((agreement.only_we_accept, agreement.only_kernel_accepts), (0, 0));
}

/// Pointers found in fields, handed to helpers that want objects of a type: how far each is trusted decides.
#[test]
fn pointers_from_fields_as_arguments() {
    if !live("pointers_from_fields_as_arguments") {
        return;
    }
    let Some(btf) = kernel_btf() else { return };
    let holders =
        [("task", "task_struct", "call task_pt_regs"), ("tcp", "sock_common", "call skc_to_tcp_sock")];
    let mut agreement = Agreement::default();
    for (iterator, of, call) in holders {
        let Some(id) = btf.find(of, Kind::Struct) else { continue };
        let head = "r6 = *(u64 *)(r1 +8)\nif r6 == 0 goto out\n";
        let tail = "out:\nr0 = 0\nexit\n";
        for off in (0..btf.size_of(id).unwrap_or(0)).step_by(8) {
            for check in ["", "if r1 == 0 goto out\n"] {
                let text = format!("{head}r1 = *(u64 *)(r6 +{off})\n{check}{call}\n{tail}");
                for sleepable in [false, true] {
                    let mut input = typed(&btf, ProgramType::Tracing, AttachType::TraceIter, iterator, &text);
                    input.flags = if sleepable { skep_verifier::program::flags::SLEEPABLE } else { 0 };
                    agreement.add(&input);
                }
            }
        }
    }
    agreement.print("pointers from fields as arguments");
    assert_eq!((agreement.only_we_accept, agreement.only_kernel_accepts), (0, 0));
}

/// Every function of an iterator's name: those that are iterators have the arguments that ours have.
#[test]
fn every_iterator() {
    if !live("every_iterator") {
        return;
    }
    let Some(btf) = kernel_btf() else { return };
    let names: Vec<String> = btf
        .types()
        .filter_map(|(_, item)| match item {
            Type::Func(func) => func.name.strip_prefix("bpf_iter_").map(str::to_owned),
            _ => None,
        })
        .collect();
    let mut agreement = Agreement::default();
    for name in &names {
        for (argument, rest) in (0..5).flat_map(|argument| {
            let follow = [
                "",
                "r3 = *(u64 *)(r2 +8)\n",
                "if r2 == 0 goto out\nr3 = *(u64 *)(r2 +8)\n",
                "if r2 == 0 goto out\n*(u64 *)(r2 +8) = 1\n",
                "if r2 == 0 goto out\nr2 += 16\nr3 = *(u32 *)(r2 -4)\nr3 = *(u32 *)(r2 -20)\n",
                "if r2 == 0 goto out\nr1 = r2\ncall skc_to_udp6_sock\n",
            ];
            follow.map(|rest| (argument, rest))
        }) {
            let text = format!("r2 = *(u64 *)(r1 +{})\n{rest}out:\nr0 = 0\nexit\n", argument * 8);
            for result in ["r0 = 0", "r0 = 2"] {
                let text = text.replace("r0 = 0", result);
                agreement.add(&typed(&btf, ProgramType::Tracing, AttachType::TraceIter, name, &text));
            }
        }
    }
    agreement.print("iterators");
    assert_eq!((agreement.only_we_accept, agreement.only_kernel_accepts), (0, 0));
    assert_eq!(agreement.unsupported, 0);
}

/// Members of structs of functions: arguments, results, what may be written.
#[test]
fn every_member_of_a_struct_of_functions() {
    if !live("every_member_of_a_struct_of_functions") {
        return;
    }
    let Some(btf) = kernel_btf() else { return };
    let mut agreement = Agreement::default();
    for name in ["tcp_congestion_ops", "bpf_dummy_ops", "task_struct"] {
        for member in 0..20 {
            let Some(attach) = AttachType::from_number(member) else { continue };
            let mut add = |text: String, sleepable: bool| {
                let mut input = typed(&btf, ProgramType::StructOps, attach, name, &text);
                input.flags = if sleepable { skep_verifier::program::flags::SLEEPABLE } else { 0 };
                agreement.add(&input);
            };
            for text in ["exit\n", "r0 = 0\nexit\n", "r0 = -1\nexit\n", "r0 = r1\nexit\n"] {
                add(text.into(), false);
                add(text.into(), true);
            }
            for argument in 0..6 {
                let load = format!("r2 = *(u64 *)(r1 +{})\n", argument * 8);
                for rest in
                    ["", "r3 = *(u32 *)(r2 +0)\n", "r1 = r2\ncall skc_to_tcp_sock\n", "*(u32 *)(r2 +0) = 1\n"]
                {
                    add(format!("{load}{rest}r0 = 0\nexit\n"), false);
                }
            }
            for helper in ["setsockopt", "getsockopt", "tcp_send_ack", "ktime_get_ns", "jiffies64"] {
                add(format!("call {helper}\nr0 = 0\nexit\n"), false);
            }
        }
    }
    let size = btf.find("tcp_sock", Kind::Struct).and_then(|id| btf.size_of(id)).unwrap_or(0);
    let Some(init) = AttachType::from_number(1) else { return };
    for off in 0..size {
        for (bytes, width) in [(1, "u8"), (2, "u16"), (4, "u32"), (8, "u64")] {
            if off % bytes == 0 || off % 17 == 0 {
                let text = format!("r2 = *(u64 *)(r1 +0)\n*({width} *)(r2 +{off}) = 1\nexit\n");
                agreement.add(&typed(&btf, ProgramType::StructOps, init, "tcp_congestion_ops", &text));
            }
        }
    }
    agreement.print("structs of functions");
    assert_eq!((agreement.only_we_accept, agreement.only_kernel_accepts), (0, 0));
    assert_eq!(agreement.unsupported, 0);
}

/// The small programs of `typed.txt`: `== TYPE ATTACH TARGET NAME`, then the text; `-` for what is not given, `TYPE!` for one that may sleep.
#[test]
fn by_hand() {
    if !live("by_hand") {
        return;
    }
    let Some(btf) = kernel_btf() else { return };
    let mut agreement = Agreement::default();
    for part in include_str!("typed.txt").split("\n== ").filter(|part| !part.trim().is_empty()) {
        let (head, body) = part.split_once('\n').unwrap_or((part, ""));
        let mut words = head.trim_start_matches("== ").splitn(4, ' ');
        let mut word = || words.next().unwrap_or_else(|| panic!("{head}"));
        let (kind, attach, target, name) = (word(), word(), word(), word());
        let (kind, sleepable) = kind.strip_suffix('!').map_or((kind, false), |kind| (kind, true));
        let insns = assemble(body);
        let mut input = Input::new(ProgramType::from_name(kind).unwrap_or_else(|| panic!("{kind}")), insns);
        input.name = name.into();
        input.attach_type = AttachType::from_name(attach);
        input.attach_target = (target != "-").then(|| target.into());
        input.kernel_btf = Some(Arc::clone(&btf));
        input.maps = common::maps();
        input.flags = if sleepable { skep_verifier::program::flags::SLEEPABLE } else { 0 };
        if name.contains("without a GPL") {
            input.license = "MIT".into();
        }
        agreement.add(&input);
    }
    agreement.print("typed programs by hand");
    assert_eq!((agreement.only_we_accept, agreement.only_kernel_accepts), (0, 0));
    assert_eq!(agreement.unsupported, 0);
}
