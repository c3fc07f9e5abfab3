//! The live kernel's verdict on an input.

#![allow(dead_code, clippy::unwrap_used)] // Each test file uses a part; a test may panic.

pub(crate) mod examples;
mod types;

use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use skep_isa::RawInsn;
use skep_linux::{LoadRefused, LoadRequest, MapRequest, btf_load, live_bpf, map_create, prog_load};
use skep_platform::{AttachType, MapFlags, MapType, ProgramType};
use skep_verifier::{Input, MapInfo, Verdict, verify};

pub(crate) use types::with_types;

/// Whether the kernel can be asked; prints why not.
pub(crate) fn live(test: &str) -> bool {
    match live_bpf() {
        Ok(_) => true,
        Err(why) => {
            eprintln!("SKIPPED {test}: {why}");
            false
        }
    }
}

/// The kernel's verdict: accepted, or the reason in its words. `None` where it is policy or cannot be asked.
pub(crate) fn kernel(input: &Input) -> Option<Result<(), String>> {
    match ask(input, 0)? {
        Ok(()) => Some(Ok(())),
        Err(refused) => Some(Err(format!("{refused}\n{}", tail(&refused.log)))),
    }
}

/// What the kernel says of a program, with a log of this level if it refuses it. `None` as for [`kernel`].
pub(crate) fn ask(input: &Input, log_level: u32) -> Option<Result<(), LoadRefused>> {
    let mut types = Types::default();
    let maps: Vec<OwnedFd> = input.maps.iter().map(|map| create(map, &mut types)).collect::<Option<_>>()?;
    let mut insns = input.insns.clone();
    let mut slot = 0;
    while slot < insns.len() {
        let RawInsn { code, src, imm, .. } = insns[slot];
        if code == 0x18 {
            if let (1 | 2 | 5 | 6, Some(fd)) = (src, maps.get(imm as usize)) {
                insns[slot].imm = fd.as_raw_fd();
                insns[slot].src = if matches!(src, 1 | 5) { 1 } else { 2 };
            }
            slot += 1;
        }
        slot += 1;
    }
    let btf = match &input.btf {
        Some(btf) => Some(types.load(btf)?),
        None => None,
    };
    let records = input.functions.iter().flat_map(|info| [info.start as u32, info.type_id.0]);
    let func_info: Vec<u8> = records.flat_map(u32::to_le_bytes).collect();
    let request = LoadRequest {
        btf: btf.as_ref().map(|fd| fd.as_fd()),
        func_info: &func_info,
        attach: input.attach_type,
        license: &input.license,
        flags: input.flags,
        log_level,
        attach_btf_id: target(input),
        ..LoadRequest::new(input.program_type, &insns)
    };
    match prog_load(&request) {
        Ok(_) => Some(Ok(())),
        Err(refused) if refused.is_policy() => None,
        Err(refused) => Some(Err(refused)),
    }
}

/// The BTF id of what the program is for; 0 for types that name nothing.
fn target(input: &Input) -> u32 {
    use skep_btf::Kind;
    let (Some(btf), Some(name)) = (&input.kernel_btf, &input.attach_target) else { return 0 };
    let found = match (input.program_type, input.attach_type) {
        (ProgramType::Tracing, Some(AttachType::TraceRawTp)) => {
            btf.find(&format!("btf_trace_{name}"), Kind::Typedef)
        }
        (ProgramType::Tracing, Some(AttachType::TraceIter)) => btf.find_func(&format!("bpf_iter_{name}")),
        (ProgramType::Lsm, _) => btf.find_func(&format!("bpf_lsm_{name}")),
        (ProgramType::StructOps, _) => btf.find(name, Kind::Struct),
        _ => btf.find_func(name),
    };
    found.map_or(0, |id| id.0)
}

/// The running kernel's types.
pub(crate) fn kernel_btf() -> Option<std::sync::Arc<skep_btf::Btf>> {
    let bytes = std::fs::read("/sys/kernel/btf/vmlinux").ok()?;
    skep_btf::Btf::parse(&bytes).ok().map(std::sync::Arc::new)
}

fn tail(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(14)..].join("\n")
}

/// Types that were handed to the kernel, so that programs and maps which share them share them there too.
#[derive(Default)]
pub(crate) struct Types(Vec<(std::sync::Arc<skep_btf::Btf>, std::sync::Arc<OwnedFd>)>);

impl Types {
    fn load(&mut self, btf: &std::sync::Arc<skep_btf::Btf>) -> Option<std::sync::Arc<OwnedFd>> {
        if let Some((_, fd)) = self.0.iter().find(|(known, _)| std::sync::Arc::ptr_eq(known, btf)) {
            return Some(fd.clone());
        }
        let fd = std::sync::Arc::new(btf_load(&btf.to_bytes()).ok()?);
        self.0.push((btf.clone(), fd.clone()));
        Some(fd)
    }
}

pub(crate) fn create(map: &MapInfo, types: &mut Types) -> Option<OwnedFd> {
    let inner = match &map.inner {
        Some(inner) => Some(create(inner, types)?),
        None => None,
    };
    let btf = match &map.btf {
        Some(btf) if map.value_type.0 != 0 => Some(types.load(btf)?),
        _ => None,
    };
    let request = MapRequest {
        flags: map.flags,
        extra: map.extra,
        btf: btf.as_ref().map(|fd| (fd.as_fd(), map.key_type.0, map.value_type.0)),
        inner: inner.as_ref().map(|fd| fd.as_fd()),
        ..MapRequest::new(map.map_type, map.key_size, map.value_size, map.max_entries)
    };
    map_create(&request).ok()
}

/// How often both said the same.
#[derive(Default, Debug)]
pub(crate) struct Agreement {
    pub(crate) both_accept: usize,
    pub(crate) both_reject: usize,
    pub(crate) only_we_accept: usize,
    pub(crate) only_kernel_accepts: usize,
    pub(crate) unsupported: usize,
    pub(crate) examples: Vec<String>,
    /// What is not modelled, and how often it was met.
    pub(crate) reasons: std::collections::BTreeMap<String, usize>,
}

impl Agreement {
    pub(crate) fn total(&self) -> usize {
        self.both_accept
            + self.both_reject
            + self.only_we_accept
            + self.only_kernel_accepts
            + self.unsupported
    }

    pub(crate) fn add(&mut self, input: &Input) {
        let Some(kernel) = kernel(input) else { return };
        let ours = verify(input).verdict;
        let mut disagree = |what: &str| {
            if self.examples.len() < 40 {
                let text: Vec<String> = listing(&input.insns);
                let reason = kernel.as_ref().err().cloned().unwrap_or_default();
                self.examples.push(format!(
                    "{}: {what}: {ours}\nkernel: {reason}\n{}",
                    input.name,
                    text.join("\n")
                ));
            }
        };
        match (&ours, &kernel) {
            (Verdict::Unsupported(what), _) => {
                self.unsupported += 1;
                *self.reasons.entry(what.reason.clone()).or_default() += 1;
            }
            (Verdict::Verified(_), Ok(())) => self.both_accept += 1,
            (Verdict::Rejected(_), Err(_)) => self.both_reject += 1,
            (Verdict::Verified(_), Err(_)) => {
                disagree("only we accept");
                self.only_we_accept += 1;
            }
            (Verdict::Rejected(_), Ok(())) => {
                disagree("only the kernel accepts");
                self.only_kernel_accepts += 1;
            }
        }
    }

    pub(crate) fn print(&self, what: &str) {
        let agree = self.both_accept + self.both_reject;
        let answered = self.total() - self.unsupported;
        eprintln!(
            "{what}: {agree} of {answered} agree ({} accepted, {} rejected), only we accept {}, only the kernel {}, unsupported {}",
            self.both_accept,
            self.both_reject,
            self.only_we_accept,
            self.only_kernel_accepts,
            self.unsupported
        );
        for (reason, count) in &self.reasons {
            eprintln!("  unsupported {count}: {reason}");
        }
        for example in &self.examples {
            eprintln!("---- {example}");
        }
    }
}

pub(crate) fn listing(insns: &[RawInsn]) -> Vec<String> {
    let mut lines = Vec::new();
    let mut at = 0;
    while at < insns.len() {
        match skep_isa::decode(insns, at) {
            Ok(insn) => {
                lines.push(format!("{at}: {insn}"));
                at += insn.slots();
            }
            Err(error) => {
                lines.push(format!("{at}: {error}"));
                at += 1;
            }
        }
    }
    lines
}

/// The usual maps of tests: 0 an array of 64 bytes, 1 a hash of 8-byte keys, 2 a ring buffer, 3 a program array, 4 a read-only array,
/// 5 an array of arrays, 6 a user ring buffer.
pub(crate) fn maps() -> Vec<MapInfo> {
    vec![
        MapInfo::new(MapType::Array, 4, 64, 4),
        MapInfo::new(MapType::Hash, 8, 48, 16),
        MapInfo::new(MapType::Ringbuf, 0, 0, 4096),
        MapInfo::new(MapType::ProgArray, 4, 4, 4),
        MapInfo { flags: MapFlags::RDONLY_PROG, ..MapInfo::new(MapType::Array, 4, 16, 1) },
        MapInfo {
            inner: Some(Box::new(MapInfo::new(MapType::Array, 4, 32, 2))),
            ..MapInfo::new(MapType::ArrayOfMaps, 4, 4, 4)
        },
        MapInfo::new(MapType::UserRingbuf, 0, 0, 4096),
    ]
}

/// The small programs of `programs.txt`: `== TYPE[@SIGNATURES] NAME`, then the text.
pub(crate) fn by_hand() -> Vec<Input> {
    parse(include_str!("../programs.txt"))
}

/// Programs in the form of `programs.txt`.
pub(crate) fn parse(text: &str) -> Vec<Input> {
    let parts = text.split("\n== ").filter(|part| !part.trim().is_empty());
    parts
        .map(|part| {
            let (head, body) = part.split_once('\n').unwrap_or((part, ""));
            let (kind, name) = head.trim_start_matches("== ").split_once(' ').unwrap_or((head, ""));
            let (kind, signatures) = kind.split_once('@').unwrap_or((kind, ""));
            let program_type = ProgramType::from_name(kind).unwrap_or_else(|| panic!("program type {kind}"));
            let insns = skep_isa::text::assemble(body).unwrap_or_else(|error| panic!("{name}: {error}"));
            let mut input = Input::new(program_type, insns);
            input.name = name.into();
            input.maps = maps();
            if !signatures.is_empty() {
                with_types(&mut input, signatures);
            }
            input
        })
        .collect()
}

/// All that the kernel says of an input at log level 2; nothing when it cannot be asked.
pub(crate) fn kernel_log(input: &Input) -> String {
    let request = LoadRequest {
        attach: input.attach_type,
        license: &input.license,
        flags: input.flags,
        log_level: 2,
        ..LoadRequest::new(input.program_type, &input.insns)
    };
    match prog_load(&request) {
        Ok(_) => "accepted".into(),
        Err(refused) => refused.log,
    }
}
