/* The first of two objects to be linked: calls into the second, defines what the second uses. */
#include "skep.h"
int shared_counter = 5;
static int private_value = 1;
extern int limit_of_b;
int from_b(int x);
WEAK NOINLINE int replaced(int x) { return x - 1; }
struct {
	__uint(type, 2);
	__type(key, __u32);
	__type(value, __u64);
	__uint(max_entries, 8);
} shared_map SEC(".maps");
static NOINLINE int local(int x) { return x + private_value++; }
SEC("xdp") int entry_a(void *ctx)
{
	__u32 key = 0;
	__u64 *value = bpf_map_lookup_elem(&shared_map, &key);
	if (value)
		*value += 1;
	return (local(from_b(replaced(shared_counter))) + limit_of_b) & 1;
}
char _license[] SEC("license") = "GPL";
