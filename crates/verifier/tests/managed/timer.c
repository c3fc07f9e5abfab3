// Timers in map values: each program does one thing right or wrong.
#include "managed.h"
struct val { u64 a; struct bpf_timer t; u64 b; };
struct { __uint(type, 1); __uint(max_entries, 4); __type(key, int); __type(value, struct val); } hmap SEC(".maps");
struct { __uint(type, 2); __uint(max_entries, 4); __type(key, int); __type(value, struct val); } amap SEC(".maps");
struct { __uint(type, 2); __uint(max_entries, 4); __type(key, int); __type(value, u64); } plain SEC(".maps");
struct inner { __uint(type, 2); __uint(max_entries, 4); __type(key, int); __type(value, struct val); } inner1 SEC(".maps"), inner2 SEC(".maps");
struct { __uint(type, 12); __uint(max_entries, 4); __type(key, int); __type(value, int); __array(values, struct inner); } outer SEC(".maps") = { .values = { &inner1, &inner2 } };
struct lval { struct bpf_spin_lock l; struct bpf_timer t; };
struct { __uint(type, 2); __uint(max_entries, 4); __type(key, int); __type(value, struct lval); } lmap SEC(".maps");

static int cb_ok(void *map, int *key, struct val *v) { v->a = *key; return 0; }
static int cb_ret1(void *map, int *key, struct val *v) { return 1; }
static int cb_retv(void *map, int *key, struct val *v) { return v->a; }
static int cb_touch(void *map, int *key, struct val *v) { *(u64*)&v->t = 1; return 0; }
static int cb_over(void *map, int *key, struct val *v) { (&v->b)[1] = 1; return 0; }
static int cb_key(void *map, int *key, struct val *v) { *key = 1; return 0; }
static int cb_self(void *map, int *key, struct val *v) { bpf_timer_set_callback(&v->t, cb_self); bpf_timer_start(&v->t, 1000, 0); return 0; }
static int cb_cancel(void *map, int *key, struct val *v) { bpf_timer_cancel(&v->t); return 0; }
static int cb_lookup(void *map, int *key, struct val *v) { struct val *w = bpf_map_lookup_elem(map, key); if (w) w->a = 1; return 0; }
static int cb_lookup_bad(void *map, int *key, struct val *v) { struct val *w = bpf_map_lookup_elem(map, key); w->a = 1; return 0; }
static int cb_init(void *map, int *key, struct val *v) { bpf_timer_init(&v->t, map, 0); return 0; }
static int cb_init_other(void *map, int *key, struct val *v) { bpf_timer_init(&v->t, &amap, 0); return 0; }
static int cb_lock(void *map, int *key, struct lval *v) { bpf_spin_lock(&v->l); bpf_spin_unlock(&v->l); return 0; }
static int cb_lock_leak(void *map, int *key, struct lval *v) { bpf_spin_lock(&v->l); return 0; }
static noinline int cb_deep(void *map, int *key, struct val *v) { volatile char buf[400]; buf[0] = 1; buf[*key & 255] = 2; return 0; }
int cb_global(void *map, int *key, struct val *v) { return 0; }

#define GET(m) int k = 0; struct val *v = bpf_map_lookup_elem(&m, &k); if (!v) return 0;
#define P(name, body) SEC("tc") int name(void *ctx) { body; return 0; }
P(init_ok, GET(hmap) bpf_timer_init(&v->t, &hmap, 1))
P(init_array, GET(amap) bpf_timer_init(&v->t, &amap, 1))
P(init_other, GET(hmap) bpf_timer_init(&v->t, &amap, 1))
P(init_off, GET(hmap) bpf_timer_init((void*)&v->t + 8, &hmap, 1))
P(init_zero, GET(hmap) bpf_timer_init((void*)v, &hmap, 1))
P(init_null, int k = 0; struct val *v = bpf_map_lookup_elem(&hmap, &k); bpf_timer_init((void*)v + 8, &hmap, 1))
P(init_plain, int k = 0; void *v = bpf_map_lookup_elem(&plain, &k); if (v) bpf_timer_init(v, &plain, 1))
P(init_stack, struct bpf_timer t = {}; bpf_timer_init(&t, &hmap, 1))
P(init_flagsptr, GET(hmap) bpf_timer_init(&v->t, &hmap, (u64)v))
P(init_var, GET(hmap) u64 x = v->a & 8; bpf_timer_init((void*)v + x, &hmap, 1))
P(read_timer, GET(hmap) v->a = *(u64*)&v->t)
P(write_timer, GET(hmap) *(u64*)&v->t = 1)
P(read_across, GET(hmap) v->b = *(u32*)((void*)v + 6))
P(copy_update, struct val x = {}; int k = 0; bpf_map_update_elem(&hmap, &k, &x, 0))
P(update_from_value, GET(hmap) bpf_map_update_elem(&amap, &k, v, 0))
P(set_ok, GET(hmap) bpf_timer_set_callback(&v->t, cb_ok))
P(set_ret1, GET(hmap) bpf_timer_set_callback(&v->t, cb_ret1))
P(set_retv, GET(hmap) bpf_timer_set_callback(&v->t, cb_retv))
P(set_touch, GET(hmap) bpf_timer_set_callback(&v->t, cb_touch))
P(set_over, GET(hmap) bpf_timer_set_callback(&v->t, cb_over))
P(set_key, GET(hmap) bpf_timer_set_callback(&v->t, cb_key))
P(set_self, GET(hmap) bpf_timer_set_callback(&v->t, cb_self))
P(set_cancel, GET(hmap) bpf_timer_set_callback(&v->t, cb_cancel))
P(set_lookup, GET(hmap) bpf_timer_set_callback(&v->t, cb_lookup))
P(set_lookup_bad, GET(hmap) bpf_timer_set_callback(&v->t, cb_lookup_bad))
P(set_init, GET(hmap) bpf_timer_set_callback(&v->t, cb_init))
P(set_init_other, GET(hmap) bpf_timer_set_callback(&v->t, cb_init_other))
P(set_init_other2, GET(amap) bpf_timer_set_callback(&v->t, cb_init_other))
P(set_global, GET(hmap) bpf_timer_set_callback(&v->t, cb_global))
P(set_null, GET(hmap) bpf_timer_set_callback(&v->t, NULL))
P(set_deep, volatile char buf[300]; GET(hmap) buf[v->a & 255] = 1; bpf_timer_set_callback(&v->t, cb_deep))
P(set_two, GET(hmap) if (v->a) bpf_timer_set_callback(&v->t, cb_ok); else bpf_timer_set_callback(&v->t, cb_lookup))
P(set_lock, int k = 0; struct lval *v = bpf_map_lookup_elem(&lmap, &k); if (v) bpf_timer_set_callback(&v->t, cb_lock))
P(set_lock_leak, int k = 0; struct lval *v = bpf_map_lookup_elem(&lmap, &k); if (v) bpf_timer_set_callback(&v->t, cb_lock_leak))
P(set_locked, int k = 0; struct lval *v = bpf_map_lookup_elem(&lmap, &k); if (v) { bpf_spin_lock(&v->l); bpf_timer_start(&v->t, 1, 0); bpf_spin_unlock(&v->l); })
P(start_ok, GET(hmap) bpf_timer_start(&v->t, v->a, v->b))
P(start_bad, GET(hmap) bpf_timer_start((void*)&v->a, v->a, v->b))
P(start_ptr, GET(hmap) bpf_timer_start(&v->t, (u64)ctx, 0))
P(cancel_ok, GET(amap) bpf_timer_cancel(&v->t))
P(inner_ok, int k = 0; void *m = bpf_map_lookup_elem(&outer, &k); if (!m) return 0; struct val *v = bpf_map_lookup_elem(m, &k); if (v) bpf_timer_init(&v->t, m, 0))
P(inner_null, int k = 0; void *m = bpf_map_lookup_elem(&outer, &k); struct val *v = bpf_map_lookup_elem(m, &k); if (v) bpf_timer_init(&v->t, m, 0))
P(inner_mix, int k = 0; void *m = bpf_map_lookup_elem(&outer, &k); if (!m) return 0; int k2 = 1; void *n = bpf_map_lookup_elem(&outer, &k2); if (!n) return 0; struct val *v = bpf_map_lookup_elem(m, &k); if (v) bpf_timer_init(&v->t, n, 0))
P(inner_mix2, int k = 0; void *m = bpf_map_lookup_elem(&outer, &k); if (!m) return 0; struct val *v = bpf_map_lookup_elem(m, &k); if (v) bpf_timer_init(&v->t, &inner1, 0))
P(inner_mix3, int k = 0; void *m = bpf_map_lookup_elem(&outer, &k); if (!m) return 0; struct val *v = bpf_map_lookup_elem(&inner1, &k); if (v) bpf_timer_init(&v->t, m, 0))
P(inner_set, int k = 0; void *m = bpf_map_lookup_elem(&outer, &k); if (!m) return 0; struct val *v = bpf_map_lookup_elem(m, &k); if (v) bpf_timer_set_callback(&v->t, cb_lookup))
P(inner_set_init, int k = 0; void *m = bpf_map_lookup_elem(&outer, &k); if (!m) return 0; struct val *v = bpf_map_lookup_elem(m, &k); if (v) bpf_timer_set_callback(&v->t, cb_init))
SEC("socket") int sock_timer(void *ctx) { GET(hmap) bpf_timer_init(&v->t, &hmap, 1); return 0; }
SEC("kprobe") int kp_timer(void *ctx) { GET(hmap) v->a = 1; return 0; }
SEC("tracepoint") int tp_timer(void *ctx) { GET(hmap) v->a = 1; return 0; }
SEC("raw_tp") int rtp_timer(void *ctx) { GET(hmap) v->a = 1; return 0; }
SEC("perf_event") int pe_timer(void *ctx) { GET(hmap) v->a = 1; return 0; }
SEC("xdp") int xdp_timer(void *ctx) { GET(hmap) bpf_timer_set_callback(&v->t, cb_ok); return 2; }
SEC("syscall") int sys_timer(void *ctx) { GET(hmap) bpf_timer_set_callback(&v->t, cb_ok); return 2; }
SEC("socket") int sock_lock(void *ctx) { int k = 0; struct lval *v = bpf_map_lookup_elem(&lmap, &k); return 0; }
SEC("kprobe") int kp_lock(void *ctx) { int k = 0; struct lval *v = bpf_map_lookup_elem(&lmap, &k); return 0; }
SEC("xdp") int xdp_lock(void *ctx) { int k = 0; struct lval *v = bpf_map_lookup_elem(&lmap, &k); return 0; }
