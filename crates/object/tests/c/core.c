/* CO-RE relocations of each kind, and externs. */
#include "skep.h"
struct nested { int inner; } CORE;
struct thing {
	int first;
	unsigned int second;
	struct nested nested;
	int list[4];
	unsigned int low : 3, high : 5;
} CORE;
struct thing___gone { long lost; } CORE;
enum color { RED = 1, GREEN = 2 };
extern int CONFIG_HZ __attribute__((section(".kconfig")));
extern _Bool CONFIG_MISSING __attribute__((section(".kconfig"), weak));
extern char CONFIG_NAME[16] __attribute__((section(".kconfig")));
extern unsigned int LINUX_KERNEL_VERSION __attribute__((section(".kconfig")));
extern const void some_symbol __attribute__((section(".ksyms")));
extern const int absent_symbol __attribute__((section(".ksyms"), weak));
extern int kernel_function(int a) __attribute__((section(".ksyms")));
extern int absent_function(int a) __attribute__((section(".ksyms"), weak));
SEC("tp_btf/sched_switch") int fields(struct thing *thing)
{
	return thing->second + thing->nested.inner + thing->list[2];
}
SEC("raw_tp") int probes(struct thing *thing)
{
	__u64 sum = __builtin_preserve_field_info(thing->second, 2); /* exists */
	sum += __builtin_preserve_field_info(thing->nested, 1);      /* size */
	sum += __builtin_preserve_type_info(*(struct thing *)0, 1);  /* size of the type */
	sum += __builtin_preserve_enum_value(*(enum color *)GREEN, 1);
	if (__builtin_preserve_field_info(((struct thing___gone *)thing)->lost, 2))
		sum += ((struct thing___gone *)thing)->lost;
	return sum;
}
SEC("raw_tp") int externs(void *ctx)
{
	long sum = CONFIG_HZ + CONFIG_MISSING + CONFIG_NAME[1] + LINUX_KERNEL_VERSION;
	sum += (long)&some_symbol + (long)&absent_symbol + kernel_function(1);
	if (absent_function)
		sum += absent_function(2);
	return sum;
}
char _license[] SEC("license") = "GPL";
