/* Every attribute of a BTF map definition, slots with maps and with programs, special fields. */
#include "skep.h"
struct bpf_spin_lock { __u32 val; };
struct bpf_timer { __u64 opaque[2]; } __attribute__((aligned(8)));
struct task;
#define __kptr __attribute__((btf_type_tag("kptr")))
struct value {
	struct bpf_spin_lock lock;
	__u32 plain;
	struct bpf_timer timers[2];
	struct task __kptr *task;
};
struct inner {
	__uint(type, 2);
	__uint(max_entries, 4);
	__uint(key_size, 4);
	__uint(value_size, 8);
};
struct inner one SEC(".maps"), two SEC(".maps");
struct {
	__uint(type, 12);
	__uint(max_entries, 3);
	__type(key, __u32);
	__array(values, struct inner);
} outer SEC(".maps") = { .values = { [0] = &one, [2] = &two } };
struct {
	__uint(type, 1);
	__uint(max_entries, 100);
	__uint(map_flags, 1);
	__uint(pinning, 1);
	__type(key, __u64);
	__type(value, struct value);
} hash SEC(".maps");
struct {
	__uint(type, 30);
	__uint(max_entries, 7);
	__uint(value_size, 4);
	enum { extra_value = 3 } map_extra;
	__uint(numa_node, 1);
} bloom SEC(".maps");
int tail_a(void *ctx);
int tail_b(void *ctx);
struct {
	__uint(type, 3);
	__uint(max_entries, 4);
	__uint(key_size, 4);
	__array(values, int(void *));
} jumps SEC(".maps") = { .values = { [1] = tail_a, [3] = tail_b } };
SEC("tc") int tail_a(void *ctx) { return 1; }
SEC("tc") int tail_b(void *ctx) { return 2; }
static int each(__u32 index, void *ctx) { return 0; }
SEC("tc") int entry(void *ctx)
{
	__u32 key = 0;
	void *map = bpf_map_lookup_elem(&outer, &key);
	if (map)
		bpf_map_lookup_elem(map, &key);
	bpf_map_lookup_elem(&hash, ctx);
	bpf_map_update_elem(&bloom, 0, &key, 0);
	bpf_loop(4, each, 0, 0);
	bpf_tail_call(ctx, &jumps, 1);
	return 0;
}
char _license[] SEC("license") = "GPL";
