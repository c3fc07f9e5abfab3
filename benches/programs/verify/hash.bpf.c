// SPDX-License-Identifier: MIT OR Apache-2.0
//
// A hash over up to 1,500 bytes of a packet: a long loop with one check and one load a round, and loops within loops.

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("xdp")
int hash(struct xdp_md *ctx)
{
	unsigned char *at = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	__u32 sum = 2166136261u;

	for (int i = 0; i < 1500; i++) {
		if (at + 1 > end)
			break;
		sum = (sum ^ *at++) * 16777619;
	}
	return sum & 1 ? XDP_PASS : XDP_DROP;
}

SEC("xdp")
int nested(struct xdp_md *ctx)
{
	__u64 sum = ctx->rx_queue_index;

	for (int i = 0; i < 24; i++)
		for (int j = 0; j < 24; j++)
			for (int k = 0; k < 12; k++) {
				asm volatile("" : "+r"(sum));
				sum += i * j + k;
			}
	return sum & 1 ? XDP_PASS : XDP_DROP;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
