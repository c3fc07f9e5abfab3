// Managed fields with everything else: resilient locks, inner maps, arrays, callbacks, loops, functions, regions.
#include "managed.h"
#define bool _Bool
extern void *bpf_obj_new_impl(u64 id, void *meta) __ksym;
extern void bpf_obj_drop_impl(void *p, void *meta) __ksym;
extern void *bpf_refcount_acquire_impl(void *p, void *meta) __ksym;
extern int bpf_list_push_front_impl(struct bpf_list_head *h, struct bpf_list_node *n, void *meta, u64 off) __ksym;
extern struct bpf_list_node *bpf_list_pop_front(struct bpf_list_head *h) __ksym;
extern struct bpf_list_node *bpf_list_front(struct bpf_list_head *h) __ksym;
extern int bpf_rbtree_add_impl(struct bpf_rb_root *r, struct bpf_rb_node *n, _Bool (less)(struct bpf_rb_node *a, const struct bpf_rb_node *b), void *meta, u64 off) __ksym;
extern struct bpf_rb_node *bpf_rbtree_first(struct bpf_rb_root *r) __ksym;
extern struct bpf_rb_node *bpf_rbtree_remove(struct bpf_rb_root *r, struct bpf_rb_node *n) __ksym;
extern int bpf_res_spin_lock(struct bpf_res_spin_lock *l) __ksym;
extern void bpf_res_spin_unlock(struct bpf_res_spin_lock *l) __ksym;
extern void bpf_rcu_read_lock(void) __ksym;
extern void bpf_rcu_read_unlock(void) __ksym;
extern void bpf_preempt_disable(void) __ksym;
extern void bpf_preempt_enable(void) __ksym;
struct task_struct { int pid; } __attribute__((preserve_access_index));
extern struct task_struct *bpf_task_from_pid(s32 pid) __ksym;
extern void bpf_task_release(struct task_struct *p) __ksym;
struct bpf_iter_num { u64 o; } __attribute__((aligned(8)));
extern int bpf_iter_num_new(struct bpf_iter_num *it, int s, int e) __ksym;
extern int *bpf_iter_num_next(struct bpf_iter_num *it) __ksym;
extern void bpf_iter_num_destroy(struct bpf_iter_num *it) __ksym;
#define tid(T) __builtin_btf_type_id(*(T*)0, 0)
#define new(T) ((T*)bpf_obj_new_impl(tid(T), NULL))
#define drop(p) bpf_obj_drop_impl(p, NULL)
#define share(p) ((typeof(p))bpf_refcount_acquire_impl(p, NULL))
#define push(h, n) bpf_list_push_front_impl(h, n, NULL, 0)
#define add(r, n, l) bpf_rbtree_add_impl(r, n, l, NULL, 0)
#define container_of(p, T, m) ((T*)((void*)(p) - __builtin_offsetof(T, m)))
struct item { u64 a; struct bpf_list_node n; struct task_struct __kptr *t; };
struct cnt { struct bpf_rb_node r; struct bpf_refcount c; struct bpf_list_node l; u64 k; };
struct rl { struct bpf_res_spin_lock lock; struct bpf_list_head head __contains(item, n); struct bpf_rb_root root __contains(cnt, r); u64 x; };
struct { __uint(type, 2); __uint(max_entries, 4); __type(key, int); __type(value, struct rl); } rm SEC(".maps");
struct robj { struct bpf_res_spin_lock lock; struct bpf_list_head head __contains(item, n); u64 x; };
struct nest { u64 a; struct { u64 z; struct task_struct __kptr *t; } in[3]; struct task_struct __kptr *ar[2]; };
struct { __uint(type, 2); __uint(max_entries, 4); __type(key, int); __type(value, struct nest); } nm SEC(".maps");
struct inv { struct bpf_spin_lock l; struct task_struct __kptr *t; struct bpf_list_head head __contains(item, n); };
struct inner { __uint(type, 2); __uint(max_entries, 4); __type(key, int); __type(value, struct inv); } inner1 SEC(".maps");
struct { __uint(type, 12); __uint(max_entries, 4); __type(key, int); __type(value, int); __array(values, struct inner); } outer SEC(".maps") = { .values = { &inner1 } };
struct { __uint(type, 1); __uint(max_entries, 4); __type(key, int); __type(value, struct inv); } hm SEC(".maps");
struct bpf_spin_lock gl __attribute__((section(".data.A")));
struct bpf_rb_root gr __contains(cnt, r) __attribute__((section(".data.A")));
struct bpf_list_head ghd __contains(item, n) __attribute__((section(".data.A")));
struct bpf_list_head garr[3] __contains(item, n) __attribute__((section(".data.A")));
struct task_struct __kptr *gt;
u64 g;
static bool less(struct bpf_rb_node *a, const struct bpf_rb_node *b) { return container_of(a, struct cnt, r)->k < container_of(b, struct cnt, r)->k; }
#define P(name, body) SEC("tc") int name(void *ctx) { body; return 0; }
#define Y(name, body) SEC("syscall") int name(void *ctx) { body; return 0; }
#define R int k = 0; struct rl *v = bpf_map_lookup_elem(&rm, &k); if (!v) return 0;
#define N int k = 0; struct nest *v = bpf_map_lookup_elem(&nm, &k); if (!v) return 0;
#define I int k = 0; void *mm = bpf_map_lookup_elem(&outer, &k); if (!mm) return 0; struct inv *v = bpf_map_lookup_elem(mm, &k); if (!v) return 0;
P(res_push, R struct item *i = new(struct item); if (!i) return 0; if (bpf_res_spin_lock(&v->lock)) { drop(i); return 0; } push(&v->head, &i->n); bpf_res_spin_unlock(&v->lock))
P(res_push_fail, R struct item *i = new(struct item); if (!i) return 0; if (!bpf_res_spin_lock(&v->lock)) { drop(i); return 0; } push(&v->head, &i->n); bpf_res_spin_unlock(&v->lock))
P(res_push_after, R struct item *i = new(struct item); if (!i) return 0; if (bpf_res_spin_lock(&v->lock)) { drop(i); return 0; } push(&v->head, &i->n); bpf_res_spin_unlock(&v->lock); i->a = 1)
P(res_nest, R int k2 = 1; struct rl *w = bpf_map_lookup_elem(&rm, &k2); if (!w) return 0; if (bpf_res_spin_lock(&v->lock)) return 0; if (bpf_res_spin_lock(&w->lock)) { bpf_res_spin_unlock(&v->lock); return 0; } struct bpf_list_node *n = bpf_list_front(&v->head); bpf_res_spin_unlock(&w->lock); if (n) container_of(n, struct item, n)->a = 1; bpf_res_spin_unlock(&v->lock))
P(res_nest2, R int k2 = 1; struct rl *w = bpf_map_lookup_elem(&rm, &k2); if (!w) return 0; if (bpf_res_spin_lock(&v->lock)) return 0; if (bpf_res_spin_lock(&w->lock)) { bpf_res_spin_unlock(&v->lock); return 0; } struct bpf_list_node *n = bpf_list_front(&v->head); if (n) container_of(n, struct item, n)->a = 1; bpf_res_spin_unlock(&w->lock); bpf_res_spin_unlock(&v->lock))
P(res_obj, struct robj *o = new(struct robj); if (!o) return 0; if (bpf_res_spin_lock(&o->lock)) { drop(o); return 0; } bpf_res_spin_unlock(&o->lock); drop(o))
P(res_obj_push, struct robj *o = new(struct robj); if (!o) return 0; struct item *i = new(struct item); if (!i) { drop(o); return 0; } if (bpf_res_spin_lock(&o->lock)) { drop(o); drop(i); return 0; } push(&o->head, &i->n); bpf_res_spin_unlock(&o->lock); drop(o))
P(res_obj_null, struct robj *o = new(struct robj); if (bpf_res_spin_lock(&o->lock)) return 0; bpf_res_spin_unlock(&o->lock))
P(res_add, R struct cnt *c = new(struct cnt); if (!c) return 0; if (bpf_res_spin_lock(&v->lock)) { drop(c); return 0; } add(&v->root, &c->r, less); bpf_res_spin_unlock(&v->lock))
P(nest_0, N struct task_struct *t = bpf_kptr_xchg(&v->in[0].t, NULL); if (t) bpf_task_release(t))
P(nest_2, N struct task_struct *t = bpf_kptr_xchg(&v->in[2].t, NULL); if (t) bpf_task_release(t))
P(nest_z, N struct task_struct *t = bpf_kptr_xchg(&v->in[1].z, NULL); if (t) bpf_task_release(t))
P(nest_w, N v->in[1].z = 4)
P(nest_wt, N *(volatile u64*)&v->in[1].t = 4)
P(nest_ar, N struct task_struct *t = bpf_kptr_xchg(&v->ar[1], NULL); if (t) bpf_task_release(t))
P(nest_ar_over, N struct task_struct *t = bpf_kptr_xchg(&v->ar[2], NULL); if (t) bpf_task_release(t))
P(nest_var, N u32 i = v->a; if (i >= 2) return 0; struct task_struct *t = bpf_kptr_xchg(&v->ar[i], NULL); if (t) bpf_task_release(t))
P(inner_lock, I bpf_spin_lock(&v->l); bpf_spin_unlock(&v->l))
P(inner_lock2, I int k2 = 1; struct inv *w = bpf_map_lookup_elem(mm, &k2); if (!w) return 0; bpf_spin_lock(&v->l); bpf_spin_unlock(&w->l))
P(inner_kptr, I struct task_struct *t = bpf_kptr_xchg(&v->t, NULL); if (t) bpf_task_release(t))
P(inner_kptr_w, I *(volatile u64*)&v->t = 0)
P(inner_push, I struct item *i = new(struct item); if (!i) return 0; bpf_spin_lock(&v->l); push(&v->head, &i->n); bpf_spin_unlock(&v->l))
P(inner_push_other, I struct inv *w = bpf_map_lookup_elem(&inner1, &k); if (!w) return 0; struct item *i = new(struct item); if (!i) return 0; bpf_spin_lock(&w->l); push(&v->head, &i->n); bpf_spin_unlock(&w->l))
P(obj_kptr, struct item *i = new(struct item); if (!i) return 0; struct task_struct *t = bpf_task_from_pid(1); if (t) { t = bpf_kptr_xchg(&i->t, t); if (t) bpf_task_release(t); } drop(i))
P(obj_kptr_leak, struct item *i = new(struct item); if (!i) return 0; struct task_struct *t = bpf_kptr_xchg(&i->t, NULL); drop(i))
P(obj_kptr_list, struct item *i = new(struct item); if (!i) return 0; bpf_spin_lock(&gl); push(&ghd, &i->n); struct task_struct *t = bpf_kptr_xchg(&i->t, NULL); bpf_spin_unlock(&gl); if (t) bpf_task_release(t))
P(arr_push, struct item *i = new(struct item); if (!i) return 0; bpf_spin_lock(&gl); push(&garr[2], &i->n); bpf_spin_unlock(&gl))
P(arr_push_var, u32 j = *(u32*)ctx & 1; struct item *i = new(struct item); if (!i) return 0; bpf_spin_lock(&gl); push(&garr[j], &i->n); bpf_spin_unlock(&gl))
static long fe(void *map, int *key, struct inv *v, void *ctx) { struct task_struct *t = bpf_kptr_xchg(&v->t, NULL); if (t) bpf_task_release(t); return 0; }
static long fe_leak(void *map, int *key, struct inv *v, void *ctx) { struct task_struct *t = bpf_kptr_xchg(&v->t, NULL); return 0; }
static long fe_lock(void *map, int *key, struct inv *v, void *ctx) { bpf_spin_lock(&v->l); bpf_spin_unlock(&v->l); return 0; }
static long fe_new(void *map, int *key, struct inv *v, void *ctx) { struct item *i = new(struct item); if (!i) return 1; bpf_spin_lock(&v->l); push(&v->head, &i->n); bpf_spin_unlock(&v->l); return 0; }
static long lp(u32 i, void *ctx) { struct item *x = new(struct item); if (!x) return 1; bpf_spin_lock(&gl); push(&ghd, &x->n); bpf_spin_unlock(&gl); return 0; }
static long lp_leak(u32 i, void *ctx) { struct item *x = new(struct item); return 0; }
P(fe_ok, bpf_for_each_map_elem(&hm, fe, NULL, 0))
P(fe_leaks, bpf_for_each_map_elem(&hm, fe_leak, NULL, 0))
P(fe_locks, bpf_for_each_map_elem(&hm, fe_lock, NULL, 0))
P(fe_news, bpf_for_each_map_elem(&hm, fe_new, NULL, 0))
P(fe_held, struct item *i = new(struct item); if (!i) return 0; bpf_for_each_map_elem(&hm, fe, NULL, 0); drop(i))
P(loop_ok, bpf_loop(10, lp, NULL, 0))
P(loop_leak, bpf_loop(10, lp_leak, NULL, 0))
P(iter_pop, struct bpf_iter_num it; bpf_iter_num_new(&it, 0, 100); while (bpf_iter_num_next(&it)) { bpf_spin_lock(&gl); struct bpf_list_node *n = bpf_list_pop_front(&ghd); bpf_spin_unlock(&gl); if (!n) break; drop(container_of(n, struct item, n)); } bpf_iter_num_destroy(&it))
P(iter_locked, struct bpf_iter_num it; bpf_spin_lock(&gl); bpf_iter_num_new(&it, 0, 100); while (bpf_iter_num_next(&it)) { struct bpf_list_node *n = bpf_list_front(&ghd); if (n) container_of(n, struct item, n)->a++; } bpf_iter_num_destroy(&it); bpf_spin_unlock(&gl))
P(iter_leak, struct bpf_iter_num it; bpf_iter_num_new(&it, 0, 100); while (bpf_iter_num_next(&it)) { struct item *i = new(struct item); } bpf_iter_num_destroy(&it))
P(preempt_new, bpf_preempt_disable(); struct item *i = new(struct item); bpf_preempt_enable(); if (i) drop(i))
P(rcu_new, bpf_rcu_read_lock(); struct item *i = new(struct item); bpf_rcu_read_unlock(); if (i) drop(i))
Y(y_cnt_rcu, struct cnt *c = new(struct cnt); if (!c) return 0; bpf_spin_lock(&gl); add(&gr, &c->r, less); bpf_spin_unlock(&gl); g = c->k)
Y(y_cnt_rcu2, struct cnt *c = new(struct cnt); if (!c) return 0; bpf_rcu_read_lock(); bpf_spin_lock(&gl); add(&gr, &c->r, less); bpf_spin_unlock(&gl); g = c->k; bpf_rcu_read_unlock())
Y(y_cnt_rcu3, struct cnt *c = new(struct cnt); if (!c) return 0; bpf_rcu_read_lock(); bpf_spin_lock(&gl); add(&gr, &c->r, less); bpf_spin_unlock(&gl); struct cnt *d = share(c); if (d) drop(d); bpf_rcu_read_unlock())
Y(y_first_share, struct cnt *d = 0; bpf_spin_lock(&gl); struct bpf_rb_node *f = bpf_rbtree_first(&gr); if (f) d = share(container_of(f, struct cnt, r)); bpf_spin_unlock(&gl); if (d) drop(d))
Y(y_first_share2, struct cnt *d = 0; bpf_rcu_read_lock(); bpf_spin_lock(&gl); struct bpf_rb_node *f = bpf_rbtree_first(&gr); if (f) d = share(container_of(f, struct cnt, r)); bpf_spin_unlock(&gl); bpf_rcu_read_unlock(); if (d) drop(d))
Y(y_remove, bpf_spin_lock(&gl); struct bpf_rb_node *f = bpf_rbtree_first(&gr); if (!f) { bpf_spin_unlock(&gl); return 0; } f = bpf_rbtree_remove(&gr, f); bpf_spin_unlock(&gl); if (f) drop(container_of(f, struct cnt, r)))
noinline int gf(struct item *i) { return i ? i->a : 0; }
P(global_item, struct item *i = new(struct item); if (!i) return 0; gf(i); drop(i))
P(global_item_n, struct item *i = new(struct item); gf(i); if (i) drop(i))
noinline int gf2(u64 *i) { return i ? *i : 0; }
P(global_a, struct item *i = new(struct item); if (!i) return 0; gf2(&i->a); drop(i))
static noinline struct item *mk(void) { return new(struct item); }
P(static_new, struct item *i = mk(); if (i) drop(i))
P(static_leak, struct item *i = mk(); g = i != 0)
noinline int leaky(void) { struct item *i = new(struct item); return i != 0; }
P(global_leak, leaky())
P(spill, struct item *i = new(struct item); struct item * volatile s = i; if (!i) return 0; drop(i); g = s->a)
P(cmp_two, struct item *i = new(struct item); if (!i) return 0; struct item *j = new(struct item); if (j == i) { drop(i); return 0; } drop(i); if (j) drop(j))
P(ret_ptr, struct item *i = new(struct item); if (!i) return 0; drop(i); return (int)(u64)i)
SEC("tc") int prn(struct { u32 len; } *ctx) { struct item *i = new(struct item); if (!i) return 0; if (ctx->len > 5) { i->a = 5; } else { i->a = 6; } drop(i); return 0; }
