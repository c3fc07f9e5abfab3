// What the target and the extensions share.
#define SEC(name) __attribute__((section(name), used))
#define GLOBAL __attribute__((noinline))
typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long long u64;
struct __sk_buff { u32 len, before[18], data, data_end; };
struct xdp_md { u32 data, data_end; };
static long (*bpf_skb_pull_data)(struct __sk_buff *skb, u32 len) = (void *)39;
static long (*bpf_xdp_adjust_head)(struct xdp_md *ctx, int delta) = (void *)44;
static u64 (*bpf_ktime_get_ns)(void) = (void *)5;
char _license[] SEC("license") = "GPL";
