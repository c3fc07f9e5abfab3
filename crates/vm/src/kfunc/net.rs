//! Kernel functions of the packet hooks.

use skep_platform::errno::{EINVAL, EOPNOTSUPP};

use super::{Args, Resolved, kfunc};
use crate::exec::Run;
use crate::fault::Fault;
use crate::net::{SkbContext, XdpContext};
use crate::prov::{Kind, Reg};

/// Rows of [`super::all`].
pub(crate) static ROWS: &[Resolved] = &[
    kfunc("bpf_dynptr_from_xdp", 3, |run, args| {
        let right = run.context_as::<XdpContext>().is_some();
        from_packet(run, args, right)
    }),
    kfunc("bpf_dynptr_from_skb", 3, |run, args| {
        let right = run.context_as::<SkbContext>().is_some();
        from_packet(run, args, right)
    }),
    kfunc("bpf_xdp_pull_data", 2, pull),
    // As Linux says of a device whose driver has none of it.
    kfunc("bpf_xdp_metadata_rx_timestamp", 2, unsupported),
    kfunc("bpf_xdp_metadata_rx_hash", 3, unsupported),
    kfunc("bpf_xdp_metadata_rx_vlan_tag", 3, unsupported),
];

/// A dynptr over the whole packet. It follows the packet when that changes; slices taken before die.
fn from_packet(run: &mut Run<'_>, args: &Args, right: bool) -> Result<Reg, Fault> {
    run.check_kind(args.reg(0), Kind::Context, "the context", &args.who(0))?;
    let flags = args.number(run, 1)?;
    match run.packet_reg().filter(|_| right && flags == 0) {
        Some(packet) => {
            let len = packet.prov.len();
            run.new_dynptr(args.reg(2), packet, len.into(), &args.who(2))?;
            Ok(Reg::ZERO)
        }
        None => {
            run.null_dynptr(args.reg(2), &args.who(2))?;
            Ok(Reg::errno(EINVAL.0))
        }
    }
}

/// The packet is in one piece already; only pointers die, as they would.
fn pull(run: &mut Run<'_>, args: &Args) -> Result<Reg, Fault> {
    run.check_kind(args.reg(0), Kind::Context, "the context", &args.who(0))?;
    let len = args.number(run, 1)? as u32;
    let fits = run.context_as::<XdpContext>().is_some_and(|x| len as usize <= x.packet.len());
    run.packet_changed();
    Ok(if fits { Reg::ZERO } else { Reg::errno(EINVAL.0) })
}

fn unsupported(run: &mut Run<'_>, args: &Args) -> Result<Reg, Fault> {
    run.check_kind(args.reg(0), Kind::Context, "the context", &args.who(0))?;
    Ok(Reg::errno(EOPNOTSUPP.0))
}
