// Programs of several types, with the functions that extensions replace.
#include "common.h"
struct pair { u64 a, b; };
#define OPAQUE(value) __asm__ volatile("" : "+r"(value))

GLOBAL int weigh(struct __sk_buff *skb, int factor) { OPAQUE(factor); return skb->len * factor; }
GLOBAL int fill(struct pair *pair) { if (pair) pair->a = 1; return 0; }
GLOBAL int fill_sure(struct pair *pair __attribute__((btf_decl_tag("arg:nonnull")))) { pair->a = 1; return 0; }
GLOBAL int pull(struct __sk_buff *skb) { return bpf_skb_pull_data(skb, 0); }
GLOBAL int number(u64 x) { OPAQUE(x); return x; }
GLOBAL int address(u64 *x) { return x ? *x : 0; }
static GLOBAL int hidden(int x) { OPAQUE(x); return x + 1; }

SEC("tc") int entry(struct __sk_buff *skb)
{
	struct pair pair = {};
	u64 word = 0;
	return weigh(skb, 3) + fill(&pair) + fill_sure(&pair) + pull(skb) + number(pair.a) + address(&word) + hidden(skb->len);
}
SEC("xdp") int door(struct xdp_md *ctx) { return 2; }
SEC("fentry/bpf_fentry_test1") int watch(u64 *ctx) { return 0; }
SEC("syscall") int asked(void *ctx) { return 0; }
SEC("freplace/weigh") int replaced(struct __sk_buff *skb, int factor) { return 0; }
