//! The kernel's own structs behind map pointers.

use crate::MapType;

/// The struct that a pointer to a map of this type may be read as; each begins with `struct bpf_map`. `None` where Linux lets
/// nothing be read.
pub const fn map_struct(map: MapType) -> Option<&'static str> {
    use MapType::*;
    Some(match map {
        Array | PercpuArray | ProgArray | PerfEventArray | CgroupArray | ArrayOfMaps => "bpf_array",
        Hash | PercpuHash | LruHash | LruPercpuHash | HashOfMaps => "bpf_htab",
        StackTrace => "bpf_stack_map",
        LpmTrie => "lpm_trie",
        Devmap | DevmapHash => "bpf_dtab",
        Cpumap => "bpf_cpu_map",
        Xskmap => "xsk_map",
        Sockmap => "bpf_stab",
        Sockhash => "bpf_shtab",
        ReuseportSockarray => "reuseport_array",
        CgroupStorage | PercpuCgroupStorage => "bpf_cgroup_storage_map",
        Queue | Stack => "bpf_queue_stack",
        SkStorage | InodeStorage | TaskStorage | CgrpStorage => "bpf_local_storage_map",
        Ringbuf | UserRingbuf => "bpf_ringbuf_map",
        BloomFilter => "bpf_bloom_filter",
        StructOps => "bpf_struct_ops_map",
        Arena => "bpf_arena",
        #[allow(unreachable_patterns, reason = "map types to come")]
        _ => return None,
    })
}
