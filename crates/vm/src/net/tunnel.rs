//! Tunnel metadata: what a tunnel device says of a packet that came through it, and what a program asks of the one it
//! will leave by. Kept beside the packet; there is no tunnel device here that would put it on the wire.

use super::errno::{EINVAL, ENOENT, ENOMEM, EPROTO, Errno};
use super::skb::Skb;

/// Addresses are IPv6 (`BPF_F_TUNINFO_IPV6`).
const INFO_IPV6: u64 = 1;
/// The program wants the tunnel's flags instead of its option length (`BPF_F_TUNINFO_FLAGS`).
const INFO_FLAGS: u64 = 1 << 4;
/// Flags a program may give when it sets a key: IPv6, zero checksum, don't fragment, sequence number, no key.
const SET_FLAGS: u64 = 0x1f;
/// Longest tunnel options.
const OPTIONS_MAX: usize = 255;
/// Size of `struct bpf_tunnel_key`.
pub const KEY_LEN: usize = 44;
/// Sizes that older programs were compiled with: without local addresses, label, options' length, IPv6 addresses.
const OLD_KEY_LENS: [usize; 4] = [28, 24, 22, 8];

/// One tunnel, as metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tunnel {
    /// `struct bpf_tunnel_key` as programs see it.
    pub key: [u8; KEY_LEN],
    /// Whether the addresses in `key` are IPv6.
    pub ipv6: bool,
    /// Options after the tunnel header, at most 255 bytes.
    pub options: Vec<u8>,
    /// The tunnel's own flags, in network byte order as programs see them.
    pub flags: u16,
}

impl Skb {
    /// `bpf_skb_get_tunnel_key`: fills `out` with as much of the key as that length means.
    ///
    /// # Errors
    /// `EINVAL` without a tunnel or for bad flags and lengths, `EPROTO` for the other address family. `out` is zeroed then.
    pub fn tunnel_key(&self, out: &mut [u8], flags: u64) -> Result<(), Errno> {
        let found = self.tunnel_key_bytes(out.len(), flags);
        match &found {
            Ok(key) => out.copy_from_slice(&key[..out.len()]),
            Err(_) => out.fill(0),
        }
        found.map(drop)
    }

    fn tunnel_key_bytes(&self, len: usize, flags: u64) -> Result<[u8; KEY_LEN], Errno> {
        let tunnel = self.tunnel_rx.as_ref().ok_or(EINVAL)?;
        if flags & !(INFO_IPV6 | INFO_FLAGS) != 0 || len != KEY_LEN && !OLD_KEY_LENS.contains(&len) {
            return Err(EINVAL);
        }
        if (flags & INFO_IPV6 != 0) != tunnel.ipv6 {
            return Err(EPROTO);
        }
        let mut key = tunnel.key;
        let ext = if flags & INFO_FLAGS != 0 { tunnel.flags } else { tunnel.options.len() as u16 };
        key[22..24].copy_from_slice(&ext.to_ne_bytes());
        Ok(key)
    }

    /// `bpf_skb_set_tunnel_key`: asks for a tunnel with this key.
    ///
    /// # Errors
    /// `EINVAL` for bad flags and lengths and for a label over 20 bits or beside an IPv4 address.
    pub fn set_tunnel_key(&mut self, key: &[u8], flags: u64) -> Result<(), Errno> {
        if flags & !SET_FLAGS != 0 || key.len() != KEY_LEN && !OLD_KEY_LENS.contains(&key.len()) {
            return Err(EINVAL);
        }
        let mut full = [0; KEY_LEN];
        full[..key.len()].copy_from_slice(key);
        let ipv6 = flags & INFO_IPV6 != 0;
        let ext = u16::from_ne_bytes([full[22], full[23]]);
        let label = u32::from_ne_bytes([full[24], full[25], full[26], full[27]]);
        if ext != 0 || label > 0x000f_ffff || label != 0 && !ipv6 {
            return Err(EINVAL);
        }
        self.tunnel_tx = Some(Tunnel { key: full, ipv6, options: Vec::new(), flags: 0 });
        Ok(())
    }

    /// `bpf_skb_get_tunnel_opt`: copies the received options to the start of `out` and returns their length. The rest
    /// of `out` is zeroed, all of it on an error.
    ///
    /// # Errors
    /// `ENOENT` when there are none, `ENOMEM` when they are longer than `out`.
    pub fn tunnel_options(&self, out: &mut [u8]) -> Result<usize, Errno> {
        out.fill(0);
        let options =
            self.tunnel_rx.as_ref().map(|t| &t.options[..]).filter(|o| !o.is_empty()).ok_or(ENOENT)?;
        out.get_mut(..options.len()).ok_or(ENOMEM)?.copy_from_slice(options);
        Ok(options.len())
    }

    /// `bpf_skb_set_tunnel_opt`: adds options to the tunnel asked for before.
    ///
    /// # Errors
    /// `EINVAL` without a tunnel and for a length that is no multiple of 4, `ENOMEM` for more than 255 bytes.
    pub fn set_tunnel_options(&mut self, options: &[u8]) -> Result<(), Errno> {
        let tunnel = self.tunnel_tx.as_mut().ok_or(EINVAL)?;
        if !options.len().is_multiple_of(4) {
            return Err(EINVAL);
        }
        if options.len() > OPTIONS_MAX {
            return Err(ENOMEM);
        }
        tunnel.options = options.to_vec();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::skb::Layer;
    use super::*;

    #[test]
    fn a_key_set_is_for_the_way_out() {
        let mut skb = Skb::new(&[0; 60], Layer::Link, 1, [0; 6]);
        let mut out = [1; KEY_LEN];
        assert_eq!(skb.tunnel_key(&mut out, 0), Err(EINVAL));
        assert_eq!(out, [0; KEY_LEN]);
        assert_eq!(skb.set_tunnel_options(&[0; 4]), Err(EINVAL));
        assert_eq!(skb.set_tunnel_key(&[0; 27], 0), Err(EINVAL));
        assert_eq!(skb.set_tunnel_key(&[0; KEY_LEN], 0x20), Err(EINVAL));
        assert_eq!(skb.set_tunnel_key(&[0; KEY_LEN], 0), Ok(()));
        assert_eq!(skb.set_tunnel_options(&[0; 5]), Err(EINVAL));
        assert_eq!(skb.set_tunnel_options(&[0; 8]), Ok(()));
        assert_eq!(skb.tunnel_key(&mut out, 0), Err(EINVAL));
    }

    #[test]
    fn a_received_key_knows_its_family_and_options() {
        let mut skb = Skb::new(&[0; 60], Layer::Link, 1, [0; 6]);
        skb.tunnel_rx = Some(Tunnel { key: [3; KEY_LEN], ipv6: false, options: vec![1, 2, 3, 4], flags: 0 });
        let mut out = [0; KEY_LEN];
        assert_eq!(skb.tunnel_key(&mut out, 1), Err(EPROTO));
        assert_eq!(skb.tunnel_key(&mut out, 0), Ok(()));
        assert_eq!((out[0], u16::from_ne_bytes([out[22], out[23]])), (3, 4));
        let mut options = [9; 6];
        assert_eq!(skb.tunnel_options(&mut options), Ok(4));
        assert_eq!(options, [1, 2, 3, 4, 0, 0]);
        assert_eq!(skb.tunnel_options(&mut [0; 3]), Err(ENOMEM));
    }
}
