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

fn typed(btf: &Arc<Btf>, program: ProgramType, attach: AttachType, name: &str, text: &str) -> Input {
    let insns = skep_isa::text::assemble(text).unwrap_or_else(|error| panic!("{text}: {error}"));
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
    for (name, count) in tracepoints(&btf) {
        for argument in 0..=count {
            let at = argument * 8;
            let load = format!("r2 = *(u64 *)(r1 +{at})\n");
            for rest in ["", "r3 = *(u8 *)(r2 +0)\n", "r3 = *(u64 *)(r2 +8)\nr4 = *(u64 *)(r3 +0)\n"] {
                let text = format!("{load}{rest}r0 = 0\nexit\n");
                agreement.add(&tracepoint(&btf, &name, &text));
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
