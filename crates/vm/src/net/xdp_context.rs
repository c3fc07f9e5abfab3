//! The context of XDP programs, `struct xdp_md`.

use std::any::Any;
use std::sync::Arc;

use skep_platform::context::View;
use skep_platform::{AttachType, ProgramType};

use super::environment::Environment;
use super::fields::Fields;
use super::packet::Packet;
use super::verdict::Redirect;
use crate::context::{self, Context, Loaded, Refusal};

/// Fields of `struct xdp_md`.
#[derive(Clone, Copy, Debug)]
enum Id {
    Data,
    DataEnd,
    DataMeta,
    IngressIfindex,
    RxQueueIndex,
    EgressIfindex,
}

fn id_of(name: &str) -> Option<Id> {
    Some(match name {
        "data" => Id::Data,
        "data_end" => Id::DataEnd,
        "data_meta" => Id::DataMeta,
        "ingress_ifindex" => Id::IngressIfindex,
        "rx_queue_index" => Id::RxQueueIndex,
        "egress_ifindex" => Id::EgressIfindex,
        _ => return None,
    })
}

/// One packet on its way through an XDP program. Made once and [reset](Self::reset) for each packet.
#[derive(Debug)]
pub struct XdpContext {
    fields: Fields<Id>,
    env: Arc<Environment>,
    /// The packet, before and after the run.
    pub packet: Packet,
    /// Interface it came in by.
    pub ingress_ifindex: u32,
    /// Receive queue it came in by.
    pub rx_queue_index: u32,
    /// Interface it is to leave by; only programs in a devmap may ask.
    pub egress_ifindex: u32,
    /// Where the program redirected it. Counts only when the program returned `XDP_REDIRECT`.
    pub redirect: Option<Redirect>,
}

impl XdpContext {
    /// A context for programs of this attach type (`None`: at an interface), with an empty packet from interface 1.
    pub fn new(env: Arc<Environment>, attach: Option<AttachType>) -> Self {
        Self {
            fields: Fields::new(View::Context(ProgramType::Xdp, attach), id_of),
            env,
            packet: Packet::new(&[]),
            ingress_ifindex: 1,
            rx_queue_index: 0,
            egress_ifindex: 0,
            redirect: None,
        }
    }

    /// Puts another packet in and forgets what the last run left. The interfaces stay.
    pub fn reset(&mut self, frame: &[u8]) {
        self.packet.reset(frame);
        self.redirect = None;
    }

    /// The world around the packet.
    pub fn environment(&self) -> &Arc<Environment> {
        &self.env
    }
}

impl Context for XdpContext {
    fn name(&self) -> &str {
        self.fields.name()
    }

    fn load(&mut self, off: i64, size: usize) -> Result<Loaded, Refusal> {
        let part = self.fields.find(off, size, false)?;
        let value = match part.id {
            Id::Data => return Ok(Loaded::PacketData),
            Id::DataEnd => return Ok(Loaded::PacketEnd),
            Id::DataMeta => return Ok(Loaded::PacketMeta),
            Id::IngressIfindex => self.ingress_ifindex,
            Id::RxQueueIndex => self.rx_queue_index,
            Id::EgressIfindex => self.egress_ifindex,
        };
        Ok(Loaded::Scalar(part.extract(|_| value.into())))
    }

    fn store(&mut self, off: i64, size: usize, _value: u64) -> Result<(), Refusal> {
        self.fields.find(off, size, true).map(drop)
    }

    fn packet(&mut self) -> Option<context::Packet> {
        let len = self.packet.len();
        let (meta, data) = (self.packet.meta_ptr(), self.packet.data_ptr());
        Some(context::Packet { meta, data, len, writable: true })
    }

    fn as_any(&mut self) -> Option<&mut dyn Any> {
        Some(self)
    }
}
