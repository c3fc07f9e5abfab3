//! tc programs: everything that changes an skb.

use skep_platform::ProgramType;
use skep_vm::net::ethertype;

use crate::rng::Rng;
use crate::{compare, mix_asm, packet, skipped};

#[derive(Clone, Copy, Debug)]
enum Op {
    Load(u32, usize),
    LoadRelative(u32, usize, u32),
    Store(u32, usize, u64),
    L3(u32, u32, u32, u64),
    L4(u32, u32, u32, u64),
    CsumLevel(u64),
    CsumUpdate(u32),
    Pull(u32),
    Tail(u32, u64),
    Head(u32, u64),
    Type(u32),
    VlanPush(u16, u16),
    VlanPop,
    Proto(u16, u64),
    Room(i32, u32, u64),
    Ecn,
    Hash(u32),
    HashInvalid,
    Tstamp(u64, u32),
}

/// Flags for `adjust_room` that are likely to get far, and a few that are not.
fn room_flags(rng: &mut Rng) -> u64 {
    let mut flags = 0;
    for _ in 0..rng.range(0, 4) {
        flags |= 1 << rng.pick(&[0, 1, 2, 3, 4, 5, 6, 7, 8]);
    }
    if rng.range(0, 4) == 0 {
        flags |= (rng.next() % 40) << 56;
    }
    if rng.range(0, 20) == 0 {
        flags |= 1 << rng.range(9, 56);
    }
    flags
}

impl Op {
    fn random(rng: &mut Rng) -> Self {
        let near = rng.range(0, 100) as u32;
        let at = rng.pick(&[near, near, near, rng.0 as u32 % 2000, 0xffff, 0x7fff_ffff, u32::MAX]);
        let len = rng.range(1, 65) as usize;
        let csum_at = rng.pick(&[near, near & !1, near & !1, 24, 0x1_0000]);
        let (from, to) = (rng.pick(&[0, 0, 0xffff, rng.0 as u32]), rng.next() as u32);
        let width = rng.pick(&[0, 2, 4, 2, 4, 3, 8]);
        match rng.range(0, 22) {
            0 => Self::Load(at, len),
            1 => Self::LoadRelative(at, len, rng.range(0, 3) as u32),
            2 | 3 => Self::Store(at, len, rng.pick(&[0, 1, 2, 3, 4])),
            4 => Self::L3(csum_at, from, to, rng.pick(&[width, width, width | 0x10])),
            5 | 6 => Self::L4(csum_at, from, to, width | (rng.next() & 0xf0) | rng.pick(&[0, 0, 0, 0x100])),
            7 => Self::CsumLevel(rng.range(0, 5) as u64),
            8 => Self::CsumUpdate(to),
            9 => Self::Pull(rng.pick(&[0, near, at])),
            10 => Self::Tail(rng.pick(&[near, near * 4, 14, 16_064, 16_065]), rng.pick(&[0, 0, 0, 1])),
            11 => Self::Head(rng.pick(&[near, 14, 300, u32::MAX, 16_000]), rng.pick(&[0, 0, 0, 1])),
            12 => Self::Type(rng.range(0, 5) as u32),
            13 | 14 => Self::VlanPush(rng.pick(&[0x8100, 0x88a8, 0, 0x0800]), to as u16),
            15 => Self::VlanPop,
            16 => Self::Proto(rng.pick(&[0x0800, 0x86dd, 0x0806]), rng.pick(&[0, 0, 0, 1])),
            17 | 18 => {
                let by = rng.range(-100, 100) as i32;
                Self::Room(
                    rng.pick(&[by, by, 4096, -4096, 20, 40, 48, -20]),
                    rng.pick(&[0, 1, 0, 1, 2]),
                    room_flags(rng),
                )
            }
            19 => Self::Ecn,
            20 => rng.pick(&[Self::Hash(to), Self::HashInvalid]),
            _ => Self::Tstamp(rng.pick(&[0, 77]), rng.range(0, 4) as u32),
        }
    }

    fn asm(self) -> String {
        let stack = "r3 = r10\nr3 += -64\n";
        let imm64 = |reg: u32, value: u64| format!("r{reg} = {value:#x} ll\n");
        let call = match self {
            Self::Load(at, len) => format!("w2 = {}\n{stack}r4 = {len}\ncall 26\n", at as i32),
            Self::LoadRelative(at, len, start) => {
                format!("w2 = {}\n{stack}r4 = {len}\nr5 = {start}\ncall 68\n", at as i32)
            }
            Self::Store(at, len, flags) => {
                format!("w2 = {}\n{stack}r4 = {len}\nr5 = {flags}\ncall 9\n", at as i32)
            }
            Self::L3(at, from, to, flags) => {
                format!("w2 = {at}\nw3 = {}\nw4 = {}\nr5 = {flags}\ncall 10\n", from as i32, to as i32)
            }
            Self::L4(at, from, to, flags) => {
                format!("w2 = {at}\nw3 = {}\nw4 = {}\nr5 = {flags}\ncall 11\n", from as i32, to as i32)
            }
            Self::CsumLevel(level) => format!("r2 = {level}\ncall 135\n"),
            Self::CsumUpdate(csum) => format!("w2 = {}\ncall 40\n", csum as i32),
            Self::Pull(len) => format!("w2 = {}\ncall 39\n", len as i32),
            Self::Tail(len, flags) => format!("w2 = {len}\nr3 = {flags}\ncall 38\n"),
            Self::Head(room, flags) => format!("w2 = {}\nr3 = {flags}\ncall 43\n", room as i32),
            Self::Type(kind) => format!("w2 = {kind}\ncall 32\n"),
            Self::VlanPush(proto, tci) => format!("w2 = {}\nw3 = {tci}\ncall 18\n", proto.to_be()),
            Self::VlanPop => "call 19\n".into(),
            Self::Proto(proto, flags) => format!("w2 = {}\nr3 = {flags}\ncall 31\n", proto.to_be()),
            Self::Room(by, mode, flags) => format!("w2 = {by}\nr3 = {mode}\n{}call 50\n", imm64(4, flags)),
            Self::Ecn => "call 97\n".into(),
            Self::Hash(hash) => format!("w2 = {}\ncall 48\n", hash as i32),
            Self::HashInvalid => "call 41\nr0 = 0\n".into(),
            Self::Tstamp(time, clock) => format!("r2 = {time}\nr3 = {clock}\ncall 192\n"),
        };
        let mut text =
            format!("r1 = r6\n{call}") + &mix_asm("r0") + "r1 = *(u64 *)(r10 - 64)\n" + &mix_asm("r1");
        for offset in SEEN {
            text += &format!("r1 = *(u32 *)(r6 + {offset})\n");
            text += &mix_asm("r1");
        }
        text
    }
}

/// Fields of `__sk_buff` that are compared after each call: length, packet type, protocol, VLAN present, control word and
/// protocol, hash.
const SEEN: [u32; 7] = [0, 4, 16, 20, 24, 28, 68];

/// Linux takes the transport header to be set to garbage once a packet was moved to a larger buffer: it adds the buffer's
/// growth to the number that says "not set". From then on the least length for `bpf_skb_change_tail` is arbitrary, so rows that
/// depend on it are not made. Nor are those that open room behind headers that were cut off before: Linux moves the bytes
/// behind the packet's end into it.
fn depends_on_garbage(row: &[Op]) -> bool {
    let grows = |op: &Op| matches!(op, Op::Head(..) | Op::Room(1.., ..) | Op::Proto(..) | Op::VlanPush(..));
    let first = row.iter().position(grows).unwrap_or(row.len());
    let cut = row.iter().position(|op| matches!(op, Op::Tail(..200, _))).unwrap_or(row.len());
    row[first..].iter().any(|op| matches!(op, Op::Tail(..1000, _)))
        || row[cut..].iter().any(|op| matches!(op, Op::Room(1.., ..) | Op::Proto(..)))
}

#[test]
fn random_rows_of_tc_helpers() {
    if skipped("random_rows_of_tc_helpers") {
        return;
    }
    let mut rng = Rng(2);
    for _ in 0..2_000 {
        let mut ops: Vec<Op> = (0..rng.range(1, 9)).map(|_| Op::random(&mut rng)).collect();
        while depends_on_garbage(&ops) {
            ops.pop();
        }
        let proto =
            rng.pick(&[ethertype::IPV4, ethertype::IPV4, ethertype::IPV6, ethertype::VLAN, 0x0806, 46]);
        // The kernel takes no IP packet without its header, and nothing without a byte behind the Ethernet header.
        let least = if proto == ethertype::IPV6 { 54 } else { 34 };
        let input = packet(rng.range(least, 300) as usize, proto);
        let steps: Vec<_> = ops.iter().map(|op| (format!("{op:x?}"), op.asm())).collect();
        compare(ProgramType::SchedCls, &steps, &input, true);
    }
}
