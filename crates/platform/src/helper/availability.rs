//! Which program types may call which helper, and since when.
//!
//! Linux decides per program type in a function of its own each; most share a base. Here a [`Grant`] says "these
//! program types may call these helpers, since this release", the grants of a pair add up, and the earliest counts.
//! Some pairs hold for some attach types only: those are [`Limit`]s. The live kernel is the oracle: the Linux engine's
//! test asks it for every pair.
//!
//! Two things are outside the table. A freplace program (`ext`) may call what the program it replaces a function of
//! may call, so its row here is the union. And struct_ops programs get a few helpers more by the struct they implement:
//! the row is that of `tcp_congestion_ops`.

use std::sync::OnceLock;

use super::grants::{GRANTS, LIMITS};
use super::{ALL, by_name};
use crate::{AttachType, ProgramType, Release};

/// A permission for some program types and some helpers.
pub(super) struct Grant {
    /// The program types; empty means every type.
    pub(super) programs: &'static [ProgramType],
    /// Since when; the helper's or program type's own release where that is later.
    pub(super) since: Release,
    /// The helpers by name.
    pub(super) helpers: &'static [&'static str],
}

/// A pair that holds for some attach types only.
pub(super) struct Limit {
    /// The program type.
    pub(super) program: ProgramType,
    /// The attach types.
    pub(super) only: &'static [AttachType],
    /// The helpers by name.
    pub(super) helpers: &'static [&'static str],
}

/// One cell per helper and program type, worked out from the grants once.
type Matrix = Vec<[Cell; ProgramType::ALL.len()]>;

#[derive(Clone, Copy, Default)]
struct Cell {
    since: Option<Release>,
    only: Option<&'static [AttachType]>,
}

/// The release since which programs of this type may call the helper in some attach type.
pub(super) fn since(id: u32, program: ProgramType) -> Option<Release> {
    cell(id, program).since
}

/// Whether a program may call the helper. No attach type means: in any.
pub(super) fn allowed(id: u32, program: ProgramType, attach: Option<AttachType>, release: Release) -> bool {
    let cell = cell(id, program);
    let fits = match (cell.only, attach) {
        (Some(only), Some(attach)) => only.contains(&attach),
        _ => true,
    };
    fits && cell.since.is_some_and(|since| since <= release)
}

fn cell(id: u32, program: ProgramType) -> Cell {
    let row = usize::try_from(id).ok().and_then(|id| matrix().get(id));
    row.map_or(Cell::default(), |row| row[column(program)])
}

fn column(program: ProgramType) -> usize {
    program as usize - 1
}

fn matrix() -> &'static Matrix {
    static MATRIX: OnceLock<Matrix> = OnceLock::new();
    MATRIX.get_or_init(|| {
        let mut matrix = vec![[Cell::default(); ProgramType::ALL.len()]; ALL.len() + 1];
        for grant in GRANTS {
            let programs = if grant.programs.is_empty() { ProgramType::ALL } else { grant.programs };
            for (helper, &program) in pairs(grant.helpers, programs) {
                let since = grant.since.max(helper.since).max(program.since());
                let cell = &mut matrix[helper.id as usize][column(program)];
                cell.since = Some(cell.since.map_or(since, |known| known.min(since)));
            }
        }
        for limit in LIMITS {
            for (helper, &program) in pairs(limit.helpers, std::slice::from_ref(&limit.program)) {
                matrix[helper.id as usize][column(program)].only = Some(limit.only);
            }
        }
        // freplace: whatever any other type may call.
        for row in &mut matrix {
            let union = row.iter().filter_map(|cell| cell.since).min();
            row[column(ProgramType::Ext)].since = union.map(|since| since.max(ProgramType::Ext.since()));
        }
        matrix
    })
}

/// Every named helper with every program type. A name that no helper has is a mistake in the table that a test finds.
fn pairs<'a>(
    names: &'a [&'a str],
    programs: &'a [ProgramType],
) -> impl Iterator<Item = (&'static super::Helper, &'a ProgramType)> {
    names
        .iter()
        .filter_map(|name| by_name(name))
        .flat_map(move |helper| programs.iter().map(move |p| (helper, p)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_are_helpers() {
        let names = GRANTS.iter().flat_map(|g| g.helpers).chain(LIMITS.iter().flat_map(|l| l.helpers));
        for name in names {
            assert!(by_name(name).is_some_and(|helper| helper.name == *name), "{name}");
        }
    }

    #[test]
    fn every_helper_is_somebodys() {
        for helper in ALL {
            assert!(helper.programs(Release::LATEST).any(|p| p != ProgramType::Ext), "{}", helper.name);
        }
    }

    #[test]
    fn limits_limit_what_is_granted() {
        for limit in LIMITS {
            for name in limit.helpers {
                let helper = by_name(name).expect("a helper");
                assert!(helper.allowed_since(limit.program).is_some(), "{name}");
                assert!(limit.only.iter().all(|a| limit.program.attach_types().contains(a)), "{name}");
            }
        }
    }

    #[test]
    fn some_known_pairs() {
        let allowed = |name: &str, program, attach, release| {
            by_name(name).is_some_and(|helper| helper.allowed(program, attach, release))
        };
        use AttachType::{CgroupInet4Bind, CgroupInet4Connect, TraceIter, TraceRawTp};
        assert!(allowed("map_lookup_elem", ProgramType::Netfilter, None, Release::V6_6));
        assert!(!allowed("map_lookup_elem", ProgramType::Netfilter, None, Release::V6_1));
        assert!(allowed("xdp_adjust_tail", ProgramType::Xdp, None, Release::V5_4));
        assert!(!allowed("xdp_adjust_tail", ProgramType::SchedCls, None, Release::LATEST));
        assert!(!allowed("ktime_get_boot_ns", ProgramType::Xdp, None, Release::new(5, 7)));
        assert!(allowed("get_current_pid_tgid", ProgramType::Kprobe, None, Release::V5_4));
        assert!(!allowed("get_current_pid_tgid", ProgramType::Xdp, None, Release::V6_6));
        assert!(allowed("get_current_pid_tgid", ProgramType::Xdp, None, Release::V6_12));
        assert!(allowed("bind", ProgramType::CgroupSockAddr, Some(CgroupInet4Connect), Release::V5_4));
        assert!(!allowed("bind", ProgramType::CgroupSockAddr, Some(CgroupInet4Bind), Release::LATEST));
        assert!(allowed("seq_write", ProgramType::Tracing, Some(TraceIter), Release::V5_10));
        assert!(!allowed("seq_write", ProgramType::Tracing, Some(TraceRawTp), Release::V5_10));
    }
}
