/* The second. */
#include "skep.h"
extern int shared_counter;
static int private_value = 40;
int limit_of_b = 3;
extern struct {
	__uint(type, 2);
	__type(key, __u32);
	__type(value, __u64);
	__uint(max_entries, 8);
} shared_map SEC(".maps");
NOINLINE int replaced(int x) { return x + 100; }
static NOINLINE int local(int x) { return x * private_value--; }
NOINLINE int from_b(int x) { return local(x) + shared_counter; }
SEC("xdp") int entry_b(void *ctx)
{
	__u32 key = 1;
	__u64 *value = bpf_map_lookup_elem(&shared_map, &key);
	if (value)
		*value += 2;
	return from_b(2) & 1;
}
char _license[] SEC("license") = "GPL";
