//! Golden tests: programs in text, with what they come to in the same file.
//!
//! A file holds cases. `== name` begins one; `@` lines before the program set the scene; `=>` ends it with the result
//! that is expected: a value, `load:` and why it is not loaded, or the fault. `SKEP_BLESS=1 cargo test -p skep-vm --test golden`
//! writes down what the programs come to now; read the difference before committing it.
//!
//! | line | meaning |
//! |---|---|
//! | `@ map NAME TYPE KEY VALUE ENTRIES [FIELD@OFFSET …] [FLAG …]` | the next map, with special fields |
//! | `@ memory 01 02 …` | bytes that r1 points to; r2 is their number |
//! | `@ context` | r1 is a context with the fields `id` (0, read), `mark` (4, write), `text` (8, pointer and length) |
//! | `@ strict` | uninitialised stack is a fault |
//! | `@ trace` | the result shows the trace lines too |
//! | `@ budget N` | instructions the run may spend |

use std::fmt::Write;
use std::path::Path;

use skep_isa::text::{Names, assemble_with};
use skep_isa::{Call, Insn, decode};
use skep_maps::{FieldKind, Map, MapSpec, SpecialField};
use skep_platform::{MapFlags, MapType, helper};
use skep_vm::hook::Bytes;
use skep_vm::{Context, Hook, Memory, Options, Program, ProgramSpec, Runtime, Strictness};

skep_vm::hook_context! {
    struct Sample<'a> {
        read id: u32,
        write mark: u32,
        read text: Bytes<'a>,
    }
}

/// Kernel functions get numbers in the order of their first use; helpers have theirs.
struct Known(std::cell::RefCell<Vec<String>>);

impl Names for Known {
    fn call(&self, name: &str) -> Option<Call> {
        if let Some(helper) = helper::by_name(name).filter(|_| !name.starts_with("bpf_")) {
            return Some(Call::Helper(helper.id as i32));
        }
        let mut kfuncs = self.0.borrow_mut();
        let index = kfuncs.iter().position(|k| k == name).unwrap_or_else(|| {
            kfuncs.push(name.to_owned());
            kfuncs.len() - 1
        });
        Some(Call::Kfunc { id: index as i32 + 1, module: 0 })
    }
}

#[derive(Default)]
struct Case {
    maps: Vec<Map>,
    memory: Vec<u8>,
    context: bool,
    trace: bool,
    options: Options,
    text: String,
}

fn map(words: &[&str]) -> Map {
    let number = |n: usize| words[n].parse::<u32>().unwrap_or_else(|_| panic!("number in {words:?}"));
    let map_type = MapType::ALL.iter().find(|t| t.name() == words[1]);
    let map_type = *map_type.unwrap_or_else(|| panic!("no map type {}", words[1]));
    let mut spec = MapSpec::new(map_type, number(2), number(3), number(4)).named(words[0]);
    for word in &words[5..] {
        let kind = match word.split_once('@') {
            Some((name, at)) => (name, at.parse::<u32>().expect("offset")),
            None => {
                spec = spec.with_flags(match *word {
                    "rdonly_prog" => MapFlags::RDONLY_PROG,
                    "wronly_prog" => MapFlags::WRONLY_PROG,
                    "no_prealloc" => MapFlags::NO_PREALLOC,
                    "mmapable" => MapFlags::MMAPABLE,
                    other => panic!("no flag {other}"),
                });
                continue;
            }
        };
        let field = match kind.0 {
            "spin_lock" => FieldKind::SpinLock,
            "res_spin_lock" => FieldKind::ResSpinLock,
            "timer" => FieldKind::Timer,
            "wq" => FieldKind::Workqueue,
            "kptr" => FieldKind::KptrRef,
            other => panic!("no field {other}"),
        };
        spec.fields.push(SpecialField { offset: kind.1, kind: field, type_id: 0 });
    }
    Map::create(spec).unwrap_or_else(|e| panic!("{e}"))
}

fn parse(lines: &[&str]) -> Case {
    let mut case = Case::default();
    for line in lines {
        let Some(scene) = line.strip_prefix('@') else {
            case.text.push_str(line);
            case.text.push('\n');
            continue;
        };
        let words: Vec<&str> = scene.split_whitespace().collect();
        match words[0] {
            "map" => case.maps.push(map(&words[1..])),
            "memory" => {
                case.memory = words[1..].iter().map(|w| u8::from_str_radix(w, 16).expect("byte")).collect();
            }
            "context" => case.context = true,
            "strict" => case.options.strictness = Strictness::Strict,
            "trace" => case.trace = true,
            "budget" => case.options.budget = words[1].parse().expect("budget"),
            other => panic!("no directive {other}"),
        }
    }
    case
}

fn result(name: &str, mut case: Case) -> String {
    let known = Known(Vec::new().into());
    let assembly = assemble_with(&case.text, &known).unwrap_or_else(|e| panic!("{name}: {e}"));
    let names = known.0.into_inner();
    let hook = if case.context { Hook::new::<Sample>("sample").returns(0..=9) } else { Hook::memory() };
    let mut spec = ProgramSpec::new(name, hook, assembly.slots);
    for at in 0..spec.insns.len() {
        if let Ok(Insn::Call(Call::Kfunc { id, .. })) = decode(&spec.insns, at) {
            spec.kfuncs.push((at, names[id as usize - 1].clone()));
        }
    }
    spec.name = "main".to_owned();
    spec.maps = std::mem::take(&mut case.maps);
    spec.runtime = Runtime::new(case.options.clone());
    let runtime = spec.runtime.clone();
    let program = match Program::unproved(spec) {
        Ok(program) => program,
        Err(e) => return format!("load: {e}"),
    };
    let mut sample = Sample { id: 7, mark: 0, text: "straw".into() };
    let mut memory = Memory::new(&mut case.memory);
    let context: &mut dyn Context = if case.context { &mut sample } else { &mut memory };
    let mut text = match program.run(context) {
        Ok(outcome) => format!("{:#x}", outcome.value),
        Err(fault) => format!("{}: {fault}", fault.kind.name()),
    };
    if case.context && sample.mark != 0 {
        let _ = write!(text, ", mark {}", sample.mark);
    }
    if case.trace {
        for line in runtime.take_trace() {
            let _ = write!(text, " | {line}");
        }
    }
    text
}

#[test]
fn golden() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let bless = std::env::var_os("SKEP_BLESS").is_some();
    let mut files: Vec<_> =
        std::fs::read_dir(&folder).expect("folder").map(|e| e.expect("entry").path()).collect();
    files.sort();
    let (mut cases, mut wrong) = (0, Vec::new());
    for file in files {
        let old = std::fs::read_to_string(&file).expect("readable");
        let (mut new, mut name, mut lines) = (String::new(), "", Vec::new());
        for line in old.lines() {
            let Some(expected) = line.strip_prefix("=>") else {
                match line.strip_prefix("== ") {
                    Some(title) => (name, lines) = (title, Vec::new()),
                    None if !name.is_empty() => lines.push(line),
                    None => {}
                }
                let _ = writeln!(new, "{line}");
                continue;
            };
            let found = result(name, parse(&lines));
            cases += 1;
            if expected.trim() != found {
                wrong.push(format!(
                    "{}: {name}\n  expected {}\n  found    {found}",
                    file.display(),
                    expected.trim()
                ));
            }
            let _ = writeln!(new, "=> {found}");
            name = "";
        }
        if bless && new != old {
            std::fs::write(&file, new).expect("writable");
        }
    }
    assert!(cases > 0, "no cases");
    assert!(bless || wrong.is_empty(), "{} of {cases} cases differ:\n{}", wrong.len(), wrong.join("\n"));
}
