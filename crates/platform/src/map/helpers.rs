//! Which helpers take which maps.
//!
//! Two rules meet, and both must hold: some map types take only the helpers made for them, and some helpers take only
//! the map types made for them. Everything else goes together.

use super::MapType::{self, *};
use crate::Helper;

/// Map types that take these helpers only.
#[rustfmt::skip] // One row a kind of map.
static BY_MAP: &[(&[MapType], &[&str])] = &[
    (&[ProgArray], &["tail_call"]),
    (&[PerfEventArray], &["perf_event_read", "perf_event_output", "skb_output", "perf_event_read_value", "xdp_output"]),
    (&[StackTrace], &["get_stackid"]),
    (&[CgroupArray], &["skb_under_cgroup", "current_task_under_cgroup"]),
    (&[CgroupStorage, PercpuCgroupStorage], &["get_local_storage"]),
    (&[Devmap, DevmapHash], &["redirect_map", "map_lookup_elem"]),
    (&[Cpumap], &["redirect_map"]),
    (&[Xskmap], &["redirect_map", "map_lookup_elem"]),
    (&[ArrayOfMaps, HashOfMaps], &["map_lookup_elem"]),
    (&[Sockmap], &["sk_redirect_map", "sock_map_update", "map_delete_elem", "msg_redirect_map", "sk_select_reuseport",
        "map_lookup_elem", "map_update_elem"]),
    (&[Sockhash], &["sk_redirect_hash", "sock_hash_update", "map_delete_elem", "msg_redirect_hash",
        "sk_select_reuseport", "map_lookup_elem", "map_update_elem"]),
    (&[ReuseportSockarray], &["sk_select_reuseport"]),
    (&[Queue, Stack], &["map_push_elem", "map_pop_elem", "map_peek_elem"]),
    (&[BloomFilter], &["map_push_elem", "map_peek_elem"]),
    (&[SkStorage], &["sk_storage_get", "sk_storage_delete", "kptr_xchg"]),
    (&[InodeStorage], &["inode_storage_get", "inode_storage_delete", "kptr_xchg"]),
    (&[TaskStorage], &["task_storage_get", "task_storage_delete", "kptr_xchg"]),
    (&[CgrpStorage], &["cgrp_storage_get", "cgrp_storage_delete", "kptr_xchg"]),
    (&[Ringbuf], &["ringbuf_output", "ringbuf_reserve", "ringbuf_query", "ringbuf_reserve_dynptr",
        "ringbuf_submit_dynptr", "ringbuf_discard_dynptr"]),
    (&[UserRingbuf], &["user_ringbuf_drain"]),
];

/// Helpers that take these map types only.
#[rustfmt::skip] // One row a kind of helper.
static BY_HELPER: &[(&[&str], &[MapType])] = &[
    (&["tail_call"], &[ProgArray]),
    (&["perf_event_read", "perf_event_output", "perf_event_read_value", "skb_output", "xdp_output"], &[PerfEventArray]),
    (&["ringbuf_output", "ringbuf_reserve", "ringbuf_query", "ringbuf_reserve_dynptr"], &[Ringbuf]),
    (&["user_ringbuf_drain"], &[UserRingbuf]),
    (&["get_stackid"], &[StackTrace]),
    (&["current_task_under_cgroup", "skb_under_cgroup"], &[CgroupArray]),
    (&["redirect_map"], &[Devmap, DevmapHash, Cpumap, Xskmap]),
    (&["sk_redirect_map", "msg_redirect_map", "sock_map_update"], &[Sockmap]),
    (&["sk_redirect_hash", "msg_redirect_hash", "sock_hash_update"], &[Sockhash]),
    (&["get_local_storage"], &[CgroupStorage, PercpuCgroupStorage]),
    (&["sk_select_reuseport"], &[ReuseportSockarray, Sockmap, Sockhash]),
    (&["map_pop_elem"], &[Queue, Stack]),
    (&["map_push_elem", "map_peek_elem"], &[Queue, Stack, BloomFilter]),
    (&["map_lookup_percpu_elem"], &[PercpuArray, PercpuHash, LruPercpuHash]),
    (&["sk_storage_get", "sk_storage_delete"], &[SkStorage]),
    (&["inode_storage_get", "inode_storage_delete"], &[InodeStorage]),
    (&["task_storage_get", "task_storage_delete"], &[TaskStorage]),
    (&["cgrp_storage_get", "cgrp_storage_delete"], &[CgrpStorage]),
    (&["for_each_map_elem"], &[Hash, Array, PercpuHash, PercpuArray, LruHash, LruPercpuHash]),
];

impl MapType {
    /// Whether programs may hand maps of this type to `helper`. Programs that may not update socket maps (most that
    /// run inside the socket layer) are refused `map_update_elem` on them besides.
    pub fn takes(self, helper: &Helper) -> bool {
        let by_map = BY_MAP.iter().find(|(maps, _)| maps.contains(&self));
        let by_helper = BY_HELPER.iter().find(|(helpers, _)| helpers.contains(&helper.name));
        by_map.is_none_or(|(_, helpers)| helpers.contains(&helper.name))
            && by_helper.is_none_or(|(_, maps)| maps.contains(&self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::helper::by_name;

    #[test]
    fn names_are_helpers() {
        let names = BY_MAP.iter().flat_map(|row| row.1).chain(BY_HELPER.iter().flat_map(|row| row.0));
        for name in names {
            assert!(by_name(name).is_some_and(|helper| helper.name == *name), "{name}");
        }
    }

    #[test]
    fn some_pairs() {
        let takes = |map: MapType, name| by_name(name).is_some_and(|helper| map.takes(helper));
        assert!(takes(Hash, "map_lookup_elem") && takes(LpmTrie, "map_update_elem"));
        assert!(
            takes(Queue, "map_pop_elem")
                && !takes(BloomFilter, "map_pop_elem")
                && !takes(Hash, "map_pop_elem")
        );
        assert!(
            !takes(ProgArray, "map_lookup_elem")
                && takes(ProgArray, "tail_call")
                && !takes(Array, "tail_call")
        );
        assert!(takes(Xskmap, "redirect_map") && !takes(Xskmap, "map_update_elem"));
    }
}
