// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Strings of a process copied one behind the other into a record of a map, as profilers do: lengths that helpers return, offsets that
// sum them up, loops that are not unrolled, spills around every call. And the same work in callbacks of bpf_loop.

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define NAMES 16
#define LONGEST 64

struct record {
	__u32 lengths[NAMES];
	__u32 used;
	char text[NAMES * LONGEST];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct record);
} records SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, __u64[NAMES]);
} places SEC(".maps");

static __always_inline __u32 copy(struct record *record, __u32 used, int index, __u64 from)
{
	if (used > sizeof(record->text) - LONGEST)
		return used;
	long size = bpf_probe_read_user_str(record->text + used, LONGEST, (void *)from);

	if (size < 0 || size > LONGEST)
		return used;
	record->lengths[index] = size;
	return used + size;
}

SEC("kprobe/do_sys_open")
int strings(void *ctx)
{
	__u32 key = 0, process = bpf_get_current_pid_tgid() >> 32, used = 0;
	struct record *record = bpf_map_lookup_elem(&records, &key);
	__u64 *from = bpf_map_lookup_elem(&places, &process);

	if (!record || !from)
		return 0;
#pragma clang loop unroll(disable)
	for (int i = 0; i < NAMES; i++) {
		__u64 place = from[i];

		if (place & 1) {
			__u64 other = 0;

			bpf_probe_read_user(&other, sizeof(other), (void *)(place & ~1ull));
			place = other;
		}
		if (!place)
			continue;
		used = copy(record, used, i, place);
	}
	record->used = used;
	return 0;
}

struct around {
	struct record *record;
	__u64 *from;
	__u32 used;
};

static long one(__u32 index, struct around *around)
{
	if (index >= NAMES)
		return 1;
	around->used = copy(around->record, around->used, index, around->from[index]);
	return 0;
}

SEC("kprobe/do_sys_open")
int callbacks(void *ctx)
{
	__u32 key = 0, process = bpf_get_current_pid_tgid() >> 32;
	struct around around = {
		.record = bpf_map_lookup_elem(&records, &key),
		.from = bpf_map_lookup_elem(&places, &process),
	};

	if (!around.record || !around.from)
		return 0;
	bpf_loop(NAMES, one, &around, 0);
	around.record->used = around.used;
	return 0;
}

SEC("kprobe/do_sys_open")
int chains(void *ctx)
{
	__u32 process = bpf_get_current_pid_tgid() >> 32;

#pragma clang loop unroll(disable)
	for (int hop = 0; hop < 40; hop++) {
		__u64 *slots = bpf_map_lookup_elem(&places, &process);

		if (!slots)
			break;
#pragma clang loop unroll(disable)
		for (int i = 0; i < NAMES; i++) {
			if (slots[i] == 0) {
				slots[i] = bpf_ktime_get_ns();
				break;
			}
			if (slots[i] > hop)
				process += slots[i];
		}
	}
	return 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
