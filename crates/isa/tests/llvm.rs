//! The assembler and the decoder against LLVM's, where LLVM 19 is installed.

use std::path::{Path, PathBuf};
use std::process::Command;

use skep_isa::text::{assemble, disassemble};
use skep_isa::{
    AluOp, AtomicOp, ByteOrder, Call, Imm64, Insn, Operand, RawInsn, Size, Width, decode, from_bytes,
};

const MC: &str = "llvm-mc-19";
const OBJDUMP: &str = "llvm-objdump-19";
const OBJCOPY: &str = "llvm-objcopy-19";
const CLANG: &str = "clang-19";

/// Whether the tools are there; says so when they are not.
fn have(test: &str, tools: &[&str]) -> bool {
    let missing = tools.iter().find(|tool| Command::new(tool).arg("--version").output().is_err());
    if let Some(tool) = missing {
        eprintln!("SKIPPED {test}: {tool} is not installed");
    }
    missing.is_none()
}

fn run(tool: &str, args: &[&str]) -> String {
    let output = Command::new(tool).args(args).output().expect("the tool was there a moment ago");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{tool} {args:?}: {errors}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

fn text(path: &Path) -> &str {
    path.to_str().expect("cargo's directory is UTF-8")
}

/// The instruction lines of `llvm-objdump -d`.
fn objdump(object: &Path) -> Vec<String> {
    let out = run(OBJDUMP, &["-d", "--no-show-raw-insn", "--mattr=+alu32", "--mcpu=v4", text(object)]);
    let is_line =
        |line: &&str| line.trim_start().starts_with(|c: char| c.is_ascii_digit()) && line.contains(":\t");
    out.lines().filter(is_line).map(str::to_owned).collect()
}

/// Every instruction we know over a small grid of fields.
fn known_instructions() -> Vec<Insn> {
    let second = RawInsn { imm: -2, ..RawInsn::default() };
    let mut insns = Vec::new();
    for code in 0..=u8::MAX {
        for (dst, src) in [(0, 0), (3, 0), (0, 4), (3, 4), (10, 9)] {
            for off in [0, 1, 5, -8, 8, 16, 32, i16::MAX] {
                for imm in [
                    0,
                    1,
                    5,
                    -5,
                    16,
                    32,
                    64,
                    0x40,
                    0x50,
                    0xa0,
                    0x41,
                    0x51,
                    0xa1,
                    0xe1,
                    0xf1,
                    0x1_0000,
                    i32::MIN,
                ] {
                    insns.extend(decode(&[RawInsn { code, dst, src, off, imm }, second], 0));
                }
            }
        }
    }
    insns
}

/// What LLVM 19 prints so that the instruction can be told from the text.
fn llvm_prints(insn: &Insn) -> bool {
    match *insn {
        // Printed like a helper's call, with the number of a function this program lacks.
        Insn::Call(call) => matches!(call, Call::Helper(_)),
        Insn::LoadImm64 { value, .. } => matches!(value, Imm64::Value(_)),
        Insn::LegacyLoad { mode, imm, .. } => match mode {
            skep_isa::LegacyMode::Abs => true,
            // The constant part is left out.
            skep_isa::LegacyMode::Ind(_) => imm == 0,
        },
        _ => true,
    }
}

#[test]
fn what_objdump_prints_assembles_to_the_bytes_it_read() {
    if !have("what_objdump_prints_assembles_to_the_bytes_it_read", &[MC, OBJDUMP]) {
        return;
    }
    let insns: Vec<Insn> = known_instructions().into_iter().filter(llvm_prints).collect();
    let mut source = String::new();
    for insn in &insns {
        for slot in insn.encode().as_slice() {
            let bytes = slot.to_le_bytes().map(|byte| byte.to_string());
            source += &format!(".byte {}\n", bytes.join(", "));
        }
    }
    let (asm, object) = (path("grid.s"), path("grid.o"));
    std::fs::write(&asm, source).unwrap();
    run(MC, &["-triple=bpfel", "-mcpu=v4", "-filetype=obj", text(&asm), "-o", text(&object)]);
    let lines = objdump(&object);
    assert_eq!(lines.len(), insns.len());
    let mut unknown = 0;
    for (line, insn) in lines.iter().zip(&insns) {
        if line.contains("<unknown>") {
            unknown += 1;
            continue;
        }
        match assemble(line) {
            Ok(slots) => assert_eq!(slots, insn.encode().as_slice(), "{line} is {insn}"),
            Err(error) => panic!("{line} is {insn}: {error}"),
        }
    }
    println!("{} instructions, {unknown} unknown to llvm-objdump", insns.len());
    // The grid holds none of those that came after LLVM 19 (load_acquire, store_release).
    assert_eq!(unknown, 0, "of {}", insns.len());
}

/// Source lines in the syntax that both assemblers read.
fn shared_syntax() -> Vec<String> {
    let mut lines = Vec::new();
    for op in ["+=", "-=", "*=", "/=", "s/=", "%=", "s%=", "|=", "&=", "^=", "<<=", ">>=", "s>>=", "="] {
        for (dst, src) in
            [("r1", "r2"), ("r0", "r10"), ("w3", "w9"), ("r5", "5"), ("w6", "-7"), ("r7", "0x7fffffff")]
        {
            lines.push(format!("{dst} {op} {src}"));
        }
    }
    for cond in ["==", "!=", ">", ">=", "<", "<=", "s>", "s>=", "s<", "s<=", "&"] {
        for (dst, src) in [("r1", "r2"), ("w3", "w4"), ("r5", "-1"), ("w6", "9")] {
            lines.push(format!("if {dst} {cond} {src} goto +12"));
            lines.push(format!("if {dst} {cond} {src} goto -12"));
        }
    }
    for size in ["u8", "u16", "u32", "u64"] {
        lines.push(format!("r1 = *({size} *)(r2 + 7)"));
        lines.push(format!("r1 = *({size} *)(r2 - 0x10)"));
        lines.push(format!("*({size} *)(r10 - 8) = r1"));
        lines.push(format!("*({size} *)(r10 - 8) = 3"));
    }
    for size in ["s8", "s16", "s32"] {
        lines.push(format!("r1 = *({size} *)(r2 + 7)"));
        lines.push(format!("r1 = ({size})r2"));
    }
    for (name, op) in [("add", "+="), ("and", "&="), ("or", "|="), ("xor", "^=")] {
        lines.push(format!("lock *(u64 *)(r1 + 8) {op} r2"));
        lines.push(format!("lock *(u32 *)(r1 + 8) {op} w2"));
        lines.push(format!("r2 = atomic_fetch_{name}((u64 *)(r1 - 8), r2)"));
        lines.push(format!("w2 = atomic_fetch_{name}((u32 *)(r1 - 8), w2)"));
    }
    let rest = "
        r3 = xchg_64(r1 + 8, r3) | w3 = xchg32_32(r1 + 8, w3) | r0 = cmpxchg_64(r1 + 8, r0, r3)
        w0 = cmpxchg32_32(r1 + 8, w0, w3) | r1 = 0x123456789abcdef0 ll | r1 = -5 ll | r0 = *(u8 *)skb[12]
        r0 = *(u16 *)skb[12] | r0 = *(u32 *)skb[r3] | r1 = bswap16 r1 | r1 = bswap32 r1 | r1 = bswap64 r1
        r1 = be16 r1 | r1 = be32 r1 | r1 = be64 r1 | r1 = le16 r1 | r1 = le32 r1 | r1 = le64 r1
        w1 = (s8)w2 | w1 = (s16)w2 | r1 = -r1 | w1 = -w1 | callx r3 | call 12 | call -1 | exit
        r1 = addr_space_cast(r2, 0, 1) | r1 = addr_space_cast(r2, 1, 0) | may_goto +2 | goto +3 | goto -3
        gotol +300 | gotol -300 | w2 = *(u8 *)(r1 + 0) | *(u32 *)(r1 + 0) = w2";
    lines.extend(rest.split(['|', '\n']).map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()));
    lines
}

#[test]
fn both_assemblers_give_the_same_bytes() {
    if !have("both_assemblers_give_the_same_bytes", &[MC]) {
        return;
    }
    let lines = shared_syntax();
    let source = path("shared.s");
    std::fs::write(&source, lines.join("\n")).unwrap();
    let out = run(MC, &["-triple=bpfel", "-mcpu=v4", "-show-encoding", text(&source)]);
    let encodings: Vec<Vec<u8>> = out
        .lines()
        .filter_map(|line| line.split_once("encoding: [")?.1.strip_suffix(']'))
        .map(|bytes| {
            bytes
                .split(',')
                .map(|byte| u8::from_str_radix(byte.trim_start_matches("0x"), 16).unwrap())
                .collect()
        })
        .collect();
    assert_eq!(encodings.len(), lines.len());
    for (line, bytes) in lines.iter().zip(&encodings) {
        let ours = assemble(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        assert_eq!(ours, from_bytes(bytes, ByteOrder::Little).unwrap(), "{line}");
    }
}

/// A program that makes the compiler use much of the instruction set.
const PROGRAM: &str = "
typedef unsigned long long u64; typedef unsigned int u32; typedef unsigned short u16; typedef unsigned char u8;
#if __BPF_CPU_VERSION__ >= 4
#define MOD(a, b) ((a) % (b)) /* only v4 has signed division */
#else
#define MOD(a, b) ((u64)(a) % (b))
#endif
static u64 (*helper)(u64) = (void *)7;
struct { int seen; u64 sum; } state;
__attribute__((noinline)) static u64 mix(u64 a, long b) {
    return a / 7 + MOD(b, 5) + __builtin_bswap32((u32)a) + __builtin_bswap16((u16)b) + (u64)((long)a >> 3);
}
u64 entry(u8 *p, u64 n) {
    u64 s = 0;
    for (u64 i = 0; i < n; i++) {
        s += p[i];
        s ^= *(short *)(p + i) + *(signed char *)(p + i);
        if ((long)s < -5) s *= 3;
        if ((u32)s > 9) s >>= 2;
        if (s & 0x40) s = -s;
    }
    __sync_fetch_and_add((u64 *)p, s);
    s += __sync_fetch_and_or((u64 *)(p + 16), s);
    s += __sync_val_compare_and_swap((u64 *)(p + 8), s, 9);
    *(u16 *)(p + 2) = (u16)s;
    helper(s);
    state.seen = 5;
    state.sum += s;
    return mix(s, (long)n) + 0x123456789abcdefULL;
}
";

#[test]
fn compiled_programs_decode_and_come_back() {
    if !have("compiled_programs_decode_and_come_back", &[CLANG, OBJCOPY]) {
        return;
    }
    let source = path("program.c");
    std::fs::write(&source, PROGRAM).unwrap();
    for (cpu, level) in
        [("v1", "-O2"), ("v2", "-O2"), ("v3", "-O2"), ("v4", "-O2"), ("v4", "-O0"), ("v3", "-Os")]
    {
        for (target, order) in [("bpfel", ByteOrder::Little), ("bpfeb", ByteOrder::Big)] {
            let (object, raw) =
                (path(&format!("{target}{cpu}{level}.o")), path(&format!("{target}{cpu}{level}.bin")));
            let cpu = format!("-mcpu={cpu}");
            run(CLANG, &["-target", target, &cpu, level, "-c", text(&source), "-o", text(&object)]);
            run(OBJCOPY, &["-O", "binary", "--only-section=.text", text(&object), text(&raw)]);
            let bytes = std::fs::read(&raw).unwrap();
            let slots = from_bytes(&bytes, order).unwrap();
            let mut listing = String::new();
            for line in disassemble(&slots) {
                assert!(line.insn.is_ok(), "{target} {cpu} {level}: {:?}", line.insn);
                listing += &format!("{line}\n");
            }
            assert_eq!(assemble(&listing), Ok(slots.clone()), "{listing}");
            assert_eq!(skep_isa::to_bytes(&slots, order), bytes);
            if level == "-O0" {
                assert!(listing.contains("callx"), "clang -O0 calls through a register");
            }
        }
    }
}

#[test]
fn signed_division_and_narrow_moves_are_where_llvm_puts_them() {
    // Pinned without LLVM, so that a machine without it still notices.
    let insn = Insn::Alu { width: Width::W64, op: AluOp::Sdiv, dst: reg(1), src: Operand::Reg(reg(2)) };
    assert_eq!(insn.encode().as_slice()[0].to_le_bytes(), [0x3f, 0x21, 1, 0, 0, 0, 0, 0]);
    let insn = Insn::MovSx { width: Width::W32, from: Size::H, dst: reg(1), src: reg(2) };
    assert_eq!(insn.encode().as_slice()[0].to_le_bytes(), [0xbc, 0x21, 16, 0, 0, 0, 0, 0]);
    let insn = Insn::Atomic { op: AtomicOp::Cmpxchg, size: Size::Dw, dst: reg(1), off: 8, src: reg(3) };
    assert_eq!(insn.encode().as_slice()[0].to_le_bytes(), [0xdb, 0x31, 8, 0, 0xf1, 0, 0, 0]);
    assert_eq!(Insn::CallReg(reg(3)).encode().as_slice()[0].to_le_bytes(), [0x8d, 3, 0, 0, 0, 0, 0, 0]);
    assert_eq!(Insn::Exit.encode().as_slice()[0].to_be_bytes(), [0x95, 0, 0, 0, 0, 0, 0, 0]);
}

fn reg(number: u8) -> skep_isa::Reg {
    skep_isa::Reg::new(number).expect("a register")
}
