//! `bpf_check_mtu`: would the packet, after a change the program plans, still fit an interface?

use super::environment::Environment;
use super::errno::{EINVAL, ENODEV, Errno};

/// Check the segments of a packet that is to be segmented (`BPF_MTU_CHK_SEGS`).
const CHECK_SEGMENTS: u64 = 1;

/// Which packet is checked.
#[derive(Clone, Copy, Debug)]
pub struct Checked {
    /// Its length with the link header.
    pub len: usize,
    /// Interface it is at, used when the program names none.
    pub ifindex: u32,
    /// Payload of a segment, 0 for a packet that is not to be segmented; `None` for XDP, which knows no segments.
    pub gso_size: Option<u16>,
}

/// The answers, with Linux's numbers (`BPF_MTU_CHK_RET_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum MtuResult {
    /// It fits.
    Success = 0,
    /// It would have to be cut.
    FragmentationNeeded = 1,
    /// One of its segments would be too long.
    SegmentsTooBig = 2,
}

impl Environment {
    /// Answers; `mtu_len` is the network length to check (0: the packet's own) and gets the interface's MTU.
    ///
    /// # Errors
    /// `EINVAL` for bad flags, `ENODEV` for an unknown interface; `mtu_len` then stays.
    pub fn check_mtu(
        &self,
        packet: Checked,
        ifindex: u32,
        mtu_len: &mut u32,
        diff: i32,
        flags: u64,
    ) -> Result<MtuResult, Errno> {
        let allowed = if packet.gso_size.is_some() { CHECK_SEGMENTS } else { 0 };
        if flags & !allowed != 0 || flags & CHECK_SEGMENTS != 0 && (diff != 0 || *mtu_len != 0) {
            return Err(EINVAL);
        }
        let at = if ifindex == 0 { packet.ifindex } else { ifindex };
        let device = self.devices.get(at).ok_or(ENODEV)?;
        let link = i64::from(device.hard_header_len);
        let len =
            if *mtu_len != 0 { i64::from(*mtu_len) + link } else { packet.len as i64 } + i64::from(diff);
        *mtu_len = device.mtu;
        if len <= i64::from(device.mtu) + link {
            return Ok(MtuResult::Success);
        }
        Ok(match packet.gso_size {
            Some(size) if size > 0 => {
                if flags & CHECK_SEGMENTS != 0 && u32::from(size) > device.mtu {
                    MtuResult::SegmentsTooBig
                } else {
                    MtuResult::Success
                }
            }
            _ => MtuResult::FragmentationNeeded,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::devices::Device;
    use super::*;

    #[test]
    fn lengths_are_network_lengths_and_flags_are_few() {
        let mut env = Environment::default();
        env.devices.add(Device::ethernet(4, "eth0", [0; 6]));
        let xdp = Checked { len: 1500, ifindex: 1, gso_size: None };
        let mut mtu = 0;
        assert_eq!(env.check_mtu(xdp, 4, &mut mtu, 14, 0), Ok(MtuResult::Success));
        assert_eq!(mtu, 1500);
        assert_eq!(env.check_mtu(xdp, 4, &mut mtu, 1, 0), Ok(MtuResult::FragmentationNeeded));
        assert_eq!(env.check_mtu(xdp, 4, &mut mtu, 0, 1), Err(EINVAL));
        assert_eq!(env.check_mtu(xdp, 5, &mut mtu, 0, 0), Err(ENODEV));
        mtu = 0;
        let big = Checked { len: 9000, ifindex: 4, gso_size: Some(1600) };
        assert_eq!(env.check_mtu(big, 0, &mut mtu, 0, 1), Ok(MtuResult::SegmentsTooBig));
    }
}
