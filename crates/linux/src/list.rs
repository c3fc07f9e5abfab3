//! What the whole system holds: every program, map and link, and which process holds it open.
//!
//! The kernel numbers its objects and gives the number after a number; between two calls any of them may go, so whoever
//! walks must expect that an id no longer opens.

use std::fs;

use skep_platform::Errno;
use skep_platform::errno::ENOENT;

use crate::sys::{Command, attr, bpf};

/// A kind of object that the kernel numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectKind {
    /// Programs.
    Program,
    /// Maps.
    Map,
    /// Links.
    Link,
}

/// A process that holds an object open.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Holder {
    /// What it holds.
    pub kind: ObjectKind,
    /// The object's id.
    pub id: u32,
    /// The process.
    pub pid: u32,
    /// Its command, cut to 15 bytes by the kernel.
    pub command: String,
}

/// The ids of all objects of a kind, rising.
///
/// # Errors
/// `EPERM` without CAP_SYS_ADMIN; `EINVAL` when the kernel has no such ids (links before 5.8).
pub fn ids(kind: ObjectKind) -> Result<Vec<u32>, Errno> {
    let command = match kind {
        ObjectKind::Program => Command::ProgNextId,
        ObjectKind::Map => Command::MapNextId,
        ObjectKind::Link => Command::LinkNextId,
    };
    let mut all = Vec::new();
    let mut attr = attr::ById::default();
    loop {
        // SAFETY: the struct holds no address.
        match unsafe { bpf(command, &mut attr) } {
            Ok(_) => {
                all.push(attr.next_id);
                attr.id = attr.next_id;
            }
            Err(errno) if errno == ENOENT => return Ok(all),
            Err(errno) => return Err(errno),
        }
    }
}

/// Who holds what, by what `/proc` tells about open descriptors: of all processes for root, else of the own ones. A
/// process that ends meanwhile is left out.
pub fn holders() -> Vec<Holder> {
    let mut all = Vec::new();
    for pid in numbers("/proc") {
        let infos = format!("/proc/{pid}/fdinfo");
        let held: Vec<_> = numbers(&infos)
            .filter_map(|fd| held(&fs::read_to_string(format!("{infos}/{fd}")).ok()?))
            .collect();
        if held.is_empty() {
            continue;
        }
        let command = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        let command = command.trim_end().to_owned();
        all.extend(held.into_iter().map(|(kind, id)| Holder { kind, id, pid, command: command.clone() }));
    }
    all.sort();
    all.dedup();
    all
}

/// The entries of a directory that are numbers.
fn numbers(directory: &str) -> impl Iterator<Item = u32> + use<> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// What a descriptor is, by the lines the kernel shows. A link's also name its program, so links are looked for first.
fn held(text: &str) -> Option<(ObjectKind, u32)> {
    let number = |name: &str| {
        text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')?.trim().parse().ok())
    };
    let kinds =
        [("link_id", ObjectKind::Link), ("map_id", ObjectKind::Map), ("prog_id", ObjectKind::Program)];
    kinds.into_iter().find_map(|(name, kind)| Some((kind, number(name)?)))
}

#[cfg(test)]
mod tests {
    use skep_platform::MapType;

    use super::*;
    use crate::calls_test::skipped;
    use crate::{Map, MapRequest};

    #[test]
    fn descriptors_are_told_apart() {
        assert_eq!(
            held("pos:\t0\nlink_type:\txdp\nlink_id:\t7\nprog_id:\t12\n"),
            Some((ObjectKind::Link, 7))
        );
        assert_eq!(held("prog_type:\t6\nprog_id:\t12\n"), Some((ObjectKind::Program, 12)));
        assert_eq!(held("pos:\t0\nflags:\t02\n"), None);
    }

    #[test]
    fn an_own_map_is_listed_with_its_holder() {
        if skipped("an_own_map_is_listed_with_its_holder") {
            return;
        }
        let map = Map::create(&MapRequest::new(MapType::Hash, 4, 4, 1)).expect("creates");
        assert!(ids(ObjectKind::Map).expect("lists").contains(&map.id()));
        let me = std::process::id();
        assert!(holders().iter().any(|h| (h.kind, h.id, h.pid) == (ObjectKind::Map, map.id(), me)));
    }
}
