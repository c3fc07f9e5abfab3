//! The checked arguments of one call.

use crate::prov::Reg;

/// Arguments that the checker has held against the prototype.
///
/// Memory arguments are what they were found to be until the helper returns: nothing else of this run happens meanwhile. Other
/// threads may write to map values at the same time, as in Linux.
#[derive(Clone, Copy)]
pub(crate) struct Call {
    /// Name of the helper, for faults.
    pub(crate) name: &'static str,
    /// r1 to r5.
    pub(crate) regs: [Reg; 5],
    /// Bytes behind each memory argument.
    pub(crate) lens: [u32; 5],
}

impl Call {
    /// The register, counting from 0.
    #[inline]
    pub(crate) fn reg(&self, n: usize) -> &Reg {
        &self.regs[n]
    }

    /// Its value.
    #[inline]
    pub(crate) fn u64(&self, n: usize) -> u64 {
        self.regs[n].val
    }

    /// The low half of its value.
    #[inline]
    pub(crate) fn u32(&self, n: usize) -> u32 {
        self.regs[n].val as u32
    }

    /// The bytes of a memory argument; empty for null.
    #[inline]
    pub(crate) fn bytes(&self, n: usize) -> &[u8] {
        match self.lens[n] {
            0 => &[],
            // SAFETY: the checker found that many readable bytes.
            len => unsafe { std::slice::from_raw_parts(self.regs[n].val as *const u8, len as usize) },
        }
    }

    /// The bytes of a memory argument that the prototype says is written; empty for null.
    #[inline]
    #[allow(clippy::mut_from_ref, reason = "the memory is the program's; see the type")]
    pub(crate) fn bytes_mut(&self, n: usize) -> &mut [u8] {
        match self.lens[n] {
            0 => &mut [],
            // SAFETY: the checker found that many writable bytes, and a helper takes each argument once.
            len => unsafe { std::slice::from_raw_parts_mut(self.regs[n].val as *mut u8, len as usize) },
        }
    }
}
