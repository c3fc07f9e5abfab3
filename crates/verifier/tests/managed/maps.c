// Every type of map with every sort of use.
#include "managed.h"
#define MAP(n, t, ks, vs, me, fl) struct { __uint(type, t); __uint(key_size, ks); __uint(value_size, vs); __uint(max_entries, me); __uint(map_flags, fl); } n SEC(".maps");
MAP(arr, 2, 4, 16, 4, 0) MAP(arr1, 2, 4, 16, 1, 0) MAP(hash, 1, 4, 16, 4, 0) MAP(rd, 2, 4, 16, 4, 128) MAP(wr, 2, 4, 16, 4, 256) MAP(hrd, 1, 4, 16, 4, 128)
MAP(parr, 6, 4, 16, 4, 0) MAP(phash, 5, 4, 16, 4, 0) MAP(lru, 9, 4, 16, 4, 0) MAP(lpm, 11, 8, 16, 4, 1) MAP(q, 22, 0, 16, 4, 0) MAP(st, 23, 0, 16, 4, 0) MAP(bloom, 30, 0, 16, 4, 0)
MAP(rb, 27, 0, 0, 4096, 0) MAP(urb, 31, 0, 0, 4096, 0) MAP(pa, 3, 4, 4, 4, 0) MAP(pe, 4, 4, 4, 4, 0) MAP(trace, 7, 4, 64, 4, 0) MAP(ca, 8, 4, 4, 4, 0) MAP(dev, 14, 4, 4, 4, 0) MAP(cpu, 16, 4, 4, 4, 0) MAP(xsk, 17, 4, 4, 4, 0) MAP(devh, 25, 4, 4, 4, 0) MAP(sm, 15, 4, 4, 4, 0) MAP(sh, 18, 4, 4, 4, 0) MAP(rsa, 20, 4, 8, 4, 0)
struct ck { u64 id; u32 t; u32 p; };
struct { __uint(type, 19); __type(key, struct ck); __type(value, u64); } cgs SEC(".maps"), cgs2 SEC(".maps");
struct { __uint(type, 21); __type(key, struct ck); __type(value, u64); } pcgs SEC(".maps");
struct { __uint(type, 24); __uint(map_flags, 1); __type(key, int); __type(value, u64); } sks SEC(".maps");
struct { __uint(type, 29); __uint(map_flags, 1); __type(key, int); __type(value, u64); } tks SEC(".maps");
struct { __uint(type, 32); __uint(map_flags, 1); __type(key, int); __type(value, u64); } cgrs SEC(".maps");
struct { __uint(type, 28); __uint(map_flags, 1); __type(key, int); __type(value, u64); } ins SEC(".maps");
static void *(*bpf_get_local_storage)(void *map, u64 f) = (void *)81;
static void *(*bpf_map_lookup_percpu_elem)(void *map, const void *k, u32 c) = (void *)195;
#define L(m) { int k = 0; u64 *v = bpf_map_lookup_elem(&m, &k); if (v) *v = 1; }
#define U(m) { volatile void *p = &m; }
#define ALL(X) X(arr) X(arr1) X(hash) X(parr) X(phash) X(lru) X(lpm) X(q) X(st) X(bloom) X(rb) X(urb) X(pa) X(pe) X(trace) X(ca) X(dev) X(cpu) X(xsk) X(devh) X(sm) X(sh) X(rsa) X(cgs) X(pcgs) X(sks) X(tks) X(cgrs) X(ins) X(rd) X(wr) X(hrd)
#define SY(m) SEC("syscall") int sys_##m(void *ctx) { U(m); return 0; }
#define KP(m) SEC("kprobe") int kp_##m(void *ctx) { U(m); return 0; }
#define UP(m) SEC("uprobe.s") int up_##m(void *ctx) { U(m); return 0; }
#define LK(m) SEC("tc") int lk_##m(void *ctx) { int k[4] = {}; u64 *v = bpf_map_lookup_elem(&m, &k); return v ? *(u32*)v : 0; }
#define LW(m) SEC("tc") int lw_##m(void *ctx) { int k[4] = {}; u64 *v = bpf_map_lookup_elem(&m, &k); if (v) *v = 1; return 0; }
#define UD(m) SEC("tc") int ud_##m(void *ctx) { int k[4] = {}; u64 v[4] = {}; return bpf_map_update_elem(&m, &k, &v, 0); }
#define DL(m) SEC("tc") int dl_##m(void *ctx) { int k[4] = {}; return bpf_map_delete_elem(&m, &k); }
#define FE(m) SEC("tc") int fe_##m(void *ctx) { return bpf_for_each_map_elem(&m, fe_cb, 0, 0); }
#define PL(m) SEC("tc") int pl_##m(void *ctx) { int k[4] = {}; u64 *v = bpf_map_lookup_percpu_elem(&m, &k, 0); return v ? *(u32*)v : 0; }
#define NC(m) SEC("tc") int nc_##m(void *ctx) { int k = 2; u64 *v = bpf_map_lookup_elem(&m, &k); return *(u32*)v; }
#define NO(m) SEC("tc") int no_##m(void *ctx) { int k = 4; u64 *v = bpf_map_lookup_elem(&m, &k); return *(u32*)v; }
#define CS(m) SEC("cgroup_skb/egress") int cs_##m(void *ctx) { u64 *v = bpf_get_local_storage(&m, 0); *v = 1; return 1; }
static long fe_cb(void *map, void *key, void *val, void *ctx) { return 0; }
ALL(SY) ALL(KP) ALL(UP) ALL(LK) ALL(LW) ALL(UD) ALL(DL) ALL(FE) ALL(PL) ALL(NC) ALL(NO) ALL(CS)
SEC("cgroup_skb/egress") int cs_two(void *ctx) { U(cgs); U(cgs2); return 1; }
SEC("cgroup_skb/egress") int cs_both(void *ctx) { U(cgs); U(pcgs); return 1; }
