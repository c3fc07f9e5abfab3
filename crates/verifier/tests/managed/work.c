// Work queues and tasks' work. Never give the kernel a map without a work queue here (bpf_wq_init(&v->w, &plain, 0)): 6.18 falls over it.
#include "managed.h"
struct task_struct { int pid; } __attribute__((preserve_access_index));
struct bpf_map { int ops; } __attribute__((preserve_access_index)); typedef int (*cbt)(struct bpf_map *map, void *key, void *value);
extern int bpf_wq_init(struct bpf_wq *wq, void *map, unsigned int flags) __ksym;
extern int bpf_wq_start(struct bpf_wq *wq, unsigned int flags) __ksym;
extern int bpf_wq_set_callback_impl(struct bpf_wq *wq, int (cb)(void *map, int *key, void *value), unsigned int flags, void *aux) __ksym;
extern int bpf_task_work_schedule_signal_impl(struct task_struct *t, struct bpf_task_work *tw, void *map, cbt cb, void *aux) __ksym;
extern int bpf_task_work_schedule_resume_impl(struct task_struct *t, struct bpf_task_work *tw, void *map, cbt cb, void *aux) __ksym;
extern void bpf_rcu_read_lock(void) __ksym;
extern void bpf_rcu_read_unlock(void) __ksym;
static long (*bpf_copy_from_user)(void *dst, u32 size, const void *p) = (void *)148;
struct val { u64 a; struct bpf_wq w; struct bpf_task_work tw; u64 b; };
struct { __uint(type, 1); __uint(max_entries, 4); __type(key, int); __type(value, struct val); } hm SEC(".maps");
struct { __uint(type, 2); __uint(max_entries, 4); __type(key, int); __type(value, struct val); } am SEC(".maps");
struct { __uint(type, 2); __uint(max_entries, 4); __type(key, int); __type(value, u64); } plain SEC(".maps");
struct inner { __uint(type, 2); __uint(max_entries, 4); __type(key, int); __type(value, struct val); } inner1 SEC(".maps"), inner2 SEC(".maps");
struct { __uint(type, 12); __uint(max_entries, 4); __type(key, int); __type(value, int); __array(values, struct inner); } outer SEC(".maps") = { .values = { &inner1, &inner2 } };
u64 g;
static int cb_ok(void *m, void *k, void *v) { g = *(int*)k; return 0; }
static int cb_1(void *m, void *k, void *v) { return 1; }
static int cb_sleep(void *m, void *k, void *v) { u64 x; bpf_copy_from_user(&x, 8, 0); return 0; }
static int cb_rcu(void *m, void *k, void *v) { bpf_rcu_read_lock(); return 0; }
static int cb_rcusleep(void *m, void *k, void *v) { u64 x; bpf_rcu_read_lock(); bpf_copy_from_user(&x, 8, 0); bpf_rcu_read_unlock(); return 0; }
static int cb_self(void *m, void *k, void *v) { bpf_wq_start(&((struct val*)v)->w, 0); return 0; }
static int cb_setself(void *m, void *k, void *v) { bpf_wq_set_callback_impl(&((struct val*)v)->w, (void*)cb_ok, 0, 0); return 0; }
static int cb_any(void *m, void *k, void *v) { return ((struct val*)v)->a; }
static int cb_touch(void *m, void *k, void *v) { ((struct val*)v)->w.o[0] = 1; return 0; }
static int cb_long(void *m, void *k, void *v) { u64 r = ((struct val*)v)->a; asm volatile("r0 = %0; exit" :: "r"(r)); return 0; }
#define G(MAP) int k = 0; struct val *v = bpf_map_lookup_elem(&MAP, &k); if (!v) return 0;
#define P(name, body) SEC("tc") int name(void *ctx) { body; return 0; }
#define K(name, body) SEC("kprobe") int name(void *ctx) { body; return 0; }
#define E(name, body) SEC("perf_event") int name(void *ctx) { struct task_struct *cur = bpf_get_current_task_btf(); body; return 0; }
#define Q(name, body) SEC("tp_btf/task_newtask") int name(u64 *ctx) { struct task_struct *cur = bpf_get_current_task_btf(); body; return 0; }
P(init, G(hm) bpf_wq_init(&v->w, &hm, 0))
P(init_am, G(am) bpf_wq_init(&v->w, &am, 0))
P(init_other, G(hm) bpf_wq_init(&v->w, &am, 0))
P(init_off, G(hm) bpf_wq_init((void*)v, &hm, 0))
P(init_tw, G(hm) bpf_wq_init((void*)&v->tw, &hm, 0))
P(init_null, int k = 0; struct val *v = bpf_map_lookup_elem(&hm, &k); bpf_wq_init((void*)v + 8, &hm, 0))
P(init_nullptr, bpf_wq_init(NULL, &hm, 0))
P(init_nomap, G(hm) bpf_wq_init(&v->w, NULL, 0))
P(init_ctx, bpf_wq_init(ctx, &hm, 0))
P(init_stack, struct bpf_wq w; bpf_wq_init(&w, &hm, 0))
P(init_var, G(hm) bpf_wq_init((void*)v + (v->a & 8), &hm, 0))
P(start, G(hm) bpf_wq_start(&v->w, 0))
P(start_bad, G(hm) bpf_wq_start((void*)v, 0))
P(set, G(hm) bpf_wq_set_callback_impl(&v->w, (void*)cb_ok, 0, 0))
P(set_1, G(hm) bpf_wq_set_callback_impl(&v->w, (void*)cb_1, 0, 0))
P(set_sleep, G(hm) bpf_wq_set_callback_impl(&v->w, (void*)cb_sleep, 0, 0))
P(set_rcu, G(hm) bpf_wq_set_callback_impl(&v->w, (void*)cb_rcu, 0, 0))
P(set_rcusleep, G(hm) bpf_wq_set_callback_impl(&v->w, (void*)cb_rcusleep, 0, 0))
P(set_self, G(hm) bpf_wq_set_callback_impl(&v->w, (void*)cb_self, 0, 0))
P(set_setself, G(hm) bpf_wq_set_callback_impl(&v->w, (void*)cb_setself, 0, 0))
P(set_any, G(hm) bpf_wq_set_callback_impl(&v->w, (void*)cb_any, 0, 0))
P(set_touch, G(hm) bpf_wq_set_callback_impl(&v->w, (void*)cb_touch, 0, 0))
P(set_null, G(hm) bpf_wq_set_callback_impl(&v->w, NULL, 0, 0))
P(touch, G(hm) v->w.o[1] = 1)
P(touch_tw, G(hm) v->tw.o = 1)
P(inner_ok, int k = 0; void *m = bpf_map_lookup_elem(&outer, &k); if (!m) return 0; struct val *v = bpf_map_lookup_elem(m, &k); if (v) bpf_wq_init(&v->w, m, 0))
P(inner_mix, int k = 0; void *m = bpf_map_lookup_elem(&outer, &k); if (!m) return 0; void *n = bpf_map_lookup_elem(&outer, &k); if (!n) return 0; struct val *v = bpf_map_lookup_elem(m, &k); if (v) bpf_wq_init(&v->w, n, 0))
K(kp_touch, G(hm) v->a = 1)
E(tw_ok, G(hm) bpf_task_work_schedule_signal_impl(cur, &v->tw, &hm, (void*)cb_ok, 0))
Q(q_ok, G(hm) bpf_task_work_schedule_signal_impl(cur, &v->tw, &hm, (void*)cb_ok, 0))
Q(q_resume, G(hm) bpf_task_work_schedule_resume_impl(cur, &v->tw, &hm, (void*)cb_ok, 0))
Q(q_other, G(hm) bpf_task_work_schedule_signal_impl(cur, &v->tw, &am, (void*)cb_ok, 0))
Q(q_off, G(hm) bpf_task_work_schedule_signal_impl(cur, (void*)v, &hm, (void*)cb_ok, 0))
Q(q_sleep, G(hm) bpf_task_work_schedule_signal_impl(cur, &v->tw, &hm, (void*)cb_sleep, 0))
Q(q_any, G(hm) bpf_task_work_schedule_signal_impl(cur, &v->tw, &hm, (void*)cb_any, 0))
Q(q_long, G(hm) bpf_task_work_schedule_signal_impl(cur, &v->tw, &hm, (void*)cb_long, 0))
Q(q_null, G(hm) bpf_task_work_schedule_signal_impl(cur, &v->tw, &hm, NULL, 0))
Q(q_nulltask, G(hm) bpf_task_work_schedule_signal_impl(NULL, &v->tw, &hm, (void*)cb_ok, 0))
Q(q_nulltw, bpf_task_work_schedule_signal_impl(cur, NULL, &hm, (void*)cb_ok, 0))
Q(q_nullmap, G(hm) bpf_task_work_schedule_signal_impl(cur, &v->tw, NULL, (void*)cb_ok, 0))
Q(q_touch, G(hm) bpf_task_work_schedule_signal_impl(cur, &v->tw, &hm, (void*)cb_touch, 0))
SEC("fentry.s/bpf_fentry_test1") int y_ok(u64 *ctx) { G(hm) bpf_wq_set_callback_impl(&v->w, (void*)cb_sleep, 0, 0); return 0; }
SEC("socket") int so_wq(void *ctx) { G(hm) bpf_wq_set_callback_impl(&v->w, (void*)cb_ok, 0, 0); return 0; }
SEC("xdp") int x_wq(void *ctx) { G(hm) bpf_wq_set_callback_impl(&v->w, (void*)cb_ok, 0, 0); return 0; }
SEC("syscall") int s_wq(void *ctx) { G(hm) bpf_wq_set_callback_impl(&v->w, (void*)cb_ok, 0, 0); return 0; }
