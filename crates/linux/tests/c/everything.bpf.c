// SPDX-License-Identifier: MIT OR Apache-2.0
//
// One of everything that only the running kernel can fill: configuration, symbols, functions, types, slots. Of variables
// only a missing one: kernels without CONFIG_KALLSYMS_ALL find none, whatever their types say.

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

struct task_struct {
	int tgid;
} __attribute__((preserve_access_index));

extern unsigned int LINUX_KERNEL_VERSION __kconfig;
extern unsigned int CONFIG_HZ __kconfig;
extern int CONFIG_OF_NO_KERNEL __kconfig __weak;
extern const void schedule __ksym;
extern const int no_such_variable __ksym __weak;
extern struct task_struct *bpf_task_from_pid(int pid) __ksym;
extern void bpf_task_release(struct task_struct *task) __ksym;
extern void no_such_function(void) __ksym __weak;

unsigned int version, hz, tgid, found, reached, from_slot;
int missing = -1;
unsigned long address;
int limit = 40;

struct inner {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} in_slot SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 2);
	__type(key, __u32);
	__array(values, struct inner);
} outer SEC(".maps") = { .values = { [1] = &in_slot } };

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
	__type(key, __u32);
	__type(value, __u32);
} kept SEC(".maps");

int behind(struct xdp_md *ctx);

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 3);
	__type(key, __u32);
	__array(values, int(void *));
} jumps SEC(".maps") = { .values = { [2] = (void *)&behind } };

__attribute__((noinline)) int global_function(int number)
{
	return number + limit;
}

static __attribute__((noinline)) int static_function(int number)
{
	return global_function(number) + 1;
}

SEC("xdp") int behind(struct xdp_md *ctx)
{
	reached++;
	return XDP_TX;
}

SEC("xdp") int entry(struct xdp_md *ctx)
{
	__u32 key = 1, zero = 0, *value;
	void *map = bpf_map_lookup_elem(&outer, &key);

	version = LINUX_KERNEL_VERSION;
	hz = CONFIG_HZ;
	missing = CONFIG_OF_NO_KERNEL;
	if (map && (value = bpf_map_lookup_elem(map, &zero)))
		from_slot = *value + static_function(1);
	bpf_map_update_elem(&kept, &zero, &key, BPF_ANY);
	bpf_tail_call(ctx, &jumps, 2);
	return XDP_ABORTED;
}

SEC("syscall") int symbols(void *ctx)
{
	struct task_struct *me = bpf_get_current_task_btf(), *again;

	address = (unsigned long)&schedule;
	tgid = me->tgid;
	again = bpf_task_from_pid(tgid);
	if (again) {
		found = again->tgid;
		bpf_task_release(again);
	}
	if (&no_such_variable)
		found = 0;
	if (no_such_function)
		no_such_function();
	return 0;
}

SEC("?xdp") int unbounded(struct xdp_md *ctx)
{
	return *(unsigned char *)(long)ctx->data;
}
