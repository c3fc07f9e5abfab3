// SPDX-License-Identifier: MIT OR Apache-2.0
//
// A binary search in an array of 64 numbers, with the array in a map and the number sought in the packet: every bound depends on
// the comparisons before it, so that a walk of all paths sees many different ones.

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define COUNT 64

struct table {
	__u32 sorted[COUNT];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct table);
} tables SEC(".maps");

SEC("xdp")
int search(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	__u32 key = 0, low = 0, high = COUNT;
	struct table *table = bpf_map_lookup_elem(&tables, &key);

	if (!table || data + 4 > end)
		return XDP_PASS;
	__u32 sought = *(__u32 *)data;
#pragma clang loop unroll(disable)
	for (int round = 0; round < 7; round++) {
		__u32 middle = (low + high) / 2;

		// The comparison must stand, though the compiler knows better.
		asm volatile("" : "+r"(middle));
		if (low >= high || middle >= COUNT)
			break;
		if (table->sorted[middle] == sought)
			return XDP_DROP;
		if (table->sorted[middle] < sought)
			low = middle + 1;
		else
			high = middle;
	}
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
