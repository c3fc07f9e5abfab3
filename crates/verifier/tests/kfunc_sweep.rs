//! Every kernel function of the running kernel, called well as far as this test knows how, and with each argument in turn replaced by
//! something else: our verdicts against the kernel's.
//!
//! `SKEP_SHOW=text` prints what differs for the functions whose name has the text, and the good calls that the kernel refuses.

#![allow(clippy::unwrap_used)] // A test may panic.

mod common;

use std::fmt::Write;
use std::sync::Arc;

use common::{Agreement, live};
use skep_btf::{Btf, Type, TypeId};
use skep_isa::Call;
use skep_isa::text::{Names, assemble_with};
use skep_platform::kfunc::{self, Flag};
use skep_platform::{AttachType, MapType, ProgramType};
use skep_verifier::{Input, MapInfo};

/// Objects that a program can have: the struct, what makes one (its arguments are 1), what releases it, where it is kept.
const OBJECTS: [(&str, &str, &str, i32); 4] = [
    ("task_struct", "bpf_task_from_pid", "bpf_task_release", -64),
    ("cgroup", "bpf_cgroup_from_id", "bpf_cgroup_release", -72),
    ("bpf_cpumask", "bpf_cpumask_create", "bpf_cpumask_release", -80),
    ("bpf_key", "bpf_lookup_system_key", "bpf_key_put", -88),
];

/// What an argument is replaced by: name, and instructions that put it into `@`.
const DEVIATIONS: &[(&str, &str)] = &[
    ("nothing", ""),
    ("zero", "@ = 0"),
    ("five", "@ = 5"),
    ("any number", "@ = *(u64 *)(r10 - 8)"),
    ("a small number", "@ = *(u8 *)(r10 - 8)"),
    ("the stack", "@ = r10\n@ += -32"),
    ("the end of the stack", "@ = r10"),
    ("a byte of the stack", "@ = r10\n@ += -1"),
    ("the context", "@ = r6"),
    ("a map", "@ = map_idx[0]"),
    ("a map's value", "@ = map_idx_value[0]"),
    ("a map's value and more", "@ = map_idx_value[0]\n@ += 12"),
    ("a value or nothing", "@ = *(u64 *)(r10 - 96)"),
    ("a task", "@ = *(u64 *)(r10 - 64)"),
    ("a task and more", "@ = *(u64 *)(r10 - 64)\n@ += 8"),
    ("a cgroup", "@ = *(u64 *)(r10 - 72)"),
    ("a set of CPUs", "@ = *(u64 *)(r10 - 80)"),
    ("a key", "@ = *(u64 *)(r10 - 88)"),
];

struct Functions(Arc<Btf>);

impl Names for Functions {
    fn call(&self, name: &str) -> Option<Call> {
        let id = self.0.find_func(name)?;
        Some(Call::Kfunc { id: id.0 as i32, module: 0 })
    }
}

/// One function with its parameters' names and types.
struct Function<'a> {
    name: &'a str,
    known: &'static kfunc::Known,
    params: Vec<(&'a str, TypeId)>,
    result: TypeId,
}

impl<'a> Function<'a> {
    fn of(btf: &'a Btf, known: &'static kfunc::Known) -> Option<Function<'a>> {
        let Type::Func(func) = btf.get(btf.find_func(known.name)?)? else { return None };
        let Type::FuncProto(proto) = btf.get(func.proto)? else { return None };
        let params = proto.params.iter().map(|param| (param.name, param.type_id)).collect();
        Some(Function { name: known.name, known, params, result: proto.result })
    }

    /// The struct behind a pointer.
    fn pointee(btf: &Btf, id: TypeId) -> &str {
        match btf.get_resolved(id) {
            Some(Type::Ptr(target)) => btf.name_of(btf.resolve(target)),
            _ => "",
        }
    }

    /// What puts a good argument into a register.
    fn good(&self, btf: &Btf, index: usize, program: ProgramType) -> String {
        let (name, id) = self.params[index];
        if !matches!(btf.get_resolved(id), Some(Type::Ptr(_))) {
            return if name.ends_with("__sz") || name.ends_with("__szk") { "@ = 8" } else { "@ = 1" }.into();
        }
        let target = Self::pointee(btf, id);
        if target == program.context_name() && !target.is_empty() {
            return "@ = r6".into();
        }
        let kept = |wanted: &str| OBJECTS.iter().find(|object| object.0 == wanted).map(|object| object.3);
        let wanted = if target == "cpumask" { "bpf_cpumask" } else { target };
        match kept(wanted) {
            Some(off) => format!("@ = *(u64 *)(r10 {off})"),
            None if name.ends_with("__map") || target == "bpf_map" => "@ = map_idx[0]".into(),
            None => "@ = r10\n@ += -32".into(),
        }
    }

    /// The program: everything acquired, the call, everything released.
    fn program(&self, btf: &Btf, arguments: &[String], in_rcu: bool) -> String {
        let mut text =
            String::from("r6 = r1\n*(u64 *)(r10 - 8) = 7\n*(u64 *)(r10 - 16) = 7\n*(u64 *)(r10 - 24) = 7\n");
        text.push_str("*(u64 *)(r10 - 32) = 0\nr1 = map_idx[0]\nr2 = r10\nr2 += -32\n");
        text.push_str("*(u64 *)(r10 - 40) = 0\ncall 1\n*(u64 *)(r10 - 96) = r0\n");
        let used: Vec<_> = OBJECTS
            .iter()
            .filter(|object| {
                arguments.iter().any(|text| {
                    text.contains(&format!("(r10 {})", object.3))
                        || text.contains(&format!("(r10 - {})", -object.3))
                })
            })
            .collect();
        for (index, (_, new, _, off)) in used.iter().enumerate() {
            let _ =
                writeln!(text, "r1 = 1\ncall {new}\nif r0 == 0 goto out{index}\n*(u64 *)(r10 {off}) = r0");
        }
        if in_rcu {
            text.push_str("call bpf_rcu_read_lock\n");
        }
        for (index, argument) in arguments.iter().enumerate() {
            let _ = writeln!(text, "{}", argument.replace('@', &format!("r{}", index + 1)));
        }
        let _ = writeln!(text, "call {}", self.name);
        if self.known.has(Flag::Acquire) {
            let result = Self::pointee(btf, self.result);
            if let Some(object) = OBJECTS.iter().find(|object| object.0 == result) {
                let _ = writeln!(text, "if r0 == 0 goto free\nr1 = r0\ncall {}\nfree:", object.2);
            } else if matches!(result, "nf_conn" | "nf_conn___init") {
                text.push_str("if r0 == 0 goto free\nr1 = r0\ncall bpf_ct_release\nfree:\n");
            }
        }
        if in_rcu {
            text.push_str("call bpf_rcu_read_unlock\n");
        }
        let first = arguments.first().map_or("", String::as_str);
        for (index, (_, _, release, off)) in used.iter().enumerate().rev() {
            let consumed = self.known.has(Flag::Release) && first.contains(&format!("{}", -off));
            if !consumed {
                let _ = writeln!(text, "r1 = *(u64 *)(r10 {off})\ncall {release}");
            }
            let _ = writeln!(text, "out{index}:");
        }
        text.push_str("r0 = 0\nexit\n");
        text
    }
}

fn input(btf: &Arc<Btf>, program: ProgramType, name: String, text: &str) -> Input {
    let insns = assemble_with(text, &Functions(Arc::clone(btf)))
        .unwrap_or_else(|error| panic!("{name}: {error}\n{text}"))
        .slots;
    let mut input = Input::new(program, insns);
    input.name = name;
    input.maps = vec![MapInfo::new(MapType::Array, 4, 16, 1)];
    input.kernel_btf = Some(Arc::clone(btf));
    input.attach_type = match program {
        ProgramType::CgroupSockAddr => Some(AttachType::CgroupUnixConnect),
        ProgramType::Netfilter => Some(AttachType::Netfilter),
        ProgramType::CgroupSockopt => Some(AttachType::CgroupSetsockopt),
        ProgramType::CgroupSock => Some(AttachType::CgroupInetSockCreate),
        _ => None,
    };
    if program == ProgramType::Syscall {
        input.flags = 16;
    }
    input
}

#[test]
fn every_kernel_function_and_every_deviation() {
    if !live("every_kernel_function_and_every_deviation") {
        return;
    }
    let Ok(btf) = Btf::running().map(Arc::new) else {
        eprintln!("SKIPPED every_kernel_function_and_every_deviation: no BTF");
        return;
    };
    use ProgramType as P;
    let show = std::env::var("SKEP_SHOW").ok();
    let candidates = [P::Syscall, P::Xdp, P::SchedCls, P::CgroupSockAddr, P::SockOps, P::Tracepoint];
    let mut agreement = Agreement::default();
    for set in kfunc::KNOWN {
        let programs = candidates.into_iter().filter(|&program| set.allows(program)).take(2);
        for program in programs {
            for known in set.functions {
                if show.as_ref().is_some_and(|show| !known.name.contains(show.as_str())) {
                    continue;
                }
                let Some(function) = Function::of(&btf, known) else { continue };
                let good: Vec<String> =
                    (0..function.params.len()).map(|i| function.good(&btf, i, program)).collect();
                let mut calls = vec![("good".to_owned(), good.clone())];
                for index in 0..good.len() {
                    for (what, text) in DEVIATIONS {
                        let mut arguments = good.clone();
                        arguments[index] = (*text).to_owned();
                        calls.push((format!("r{} {what}", index + 1), arguments));
                    }
                }
                for (what, arguments) in calls {
                    for in_rcu in [false, true] {
                        if in_rcu && program == P::Xdp {
                            continue;
                        }
                        let text = function.program(&btf, &arguments, in_rcu);
                        let name = format!("{} in {}: {what}, rcu {in_rcu}", known.name, program.name());
                        let input = input(&btf, program, name, &text);
                        if show.is_some() && what == "good" {
                            eprintln!(
                                "{}: {:?}\nours {}",
                                input.name,
                                common::kernel(&input),
                                skep_verifier::verify(&input).verdict
                            );
                        }
                        agreement.add(&input);
                    }
                }
            }
        }
    }
    agreement.print("kernel functions with every deviation");
    assert_eq!((agreement.only_we_accept, agreement.only_kernel_accepts), (0, 0));
}

/// An array whose value is a lock and a number.
fn locked_array() -> MapInfo {
    let mut types = skep_btf::Builder::new();
    let int = types.int("int", 4, skep_btf::IntEncoding::SIGNED);
    let lock = types.structure("bpf_spin_lock", 4, &[("val", int, 0)]);
    let value = types.structure("value", 8, &[("lock", lock, 0), ("number", int, 32)]);
    let btf = Btf::parse(&types.build()).unwrap();
    MapInfo {
        btf: Some(Arc::new(btf)),
        key_type: int,
        value_type: value,
        ..MapInfo::new(MapType::Array, 4, 8, 1)
    }
}

#[test]
fn what_may_be_called_under_a_lock() {
    if !live("what_may_be_called_under_a_lock") {
        return;
    }
    let Ok(btf) = Btf::running().map(Arc::new) else {
        eprintln!("SKIPPED what_may_be_called_under_a_lock: no BTF");
        return;
    };
    use ProgramType as P;
    let mut wrong = Vec::new();
    for set in kfunc::KNOWN {
        let candidates = [P::Xdp, P::SchedCls, P::Syscall, P::CgroupSockAddr, P::SockOps];
        let Some(program) = candidates.into_iter().find(|&program| set.allows(program)) else { continue };
        // Those of a device are refused before anything is walked.
        let walked = |known: &&kfunc::Known| {
            btf.find_func(known.name).is_some() && !known.name.starts_with("bpf_xdp_metadata")
        };
        for known in set.functions.iter().filter(walked) {
            let text = format!(
                "r1 = map_idx_value[0]\ncall 93\nr1 = 0\nr2 = 0\nr3 = 0\nr4 = 0\nr5 = 0\ncall {}\nr1 = map_idx_value[0]\ncall 94\nr0 = 0\nexit\n",
                known.name
            );
            let mut input = input(&btf, program, known.name.to_owned(), &text);
            input.maps = vec![locked_array()];
            let Some(kernel) = common::kernel(&input) else { continue };
            let kernel_refuses = kernel.is_err_and(|log| log.contains("function calls are not allowed"));
            let ours = skep_verifier::verify(&input).verdict.to_string();
            if kernel_refuses != ours.contains("is called while a lock is held") {
                wrong.push(format!("{}: kernel refuses {kernel_refuses}, ours: {ours}", known.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
