/* What the sources here need of BPF's conventions; small enough that clang and GCC both take it without any other
 * header. */
#pragma once
typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef unsigned long long __u64;
typedef int __s32;
typedef long long __s64;
#define SEC(name) __attribute__((section(name), used))
#define NOINLINE __attribute__((noinline))
#define WEAK __attribute__((weak))
#define __uint(name, val) int (*name)[val]
#define __type(name, val) typeof(val) *name
#define __array(name, val) typeof(val) *name[]
#ifdef __clang__
#define HELPER(result, name, number, ...) static result (*name)(__VA_ARGS__) = (void *)number
#define CORE __attribute__((preserve_access_index))
#else
#define HELPER(result, name, number, ...) extern result name(__VA_ARGS__) __attribute__((kernel_helper(number)))
#define CORE
#endif
HELPER(void *, bpf_map_lookup_elem, 1, void *map, const void *key);
HELPER(long, bpf_map_update_elem, 2, void *map, const void *key, const void *value, __u64 flags);
HELPER(long, bpf_tail_call, 12, void *ctx, void *map, __u32 index);
HELPER(long, bpf_loop, 181, __u32 count, void *callback, void *ctx, __u64 flags);
