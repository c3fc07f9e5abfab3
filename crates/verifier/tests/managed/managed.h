// Declarations that the programs here share: the structs that the kernel manages, maps, helpers. No kernel header is needed.
typedef unsigned int u32; typedef unsigned long long u64; typedef int s32; typedef unsigned char u8;
#define __uint(name, val) int(*name)[val]
#define __ulong(name, val) enum { name##__v = val } name
#define __type(name, val) typeof(val) *name
#define __array(name, val) typeof(val) *name[]
#define SEC(n) __attribute__((section(n), used))
#define __kptr __attribute__((btf_type_tag("kptr")))
#define __kptr_untrusted __attribute__((btf_type_tag("kptr_untrusted")))
#define __percpu_kptr __attribute__((btf_type_tag("percpu_kptr")))
#define __uptr __attribute__((btf_type_tag("uptr")))
#define __contains(n, m) __attribute__((btf_decl_tag("contains:" #n ":" #m)))
#define __ksym __attribute__((section(".ksyms")))
#define __arena __attribute__((address_space(1)))
#define __hidden __attribute__((visibility("hidden")))
#define noinline __attribute__((noinline))
#define NULL ((void*)0)
struct bpf_spin_lock { u32 val; };
struct bpf_res_spin_lock { u32 val; };
struct bpf_timer { u64 o[2]; } __attribute__((aligned(8)));
struct bpf_wq { u64 o[2]; } __attribute__((aligned(8)));
struct bpf_task_work { u64 o; } __attribute__((aligned(8)));
struct bpf_refcount { u32 o[1]; } __attribute__((aligned(4)));
struct bpf_list_head { u64 o[2]; } __attribute__((aligned(8)));
struct bpf_list_node { u64 o[3]; } __attribute__((aligned(8)));
struct bpf_rb_root { u64 o[2]; } __attribute__((aligned(8)));
struct bpf_rb_node { u64 o[4]; } __attribute__((aligned(8)));
static void *(*bpf_map_lookup_elem)(void *map, const void *key) = (void *)1;
static long (*bpf_map_update_elem)(void *map, const void *key, const void *value, u64 flags) = (void *)2;
static long (*bpf_map_delete_elem)(void *map, const void *key) = (void *)3;
static u64 (*bpf_ktime_get_ns)(void) = (void *)5;
static long (*bpf_spin_lock)(struct bpf_spin_lock *lock) = (void *)93;
static long (*bpf_spin_unlock)(struct bpf_spin_lock *lock) = (void *)94;
static long (*bpf_for_each_map_elem)(void *map, void *fn, void *ctx, u64 flags) = (void *)164;
static long (*bpf_timer_init)(struct bpf_timer *t, void *map, u64 flags) = (void *)169;
static long (*bpf_timer_set_callback)(struct bpf_timer *t, void *fn) = (void *)170;
static long (*bpf_timer_start)(struct bpf_timer *t, u64 ns, u64 flags) = (void *)171;
static long (*bpf_timer_cancel)(struct bpf_timer *t) = (void *)172;
static void *(*bpf_kptr_xchg)(void *dst, void *p) = (void *)194;
static void *(*bpf_per_cpu_ptr)(const void *p, u32 cpu) = (void *)153;
static void *(*bpf_this_cpu_ptr)(const void *p) = (void *)154;
static long (*bpf_loop)(u32 nr, void *fn, void *ctx, u64 flags) = (void *)181;
static long (*bpf_probe_read_kernel)(void *dst, u32 size, const void *p) = (void *)113;
static void *(*bpf_get_current_task_btf)(void) = (void *)158;
static void *(*bpf_task_storage_get)(void *map, void *task, void *value, u64 flags) = (void *)156;
char _license[] SEC("license") = "GPL";
