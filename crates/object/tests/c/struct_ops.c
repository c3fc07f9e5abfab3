/* struct_ops: two instances, one attached by a link; members that are programs and members that are data. */
#include "skep.h"
struct tcp_congestion_ops {
	__u32 key;
	void (*init)(void *sk);
	__u32 (*ssthresh)(void *sk);
	char name[16];
};
SEC("struct_ops/init") void ops_init(void *ctx) {}
SEC("struct_ops") __u32 ops_ssthresh(void *ctx) { return 2; }
SEC(".struct_ops") struct tcp_congestion_ops plain = {
	.init = (void *)ops_init,
	.ssthresh = (void *)ops_ssthresh,
	.name = "skep_plain",
};
SEC(".struct_ops.link") struct tcp_congestion_ops linked = {
	.key = 5,
	.ssthresh = (void *)ops_ssthresh,
	.name = "skep_linked",
};
char _license[] SEC("license") = "GPL";
