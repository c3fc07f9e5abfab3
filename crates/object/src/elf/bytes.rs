//! Numbers in bytes, in either order, checked.

use skep_isa::ByteOrder;

/// Bytes with the order of the numbers in them. Every read is checked and answers `None` past the end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bytes<'a> {
    pub(crate) data: &'a [u8],
    pub(crate) order: ByteOrder,
}

impl<'a> Bytes<'a> {
    pub(crate) fn new(data: &'a [u8], order: ByteOrder) -> Self {
        Self { data, order }
    }

    /// `len` bytes from `at`, when they are all there.
    pub(crate) fn slice(&self, at: u64, len: u64) -> Option<&'a [u8]> {
        let start = usize::try_from(at).ok()?;
        let end = usize::try_from(at.checked_add(len)?).ok()?;
        self.data.get(start..end)
    }

    fn array<const N: usize>(&self, at: u64) -> Option<[u8; N]> {
        self.slice(at, N as u64)?.try_into().ok()
    }

    pub(crate) fn u16(&self, at: u64) -> Option<u16> {
        let bytes = self.array(at)?;
        Some(if self.order == ByteOrder::Big { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
    }

    pub(crate) fn u32(&self, at: u64) -> Option<u32> {
        let bytes = self.array(at)?;
        Some(if self.order == ByteOrder::Big { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
    }

    pub(crate) fn u64(&self, at: u64) -> Option<u64> {
        let bytes = self.array(at)?;
        Some(if self.order == ByteOrder::Big { u64::from_be_bytes(bytes) } else { u64::from_le_bytes(bytes) })
    }

    /// The text from `at` to the next zero byte, which must be there; `Err` with what stands there instead.
    pub(crate) fn text(&self, at: u64) -> Result<&'a str, &'static str> {
        let tail = usize::try_from(at).ok().and_then(|start| self.data.get(start..));
        let tail = tail.ok_or("an offset past its end")?;
        let end = tail.iter().position(|&byte| byte == 0).ok_or("text without a closing zero")?;
        std::str::from_utf8(&tail[..end]).map_err(|_| "text that is not UTF-8")
    }
}
