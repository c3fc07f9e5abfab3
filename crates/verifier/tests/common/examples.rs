//! The catalogue's programs as inputs.
//!
//! A program is assembly; comment lines before it say what is around it: `; type xdp`, `; attach NAME`, `; license TEXT`,
//! `; flags N`, `; unprivileged`, `; map TYPE KEY VALUE ENTRIES [FLAGS]`, `; lock` (the last map's values begin with a spin lock),
//! `; functions SIGNATURES` (see `with_types`).

use std::sync::Arc;

use skep_btf::Btf;
use skep_isa::Call;
use skep_isa::text::{Names, assemble_with};
use skep_platform::{AttachType, MapFlags, MapType, ProgramType, helper};
use skep_verifier::{Code, Input, MapInfo};

use super::types::{with_lock, with_types};

/// Names in calls: helpers, else kernel functions of the running kernel.
struct Functions(Option<Arc<Btf>>);

impl Names for Functions {
    fn call(&self, name: &str) -> Option<Call> {
        if let Some(helper) = helper::by_name(name) {
            return Some(Call::Helper(helper.id as i32));
        }
        let id = self.0.as_ref()?.find_func(name)?;
        Some(Call::Kfunc { id: id.0 as i32, module: 0 })
    }
}

/// A program of the catalogue.
pub(crate) struct Example {
    pub(crate) code: Code,
    /// Whether it is the repair.
    pub(crate) accepted: bool,
    pub(crate) text: String,
    /// What is said of it, if it is rejected.
    pub(crate) diagnostic: Option<String>,
}

/// The programs of the catalogue: for every code a rejected one and its repair.
pub(crate) fn examples() -> Vec<Example> {
    let mut examples = Vec::new();
    for &code in Code::ALL {
        for (heading, accepted) in [("### Rejected", false), ("### Accepted", true)] {
            let Some((_, rest)) = code.text().split_once(heading) else {
                panic!("{code} has no program under `{heading}` in crates/verifier/catalogue");
            };
            let (_, rest) = rest.split_once("```asm\n").expect("a heading is followed by a program");
            let (text, rest) = rest.split_once("```").expect("a block ends");
            let own = rest.split("###").next().unwrap_or_default();
            let diagnostic =
                own.split_once("```text\n").and_then(|(_, rest)| Some(rest.split_once("```")?.0.to_owned()));
            examples.push(Example { code, accepted, text: text.to_owned(), diagnostic });
        }
    }
    examples
}

/// The input that a text describes; `None` when it needs a kernel function and there is no kernel to ask.
pub(crate) fn input(text: &str, kernel: Option<&Arc<Btf>>) -> Option<Input> {
    let insns = match assemble_with(text, &Functions(kernel.cloned())) {
        Ok(assembly) => assembly.slots,
        Err(_) if kernel.is_none() => return None,
        Err(error) => panic!("{error}\n{text}"),
    };
    let mut input = Input::new(ProgramType::SocketFilter, insns);
    input.kernel_btf = kernel.cloned();
    for line in text.lines().filter_map(|line| line.strip_prefix("; ")) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let number = |index: usize| match words.get(index) {
            Some(word) => match word.strip_prefix("0x") {
                Some(digits) => u32::from_str_radix(digits, 16).expect("a number"),
                None => word.parse().expect("a number"),
            },
            None => 0,
        };
        match words[0] {
            "type" => input.program_type = ProgramType::from_name(words[1]).expect("a program type"),
            "attach" => input.attach_type = Some(AttachType::from_name(words[1]).expect("an attach type")),
            "license" => input.license = line["license ".len()..].to_owned(),
            "flags" => input.flags = number(1),
            "unprivileged" => input.unprivileged = true,
            "functions" => with_types(&mut input, words[1]),
            "lock" => with_lock(input.maps.last_mut().expect("a map before its lock")),
            "map" => {
                let map_type = MapType::from_name(words[1]).expect("a map type");
                let mut map = MapInfo::new(map_type, number(2), number(3), number(4));
                map.flags = MapFlags(number(5));
                input.maps.push(map);
            }
            _ => {} // a remark
        }
    }
    Some(input)
}
