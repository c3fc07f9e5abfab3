// Kernel pointers in map values and objects, per-CPU objects, pointers of users: each program does one thing right or wrong.
#include "managed.h"
#define bool _Bool
extern void *bpf_obj_new_impl(u64 id, void *meta) __ksym;
extern void bpf_obj_drop_impl(void *p, void *meta) __ksym;
extern void *bpf_percpu_obj_new_impl(u64 id, void *meta) __ksym;
extern void bpf_percpu_obj_drop_impl(void *p, void *meta) __ksym;
extern void *bpf_refcount_acquire_impl(void *p, void *meta) __ksym;
struct task_struct { int pid; } __attribute__((preserve_access_index));
struct cgroup; struct bpf_cpumask { int x; } __attribute__((preserve_access_index)); struct cpumask { int y; } __attribute__((preserve_access_index)); struct file { int x; } __attribute__((preserve_access_index));
extern struct task_struct *bpf_task_acquire(struct task_struct *p) __ksym;
extern void bpf_task_release(struct task_struct *p) __ksym;
extern struct task_struct *bpf_task_from_pid(s32 pid) __ksym;
extern struct bpf_cpumask *bpf_cpumask_create(void) __ksym;
extern void bpf_cpumask_release(struct bpf_cpumask *p) __ksym;
extern void bpf_cpumask_set_cpu(u32 cpu, struct bpf_cpumask *p) __ksym;
extern struct bpf_cpumask *bpf_cpumask_acquire(struct bpf_cpumask *p) __ksym;
extern bool bpf_cpumask_test_cpu(u32 cpu, const struct cpumask *p) __ksym;
extern void bpf_rcu_read_lock(void) __ksym;
extern void bpf_rcu_read_unlock(void) __ksym;
#define tid(T) __builtin_btf_type_id(*(T*)0, 0)
#define new(T) ((T*)bpf_obj_new_impl(tid(T), NULL))
#define pnew(T) ((T*)bpf_percpu_obj_new_impl(tid(T), NULL))
#define drop(p) bpf_obj_drop_impl(p, NULL)
#define pdrop(p) bpf_percpu_obj_drop_impl(p, NULL)
struct thing { u64 a; u64 b; struct thing2 *q; void *vp; };
struct thing2 { u64 z; };
struct cnt { u64 a; struct bpf_refcount r; u64 b; };
struct pc { u64 a; u32 b; };
struct pcbad { u64 a; void *p; };
struct pcbig { u64 a[65]; };
struct pclock { u64 a; struct bpf_spin_lock l; };
struct holder { u64 x; struct thing __kptr *t; struct task_struct __kptr *task; u64 y; };
struct val {
 u64 pad;
 struct task_struct __kptr *task;
 struct task_struct __kptr_untrusted *utask;
 struct bpf_cpumask __kptr *mask;
 struct thing __kptr *thing;
 struct cnt __kptr *cnt;
 struct pc __percpu_kptr *pc;
 struct holder __kptr *holder;
 u64 end;
};
struct { __uint(type, 2); __uint(max_entries, 2); __type(key, int); __type(value, struct val); } m SEC(".maps");
struct { __uint(type, 1); __uint(max_entries, 2); __type(key, int); __type(value, struct val); } hm SEC(".maps");
struct { __uint(type, 6); __uint(max_entries, 2); __type(key, int); __type(value, struct val); } pm SEC(".maps");
struct upage { u64 a; u64 b; };
struct tv { struct upage __uptr *u; u64 x; };
struct { __uint(type, 29); __uint(map_flags, 1); __type(key, int); __type(value, struct tv); } ts SEC(".maps");
u64 g;
struct thing __kptr *gthing;
struct task_struct __kptr *gtask;
#define P(name, body) SEC("tc") int name(void *ctx) { body; return 0; }
#define Y(name, body) SEC("syscall") int name(void *ctx) { body; return 0; }
#define T(name, body) SEC("tp_btf/task_newtask") int name(u64 *ctx) { struct task_struct *cur = (void*)ctx[0]; body; return 0; }
#define G(MAP) int k = 0; struct val *v = bpf_map_lookup_elem(&MAP, &k); if (!v) return 0;
P(load_task, G(m) struct task_struct *t = v->task; if (t) g = 1)
P(load_size, G(m) u32 x = *(volatile u32*)&v->task; g = x)
P(load_mis, G(m) u64 x = *(volatile u64*)((char*)&v->task + 4); g = x)
P(load_var, G(m) u32 i = v->pad & 8; u64 x = *(volatile u64*)((char*)&v->task + i); g = x)
P(load_var2, G(m) u32 i = v->pad & 8; u64 x = *(volatile u64*)((char*)v + i); g = x)
P(load_over, G(m) u32 i = v->pad & 0xff; u64 x = *(volatile u64*)((char*)v + i); g = x)
P(store_task, G(m) *(volatile u64*)&v->task = 0)
P(store_utask0, G(m) *(volatile u64*)&v->utask = 0)
P(store_utask1, G(m) *(volatile u64*)&v->utask = 1)
P(store_utask_ctx, G(m) v->utask = ctx)
P(store_utask_self, G(m) struct task_struct *t = v->utask; v->utask = t)
P(store_utask_task, G(m) struct task_struct *t = v->task; v->utask = t)
P(store_utask_mask, G(m) void *t = v->mask; v->utask = t)
P(store_utask_thing, G(m) struct thing *t = new(struct thing); if (!t) return 0; v->utask = (void*)t; drop(t))
P(store_utask_off, G(m) struct task_struct *t = v->utask; if (t) v->utask = (void*)t + 8)
P(store_utask_scalar, G(m) v->utask = (void*)v->pad)
P(atomic_utask, G(m) __sync_fetch_and_add((u64*)&v->utask, 1))
P(atomic_task, G(m) __sync_lock_test_and_set((u64*)&v->task, 0))
P(deref_utask, G(m) struct task_struct *t = v->utask; if (t) g = t->pid)
P(deref_utask_null, G(m) struct task_struct *t = v->utask; g = t->pid)
P(deref_task, G(m) struct task_struct *t = v->task; if (t) g = t->pid)
P(deref_task_null, G(m) struct task_struct *t = v->task; g = t->pid)
P(acq_task, G(m) struct task_struct *t = v->task; if (!t) return 0; t = bpf_task_acquire(t); if (t) bpf_task_release(t))
P(acq_utask, G(m) struct task_struct *t = v->utask; if (!t) return 0; t = bpf_task_acquire(t); if (t) bpf_task_release(t))
P(rel_task, G(m) struct task_struct *t = v->task; if (t) bpf_task_release(t))
P(xchg_null, G(m) struct task_struct *t = bpf_kptr_xchg(&v->task, NULL); if (t) bpf_task_release(t))
P(xchg_leak, G(m) struct task_struct *t = bpf_kptr_xchg(&v->task, NULL))
P(xchg_unchecked, G(m) struct task_struct *t = bpf_kptr_xchg(&v->task, NULL); bpf_task_release(t))
P(xchg_in, G(m) struct task_struct *n = bpf_task_from_pid(1); if (!n) return 0; struct task_struct *t = bpf_kptr_xchg(&v->task, n); if (t) bpf_task_release(t))
P(xchg_in_maybe, G(m) struct task_struct *n = bpf_task_from_pid(1); struct task_struct *t = bpf_kptr_xchg(&v->task, n); if (t) bpf_task_release(t))
P(xchg_use_after, G(m) struct task_struct *n = bpf_task_from_pid(1); if (!n) return 0; struct task_struct *t = bpf_kptr_xchg(&v->task, n); if (t) bpf_task_release(t); g = n->pid)
P(xchg_rel_after, G(m) struct task_struct *n = bpf_task_from_pid(1); if (!n) return 0; struct task_struct *t = bpf_kptr_xchg(&v->task, n); if (t) bpf_task_release(t); bpf_task_release(n))
P(xchg_wrong, G(m) struct task_struct *n = bpf_task_from_pid(1); if (!n) return 0; struct task_struct *t = bpf_kptr_xchg(&v->mask, n); if (t) bpf_task_release(t))
P(xchg_utask, G(m) struct task_struct *n = bpf_task_from_pid(1); if (!n) return 0; struct task_struct *t = bpf_kptr_xchg(&v->utask, n); if (t) bpf_task_release(t))
P(xchg_pad, G(m) struct task_struct *n = bpf_task_from_pid(1); if (!n) return 0; struct task_struct *t = bpf_kptr_xchg(&v->pad, n); if (t) bpf_task_release(t))
P(xchg_var, G(m) u32 i = v->pad & 8; struct task_struct *t = bpf_kptr_xchg((void*)&v->task + i, NULL); if (t) bpf_task_release(t))
P(xchg_unref, G(m) struct task_struct *n = v->utask; if (!n) return 0; struct task_struct *t = bpf_kptr_xchg(&v->task, n); if (t) bpf_task_release(t))
P(xchg_ctx, G(m) struct task_struct *t = bpf_kptr_xchg(&v->task, ctx); if (t) bpf_task_release(t))
P(xchg_one, G(m) struct task_struct *t = bpf_kptr_xchg(&v->task, (void*)1); if (t) bpf_task_release(t))
P(xchg_stack, void *p = 0; struct task_struct *t = bpf_kptr_xchg(&p, NULL); if (t) bpf_task_release(t))
P(xchg_maybe_null_v, int k = 0; struct val *v = bpf_map_lookup_elem(&m, &k); struct task_struct *t = bpf_kptr_xchg((void*)v + 8, NULL); if (t) bpf_task_release(t))
P(xchg_off, G(m) struct task_struct *n = bpf_task_from_pid(1); if (!n) return 0; struct task_struct *t = bpf_kptr_xchg(&v->task, (void*)n + 8); if (t) bpf_task_release(t))
P(xchg_percpu_map, G(pm) struct task_struct *t = bpf_kptr_xchg(&v->task, NULL); if (t) bpf_task_release(t))
P(xchg_hash, G(hm) struct task_struct *t = bpf_kptr_xchg(&v->task, NULL); if (t) bpf_task_release(t))
P(mask_in, G(m) struct bpf_cpumask *c = bpf_cpumask_create(); if (!c) return 0; c = bpf_kptr_xchg(&v->mask, c); if (c) bpf_cpumask_release(c))
P(mask_use, G(m) struct bpf_cpumask *c = v->mask; if (c) g = bpf_cpumask_test_cpu(0, (void*)c))
P(mask_use_null, G(m) struct bpf_cpumask *c = v->mask; g = bpf_cpumask_test_cpu(0, (void*)c))
P(mask_set, G(m) struct bpf_cpumask *c = v->mask; if (c) bpf_cpumask_set_cpu(0, (void*)c))
P(mask_acq, G(m) struct bpf_cpumask *c = v->mask; if (!c) return 0; c = bpf_cpumask_acquire(c); if (c) bpf_cpumask_release(c))
P(thing_in, G(m) struct thing *t = new(struct thing); if (!t) return 0; t = bpf_kptr_xchg(&v->thing, t); if (t) drop(t))
P(thing_in_wrong, G(m) struct cnt *t = new(struct cnt); if (!t) return 0; t = bpf_kptr_xchg(&v->thing, t); if (t) drop(t))
P(thing_out, G(m) struct thing *t = bpf_kptr_xchg(&v->thing, NULL); if (!t) return 0; t->a = 1; drop(t))
P(thing_out_leak, G(m) struct thing *t = bpf_kptr_xchg(&v->thing, NULL); if (!t) return 0; t->a = 1)
P(thing_read, G(m) struct thing *t = v->thing; if (t) g = t->a)
P(thing_write, G(m) struct thing *t = v->thing; if (t) t->a = 1)
P(thing_read_null, G(m) struct thing *t = v->thing; g = t->a)
P(thing_drop, G(m) struct thing *t = v->thing; if (t) drop(t))
P(thing_q, G(m) struct thing *t = v->thing; if (t) { struct thing2 *q = t->q; if (q) g = q->z; })
P(thing_q2, G(m) struct thing *t = v->thing; if (t) { struct thing2 *q = t->q; g = q->z; })
P(thing_vp, G(m) struct thing *t = v->thing; if (t) { u64 *q = t->vp; g = *q; })
P(owned_q, struct thing *t = new(struct thing); if (!t) return 0; struct thing2 *q = t->q; g = q->z; drop(t))
P(owned_q_w, struct thing *t = new(struct thing); if (!t) return 0; struct thing2 *q = t->q; q->z = 1; drop(t))
P(owned_vp, struct thing *t = new(struct thing); if (!t) return 0; u64 *q = t->vp; g = q[3]; drop(t))
P(owned_vp_w, struct thing *t = new(struct thing); if (!t) return 0; u64 *q = t->vp; q[3] = 1; drop(t))
Y(y_thing_read, G(m) struct thing *t = v->thing; if (t) g = t->a)
Y(y_thing_write, G(m) struct thing *t = v->thing; if (t) t->a = 1)
Y(y_thing_rcu, bpf_rcu_read_lock(); int k = 0; struct val *v = bpf_map_lookup_elem(&m, &k); if (v) { struct thing *t = v->thing; if (t) t->a = 1; } bpf_rcu_read_unlock())
Y(y_thing_rcu_after, bpf_rcu_read_lock(); int k = 0; struct thing *t = 0; struct val *v = bpf_map_lookup_elem(&m, &k); if (v) t = v->thing; bpf_rcu_read_unlock(); if (t) t->a = 1)
Y(y_thing_rcu_after_r, bpf_rcu_read_lock(); int k = 0; struct thing *t = 0; struct val *v = bpf_map_lookup_elem(&m, &k); if (v) t = v->thing; bpf_rcu_read_unlock(); if (t) g = t->a)
Y(y_task_acq, G(m) struct task_struct *t = v->task; if (!t) return 0; t = bpf_task_acquire(t); if (t) bpf_task_release(t))
Y(y_task_acq_rcu, bpf_rcu_read_lock(); int k = 0; struct val *v = bpf_map_lookup_elem(&m, &k); if (v) { struct task_struct *t = v->task; if (t) { t = bpf_task_acquire(t); if (t) bpf_task_release(t); } } bpf_rcu_read_unlock())
Y(y_deref, G(m) struct task_struct *t = v->task; if (t) g = t->pid)
P(cnt_share, G(m) struct cnt *c = v->cnt; if (!c) return 0; c = bpf_refcount_acquire_impl(c, NULL); if (c) drop(c))
P(cnt_share_null, G(m) struct cnt *c = v->cnt; c = bpf_refcount_acquire_impl(c, NULL); if (c) drop(c))
P(cnt_share_unchecked, G(m) struct cnt *c = v->cnt; if (!c) return 0; c = bpf_refcount_acquire_impl(c, NULL); drop(c))
Y(y_cnt_share, G(m) struct cnt *c = v->cnt; if (!c) return 0; c = bpf_refcount_acquire_impl(c, NULL); if (c) drop(c))
P(cnt_in, G(m) struct cnt *c = new(struct cnt); if (!c) return 0; struct cnt *d = bpf_refcount_acquire_impl(c, NULL); d = bpf_kptr_xchg(&v->cnt, d); if (d) drop(d); c->a = 1; drop(c))
P(pc_new, struct pc *p = pnew(struct pc); if (!p) return 0; pdrop(p))
P(pc_leak, struct pc *p = pnew(struct pc))
P(pc_drop_wrong, struct pc *p = pnew(struct pc); if (!p) return 0; drop(p))
P(pc_drop_wrong2, struct pc *p = new(struct pc); if (!p) return 0; pdrop(p))
P(pc_bad, struct pcbad *p = pnew(struct pcbad); if (!p) return 0; pdrop(p))
P(pc_big, struct pcbig *p = pnew(struct pcbig); if (!p) return 0; pdrop(p))
P(pc_lock, struct pclock *p = pnew(struct pclock); if (!p) return 0; pdrop(p))
P(pc_access, struct pc *p = pnew(struct pc); if (!p) return 0; p->a = 1; pdrop(p))
P(pc_this, struct pc *p = pnew(struct pc); if (!p) return 0; struct pc *q = bpf_this_cpu_ptr(p); q->a = 1; pdrop(p))
P(pc_this_after, struct pc *p = pnew(struct pc); if (!p) return 0; struct pc *q = bpf_this_cpu_ptr(p); pdrop(p); q->a = 1)
P(pc_per, struct pc *p = pnew(struct pc); if (!p) return 0; struct pc *q = bpf_per_cpu_ptr(p, 0); if (q) g = q->a; pdrop(p))
P(pc_per_null, struct pc *p = pnew(struct pc); if (!p) return 0; struct pc *q = bpf_per_cpu_ptr(p, 0); g = q->a; pdrop(p))
P(pc_per_w, struct pc *p = pnew(struct pc); if (!p) return 0; struct pc *q = bpf_per_cpu_ptr(p, 0); if (q) q->a = 1; pdrop(p))
P(pc_in, G(m) struct pc *p = pnew(struct pc); if (!p) return 0; p = bpf_kptr_xchg(&v->pc, p); if (p) pdrop(p))
P(pc_in_use, G(m) struct pc *p = pnew(struct pc); if (!p) return 0; struct pc *o = bpf_kptr_xchg(&v->pc, p); if (o) pdrop(o); struct pc *q = bpf_this_cpu_ptr(p); q->a = 1)
P(pc_in_wrong, G(m) struct pc *p = new(struct pc); if (!p) return 0; p = bpf_kptr_xchg(&v->pc, p); if (p) drop(p))
P(pc_in_thing, G(m) struct thing *p = new(struct thing); if (!p) return 0; p = bpf_kptr_xchg(&v->pc, p); if (p) drop(p))
P(pc_load, G(m) struct pc *p = v->pc; if (!p) return 0; struct pc *q = bpf_this_cpu_ptr(p); q->a = 1)
P(pc_load_direct, G(m) struct pc *p = v->pc; if (!p) return 0; p->a = 1)
P(pc_load_per, G(m) struct pc *p = v->pc; if (!p) return 0; struct pc *q = bpf_per_cpu_ptr(p, 1); if (q) q->a = 1)
P(pc_load_null, G(m) struct pc *p = v->pc; struct pc *q = bpf_this_cpu_ptr(p); q->a = 1)
Y(y_pc_load, G(m) struct pc *p = v->pc; if (!p) return 0; struct pc *q = bpf_this_cpu_ptr(p); q->a = 1)
Y(y_pc_in, G(m) struct pc *p = pnew(struct pc); if (!p) return 0; struct pc *o = bpf_kptr_xchg(&v->pc, p); if (o) pdrop(o); struct pc *q = bpf_this_cpu_ptr(p); q->a = 1)
P(h_in, struct holder *h = new(struct holder); if (!h) return 0; struct thing *t = new(struct thing); if (!t) { drop(h); return 0; } t = bpf_kptr_xchg(&h->t, t); if (t) drop(t); drop(h))
P(h_in_task, struct holder *h = new(struct holder); if (!h) return 0; struct task_struct *t = bpf_task_from_pid(1); if (!t) { drop(h); return 0; } t = bpf_kptr_xchg(&h->task, t); if (t) bpf_task_release(t); drop(h))
P(h_in_off, struct holder *h = new(struct holder); if (!h) return 0; struct task_struct *t = bpf_kptr_xchg(&h->x, NULL); if (t) bpf_task_release(t); drop(h))
P(h_in_null, struct holder *h = new(struct holder); struct task_struct *t = bpf_kptr_xchg((void*)h + 16, NULL); if (t) bpf_task_release(t); if (h) drop(h))
P(h_direct, struct holder *h = new(struct holder); if (!h) return 0; g = (u64)*(u64*)&h->t; drop(h))
P(h_direct_w, struct holder *h = new(struct holder); if (!h) return 0; *(u64*)&h->t = 0; drop(h))
P(h_map, G(m) struct holder *h = bpf_kptr_xchg(&v->holder, NULL); if (!h) return 0; struct thing *t = bpf_kptr_xchg(&h->t, NULL); if (t) drop(t); h = bpf_kptr_xchg(&v->holder, h); if (h) drop(h))
P(h_map_rcu, G(m) struct holder *h = v->holder; if (!h) return 0; struct thing *t = bpf_kptr_xchg(&h->t, NULL); if (t) drop(t))
P(h_map_rcu_read, G(m) struct holder *h = v->holder; if (!h) return 0; g = h->x; h->y = 3)
P(h_map_rcu_readt, G(m) struct holder *h = v->holder; if (!h) return 0; struct thing *t = h->t; if (t) g = t->a)
P(gl_in, struct thing *t = new(struct thing); if (!t) return 0; t = bpf_kptr_xchg(&gthing, t); if (t) drop(t))
P(gl_out, struct task_struct *t = bpf_kptr_xchg(&gtask, NULL); if (t) bpf_task_release(t))
P(helper_value, G(m) bpf_map_update_elem(&hm, &k, v, 0))
P(helper_read, G(m) char b[16]; bpf_probe_read_kernel(&v->task, 8, ctx))
P(helper_pad, G(m) bpf_probe_read_kernel(&v->pad, 8, ctx))
T(t_in, G(m) struct task_struct *t = bpf_task_acquire(cur); if (!t) return 0; t = bpf_kptr_xchg(&v->task, t); if (t) bpf_task_release(t))
T(t_store, G(m) v->utask = cur)
T(t_store_in, G(m) struct task_struct *t = bpf_kptr_xchg(&v->task, cur); if (t) bpf_task_release(t))
T(t_uptr, struct tv *v = bpf_task_storage_get(&ts, bpf_get_current_task_btf(), 0, 0); if (!v) return 0; struct upage *u = v->u; if (u) u->a = 1)
T(t_uptr_null, struct tv *v = bpf_task_storage_get(&ts, bpf_get_current_task_btf(), 0, 0); if (!v) return 0; struct upage *u = v->u; u->a = 1)
T(t_uptr_over, struct tv *v = bpf_task_storage_get(&ts, bpf_get_current_task_btf(), 0, 0); if (!v) return 0; struct upage *u = v->u; if (u) (&u->a)[2] = 1)
T(t_uptr_store, struct tv *v = bpf_task_storage_get(&ts, bpf_get_current_task_btf(), 0, 0); if (!v) return 0; *(volatile u64*)&v->u = 0)
T(t_uptr_xchg, struct tv *v = bpf_task_storage_get(&ts, bpf_get_current_task_btf(), 0, 0); if (!v) return 0; bpf_kptr_xchg(&v->u, NULL))
// Load-acquire and store-release, which this clang does not write.
#define ACQUIRE(p) register void *base asm("r2") = (p); register u64 x asm("r1"); asm volatile(".8byte 0x00000100000021db" : "=r"(x) : "r"(base)); g = x
#define RELEASE(p) register void *base asm("r2") = (p); register u64 x asm("r1") = 0; asm volatile(".8byte 0x00000110000012db" :: "r"(x), "r"(base) : "memory")
P(acquire_pad, G(m) ACQUIRE(&v->pad))
P(acquire_task, G(m) ACQUIRE(&v->task))
P(acquire_utask, G(m) ACQUIRE(&v->utask))
P(release_pad, G(m) RELEASE(&v->pad))
P(release_task, G(m) RELEASE(&v->task))
P(release_utask, G(m) RELEASE(&v->utask))
P(xchg_utask_0, G(m) __sync_lock_test_and_set((u64*)&v->utask, 0))
