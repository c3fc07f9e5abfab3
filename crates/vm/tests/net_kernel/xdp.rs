//! XDP: head, metadata, tail, byte copies.

use skep_platform::{Errno, ProgramType};
use skep_vm::net::Packet;

use crate::rng::Rng;
use crate::{buffer, folded, in_kernel, mix, mix_asm, packet, program, skipped};

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
        call + &mix_asm("r0") + "r1 = *(u64 *)(r10 - 64)\n" + &mix_asm("r1") + "r1 = r6\ncall 188\n" + &mix_asm("r0")
    }

    fn apply(self, packet: &mut Packet, buffer: &mut [u8; 64]) -> Result<(), Errno> {
        match self {
            Self::Head(by) => packet.xdp_adjust_head(by),
            Self::Meta(by) => packet.xdp_adjust_meta(by),
            Self::Tail(by) => packet.xdp_adjust_tail(by),
            Self::Load(at, len) => packet.xdp_load_bytes(at, &mut buffer[..len]),
            Self::Store(at, len) => packet.xdp_store_bytes(at, &buffer[..len]),
        }
    }
}

#[test]
fn random_rows_of_xdp_helpers() {
    if skipped("random_rows_of_xdp_helpers") {
        return;
    }
    let mut rng = Rng(1);
    for round in 0..2_000 {
        let ops: Vec<Op> = (0..rng.range(1, 9)).map(|_| Op::random(&mut rng)).collect();
        let input = packet(rng.range(14, 1600) as usize, 0x0800);
        let text = program(&ops.iter().map(|op| op.asm()).collect::<String>());
        let (ret, output) = in_kernel(ProgramType::Xdp, &text, &input, None);

        let (mut model, mut bytes, mut sum) = (Packet::new(&input), buffer(), 0);
        for op in &ops {
            let r0 = op.apply(&mut model, &mut bytes).err().map_or(0, Errno::to_return);
            sum = mix(sum, r0);
            sum = mix(sum, u64::from_le_bytes(bytes[..8].try_into().unwrap()));
            sum = mix(sum, model.len() as u64);
        }
        assert_eq!(folded(sum), ret, "round {round}: {ops:?} on {} bytes", input.len());
        // The kernel hands back the metadata in front of the packet. What moving the head uncovers is whatever the frame held before; only the kernel knows what that was.
        let known = |op: &Op| !matches!(op, Op::Head(..0));
        if ops.iter().all(known) {
            assert!([model.meta(), model.bytes()].concat() == output, "round {round}: {ops:?}");
        } else {
            assert_eq!(model.meta().len() + model.len(), output.len(), "round {round}: {ops:?}");
        }
    }
}
