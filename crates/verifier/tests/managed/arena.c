// clang: -mcpu=v4
// Arenas: memory shared with user space.
#include "managed.h"
struct { __uint(type, 33); __uint(map_flags, 1024); __uint(max_entries, 100); __ulong(map_extra, 0x1ull << 44); } arena SEC(".maps");
struct { __uint(type, 33); __uint(map_flags, 1024); __uint(max_entries, 10); enum { map_extra2__v = 0x1ull << 45 } map_extra; } arena2 SEC(".maps");
struct { __uint(type, 2); __uint(max_entries, 4); __type(key, int); __type(value, u64); } plain SEC(".maps");
void __arena *bpf_arena_alloc_pages(void *map, void __arena *addr, u32 n, int node, u64 flags) __ksym;
void bpf_arena_free_pages(void *map, void __arena *ptr, u32 n) __ksym;
int bpf_arena_reserve_pages(void *map, void __arena *ptr, u32 n) __ksym;
typedef struct node { struct node __arena *next; u64 v; } node_t;
#define A(x) ((void*)0 + 0, x)
#define P(name, body) SEC("syscall") int name(void *ctx) { body; return 0; }
#define USE void *_m = &arena; asm volatile("" :: "r"(_m));
P(alloc, char __arena *p = bpf_arena_alloc_pages(&arena, NULL, 1, -1, 0); if (!p) return 1; *p = 1; bpf_arena_free_pages(&arena, p, 1))
P(alloc_unchecked, char __arena *p = bpf_arena_alloc_pages(&arena, NULL, 1, -1, 0); *p = 1)
P(alloc_plainmap, char __arena *p = bpf_arena_alloc_pages(&plain, NULL, 1, -1, 0); if (p) *p = 1)
P(alloc_plainmap2, USE char __arena *p = bpf_arena_alloc_pages(&plain, NULL, 1, -1, 0); if (p) *p = 1)
P(list, node_t __arena *p = bpf_arena_alloc_pages(&arena, NULL, 1, -1, 0); if (!p) return 1; for (int i = 0; i < 10; i++) { p->next = p + 1; p->v = i; p = p->next; })
P(far, node_t __arena *p = bpf_arena_alloc_pages(&arena, NULL, 1, -1, 0); p[100000].v = 1; p[p->v].v = 3)
P(atomics, u64 __arena *p = bpf_arena_alloc_pages(&arena, NULL, 1, -1, 0); __sync_fetch_and_add(p, 1); __sync_val_compare_and_swap(p, 1, 2))
P(atomics32, u32 __arena *p = bpf_arena_alloc_pages(&arena, NULL, 1, -1, 0); __sync_fetch_and_or(p, 1))
P(sext, s32 __arena *p = bpf_arena_alloc_pages(&arena, NULL, 1, -1, 0); volatile long x = (long)*(volatile s32 __arena*)p; )
P(storeptr, u64 __arena *p = bpf_arena_alloc_pages(&arena, NULL, 1, -1, 0); *(void * __arena *)p = ctx)
P(tohelper, u64 __arena *p = bpf_arena_alloc_pages(&arena, NULL, 1, -1, 0); bpf_probe_read_kernel((void*)p, 8, ctx))
P(fromhelper, u64 __arena *p = bpf_arena_alloc_pages(&arena, NULL, 1, -1, 0); u64 x; bpf_probe_read_kernel(&x, 8, (void*)p))
P(tomap, u64 __arena *p = bpf_arena_alloc_pages(&arena, NULL, 1, -1, 0); int k = 0; bpf_map_update_elem(&plain, &k, (void*)p, 0))
P(two, USE void *m = &arena2; asm volatile("" :: "r"(m)))
P(free_num, bpf_arena_free_pages(&arena, (void __arena*)5ull, 1))
P(free_ptr, bpf_arena_free_pages(&arena, (void __arena*)ctx, 1))
P(reserve, bpf_arena_reserve_pages(&arena, NULL, 3))
SEC("tc") int tc_use(void *ctx) { u32 __arena *p = (u32 __arena *)0x1000; USE *p = 3; return *p; }
SEC("socket") int sock_use(void *ctx) { u32 __arena *p = (u32 __arena *)0x1000; USE *p = 3; return *p; }
SEC("kprobe") int kp_use(void *ctx) { u32 __arena *p = (u32 __arena *)0x1000; USE *p = 3; return *p; }
SEC("tc") int tc_none(void *ctx) { u32 __arena *p = (u32 __arena *)0x1000; *p = 3; return *p; }
SEC("tc") int tc_alloc(void *ctx) { u32 __arena *p = bpf_arena_alloc_pages(&arena, NULL, 1, -1, 0); return *p; }
SEC("syscall") int mixed(void *ctx) { USE u64 x = 0; u64 k = *(u64*)ctx; int z = 0; u64 __arena *p = (u64 __arena *)0x1000; u64 *q = &x; u64 r; if (k) { u64 *v = bpf_map_lookup_elem(&plain, &z); if (!v) return 0; q = v; }
 else { q = (u64*)p; } asm volatile("%0 = *(u64*)(%1 + 0)" : "=r"(r) : "r"(q)); return r; }
SEC("syscall") int alu_ops(void *ctx) { USE u64 __arena *p = (u64 __arena *)0x1000; u64 x = *(u64*)ctx; void *q = (void*)p; asm volatile("%0 *= 3; %0 += %1; %0 &= %1; %0 <<= 3; *(u64*)(%0 + 8) = 1" : "+r"(q) : "r"(x)); return 0; }
SEC("syscall") int alu_ops32(void *ctx) { USE u64 __arena *p = (u64 __arena *)0x1000; u64 x = *(u64*)ctx; void *q = (void*)p; asm volatile("r1 = %0; r2 = %1; w1 *= 3; w1 += w2; *(u64*)(r1 + 8) = 1" :: "r"(q), "r"(x) : "r1", "r2"); return 0; }
SEC("syscall") int alu_ptr(void *ctx) { USE u64 __arena *p = (u64 __arena *)0x1000; void *q = (void*)p; asm volatile("%0 += %1; *(u64*)(%0 + 8) = 1" : "+r"(q) : "r"(ctx)); return 0; }
SEC("syscall") int alu_rev(void *ctx) { USE u64 __arena *p = (u64 __arena *)0x1000; u64 x = *(u64*)ctx; void *q = (void*)p; asm volatile("%1 += %0; *(u64*)(%1 + 8) = 1" : "+r"(q), "+r"(x)); return 0; }
SEC("syscall") int alu_neg(void *ctx) { USE u64 __arena *p = (u64 __arena *)0x1000; void *q = (void*)p; asm volatile("%0 = -%0; *(u64*)(%0 + 8) = 1" : "+r"(q)); return 0; }
SEC("syscall") int alu_mov32(void *ctx) { USE u64 __arena *p = (u64 __arena *)0x1000; void *q = (void*)p; asm volatile("r1 = %0; w1 = w1; *(u64*)(r1 + 8) = 1" :: "r"(q) : "r1"); return 0; }
SEC("syscall") int cmp(void *ctx) { USE u64 __arena *p = (u64 __arena *)0x1000; u64 x = *(u64*)ctx; if ((u64)(void*)p > x) return 1; if ((u64)(void*)p == 0) return 0; return 3; }
SEC("syscall") int ret(void *ctx) { USE u64 __arena *p = (u64 __arena *)0x1000; return (int)(u64)(void*)p; }
static noinline u64 sub(u64 __arena *p) { return *p; }
SEC("syscall") int subp(void *ctx) { USE return sub((u64 __arena *)0x1000); }
noinline int glob(u64 __arena *p __attribute__((btf_decl_tag("arg:arena")))) { return *p; }
SEC("syscall") int globp(void *ctx) { USE return glob((u64 __arena *)0x1000); }
SEC("syscall") int globq(void *ctx) { USE return glob((u64 __arena *)ctx); }
int __arena counter;
u64 __arena big[20];
SEC("syscall") int vars(void *ctx) { USE counter++; big[3] = counter; big[counter] = 1; return counter; }
SEC("syscall") int leftright(void *ctx) { USE u64 __arena *p = (u64 __arena *)0x1000; u64 x; asm volatile("%0 = *(u32*)(%1 + 4)" : "=r"(x) : "r"((void*)p)); return x; }
