//! The context of programs that choose the socket for a new connection, `struct bpf_sk_lookup`.

use std::any::Any;
use std::sync::Arc;

use skep_platform::context::View;
use skep_platform::errno::{EAFNOSUPPORT, EEXIST, EINVAL, EPROTOTYPE, ESOCKTNOSUPPORT};
use skep_platform::{Errno, ProgramType};

use super::environment::Environment;
use super::fields::Fields;
use super::skb_fields::{ip4, ip6};
use super::sockets::{State, Transport, Tuple};
use crate::context::{Context, Lent, Loaded, Refusal};

/// Replace a socket chosen before (`BPF_SK_LOOKUP_F_REPLACE`).
const REPLACE: u64 = 1;
/// Take the socket itself, not one of its reuseport group (`BPF_SK_LOOKUP_F_NO_REUSEPORT`).
const NO_REUSEPORT: u64 = 2;

#[derive(Clone, Copy, Debug)]
enum Id {
    Sk,
    Family,
    Protocol,
    RemoteIp4,
    RemoteIp6,
    RemotePort,
    Zero,
    LocalIp4,
    LocalIp6,
    LocalPort,
    IngressIfindex,
}

fn id_of(name: &str) -> Option<Id> {
    Some(match name {
        "sk" => Id::Sk,
        "family" => Id::Family,
        "protocol" => Id::Protocol,
        "remote_ip4" => Id::RemoteIp4,
        "remote_ip6" => Id::RemoteIp6,
        "remote_port" => Id::RemotePort,
        "local_ip4" => Id::LocalIp4,
        "local_ip6" => Id::LocalIp6,
        "local_port" => Id::LocalPort,
        "ingress_ifindex" => Id::IngressIfindex,
        "" => Id::Zero,
        _ => return None,
    })
}

/// One look-up on its way through a program.
#[derive(Debug)]
pub struct SkLookupContext {
    fields: Fields<Id>,
    env: Arc<Environment>,
    /// What is looked up.
    pub tuple: Tuple,
    /// The socket chosen, by its number in the environment's table.
    pub selected: Option<usize>,
    /// Whether the socket's reuseport group is to be left alone.
    pub no_reuseport: bool,
}

impl SkLookupContext {
    /// The look-up of `tuple`, nothing chosen yet.
    pub fn new(env: Arc<Environment>, tuple: Tuple) -> Self {
        let fields = Fields::new(View::Context(ProgramType::SkLookup, None), id_of);
        Self { fields, env, tuple, selected: None, no_reuseport: false }
    }

    /// The world around the packet.
    pub fn environment(&self) -> &Arc<Environment> {
        &self.env
    }

    /// `bpf_sk_assign`: chooses a socket, or with `None` takes the choice back.
    ///
    /// # Errors
    /// `EINVAL` for unknown flags, `ESOCKTNOSUPPORT` for a connected socket, `EPROTOTYPE` for one of the other protocol,
    /// `EAFNOSUPPORT` for one of the other family, `EEXIST` when one is chosen and is not to be replaced.
    pub fn assign(&mut self, number: Option<usize>, flags: u64) -> Result<(), Errno> {
        if flags & !(REPLACE | NO_REUSEPORT) != 0 {
            return Err(EINVAL);
        }
        if let Some(socket) = number.and_then(|n| self.env.sockets.get(n)) {
            if socket.is_counted() || socket.state == State::Established {
                return Err(ESOCKTNOSUPPORT);
            }
            if socket.transport != self.tuple.transport {
                return Err(EPROTOTYPE);
            }
            let same = socket.local.is_ipv6() == self.tuple.local.is_ipv6();
            if !same && (socket.local.is_ipv4() || socket.v6_only) {
                return Err(EAFNOSUPPORT);
            }
        }
        if self.selected.is_some() && flags & REPLACE == 0 {
            return Err(EEXIST);
        }
        self.selected = number;
        self.no_reuseport = flags & NO_REUSEPORT != 0;
        Ok(())
    }

    fn value(&self, id: Id, index: usize) -> u64 {
        let (local, remote) = (self.tuple.local, self.tuple.remote);
        match id {
            Id::Family => {
                if local.is_ipv6() {
                    10
                } else {
                    2
                }
            }
            Id::Protocol => match self.tuple.transport {
                Transport::Tcp => 6,
                Transport::Udp => 17,
            },
            Id::RemoteIp4 => ip4(Some(remote.ip())),
            Id::RemoteIp6 => ip6(Some(remote.ip()), index),
            // Two bytes in network order; a load of four finds zeros behind them.
            Id::RemotePort if index == 0 => remote.port().to_be().into(),
            Id::LocalIp4 => ip4(Some(local.ip())),
            Id::LocalIp6 => ip6(Some(local.ip()), index),
            Id::LocalPort => local.port().into(),
            Id::IngressIfindex => self.tuple.ifindex.into(),
            Id::Sk | Id::Zero | Id::RemotePort => 0,
        }
    }
}

impl Context for SkLookupContext {
    fn name(&self) -> &str {
        self.fields.name()
    }

    fn load(&mut self, off: i64, size: usize) -> Result<Loaded, Refusal> {
        let part = self.fields.find(off, size, false)?;
        if let Id::Sk = part.id {
            let image = self.selected.and_then(|n| self.env.sockets.image(n));
            // SAFETY: images are never written, and the environment outlives the run.
            return Ok(Loaded::Socket(
                image.map_or(Lent::NULL, |i| unsafe { Lent::read(i.as_ptr(), i.len()) }),
            ));
        }
        Ok(Loaded::Scalar(part.extract(|index| self.value(part.id, index))))
    }

    fn as_any(&mut self) -> Option<&mut dyn Any> {
        Some(self)
    }
}

#[cfg(test)]
mod tests {
    use super::super::sockets::Socket;
    use super::*;

    #[test]
    fn only_waiting_sockets_of_the_right_kind_are_chosen() {
        let mut env = Environment::default();
        let at = |text: &str| text.parse().unwrap();
        let listener = env.sockets.add(Socket::waiting(Transport::Tcp, at("0.0.0.0:80")));
        let udp = env.sockets.add(Socket::waiting(Transport::Udp, at("0.0.0.0:80")));
        let busy = env.sockets.add(Socket::connected(Transport::Tcp, at("10.0.0.1:80"), at("10.0.0.2:9")));
        let tuple = Tuple {
            transport: Transport::Tcp,
            remote: at("10.0.0.2:258"),
            local: at("10.0.0.1:7"),
            ifindex: 3,
        };
        let mut ctx = SkLookupContext::new(Arc::new(env), tuple);
        assert_eq!(ctx.assign(Some(udp), 0), Err(EPROTOTYPE));
        assert_eq!(ctx.assign(Some(busy), 0), Err(ESOCKTNOSUPPORT));
        assert_eq!(ctx.assign(Some(listener), 4), Err(EINVAL));
        assert_eq!(ctx.assign(Some(listener), 0), Ok(()));
        assert_eq!(ctx.assign(Some(listener), 0), Err(EEXIST));
        assert_eq!(ctx.assign(None, REPLACE), Ok(()));
        assert_eq!(ctx.selected, None);
        assert!(matches!(ctx.load(36, 2), Ok(Loaded::Scalar(0x0201))));
        assert!(matches!(ctx.load(36, 4), Ok(Loaded::Scalar(0x0201))));
        assert!(matches!(ctx.load(0, 8), Ok(Loaded::Socket(_))));
        assert!(ctx.load(4, 4).is_err());
    }
}
