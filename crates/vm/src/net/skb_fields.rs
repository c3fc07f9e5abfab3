//! The fields of `struct __sk_buff`: what each is in an [`Skb`].

use std::net::IpAddr;

use super::skb::Skb;
use super::sockets::Socket;

/// Declares the fields: name in the UAPI and name here.
macro_rules! fields {
    ($($id:ident = $name:literal),* $(,)?) => {
        /// A field of `struct __sk_buff`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[allow(clippy::enum_variant_names, reason = "the names are the UAPI's")]
        pub(super) enum Id { $($id),* }

        /// The field of that name.
        pub(super) fn id_of(name: &str) -> Option<Id> {
            match name { $($name => Some(Id::$id),)* _ => None }
        }
    };
}

fields! {
    Len = "len", PktType = "pkt_type", Mark = "mark", QueueMapping = "queue_mapping", Protocol = "protocol",
    VlanPresent = "vlan_present", VlanTci = "vlan_tci", VlanProto = "vlan_proto", Priority = "priority",
    IngressIfindex = "ingress_ifindex", Ifindex = "ifindex", TcIndex = "tc_index", Cb = "cb", Hash = "hash",
    TcClassid = "tc_classid", Data = "data", DataEnd = "data_end", NapiId = "napi_id", Family = "family",
    RemoteIp4 = "remote_ip4", LocalIp4 = "local_ip4", RemoteIp6 = "remote_ip6", LocalIp6 = "local_ip6",
    RemotePort = "remote_port", LocalPort = "local_port", DataMeta = "data_meta", FlowKeys = "flow_keys",
    Tstamp = "tstamp", WireLen = "wire_len", GsoSegs = "gso_segs", Sk = "sk", GsoSize = "gso_size",
    TstampType = "tstamp_type", Hwtstamp = "hwtstamp",
}

/// Queue numbers from here on mean "none" and cannot be set.
const NO_QUEUE: u64 = 0xffff;

/// The number in a field; the pointer fields are not asked for here.
pub(super) fn get(skb: &Skb, socket: Option<&Socket>, id: Id, index: usize) -> u64 {
    let tag = skb.vlan;
    match id {
        Id::Len => skb.len() as u64,
        Id::PktType => skb.pkt_type.into(),
        Id::Mark => skb.mark.into(),
        Id::QueueMapping => skb.queue_mapping.into(),
        Id::Protocol => skb.protocol.to_be().into(),
        Id::VlanPresent => tag.is_some().into(),
        Id::VlanTci => tag.map_or(0, |t| t.tci.into()),
        Id::VlanProto => tag.map_or(0, |t| t.proto.to_be().into()),
        Id::Priority => skb.priority.into(),
        Id::IngressIfindex => skb.ingress_ifindex.into(),
        Id::Ifindex => skb.ifindex.into(),
        Id::TcIndex => skb.tc_index.into(),
        Id::Cb => skb.cb.get(index).copied().unwrap_or_default().into(),
        Id::Hash => skb.hash.into(),
        Id::TcClassid => skb.tc_classid.into(),
        Id::NapiId => skb.napi_id.into(),
        Id::Tstamp => skb.tstamp,
        Id::WireLen => skb.wire_len.into(),
        Id::GsoSegs => skb.gso_segs.into(),
        Id::GsoSize => skb.gso_size.into(),
        Id::TstampType => skb.tstamp_type.into(),
        Id::Hwtstamp => skb.hwtstamp,
        _ => socket.map_or(0, |socket| of_socket(socket, id, index)),
    }
}

/// The fields that describe the packet's socket.
fn of_socket(socket: &Socket, id: Id, index: usize) -> u64 {
    let local = Some(socket.local.ip());
    let remote = socket.remote.map(|r| r.ip());
    match id {
        Id::Family => socket.family().into(),
        Id::RemoteIp4 => ip4(remote),
        Id::LocalIp4 => ip4(local),
        Id::RemoteIp6 => ip6(remote, index),
        Id::LocalIp6 => ip6(local, index),
        // Linux gives the remote port in the upper half of the word, in network order, and the local one as a number.
        Id::RemotePort => socket.remote.map_or(0, |r| u64::from(r.port().to_be()) << 16),
        Id::LocalPort => socket.local.port().into(),
        _ => 0,
    }
}

pub(super) fn ip4(ip: Option<IpAddr>) -> u64 {
    match ip {
        Some(IpAddr::V4(ip)) => u32::from_ne_bytes(ip.octets()).into(),
        _ => 0,
    }
}

pub(super) fn ip6(ip: Option<IpAddr>, word: usize) -> u64 {
    match ip {
        Some(IpAddr::V6(ip)) => {
            let octets = ip.octets();
            octets
                .get(4 * word..4 * word + 4)
                .map_or(0, |b| u32::from_ne_bytes([b[0], b[1], b[2], b[3]]).into())
        }
        _ => 0,
    }
}

/// Stores into a field that the platform's table lets programs write.
pub(super) fn set(skb: &mut Skb, id: Id, index: usize, value: u64) {
    match id {
        Id::Mark => skb.mark = value as u32,
        Id::QueueMapping if value < NO_QUEUE => skb.queue_mapping = value as u16,
        Id::Priority => skb.priority = value as u32,
        Id::TcIndex => skb.tc_index = value as u16,
        Id::TcClassid => skb.tc_classid = u32::from(value as u16),
        Id::Cb => {
            if let Some(word) = skb.cb.get_mut(index) {
                *word = value as u32;
            }
        }
        Id::Tstamp => {
            skb.tstamp = value;
            // On arrival there is but one clock.
            if skb.at_ingress {
                skb.tstamp_type = 0;
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::super::skb::Layer;
    use super::*;

    #[test]
    fn every_field_of_the_table_has_a_meaning_here() {
        let layout = skep_platform::context::layout(skep_platform::ProgramType::SchedCls);
        for field in layout.map_or(&[][..], |l| l.fields) {
            assert!(id_of(field.name).is_some(), "{}", field.name);
        }
    }

    #[test]
    fn addresses_and_ports_are_in_linux_order() {
        let socket = Socket::connected(
            super::super::sockets::Transport::Tcp,
            "[1:2::3]:80".parse().unwrap(),
            "[::1]:258".parse().unwrap(),
        );
        let skb = Skb::new(&[0; 60], Layer::Link, 1, [0; 6]);
        assert_eq!(get(&skb, Some(&socket), Id::LocalIp6, 0), 0x0200_0100);
        assert_eq!(get(&skb, Some(&socket), Id::RemoteIp6, 3), 0x0100_0000);
        assert_eq!(get(&skb, Some(&socket), Id::RemotePort, 0), 0x0201_0000);
        assert_eq!(get(&skb, Some(&socket), Id::LocalPort, 0), 80);
        assert_eq!(get(&skb, None, Id::LocalPort, 0), 0);
    }

    #[test]
    fn stores_keep_their_width() {
        let mut skb = Skb::new(&[0; 60], Layer::Link, 1, [0; 6]);
        set(&mut skb, Id::QueueMapping, 0, 7);
        set(&mut skb, Id::QueueMapping, 0, 0xffff);
        set(&mut skb, Id::TcClassid, 0, 0x1_2345);
        set(&mut skb, Id::Cb, 4, 9);
        set(&mut skb, Id::Cb, 5, 9);
        assert_eq!((skb.queue_mapping, skb.tc_classid, skb.cb), (7, 0x2345, [0, 0, 0, 0, 9]));
    }
}
