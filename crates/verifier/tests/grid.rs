//! Every helper, every argument, every sort of register: the live kernel's verdict and ours.
//!
//! For each helper a call is built from what its prototype asks for; then each argument in turn is replaced by every sort of value
//! that a program can hold. Every program is about one register, so a disagreement names the rule at fault.
//! `SKEP_GRID=NAME` asks about one helper in two program types and prints every disagreement; `SKEP_GRID=all` about all of them.

mod common;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt::Write;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::Arc;

use common::live;
use skep_isa::RawInsn;
use skep_linux::{LoadRequest, MapRequest, btf_load, map_create, map_freeze, map_update, prog_load};
use skep_platform::helper::{ALL, ArgFlags, ArgKind, DynptrKinds, Helper};
use skep_platform::{AttachType, MapFlags, MapType, ProgramType, Release};
use skep_verifier::{Input, MapInfo, Verdict, verify};

/// Program types in the order in which they are tried for a helper.
static PROGRAMS: &[(ProgramType, Option<AttachType>)] = &[
    (ProgramType::SchedCls, None),
    (ProgramType::Kprobe, None),
    (ProgramType::CgroupSkb, Some(AttachType::CgroupInetIngress)),
    (ProgramType::Xdp, None),
    (ProgramType::SkSkb, None),
    (ProgramType::SkMsg, None),
    (ProgramType::SockOps, None),
    (ProgramType::CgroupSockAddr, Some(AttachType::CgroupInet4Connect)),
    (ProgramType::CgroupSockopt, Some(AttachType::CgroupSetsockopt)),
    (ProgramType::CgroupSysctl, None),
    (ProgramType::LwtXmit, None),
    (ProgramType::LwtSeg6local, None),
    (ProgramType::LwtIn, None),
    (ProgramType::SkReuseport, None),
    (ProgramType::SkLookup, Some(AttachType::SkLookup)),
    (ProgramType::FlowDissector, None),
    (ProgramType::PerfEvent, None),
    (ProgramType::Syscall, None),
    (ProgramType::CgroupSock, Some(AttachType::CgroupInetSockCreate)),
];

/// Without `SKEP_GRID`, one case in so many is asked; which, differs from helper to helper.
const STRIDE: usize = 6;

/// The text in the frozen map.
const TEXT: &[u8; 16] = b"%d and %s\0 more\0";

fn maps() -> Vec<MapInfo> {
    use MapType::*;
    let plain = |map_type, key, value, entries| MapInfo::new(map_type, key, value, entries);
    let flagged = |flags, map: MapInfo| MapInfo { flags, ..map };
    let of_maps = |map_type| MapInfo {
        inner: Some(Box::new(MapInfo::new(Array, 4, 32, 2))),
        ..MapInfo::new(map_type, 4, 4, 4)
    };
    vec![
        plain(Array, 4, 64, 4),
        plain(Hash, 8, 48, 16),
        plain(Ringbuf, 0, 0, 4096),
        MapInfo {
            flags: MapFlags::RDONLY_PROG,
            frozen: true,
            value: TEXT.to_vec(),
            ..MapInfo::new(Array, 4, 16, 1)
        },
        flagged(MapFlags::RDONLY_PROG, plain(Array, 4, 64, 1)),
        flagged(MapFlags::WRONLY_PROG, plain(Array, 4, 64, 1)),
        plain(ProgArray, 4, 4, 4),
        plain(PerfEventArray, 4, 4, 4),
        plain(StackTrace, 4, 80, 4),
        plain(CgroupArray, 4, 4, 4),
        plain(Devmap, 4, 4, 4),
        plain(DevmapHash, 4, 4, 4),
        plain(Cpumap, 4, 4, 2),
        plain(Xskmap, 4, 4, 4),
        plain(Sockmap, 4, 4, 4),
        plain(Sockhash, 4, 4, 4),
        plain(ReuseportSockarray, 4, 8, 4),
        plain(Queue, 0, 16, 4),
        plain(Stack, 0, 16, 4),
        plain(BloomFilter, 0, 8, 4),
        flagged(MapFlags::NO_PREALLOC, plain(LpmTrie, 8, 16, 4)),
        plain(PercpuArray, 4, 16, 4),
        plain(PercpuHash, 4, 16, 4),
        plain(LruHash, 4, 16, 4),
        plain(CgroupStorage, 16, 8, 0),
        plain(PercpuCgroupStorage, 16, 8, 0),
        plain(UserRingbuf, 0, 0, 4096),
        flagged(MapFlags::NO_PREALLOC, plain(SkStorage, 4, 4, 0)),
        flagged(MapFlags::NO_PREALLOC, plain(TaskStorage, 4, 4, 0)),
        flagged(MapFlags::NO_PREALLOC, plain(CgrpStorage, 4, 4, 0)),
        flagged(MapFlags::NO_PREALLOC, plain(InodeStorage, 4, 4, 0)),
        of_maps(ArrayOfMaps),
        of_maps(HashOfMaps),
    ]
}

fn create(map: &MapInfo, btf: &OwnedFd) -> Option<OwnedFd> {
    let inner = match &map.inner {
        Some(inner) => Some(create(inner, btf)?),
        None => None,
    };
    let storage = matches!(
        map.map_type,
        MapType::SkStorage | MapType::TaskStorage | MapType::CgrpStorage | MapType::InodeStorage
    );
    let request = MapRequest {
        flags: map.flags,
        inner: inner.as_ref().map(|fd| fd.as_fd()),
        btf: storage.then(|| (btf.as_fd(), 1, 1)),
        ..MapRequest::new(map.map_type, map.key_size, map.value_size, map.max_entries)
    };
    let fd = map_create(&request).ok()?;
    if map.frozen {
        map_update(fd.as_fd(), &[0; 4], &map.value, 0).ok()?;
        map_freeze(fd.as_fd()).ok()?;
    }
    Some(fd)
}

/// A sort of value: its name, what leaves it in r0 (r6 is the context, r9 free), and what must be done with it after the call.
struct Sort {
    name: String,
    code: String,
    after: &'static str,
}

fn sort(name: &str, code: &str) -> Sort {
    Sort { name: name.into(), code: code.into(), after: "" }
}

/// A stack place of its own for scratch keys.
const LOOK_UP: &str = "r1 = 0\n*(u64 *)(r10 - 56) = r1\nr1 = map_idx[{M}]\nr2 = r10\nr2 += -56\ncall 1\n";
const RESERVE: &str = "r1 = map_idx[2]\nr2 = 64\nr3 = 0\ncall 131\nif r0 == 0 goto out\nr9 = r0\n";
const LOCAL_DYNPTR: &str = "r1 = 0\n*(u64 *)(r10 - 56) = r1\nr1 = map_idx[0]\nr2 = r10\nr2 += -56\ncall 1\nif r0 == 0 goto out\nr1 = r0\nr2 = 32\nr3 = 0\nr4 = r10\nr4 += -144\ncall 197\nr0 = r10\nr0 += -144\n";
const RING_DYNPTR: &str =
    "r1 = map_idx[2]\nr2 = 64\nr3 = 0\nr4 = r10\nr4 += -160\ncall 198\nr0 = r10\nr0 += -160\n";

fn sorts(program: ProgramType, maps: &[MapInfo]) -> Vec<Sort> {
    let mut all = vec![
        sort("0", "r0 = 0"),
        sort("1", "r0 = 1"),
        sort("4", "r0 = 4"),
        sort("8", "r0 = 8"),
        sort("16", "r0 = 16"),
        sort("65", "r0 = 65"),
        sort("-1", "r0 = -1"),
        sort("2^29", "r0 = 0x20000000"),
        sort("unknown", "call 7"),
        sort("0 to 7", "call 7\nr0 &= 7"),
        sort("1 to 8", "call 7\nr0 &= 7\nr0 += 1"),
        sort("0 to 127", "call 7\nr0 &= 127"),
        sort("-1 to 6", "call 7\nr0 &= 7\nr0 += -1"),
        sort("context", "r0 = r6"),
        sort("context + 8", "r0 = r6\nr0 += 8"),
        sort("frame pointer", "r0 = r10"),
        sort("stack written", "r0 = r10\nr0 += -128"),
        sort("stack odd", "r0 = r10\nr0 += -123"),
        sort("stack unwritten", "r0 = r10\nr0 += -256"),
        sort("stack short", "r0 = r10\nr0 += -4"),
        sort("stack out", "r0 = r10\nr0 += -520"),
        sort("stack varying", "call 7\nr0 &= 8\nr9 = r10\nr9 += -128\nr9 += r0\nr0 = r9"),
        sort("function", "r0 = func[f]"),
        sort("local dynptr", LOCAL_DYNPTR),
        Sort {
            name: "ring dynptr".into(),
            code: RING_DYNPTR.into(),
            after: "r1 = r10\nr1 += -160\nr2 = 0\ncall 200\n",
        },
        Sort { name: "record".into(), code: RESERVE.into(), after: "r1 = r9\nr2 = 0\ncall 132\n" },
        Sort {
            name: "record + 60".into(),
            code: format!("{RESERVE}r0 += 60\n"),
            after: "r1 = r9\nr2 = 0\ncall 132\n",
        },
        sort(
            "dynptr memory",
            &format!("{LOCAL_DYNPTR}\nr1 = r0\nr2 = 0\nr3 = 64\ncall 203\nif r0 == 0 goto out"),
        ),
        sort("text", "r0 = map_idx_value[3] + 0"),
        sort("text 10", "r0 = map_idx_value[3] + 10"),
        sort("unfrozen text", "r0 = map_idx_value[4] + 0"),
    ];
    let value = |index: usize| LOOK_UP.replace("{M}", &index.to_string());
    for (index, name) in [(0, "value"), (1, "hash value"), (4, "read-only value"), (5, "write-only value")] {
        all.push(sort(name, &format!("{}if r0 == 0 goto out", value(index))));
    }
    all.push(sort("value + 60", &format!("{}if r0 == 0 goto out\nr0 += 60", value(0))));
    all.push(sort("value - 1", &format!("{}if r0 == 0 goto out\nr0 += -1", value(0))));
    all.push(sort(
        "value + 0 to 15",
        &format!("{}if r0 == 0 goto out\nr9 = r0\ncall 7\nr0 &= 15\nr9 += r0\nr0 = r9", value(0)),
    ));
    all.push(sort("nullable value", &value(1)));
    for (index, map) in maps.iter().enumerate() {
        all.push(sort(&format!("map {}", map.map_type.name()), &format!("r0 = map_idx[{index}]")));
    }
    let packet = match program {
        ProgramType::Xdp => Some((0, 4)),
        ProgramType::SchedCls
        | ProgramType::CgroupSkb
        | ProgramType::SkSkb
        | ProgramType::LwtXmit
        | ProgramType::LwtIn
        | ProgramType::LwtSeg6local => Some((76, 80)),
        _ => None,
    };
    if let Some((data, end)) = packet {
        let ends = format!("r0 = *(u32 *)(r6 + {data})\nr1 = *(u32 *)(r6 + {end})\n");
        all.push(sort("packet unchecked", &ends));
        all.push(sort("packet 64", &format!("{ends}r2 = r0\nr2 += 64\nif r2 > r1 goto out")));
        all.push(sort("packet 3", &format!("{ends}r2 = r0\nr2 += 3\nif r2 > r1 goto out")));
        all.push(sort("packet end", &format!("{ends}r0 = r1")));
    }
    let socket = match program {
        ProgramType::SchedCls | ProgramType::CgroupSkb | ProgramType::SkSkb => Some(168),
        ProgramType::CgroupSockAddr => Some(64),
        ProgramType::SockOps => Some(184),
        _ => None,
    };
    if let Some(off) = socket {
        let load = format!("r0 = *(u64 *)(r6 + {off})\n");
        all.push(sort("nullable socket", &load));
        all.push(sort("socket of the context", &format!("{load}if r0 == 0 goto out")));
        let full = |number: u32| format!("{load}if r0 == 0 goto out\nr1 = r0\ncall {number}\n");
        if program != ProgramType::CgroupSockAddr && program != ProgramType::SockOps {
            all.push(sort("full socket", &format!("{}if r0 == 0 goto out", full(95))));
            all.push(sort("TCP socket", &format!("{}if r0 == 0 goto out", full(96))));
            all.push(sort("nullable TCP socket", &full(96)));
            all.push(sort("socket moved", &format!("{}if r0 == 0 goto out\nr0 += 1", full(95))));
        }
    }
    if matches!(program, ProgramType::SchedCls | ProgramType::Xdp) {
        let code = "r1 = 0\n*(u64 *)(r10 - 192) = r1\n*(u64 *)(r10 - 184) = r1\n*(u64 *)(r10 - 176) = r1\nr1 = r6\nr2 = r10\nr2 += -192\nr3 = 12\nr4 = 0\nr5 = 0\ncall 99\nif r0 == 0 goto out\nr9 = r0\n";
        all.push(Sort { name: "socket looked up".into(), code: code.into(), after: "r1 = r9\ncall 86\n" });
    }
    all
}

/// What the prototype asks for, in every argument.
fn fitting(
    helper: &Helper,
    index: usize,
    maps: &[MapInfo],
    names: &BTreeMap<String, usize>,
) -> Option<usize> {
    let arg = helper.args[index];
    let name = match arg.kind {
        ArgKind::ConstMap => {
            let fits = |map: &MapInfo| {
                map.map_type.takes(helper) && (map.key_size > 0 || helper.args[1].kind != ArgKind::MapKey)
            };
            let map = maps.iter().find(|map| fits(map))?;
            return names.get(&format!("map {}", map.map_type.name())).copied();
        }
        ArgKind::MapKey | ArgKind::MapValue | ArgKind::Mem | ArgKind::FixedMem(_) | ArgKind::Stack => {
            "stack written"
        }
        ArgKind::Size | ArgKind::SizeOrZero | ArgKind::AllocSize => "8",
        ArgKind::Ctx => "context",
        ArgKind::Anything => "0",
        ArgKind::SockCommon | ArgKind::BtfSockCommon if arg.has(ArgFlags::RELEASE) => "socket looked up",
        ArgKind::SockCommon | ArgKind::BtfSockCommon => "socket of the context",
        ArgKind::Socket => "full socket",
        ArgKind::RingbufMem => "record",
        ArgKind::Func => "function",
        ArgKind::ConstStr => "text",
        ArgKind::Dynptr(DynptrKinds::Ringbuf) if arg.has(ArgFlags::RELEASE) => "ring dynptr",
        ArgKind::Dynptr(_) if arg.has(ArgFlags::UNINIT) => "stack unwritten",
        ArgKind::Dynptr(_) => "local dynptr",
        _ => return None,
    };
    names.get(name).copied()
}

fn program(helper: &Helper, chosen: &[&Sort]) -> String {
    let mut text = String::from("r6 = r1\n");
    for off in (64..=128).step_by(8) {
        let _ = writeln!(text, "*(u64 *)(r10 - {off}) = 1");
    }
    for (index, sort) in chosen.iter().enumerate() {
        let _ = writeln!(text, "{}\n*(u64 *)(r10 - {}) = r0", sort.code.trim_end(), 8 * (index + 1));
    }
    for index in 0..chosen.len() {
        let _ = writeln!(text, "r{} = *(u64 *)(r10 - {})", index + 1, 8 * (index + 1));
    }
    let _ = writeln!(text, "call {}", helper.id);
    let releases = helper.args.iter().any(|arg| arg.has(ArgFlags::RELEASE));
    for sort in chosen.iter().filter(|_| !releases) {
        text.push_str(sort.after);
    }
    if matches!(helper.name, "ringbuf_reserve" | "sk_lookup_tcp" | "sk_lookup_udp" | "skc_lookup_tcp") {
        let end = if helper.name == "ringbuf_reserve" { "r2 = 0\ncall 132" } else { "call 86" };
        let _ = writeln!(text, "if r0 == 0 goto out\nr1 = r0\n{end}");
    }
    if helper.name == "ringbuf_reserve_dynptr" {
        text.push_str("r1 = r10\nr1 += -256\nr2 = 0\ncall 200\n");
    }
    text.push_str("out: r0 = 1\nexit\n");
    if text.contains("func[f]") {
        text.push_str("f: r0 = 0\nexit\n");
    }
    text
}

/// BTF with one type, a number of 4 bytes.
fn int_type() -> OwnedFd {
    let mut builder = skep_btf::Builder::new();
    builder.int("int", 4, skep_btf::IntEncoding::SIGNED);
    btf_load(&builder.build()).expect("a type of 4 bytes")
}

struct Kernel {
    maps: Vec<OwnedFd>,
}

impl Kernel {
    fn ask(&self, input: &Input) -> Option<Result<(), String>> {
        let mut insns = input.insns.clone();
        let mut slot = 0;
        while slot < insns.len() {
            let RawInsn { code, src, imm, .. } = insns[slot];
            if code == 0x18 {
                if let (5 | 6, Some(fd)) = (src, self.maps.get(imm as usize)) {
                    (insns[slot].imm, insns[slot].src) = (fd.as_raw_fd(), if src == 5 { 1 } else { 2 });
                }
                slot += 1;
            }
            slot += 1;
        }
        let btf = input.btf.as_ref().and_then(|btf| btf_load(&btf.to_bytes()).ok());
        let records = input.functions.iter().flat_map(|info| [info.start as u32, info.type_id.0]);
        let func_info: Vec<u8> = records.flat_map(u32::to_le_bytes).collect();
        let request = LoadRequest {
            attach: input.attach_type,
            flags: input.flags,
            btf: btf.as_ref().map(|fd| fd.as_fd()),
            func_info: &func_info,
            ..LoadRequest::new(input.program_type, &insns)
        };
        match prog_load(&request) {
            Ok(_) => Some(Ok(())),
            // Without a word of the verifier's: it had no objection, the maps' owners did.
            Err(refused) if refused.is_policy() || refused.verdict().is_empty() => None,
            Err(refused) => Some(Err(refused.verdict().to_owned())),
        }
    }
}

/// Formats of `snprintf`: what is taken, what is not, with every number of arguments.
#[test]
fn format_strings() {
    if !live("format_strings") {
        return;
    }
    #[rustfmt::skip] // A table.
    let formats = [
        "", "plain", "%", "%%", "%d", "%d %d", "%5d", "%05d", "%-5d", "% d", "%+d", "%ld", "%lld", "%llld", "%hd", "%u", "%x", "%X", "%o", "%c",
        "%lc", "%e", "%s", "%5s", "%s%s", "%s,%s", "%sa", "%s\n", "%p", "%p ", "%pa", "%pK", "%px", "%ps", "%pS", "%pB", "%pI4", "%pi4", "%pI6",
        "%pi6", "%pI5", "%pI", "%pks", "%pus", "%pkx", "%puk", "%pks%pus", "%pksa", "%pKa", "%p%d", "%d%%%d", "tab\t", "bell\x07", "\u{e4}", "%.5d", "%5.5s",
        "%#x", "%*d", "%i", "%li", "%l", "%ll", "%llu%s%c", "%ca", "%99999d", "%pI4a", "%pBa", "%n", "%z", "%-+ 05d", "%5c", "%5p", "%05pI4",
    ];
    let (mut agree, mut accepted, mut wrong) = (0, 0, Vec::new());
    let single = (1..=255u8).flat_map(|byte| [vec![byte], vec![b'%', byte], vec![b'%', b'p', byte]]);
    for format in formats.into_iter().map(|format| format.as_bytes().to_vec()).chain(single) {
        let mut value = format.clone();
        value.push(0);
        let size = value.len() as u32;
        let text = MapInfo {
            flags: MapFlags::RDONLY_PROG,
            frozen: true,
            value,
            ..MapInfo::new(MapType::Array, 4, size, 1)
        };
        let fd = create(&text, &int_type()).expect("an array can be made");
        let kernel = Kernel { maps: vec![fd] };
        for bytes in [0, 4, 8, 12, 16, 24, 32] {
            let program = format!(
                "r4 = 1\n*(u64 *)(r10 - 8) = r4\n*(u64 *)(r10 - 16) = r4\n*(u64 *)(r10 - 24) = r4\n*(u64 *)(r10 - 32) = r4\n\
                 r1 = r10\nr1 += -64\nr2 = 16\nr3 = map_idx_value[0] + 0\nr4 = r10\nr4 += -32\nr5 = {bytes}\ncall 165\nr0 = 1\nexit\n"
            );
            let mut input = Input::new(ProgramType::SchedCls, skep_isa::text::assemble(&program).unwrap());
            input.maps = vec![text.clone()];
            let Some(answer) = kernel.ask(&input) else { continue };
            let ours = verify(&input).verdict;
            if ours.is_verified() != answer.is_ok() {
                wrong.push(format!(
                    "{:?} with {bytes} bytes: ours {ours}, the kernel's {answer:?}",
                    format.escape_ascii().to_string()
                ));
            }
            agree += 1;
            accepted += usize::from(answer.is_ok());
        }
    }
    eprintln!("formats: {agree} agree, {accepted} of them accepted");
    assert!(agree > 0 && wrong.is_empty(), "{}", wrong.join("\n"));
}

#[derive(Default)]
struct Tally {
    agree: usize,
    accepted: usize,
    unsupported: BTreeMap<String, usize>,
    wrong: Vec<String>,
    only_we: usize,
}

#[test]
fn helpers_and_their_arguments() {
    if !live("helpers_and_their_arguments") {
        return;
    }
    let maps = maps();
    let btf = int_type();
    // Some maps remember the type of the first program that has them, so each type has its own.
    let mut kernels: BTreeMap<ProgramType, Kernel> = BTreeMap::new();
    let running = skep_btf::Btf::running().ok().map(Arc::new);
    let wanted = std::env::var("SKEP_GRID").ok();
    let mut tally = Tally::default();
    for helper in ALL {
        if wanted.as_ref().is_some_and(|name| name != "all" && name != helper.name) {
            continue;
        }
        // Refused here for reasons that lie outside of the verifier.
        if matches!(helper.name, "probe_write_user" | "override_return") {
            continue;
        }
        let here = |&&(program, attach): &&(ProgramType, _)| helper.allowed(program, attach, Release::LATEST);
        for &(program, attach) in PROGRAMS.iter().filter(here).take(if wanted.is_some() { 2 } else { 1 }) {
            if let Entry::Vacant(entry) = kernels.entry(program) {
                let fds: Option<Vec<OwnedFd>> = maps.iter().map(|map| create(map, &btf)).collect();
                let Some(fds) = fds else {
                    eprintln!("SKIPPED helpers_and_their_arguments: the kernel refuses some type of map");
                    return;
                };
                entry.insert(Kernel { maps: fds });
            }
            one(&kernels[&program], &maps, &running, helper, (program, attach), &mut tally);
        }
    }
    let unsupported: usize = tally.unsupported.values().sum();
    eprintln!(
        "helpers and their arguments: {} agree ({} accepted), {} disagree (only we accept: {}), {unsupported} unsupported",
        tally.agree,
        tally.accepted,
        tally.wrong.len(),
        tally.only_we,
    );
    let shown = if wanted.is_some() { usize::MAX } else { 20 };
    for line in tally.wrong.iter().take(shown) {
        eprintln!("  {line}");
    }
    for (reason, count) in &tally.unsupported {
        eprintln!("  unsupported {count}: {reason}");
    }
    assert_eq!(tally.only_we, 0, "programs that the kernel refuses");
}

fn one(
    kernel: &Kernel,
    maps: &[MapInfo],
    running: &Option<Arc<skep_btf::Btf>>,
    helper: &'static Helper,
    (program_type, attach): (ProgramType, Option<AttachType>),
    tally: &mut Tally,
) {
    let sorts = sorts(program_type, maps);
    let names: BTreeMap<String, usize> =
        sorts.iter().enumerate().rev().map(|(index, sort)| (sort.name.clone(), index)).collect();
    let count = helper.args_for(program_type).iter().take_while(|arg| arg.kind != ArgKind::Unused).count();
    let helper_here = Helper { args: helper.args_for(program_type), ..*helper };
    let base: Vec<usize> =
        (0..count).map(|index| fitting(&helper_here, index, maps, &names).unwrap_or(0)).collect();
    let mut cases = vec![(usize::MAX, 0, base.clone())];
    for argument in 0..count {
        for other in 0..sorts.len() {
            let mut chosen = base.clone();
            chosen[argument] = other;
            cases.push((argument, other, chosen));
        }
    }
    let stride = if std::env::var_os("SKEP_GRID").is_some() { 1 } else { STRIDE };
    let first = if stride == 1 { 0 } else { helper.id as usize % stride };
    for (argument, other, chosen) in cases.into_iter().skip(first).step_by(stride) {
        let chosen: Vec<&Sort> = chosen.iter().map(|&index| &sorts[index]).collect();
        let text = program(&helper_here, &chosen);
        let insns = match skep_isa::text::assemble(&text) {
            Ok(insns) => insns,
            Err(error) => panic!("{error}\n{text}"),
        };
        let mut input = Input::new(program_type, insns);
        input.attach_type = attach;
        input.kernel_btf = running.clone();
        input.maps = maps.to_vec();
        if program_type == ProgramType::Syscall {
            input.flags |= skep_verifier::program::flags::SLEEPABLE;
        }
        if text.contains("func[f]") {
            common::with_types(&mut input, "s");
        }
        let Some(answer) = kernel.ask(&input) else { continue };
        let what = match argument {
            usize::MAX => format!("{} {} as it should be", program_type.name(), helper.name),
            _ => format!(
                "{} {} arg {} ({}) = {}",
                program_type.name(),
                helper.name,
                argument + 1,
                helper_here.args[argument],
                sorts[other].name
            ),
        };
        match (verify(&input).verdict, answer) {
            (Verdict::Unsupported(why), _) => *tally.unsupported.entry(why.reason).or_default() += 1,
            (Verdict::Verified(_), Ok(())) => {
                tally.agree += 1;
                tally.accepted += 1;
            }
            (Verdict::Rejected(_), Err(_)) => tally.agree += 1,
            (Verdict::Verified(_), Err(why)) => {
                tally.only_we += 1;
                tally.wrong.push(format!("{what}: only we accept; kernel: {why}"));
            }
            (Verdict::Rejected(why), Ok(())) => {
                tally.wrong.push(format!("{what}: only the kernel accepts; {why}"))
            }
        }
    }
}
