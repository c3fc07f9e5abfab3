//! The network interfaces of a run's environment: what redirects aim at and routes lead through.

/// A network interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Its number, from 1.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// Its Ethernet address; zero for loopback.
    pub mac: [u8; 6],
    /// The longest network packet it sends, in bytes.
    pub mtu: u32,
    /// Length of its link header: 14 for Ethernet, 0 for a pure tunnel.
    pub hard_header_len: u32,
    /// Whether it is up; nothing is redirected to one that is down.
    pub up: bool,
    /// Whether it forwards packets; without it `bpf_fib_lookup` says `FWD_DISABLED`.
    pub forwarding: bool,
    /// The interface at the other end, for a pair: where `bpf_redirect_peer` leads.
    pub peer: Option<u32>,
}

impl Device {
    /// An Ethernet interface that is up and forwards, with an MTU of 1,500.
    pub fn ethernet(index: u32, name: &str, mac: [u8; 6]) -> Self {
        Self {
            index,
            name: name.to_owned(),
            mac,
            mtu: 1500,
            hard_header_len: 14,
            up: true,
            forwarding: true,
            peer: None,
        }
    }

    /// The loopback interface: number 1, MTU 65,536, no address.
    pub fn loopback() -> Self {
        Self { mtu: 65_536, ..Self::ethernet(1, "lo", [0; 6]) }
    }
}

/// The interfaces, by number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Devices(
    /// By rising number, each once.
    Vec<Device>,
);

impl Default for Devices {
    /// Loopback alone, as in a fresh network namespace.
    fn default() -> Self {
        Self(vec![Device::loopback()])
    }
}

impl Devices {
    /// Adds an interface, replacing one of the same number.
    pub fn add(&mut self, device: Device) {
        match self.0.binary_search_by_key(&device.index, |d| d.index) {
            Ok(at) => self.0[at] = device,
            Err(at) => self.0.insert(at, device),
        }
    }

    /// The interface with that number.
    pub fn get(&self, index: u32) -> Option<&Device> {
        self.0.binary_search_by_key(&index, |d| d.index).ok().map(|at| &self.0[at])
    }

    /// The interface with that name.
    pub fn named(&self, name: &str) -> Option<&Device> {
        self.0.iter().find(|d| d.name == name)
    }

    /// All, by rising number.
    pub fn iter(&self) -> impl Iterator<Item = &Device> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn found_by_number_and_by_name() {
        let mut devices = Devices::default();
        devices.add(Device::ethernet(7, "eth1", [1; 6]));
        devices.add(Device::ethernet(3, "eth0", [2; 6]));
        devices.add(Device { mtu: 9000, ..Device::ethernet(3, "eth0", [2; 6]) });
        assert_eq!(devices.get(3).map(|d| d.mtu), Some(9000));
        assert_eq!(devices.named("eth1").map(|d| d.index), Some(7));
        assert_eq!(devices.get(2), None);
        assert_eq!(devices.iter().map(|d| d.index).collect::<Vec<_>>(), [1, 3, 7]);
    }
}
