// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Many branches that do not matter to each other, which a walk must learn to forget; and much code without any loop.

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 256);
	__type(key, __u32);
	__type(value, __u64[32]);
} slots SEC(".maps");

#define TEST(bit) \
	if (value & (1ull << (bit))) \
		sum += (bit) * 3 + (sum >> 7); \
	else \
		sum ^= value >> ((bit) & 31);
#define TESTS4(bit) TEST(bit) TEST(bit + 1) TEST(bit + 2) TEST(bit + 3)
#define TESTS16(bit) TESTS4(bit) TESTS4(bit + 4) TESTS4(bit + 8) TESTS4(bit + 12)

SEC("tc")
int bits(struct __sk_buff *skb)
{
	__u64 value = (__u64)skb->hash << 32 | skb->mark, sum = skb->len;

	TESTS16(0) TESTS16(16) TESTS16(32) TESTS16(48)
	return sum & 1;
}

#define STEP \
	key = bpf_get_prandom_u32() & 255; \
	slot = bpf_map_lookup_elem(&slots, &key); \
	if (slot) { \
		index = sum & 31; \
		slot[index] += sum; \
		sum = sum * 31 + slot[(index + 1) & 31]; \
		if (sum > 1000) \
			sum -= index; \
	}
#define STEPS4 STEP STEP STEP STEP
#define STEPS16 STEPS4 STEPS4 STEPS4 STEPS4

SEC("tc")
int unrolled(struct __sk_buff *skb)
{
	__u64 sum = skb->len, *slot;
	__u32 key, index;

	STEPS16 STEPS16 STEPS16 STEPS16
	return sum & 1;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
