//! The catalogue's programs: what it says is rejected is rejected with that code, and its repair is accepted, by the
//! verifier and by the live kernel.
//!
//! A program is assembly; comment lines before it say what is around it: `; type xdp`, `; attach NAME`, `; license TEXT`,
//! `; flags N`, `; unprivileged`, `; map TYPE KEY VALUE ENTRIES [FLAGS]`.

use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;

use skep_btf::Btf;
use skep_isa::text::{Names, assemble_with};
use skep_isa::{Call, RawInsn};
use skep_linux::{LoadRequest, MapRequest, live_bpf, map_create, prog_load};
use skep_platform::{AttachType, MapFlags, MapType, ProgramType, helper};
use skep_verifier::{Code, Input, MapInfo, Verdict, verify};

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
struct Example {
    code: Code,
    accepted: bool,
    text: String,
}

fn examples() -> Vec<Example> {
    let mut examples = Vec::new();
    for &code in Code::ALL {
        for (heading, accepted) in [("### Rejected", false), ("### Accepted", true)] {
            let Some((_, rest)) = code.text().split_once(heading) else { continue };
            let (_, rest) = rest.split_once("```asm\n").expect("a heading is followed by a program");
            let (text, _) = rest.split_once("```").expect("a block ends");
            examples.push(Example { code, accepted, text: text.to_owned() });
        }
    }
    assert!(examples.len() >= 70, "{} programs in the catalogue", examples.len());
    examples
}

/// The input that a text describes; `None` when it needs a kernel function and there is no kernel to ask.
fn input(text: &str, kernel: Option<&Arc<Btf>>) -> Option<Input> {
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

#[test]
fn the_verifier_says_what_the_catalogue_says() {
    let kernel = Btf::running().ok().map(Arc::new);
    let (mut wrong, mut undecided, mut right) = (Vec::new(), 0, 0);
    for example in examples() {
        let Some(input) = input(&example.text, kernel.as_ref()) else { continue };
        let verdict = verify(&input).verdict;
        let agrees = match &verdict {
            Verdict::Verified(_) => example.accepted,
            Verdict::Rejected(rejection) => !example.accepted && rejection.code == example.code,
            Verdict::Unsupported(what) => {
                undecided += 1;
                eprintln!("UNSUPPORTED {} accepted={}: {what}", example.code, example.accepted);
                continue;
            }
        };
        right += u32::from(agrees);
        if !agrees {
            let expected = if example.accepted { "accept" } else { "reject" };
            wrong.push(format!("{}: expected {expected}, found {verdict}", example.code));
        }
    }
    eprintln!("catalogue: {right} programs as it says, {} not, {undecided} unsupported", wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_kernel_says_what_the_catalogue_says() {
    if let Err(why) = live_bpf() {
        eprintln!("SKIPPED the_kernel_says_what_the_catalogue_says: {why}");
        return;
    }
    let kernel = Btf::running().ok().map(Arc::new);
    let (mut wrong, mut asked) = (Vec::new(), 0);
    for example in examples() {
        let input = input(&example.text, kernel.as_ref()).expect("there is a kernel");
        // Whoever may ask at all is privileged, and the kernel judges by that.
        if input.unprivileged {
            continue;
        }
        asked += 1;
        let answer = load(&input);
        if answer.is_ok() != example.accepted {
            let answer = answer.err().unwrap_or_else(|| "accepted".to_owned());
            wrong.push(format!("{} accepted={}: the kernel says: {answer}", example.code, example.accepted));
        }
    }
    eprintln!("catalogue: the kernel was asked about {asked} programs, {} answers differ", wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn load(input: &Input) -> Result<OwnedFd, String> {
    let maps: Vec<OwnedFd> = input.maps.iter().map(create).collect();
    let insns = with_maps(&input.insns, &maps);
    let mut request = LoadRequest::new(input.program_type, &insns);
    request.attach = input.attach_type;
    request.license = &input.license;
    request.flags = input.flags;
    prog_load(&request).map_err(|refused| refused.to_string())
}

fn create(map: &MapInfo) -> OwnedFd {
    let mut request = MapRequest::new(map.map_type, map.key_size, map.value_size, map.max_entries);
    request.flags = map.flags;
    map_create(&request).expect("the catalogue's maps can be made")
}

/// File descriptors in the place of indices.
fn with_maps(insns: &[RawInsn], maps: &[OwnedFd]) -> Vec<RawInsn> {
    let mut insns = insns.to_vec();
    for slot in insns.iter_mut().filter(|slot| slot.code == 0x18 && slot.src == 5) {
        (slot.src, slot.imm) = (1, maps[slot.imm as usize].as_raw_fd());
    }
    insns
}
