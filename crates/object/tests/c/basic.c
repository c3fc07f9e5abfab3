/* Programs, subprograms, maps and globals as every compiler lays them out. */
#include "skep.h"
struct {
	__uint(type, 1);
	__type(key, __u32);
	__type(value, __u64);
	__uint(max_entries, 16);
} counts SEC(".maps");
__u64 total;
int limit = 10;
const volatile int step = 3;
const char greeting[6] = "hello";
static NOINLINE int helper(int x)
{
	return x * limit + step;
}
NOINLINE int global_helper(int x)
{
	return helper(x) + 1;
}
SEC("xdp") int first(void *ctx)
{
	__u32 key = 1;
	__u64 *value = bpf_map_lookup_elem(&counts, &key);
	total += 1;
	if (!value)
		return global_helper(key);
	*value += greeting[*value & 3];
	return helper(2);
}
SEC("xdp") int second(void *ctx)
{
	return global_helper(7);
}
SEC("?kprobe/do_exit+16") int third(void *ctx)
{
	return 0;
}
char _license[] SEC("license") = "Dual MIT/GPL";
__u32 _version SEC("version") = 0x60400;
