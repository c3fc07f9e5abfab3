// Extensions: the section names the function of target.c.
#include "common.h"
struct pair { u64 a, b; };
struct wide { u64 a, b, c; };

// Of one signature.
SEC("freplace/weigh") int weigh_same(struct __sk_buff *skb, int factor) { return skb->len + factor; }
SEC("freplace/weigh") int weigh_unsigned(struct __sk_buff *skb, u32 factor) { return factor; }
SEC("freplace/weigh") int weigh_renamed(struct __sk_buff *packet, int by) { return by; }
SEC("freplace/number") int number_any_result(u64 x) { return x * 1000; }
SEC("freplace/number") int number_helper(u64 x) { return bpf_ktime_get_ns() + x; }
SEC("freplace/door") int door_drops(struct xdp_md *ctx) { return 77; }
SEC("freplace/entry") int entry_again(struct __sk_buff *skb) { return skb->len; }

// Of another.
SEC("freplace/weigh") int weigh_fewer(struct __sk_buff *skb) { return 0; }
SEC("freplace/weigh") int weigh_more(struct __sk_buff *skb, int factor, int more) { return more; }
SEC("freplace/weigh") int weigh_wider(struct __sk_buff *skb, u64 factor) { return factor; }
SEC("freplace/weigh") int weigh_other_context(struct xdp_md *ctx, int factor) { return factor; }
SEC("freplace/weigh") int weigh_address(struct __sk_buff *skb, int *factor) { return 0; }
SEC("freplace/weigh") u64 weigh_result(struct __sk_buff *skb, int factor) { return 0; }
SEC("freplace/weigh") void weigh_nothing(struct __sk_buff *skb, int factor) {}
SEC("freplace/door") int door_other_context(struct __sk_buff *ctx) { return 0; }
SEC("freplace/address") int address_same(u64 *x) { return x ? *x : 0; }

// Parameters that are memory.
SEC("freplace/fill") int fill_checked(struct pair *pair) { if (pair) pair->b = 2; return 0; }
SEC("freplace/fill") int fill_unchecked(struct pair *pair) { pair->b = 2; return 0; }
SEC("freplace/fill") int fill_too_far(struct pair *pair) { if (pair) ((u64 *)pair)[2] = 2; return 0; }
SEC("freplace/fill") int fill_other_name(struct wide *wide) { return 0; }
SEC("freplace/fill") int fill_promised(struct pair *pair __attribute__((btf_decl_tag("arg:nonnull")))) { pair->b = 2; return 0; }
SEC("freplace/fill_sure") int sure_checked(struct pair *pair) { if (pair) pair->b = 2; return 0; }
SEC("freplace/fill_sure") int sure_promised(struct pair *pair __attribute__((btf_decl_tag("arg:nonnull")))) { pair->b = 2; return 0; }

// What the target's type allows.
SEC("freplace/weigh") int weigh_xdp_helper(struct __sk_buff *skb, int factor) { return bpf_xdp_adjust_head((void *)skb, factor); }
SEC("freplace/door") int door_packet(struct xdp_md *ctx)
{
	u8 *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	return data + 14 > end ? 1 : data[13];
}
SEC("freplace/door") int door_packet_far(struct xdp_md *ctx)
{
	u8 *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	return data + 14 > end ? 1 : data[14];
}
SEC("freplace/pull") int pull_pulls(struct __sk_buff *skb) { return bpf_skb_pull_data(skb, 20); }
SEC("freplace/pull") int pull_does_not(struct __sk_buff *skb) { return 0; }
SEC("freplace/weigh") int weigh_pulls(struct __sk_buff *skb, int factor) { return bpf_skb_pull_data(skb, factor); }
SEC("freplace/door") int door_moves(struct xdp_md *ctx) { return bpf_xdp_adjust_head(ctx, 4); }

// What cannot be extended.
SEC("freplace/hidden") int hidden_same(int x) { return x; }
SEC("freplace/watch") int watch_same(u64 *ctx) { return 0; }
SEC("freplace/asked") int asked_same(void *ctx) { return 0; }
SEC("freplace/replaced") int replaced_same(struct __sk_buff *skb, int factor) { return 0; }
SEC("freplace") int of_nothing(struct __sk_buff *skb) { return 0; }
