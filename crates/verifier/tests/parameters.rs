//! Global functions by their signatures: every sort of parameter with every sort of argument, and what the function may do with it, against
//! the live kernel.

mod common;

use std::sync::Arc;

use common::{Agreement, live, maps};
use skep_btf::Btf;
use skep_platform::ProgramType;
use skep_verifier::Input;

/// Sorts of parameters, in the words of [`common::with_types`].
const PARAMETERS: [&str; 45] = [
    "num",
    "mem",
    "mem+nonnull",
    "mem+nullable",
    "void",
    "void+nonnull",
    "void+ctx",
    "void+untrusted",
    "void+arena",
    "void+trusted",
    "long",
    "long+untrusted",
    "long+ctx",
    "forward",
    "empty",
    "empty+nonnull",
    "pointer",
    "pointer+untrusted",
    "bpf_dynptr",
    "bpf_dynptr+nonnull",
    "__sk_buff",
    "__sk_buff+ctx",
    "__sk_buff+nonnull",
    "sk_buff",
    "sk_buff+ctx",
    "sk_buff+trusted",
    "pt_regs",
    "pt_regs+ctx",
    "task_struct",
    "task_struct+trusted",
    "task_struct+trusted+nullable",
    "task_struct+trusted+nonnull",
    "task_struct+untrusted",
    "task_struct+untrusted+nullable",
    "task_struct+nullable",
    "no_such_struct",
    "no_such_struct+trusted",
    "no_such_struct+untrusted",
    "num+nonnull",
    "num+ctx",
    "mem+bogus",
    "mem+arena",
    "mem+ctx",
    "value",
    "xdp_buff",
];

/// Arguments: what leaves them in r1, where r6 is the context.
const ARGUMENTS: [(&str, &str); 19] = [
    ("0", "r1 = 0"),
    ("1", "r1 = 1"),
    ("context", "r1 = r6"),
    ("context + 8", "r1 = r6\nr1 += 8"),
    ("stack", "r1 = r10\nr1 += -16"),
    ("frame pointer", "r1 = r10"),
    ("stack short", "r1 = r10\nr1 += -4"),
    ("value", "r1 = map_idx[1]\nr2 = r10\nr2 += -16\ncall 1\nif r0 == 0 goto out\nr1 = r0"),
    ("nullable value", "r1 = map_idx[1]\nr2 = r10\nr2 += -16\ncall 1\nr1 = r0"),
    ("value + 40", "r1 = map_idx[1]\nr2 = r10\nr2 += -16\ncall 1\nif r0 == 0 goto out\nr1 = r0\nr1 += 40"),
    ("map", "r1 = map_idx[0]"),
    ("function", "r1 = func[f]"),
    ("packet", "r1 = *(u32 *)(r6 + 76)\nr2 = *(u32 *)(r6 + 80)\nr3 = r1\nr3 += 16\nif r3 > r2 goto out"),
    ("packet unchecked", "r1 = *(u32 *)(r6 + 76)"),
    ("read-only value", "r1 = map_idx_value[4] + 0"),
    ("socket", "r1 = *(u64 *)(r6 + 168)\nif r1 == 0 goto out"),
    ("dynptr", "r2 = 0\nr1 = r6\nr3 = r10\nr3 += -32\ncall %bpf_dynptr_from_skb\nr1 = r10\nr1 += -32"),
    ("task", "call 158\nr1 = r0"),
    ("unowned task", "r1 = 1\ncall %bpf_task_from_pid\nr7 = r0\nr1 = r0"),
];

/// What the function does with its parameter.
const BODIES: [(&str, &str); 9] = [
    ("read", "r0 = *(u64 *)(r1 + 0)"),
    ("read, checked", "if r1 == 0 goto o2\nr0 = *(u64 *)(r1 + 0)"),
    ("read too far", "if r1 == 0 goto o2\nr0 = *(u64 *)(r1 + 16)"),
    ("written", "if r1 == 0 goto o2\n*(u64 *)(r1 + 0) = 1"),
    ("returned", "r0 = r1\nexit"),
    ("size of a dynptr", "call %bpf_dynptr_size"),
    ("arithmetic", "r1 += 1\nr1 *= 3"),
    ("an object's field", "if r1 == 0 goto o2\nr0 = *(u32 *)(r1 + 100)"),
    ("acquired", "call %bpf_task_acquire\nif r0 == 0 goto o2\nr1 = r0\ncall %bpf_task_release"),
];

fn input(btf: &Arc<Btf>, name: String, parameter: &str, text: &str) -> Input {
    let mut whole = String::new();
    for word in text.split_inclusive(char::is_whitespace) {
        match word.strip_prefix('%').and_then(|function| btf.find_func(function.trim_end())) {
            Some(id) => whole.push_str(&format!("kfunc[{}]\n", id.0)),
            None => whole.push_str(word),
        }
    }
    let insns = skep_isa::text::assemble(&whole).unwrap_or_else(|error| panic!("{name}: {error}"));
    let mut input = Input::new(ProgramType::SchedCls, insns);
    input.maps = maps();
    common::with_types(&mut input, &format!("g:{parameter}"));
    input.kernel_btf = Some(Arc::clone(btf));
    input.name = name;
    input
}

#[test]
fn parameters_and_arguments() {
    const TEST: &str = "parameters_and_arguments";
    if !live(TEST) {
        return;
    }
    let Ok(btf) = Btf::running().map(Arc::new) else {
        eprintln!("SKIPPED {TEST}: no BTF");
        return;
    };
    let mut agreement = Agreement::default();
    for parameter in PARAMETERS {
        for (argument, code) in ARGUMENTS {
            let tasks = argument.contains("task");
            // Linux lets a function write through a parameter that its caller may fill with an object it must not write.
            let hole = tasks && parameter == "task_struct";
            if hole || (tasks && !parameter.contains("task") && parameter != "num") {
                continue;
            }
            let text = format!(
                "r6 = r1\n*(u64 *)(r10 - 16) = 0\n{code}\ncall f\nout: r0 = 0\nexit\nf: r0 = 0\nexit\n"
            );
            agreement.add(&input(&btf, format!("{parameter} given {argument}"), parameter, &text));
        }
        for (what, code) in BODIES {
            let text = format!("r1 = 0\ncall f\nr0 = 0\nexit\nf: {code}\no2: r0 = 0\nexit\n");
            agreement.add(&input(&btf, format!("{parameter} {what}"), parameter, &text));
        }
    }
    agreement.print("parameters and arguments");
    assert_eq!((agreement.only_we_accept, agreement.only_kernel_accepts), (0, 0));
}
