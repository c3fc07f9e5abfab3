//! Open-coded iterators: numbers and bits.
//!
//! `new` fills stack slots, `next` gives the address of a value or null, `destroy` empties the slots; what was made must be
//! destroyed, also when `new` failed.

use skep_platform::errno::{E2BIG, EINVAL};

use super::{Args, Resolved, kfunc};
use crate::exec::{MAX_LOOPS, Run};
use crate::fault::{Fault, FaultKind};
use crate::helper::objects::{Bits, Numbers, StackObject};
use crate::prov::{Kind, Life, Perm, Reg};

/// Rows of [`super::all`].
pub(crate) static ROWS: &[Resolved] = &[
    kfunc("bpf_iter_num_new", 3, num_new),
    kfunc("bpf_iter_num_next", 1, next),
    kfunc("bpf_iter_num_destroy", 1, destroy),
    kfunc("bpf_iter_bits_new", 3, bits_new),
    kfunc("bpf_iter_bits_next", 1, next),
    kfunc("bpf_iter_bits_destroy", 1, destroy),
];

/// The most words a bit iterator goes over.
const MAX_WORDS: u32 = 511;

fn num_new(run: &mut Run<'_>, args: &Args) -> Result<Reg, Fault> {
    let start = i64::from(args.number(run, 1)? as i32);
    let end = i64::from(args.number(run, 2)? as i32);
    let (result, next, end) = match () {
        () if start > end => (Reg::errno(EINVAL.0), 0, 0),
        () if end - start > i64::from(MAX_LOOPS) => (Reg::errno(E2BIG.0), 0, 0),
        () => (Reg::ZERO, start, end),
    };
    let life = run.acquire("iterator", true, Life::RUN, None);
    let numbers = Numbers { next, end, value: Box::new(0), life };
    run.put_object(args.reg(0), StackObject::Numbers(numbers), &args.who(0))?;
    Ok(result)
}

fn bits_new(run: &mut Run<'_>, args: &Args) -> Result<Reg, Fault> {
    let count = args.number(run, 2)? as u32;
    let (result, words) = match count {
        0 => (Reg::errno(EINVAL.0), Vec::new()),
        1..=MAX_WORDS => {
            let mut bytes = vec![0; count as usize * 8];
            let (address, readable) = (args.reg(1).val, !args.reg(1).is_scalar());
            if readable {
                bytes = args.read(run, 1, u64::from(count) * 8)?;
            } else if !crate::helper::peek(address, &mut bytes) {
                bytes.clear();
            }
            let words = bytes.chunks_exact(8).map(|c| u64::from_ne_bytes(c.try_into().unwrap_or_default()));
            let fault = Reg::errno(skep_platform::errno::EFAULT.0);
            (if bytes.is_empty() { fault } else { Reg::ZERO }, words.collect())
        }
        _ => (Reg::errno(E2BIG.0), Vec::new()),
    };
    let life = run.acquire("iterator", true, Life::RUN, None);
    let bits = Bits { words, next: 0, value: Box::new(0), life };
    run.put_object(args.reg(0), StackObject::Bits(bits), &args.who(0))?;
    Ok(result)
}

impl Numbers {
    fn advance(&mut self) -> Option<u64> {
        if self.next >= self.end {
            self.next = self.end;
            return None;
        }
        self.next += 1;
        Some((self.next - 1) as u64)
    }
}

impl Bits {
    fn advance(&mut self) -> Option<u64> {
        loop {
            let word = *self.words.get(self.next as usize / 64)?;
            let left = word >> (self.next % 64);
            if left != 0 {
                let bit = self.next + left.trailing_zeros();
                self.next = bit + 1;
                return Some(bit.into());
            }
            self.next = (self.next / 64 + 1) * 64;
        }
    }
}

/// The address of the next value, which stays the same for the iterator's life.
fn next(run: &mut Run<'_>, args: &Args) -> Result<Reg, Fault> {
    let number = run.object_at(args.reg(0), "an iterator", &args.who(0))?;
    let (value, life, found) = match (run.state.objects.get_mut(number), args.name) {
        (Some(StackObject::Numbers(n)), "bpf_iter_num_next") => {
            let found = n.advance();
            (&raw mut *n.value, n.life, found)
        }
        (Some(StackObject::Bits(b)), "bpf_iter_bits_next") => {
            let found = b.advance();
            (&raw mut *b.value, b.life, found)
        }
        _ => {
            return Err(
                run.fault(FaultKind::Protocol, format!("{} is an object of another kind", args.who(0)))
            );
        }
    };
    let Some(found) = found else { return Ok(Reg::ZERO) };
    // SAFETY: the box belongs to the iterator, which is alive.
    unsafe { value.write(found) };
    Ok(Reg::pointer(Kind::Memory, value as u64, size_of::<i32>(), Perm::READ, life))
}

fn destroy(run: &mut Run<'_>, args: &Args) -> Result<Reg, Fault> {
    let who = args.who(0);
    let life = match (run.take_object(args.reg(0), "an iterator", &who)?, args.name) {
        (StackObject::Numbers(n), "bpf_iter_num_destroy") => n.life,
        (StackObject::Bits(b), "bpf_iter_bits_destroy") => b.life,
        (other, _) => {
            let message = format!("{who} is {}", other.name());
            return Err(run.fault(FaultKind::Protocol, message));
        }
    };
    run.m().lives.release(life);
    Ok(Reg::UNINIT)
}
