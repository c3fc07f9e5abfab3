/* Legacy records: iproute2's of 36 bytes, with maps in maps and tail calls by section name. */
#include "skep.h"
struct bpf_elf_map {
	__u32 type, size_key, size_value, max_elem, flags, id, pinning, inner_id, inner_idx;
};
struct bpf_elf_map SEC("maps") inner_map = { 2, 4, 8, 1, 0, 42, 2, 0, 1 };
struct bpf_elf_map SEC("maps") outer_map = { 12, 4, 4, 5, 0, 43, 0, 42, 0 };
struct bpf_elf_map SEC("maps") jump_map = { 3, 4, 4, 8, 0, 7, 1, 0, 0 };
struct {
	__u32 type, key, value, max, flags;
} five SEC("maps/five") = { 1, 4, 4, 9, 1 };
SEC("7/3") int tail(void *ctx) { return 0; }
SEC("classifier") int entry(void *ctx)
{
	__u32 key = 0;
	bpf_map_lookup_elem(&outer_map, &key);
	bpf_map_lookup_elem(&inner_map, &key);
	bpf_map_lookup_elem(&five, &key);
	bpf_tail_call(ctx, &jump_map, 3);
	return -1;
}
char _license[] SEC("license") = "GPL";
