//! The context of programs that see an skb, `struct __sk_buff`: tc, socket filter, cgroup, lightweight tunnel, flow dissector.
//!
//! They share the structure and differ in which fields they may touch (the platform's table says), in the layer the packet
//! starts at, and in whether they may write to the packet.

use std::any::Any;
use std::sync::Arc;

use skep_platform::context::View;
use skep_platform::{AttachType, ProgramType};

use super::environment::Environment;
use super::fields::Fields;
use super::packet::ETH_HLEN;
use super::skb::{Layer, Skb};
use super::skb_fields::{self, Id};
use super::verdict::Redirect;
use crate::context::{self, Context, Lent, Loaded, Refusal};

/// Size of `struct bpf_flow_keys`.
pub const FLOW_KEYS_LEN: usize = 56;

/// A copy of the packet that the program sent somewhere while it ran (`bpf_clone_redirect`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Emitted {
    /// The frame as it would go on the wire.
    pub frame: Vec<u8>,
    /// Where to.
    pub to: Redirect,
}

/// One packet on its way through a program. Made once and [reset](Self::reset) for each packet.
#[derive(Debug)]
pub struct SkbContext {
    fields: Fields<Id>,
    program: ProgramType,
    env: Arc<Environment>,
    layer: Layer,
    ifindex: u32,
    /// The packet, before and after the run.
    pub skb: Skb,
    /// Where the program redirected it. Counts only when its verdict says so.
    pub redirect: Option<Redirect>,
    /// Copies it sent out meanwhile.
    pub emitted: Vec<Emitted>,
    /// Bytes of those since the last reset.
    emitted_bytes: usize,
    /// `struct bpf_flow_keys`, for flow dissectors: where the network header is, before; what was found, after.
    pub flow_keys: Box<[u8; FLOW_KEYS_LEN]>,
}

impl SkbContext {
    /// A context for programs of this type, with an empty packet at interface `ifindex`.
    ///
    /// The packet starts at its Ethernet header for tc, socket filters and flow dissectors and at its network header for
    /// all others. (Linux's test run starts it at the network header for socket filters, too; a filter on a packet socket sees
    /// the Ethernet header. [`Self::set_layer`] chooses.)
    pub fn new(
        program: ProgramType,
        attach: Option<AttachType>,
        env: Arc<Environment>,
        ifindex: u32,
    ) -> Self {
        use ProgramType as T;
        let link = matches!(program, T::SchedCls | T::SchedAct | T::SocketFilter | T::FlowDissector);
        let layer = if link { Layer::Link } else { Layer::Network };
        Self {
            fields: Fields::new(View::Context(program, attach), skb_fields::id_of),
            program,
            layer,
            ifindex,
            skb: Skb::new(&[], layer, ifindex, [0; 6]),
            redirect: None,
            emitted: Vec::new(),
            emitted_bytes: 0,
            flow_keys: Box::new([0; FLOW_KEYS_LEN]),
            env,
        }
    }

    /// Chooses what the program finds at the packet's first byte, from the next [`Self::reset`] on.
    pub fn set_layer(&mut self, layer: Layer) {
        self.layer = layer;
    }

    /// Puts another packet in, an Ethernet frame, and forgets what the last run left.
    pub fn reset(&mut self, frame: &[u8]) {
        let mac = self.env.devices.get(self.ifindex).map_or([0; 6], |d| d.mac);
        self.skb = Skb::new(frame, self.layer, self.ifindex, mac);
        self.redirect = None;
        self.emitted.clear();
        self.emitted_bytes = 0;
        *self.flow_keys = [0; FLOW_KEYS_LEN];
        let offset = (ETH_HLEN as u16).to_ne_bytes();
        self.flow_keys[..2].copy_from_slice(&offset);
        self.flow_keys[2..4].copy_from_slice(&offset);
        self.flow_keys[10..12].copy_from_slice(&self.skb.protocol.to_be_bytes());
    }

    /// The world around the packet.
    pub fn environment(&self) -> &Arc<Environment> {
        &self.env
    }

    /// The type of the programs that run on it.
    pub fn program_type(&self) -> ProgramType {
        self.program
    }

    /// Whether programs of this type may store to the packet directly.
    fn writable(&self) -> bool {
        use ProgramType as T;
        matches!(self.program, T::SchedCls | T::SchedAct | T::LwtXmit | T::SkSkb)
    }

    /// Sends a copy of the packet as it is now, unless too much was sent; whether it was.
    pub(crate) fn emit(&mut self, to: Redirect) -> bool {
        /// Bytes of copies that one run may send: a bound on memory, for Linux's bound on its queues.
        const EMITTED_MAX: usize = 16 << 20;
        /// What a copy costs beside its bytes.
        const EACH: usize = 128;
        self.emitted_bytes += self.skb.len() + EACH;
        let room = self.emitted_bytes <= EMITTED_MAX;
        if room {
            self.emitted.push(Emitted { frame: self.skb.wire_bytes(), to });
        }
        room
    }

    /// What a flow dissector reported, with the offsets brought into the packet as Linux does.
    pub fn dissected(&self) -> [u8; FLOW_KEYS_LEN] {
        let mut keys = *self.flow_keys;
        let len = u16::try_from(self.skb.len()).unwrap_or(u16::MAX);
        let at = |keys: &[u8], i: usize| u16::from_ne_bytes([keys[i], keys[i + 1]]);
        let network = at(&keys, 0).min(len).max(ETH_HLEN as u16);
        let transport = at(&keys, 2).min(len).max(network);
        keys[..2].copy_from_slice(&network.to_ne_bytes());
        keys[2..4].copy_from_slice(&transport.to_ne_bytes());
        keys
    }
}

impl Context for SkbContext {
    fn name(&self) -> &str {
        self.fields.name()
    }

    fn load(&mut self, off: i64, size: usize) -> Result<Loaded, Refusal> {
        let part = self.fields.find(off, size, false)?;
        match part.id {
            Id::Data => return Ok(Loaded::PacketData),
            Id::DataEnd => return Ok(Loaded::PacketEnd),
            Id::DataMeta => return Ok(Loaded::PacketMeta),
            Id::FlowKeys => {
                let keys = self.flow_keys.as_mut_ptr();
                // SAFETY: the box is the context's own, and only the program touches it until the run is over.
                return Ok(Loaded::Memory(unsafe { Lent::write(keys, FLOW_KEYS_LEN) }));
            }
            Id::Sk => {
                let image = self.skb.socket.and_then(|n| self.env.sockets.image(n));
                // SAFETY: images are never written, and the environment outlives the run.
                let lent = image.map_or(Lent::NULL, |i| unsafe { Lent::read(i.as_ptr(), i.len()) });
                return Ok(Loaded::Socket(lent));
            }
            _ => {}
        }
        let socket = self.skb.socket.and_then(|n| self.env.sockets.get(n));
        Ok(Loaded::Scalar(part.extract(|index| skb_fields::get(&self.skb, socket, part.id, index))))
    }

    fn store(&mut self, off: i64, size: usize, value: u64) -> Result<(), Refusal> {
        let part = self.fields.find(off, size, true)?;
        let old = skb_fields::get(&self.skb, None, part.id, part.index);
        for (index, value) in part.merge(old, value) {
            skb_fields::set(&mut self.skb, part.id, index, value);
        }
        Ok(())
    }

    fn packet(&mut self) -> Option<context::Packet> {
        let writable = self.writable();
        let packet = &mut self.skb.packet;
        let len = packet.len();
        Some(context::Packet { meta: packet.meta_ptr(), data: packet.data_ptr(), len, writable })
    }

    fn legacy_load(&mut self, off: i32, size: usize) -> Option<u64> {
        self.skb.legacy_load(off, size)
    }

    fn as_any(&mut self) -> Option<&mut dyn Any> {
        Some(self)
    }
}
