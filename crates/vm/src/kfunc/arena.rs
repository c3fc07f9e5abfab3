//! Pages of arenas.

use super::{Args, Resolved, kfunc};
use crate::exec::Run;
use crate::fault::Fault;
use crate::prov::{Kind, Reg};

/// Rows of [`super::all`].
pub(crate) static ROWS: &[Resolved] =
    &[kfunc("bpf_arena_alloc_pages", 5, alloc), kfunc("bpf_arena_free_pages", 3, free)];

/// The map argument of both.
fn arena_map(run: &Run<'_>, args: &Args) -> Result<skep_maps::Map, Fault> {
    run.check_kind(args.reg(0), Kind::Map, "an arena", &args.who(0))?;
    match run.map_at(args.reg(0).prov.index) {
        Some(map) if map.arena().is_some() => Ok(map.clone()),
        _ => Err(run.not_a(args.reg(0), "an arena", &args.who(0))),
    }
}

fn alloc(run: &mut Run<'_>, args: &Args) -> Result<Reg, Fault> {
    let map = arena_map(run, args)?;
    let (address, count) = (args.reg(1).val, args.number(run, 2)? as u32);
    let (node, flags) = (args.number(run, 3)? as i32, args.number(run, 4)?);
    let address = map.arena().map_or(0, |arena| arena.alloc_pages(address, count, node, flags));
    if address == 0 {
        return Ok(Reg::ZERO);
    }
    Ok(run.arena_pointer(args.reg(0).prov.index, address))
}

fn free(run: &mut Run<'_>, args: &Args) -> Result<Reg, Fault> {
    let map = arena_map(run, args)?;
    let count = args.number(run, 2)? as u32;
    if let Some(arena) = map.arena() {
        arena.free_pages(args.reg(1).val, count);
    }
    Ok(Reg::UNINIT)
}
