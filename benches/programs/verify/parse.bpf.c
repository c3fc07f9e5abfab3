// SPDX-License-Identifier: MIT OR Apache-2.0
//
// A parser of packets: VLAN tags, both IP versions with options and extension headers, TCP options one by one, and counters in
// a map. Many short branches over packet pointers with variable parts.

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

struct cursor {
	void *at, *end;
};

struct flow {
	__u32 from[4], to[4];
	__u16 ports[2];
	__u8 protocol, window_scale;
	__u16 segment;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct flow);
	__type(value, __u64[2]);
} flows SEC(".maps");

static __always_inline int has(struct cursor *cursor, unsigned size)
{
	return cursor->at + size <= cursor->end;
}

static __always_inline int network(struct cursor *cursor, struct flow *flow, __u16 protocol)
{
	if (protocol == bpf_htons(0x0800)) {
		unsigned char *ip = cursor->at;

		if (!has(cursor, 20) || (ip[0] >> 4) != 4)
			return -1;
		unsigned size = (ip[0] & 15) * 4;

		if (size < 20 || !has(cursor, size))
			return -1;
		flow->from[0] = *(__u32 *)(ip + 12);
		flow->to[0] = *(__u32 *)(ip + 16);
		flow->protocol = ip[9];
		cursor->at += size;
		return 0;
	}
	if (protocol != bpf_htons(0x86dd))
		return -1;
	unsigned char *ip = cursor->at;

	if (!has(cursor, 40))
		return -1;
	__builtin_memcpy(flow->from, ip + 8, 16);
	__builtin_memcpy(flow->to, ip + 24, 16);
	__u8 next = ip[6];

	cursor->at += 40;
	for (int i = 0; i < 6; i++) {
		unsigned char *header = cursor->at;

		if (next != 0 && next != 43 && next != 60 && next != 135)
			break;
		if (!has(cursor, 8))
			return -1;
		next = header[0];
		cursor->at += (header[1] + 1) * 8;
	}
	flow->protocol = next;
	return 0;
}

static __always_inline int options(struct cursor *cursor, struct flow *flow)
{
	unsigned char *tcp = cursor->at;

	if (!has(cursor, 20))
		return -1;
	flow->ports[0] = *(__u16 *)tcp;
	flow->ports[1] = *(__u16 *)(tcp + 2);
	int left = (tcp[12] >> 4) * 4 - 20;

	cursor->at += 20;
	for (int i = 0; i < 12 && left > 0; i++) {
		unsigned char *option = cursor->at;

		if (!has(cursor, 1))
			return -1;
		if (option[0] == 0)
			break;
		if (option[0] == 1) {
			cursor->at++;
			left--;
			continue;
		}
		if (!has(cursor, 4) || option[1] < 2)
			return -1;
		if (option[0] == 2)
			flow->segment = *(__u16 *)(option + 2);
		if (option[0] == 3)
			flow->window_scale = option[2];
		left -= option[1];
		cursor->at += option[1];
	}
	return 0;
}

SEC("xdp")
int parse(struct xdp_md *ctx)
{
	struct cursor cursor = { (void *)(long)ctx->data, (void *)(long)ctx->data_end };
	struct flow flow = {};
	unsigned char *ethernet = cursor.at;

	if (!has(&cursor, 14))
		return XDP_DROP;
	__u16 protocol = *(__u16 *)(ethernet + 12);

	cursor.at += 14;
	for (int i = 0; i < 2; i++) {
		unsigned char *tag = cursor.at;

		if (protocol != bpf_htons(0x8100) && protocol != bpf_htons(0x88a8))
			break;
		if (!has(&cursor, 4))
			return XDP_DROP;
		protocol = *(__u16 *)(tag + 2);
		cursor.at += 4;
	}
	if (network(&cursor, &flow, protocol))
		return XDP_PASS;
	if (flow.protocol == 6 && options(&cursor, &flow))
		return XDP_DROP;
	__u64 *counters = bpf_map_lookup_elem(&flows, &flow);

	if (!counters) {
		__u64 first[2] = { 1, ctx->data_end - ctx->data };

		bpf_map_update_elem(&flows, &flow, first, BPF_ANY);
		return XDP_PASS;
	}
	counters[0]++;
	counters[1] += ctx->data_end - ctx->data;
	return counters[0] > 1000 ? XDP_DROP : XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
