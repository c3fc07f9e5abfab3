//! XDP: head, metadata, tail, byte copies.

use skep_platform::ProgramType;

use crate::rng::Rng;
use crate::{compare, mix_asm, packet, skipped};

#[derive(Clone, Copy, Debug)]
enum Op {
    Head(i32),
    Meta(i32),
    Tail(i32),
    Load(u32, usize),
    Store(u32, usize),
}

impl Op {
    fn random(rng: &mut Rng) -> Self {
        let small = rng.range(-80, 80) as i32;
        let large = rng.range(-5000, 5000) as i32;
        let by = rng.pick(&[small, small & !3, small, large, i32::MIN, i32::MAX]);
        let at = rng.pick(&[rng.0 as u32 % 100, rng.0 as u32 % 4000, 0xffff, 0x1_0000, u32::MAX]);
        let len = rng.range(1, 65) as usize;
        match rng.range(0, 5) {
            0 => Self::Head(by),
            1 => Self::Meta(rng.pick(&[by, small & !3, -8, -4])),
            2 => Self::Tail(by),
            3 => Self::Load(at, len),
            _ => Self::Store(at, len),
        }
    }

    fn asm(self) -> String {
        let adjust = |by, helper| format!("r1 = r6\nw2 = {by}\ncall {helper}\n");
        let copy = |at: u32, len, helper| {
            format!("r1 = r6\nw2 = {}\nr3 = r10\nr3 += -64\nr4 = {len}\ncall {helper}\n", at as i32)
        };
        let call = match self {
            Self::Head(by) => adjust(by, 44),
            Self::Meta(by) => adjust(by, 54),
            Self::Tail(by) => adjust(by, 65),
            Self::Load(at, len) => copy(at, len, 189),
            Self::Store(at, len) => copy(at, len, 190),
        };
        call + &mix_asm("r0")
            + "r1 = *(u64 *)(r10 - 64)\n"
            + &mix_asm("r1")
            + "r1 = r6\ncall 188\n"
            + &mix_asm("r0")
    }
}

#[test]
fn random_rows_of_xdp_helpers() {
    if skipped("random_rows_of_xdp_helpers") {
        return;
    }
    let mut rng = Rng(1);
    for _ in 0..2_000 {
        let ops: Vec<Op> = (0..rng.range(1, 9)).map(|_| Op::random(&mut rng)).collect();
        let input = packet(rng.range(14, 1600) as usize, 0x0800);
        let steps: Vec<_> = ops.iter().map(|op| (format!("{op:x?}"), op.asm())).collect();
        // What moving the head uncovers is whatever the frame held before; only the kernel knows what that was.
        let known = |op: &Op| !matches!(op, Op::Head(..0));
        compare(ProgramType::Xdp, &steps, &input, ops.iter().all(known));
    }
}
