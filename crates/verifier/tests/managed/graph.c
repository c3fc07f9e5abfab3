// Objects of the program, lists and trees: each program does one thing right or wrong.
#include "managed.h"
#define bool _Bool
extern void *bpf_obj_new_impl(u64 id, void *meta) __ksym;
extern void bpf_obj_drop_impl(void *p, void *meta) __ksym;
extern void *bpf_refcount_acquire_impl(void *p, void *meta) __ksym;
extern int bpf_list_push_front_impl(struct bpf_list_head *h, struct bpf_list_node *n, void *meta, u64 off) __ksym;
extern int bpf_list_push_back_impl(struct bpf_list_head *h, struct bpf_list_node *n, void *meta, u64 off) __ksym;
extern struct bpf_list_node *bpf_list_pop_front(struct bpf_list_head *h) __ksym;
extern struct bpf_list_node *bpf_list_pop_back(struct bpf_list_head *h) __ksym;
extern struct bpf_list_node *bpf_list_front(struct bpf_list_head *h) __ksym;
extern struct bpf_list_node *bpf_list_back(struct bpf_list_head *h) __ksym;
extern struct bpf_rb_node *bpf_rbtree_remove(struct bpf_rb_root *r, struct bpf_rb_node *n) __ksym;
extern int bpf_rbtree_add_impl(struct bpf_rb_root *r, struct bpf_rb_node *n, bool (less)(struct bpf_rb_node *a, const struct bpf_rb_node *b), void *meta, u64 off) __ksym;
extern struct bpf_rb_node *bpf_rbtree_first(struct bpf_rb_root *r) __ksym;
extern struct bpf_rb_node *bpf_rbtree_root(struct bpf_rb_root *r) __ksym;
extern struct bpf_rb_node *bpf_rbtree_left(struct bpf_rb_root *r, struct bpf_rb_node *n) __ksym;
extern struct bpf_rb_node *bpf_rbtree_right(struct bpf_rb_root *r, struct bpf_rb_node *n) __ksym;
extern void bpf_rcu_read_lock(void) __ksym;
extern void bpf_rcu_read_unlock(void) __ksym;

#define new(T) ((T*)bpf_obj_new_impl(__builtin_preserve_type_info(*(T*)0 , 0) ? 0 : 0, NULL))
#undef new
#define tid(T) __builtin_btf_type_id(*(T*)0, 0)
#define new(T) ((T*)bpf_obj_new_impl(tid(T), NULL))
#define drop(p) bpf_obj_drop_impl(p, NULL)
#define share(p) ((typeof(p))bpf_refcount_acquire_impl(p, NULL))
#define push(h, n) bpf_list_push_front_impl(h, n, NULL, 0)
#define pushb(h, n) bpf_list_push_back_impl(h, n, NULL, 0)
#define add(r, n, l) bpf_rbtree_add_impl(r, n, l, NULL, 0)
#define container_of(p, T, m) ((T*)((void*)(p) - __builtin_offsetof(T, m)))

struct item { u64 a; struct bpf_list_node n; u64 b; };
struct leaf { u64 key; struct bpf_rb_node n; u64 data; };
struct both { u64 key; struct bpf_list_node l; struct bpf_rb_node r; struct bpf_refcount ref; u64 data; };
struct counted { u64 key; struct bpf_rb_node r; struct bpf_refcount ref; u64 data; };
struct own { struct bpf_spin_lock lock; struct bpf_list_head head __contains(item, n); u64 x; };
struct none { u64 a, b; u32 c[4]; struct { u64 x; u32 y; } in; void *p; u64 bits : 7; };
struct lval { struct bpf_spin_lock lock; struct bpf_list_head head __contains(item, n); struct bpf_rb_root root __contains(leaf, n); struct bpf_list_head bh __contains(both, l); struct bpf_rb_root br __contains(both, r); struct bpf_rb_root cr __contains(counted, r); struct bpf_spin_lock *x; };
struct { __uint(type, 2); __uint(max_entries, 2); __type(key, int); __type(value, struct lval); } m SEC(".maps");
struct { __uint(type, 1); __uint(max_entries, 2); __type(key, int); __type(value, struct lval); } hm SEC(".maps");
struct bpf_spin_lock glock __attribute__((section(".data.A")));
struct bpf_list_head ghead __contains(item, n) __attribute__((section(".data.A")));
struct bpf_rb_root groot __contains(leaf, n) __attribute__((section(".data.A")));
struct bpf_spin_lock glock2 __attribute__((section(".data.B")));
u64 gx __attribute__((section(".data.B")));

static bool less(struct bpf_rb_node *a, const struct bpf_rb_node *b) { return container_of(a, struct leaf, n)->key < container_of(b, struct leaf, n)->key; }
static bool less_both(struct bpf_rb_node *a, const struct bpf_rb_node *b) { return container_of(a, struct both, r)->key < container_of(b, struct both, r)->key; }
static bool less_c(struct bpf_rb_node *a, const struct bpf_rb_node *b) { return container_of(a, struct counted, r)->key < container_of(b, struct counted, r)->key; }
static bool less_write(struct bpf_rb_node *a, const struct bpf_rb_node *b) { container_of(a, struct leaf, n)->key = 1; return 0; }
static bool less_over(struct bpf_rb_node *a, const struct bpf_rb_node *b) { return (&container_of(a, struct leaf, n)->data)[1]; }
static bool less_remove(struct bpf_rb_node *a, const struct bpf_rb_node *b) { bpf_rbtree_remove(&groot, a); return 0; }
static bool less_first(struct bpf_rb_node *a, const struct bpf_rb_node *b) { return bpf_rbtree_first(&groot) != 0; }
static bool less_unlock(struct bpf_rb_node *a, const struct bpf_rb_node *b) { bpf_spin_unlock(&glock); bpf_spin_lock(&glock); return 0; }
static bool less_add(struct bpf_rb_node *a, const struct bpf_rb_node *b) { add(&groot, a, less); return 0; }
static int less_2(struct bpf_rb_node *a, const struct bpf_rb_node *b) { return 2; }
static int less_any(struct bpf_rb_node *a, const struct bpf_rb_node *b) { return container_of(a, struct leaf, n)->key; }
static bool less_leak(struct bpf_rb_node *a, const struct bpf_rb_node *b) { struct counted *c = share(container_of(a, struct counted, r)); return c != 0; }
static bool less_left(struct bpf_rb_node *a, const struct bpf_rb_node *b) { return bpf_rbtree_left(&groot, a) != 0; }

#define P(name, body) SEC("tc") int name(void *ctx) { body; return 0; }
#define G(MAP) int k = 0; struct lval *v = bpf_map_lookup_elem(&MAP, &k); if (!v) return 0;
P(new_drop, struct item *i = new(struct item); if (!i) return 0; i->a = 1; drop(i))
P(new_leak, struct item *i = new(struct item); if (!i) return 0; i->a = 1)
P(new_leak2, struct item *i = new(struct item))
P(new_unchecked, struct item *i = new(struct item); drop(i))
P(new_access_unchecked, struct item *i = new(struct item); i->a = 1; if (i) drop(i))
P(drop_twice, struct item *i = new(struct item); if (!i) return 0; drop(i); drop(i))
P(drop_use, struct item *i = new(struct item); if (!i) return 0; drop(i); i->a = 1)
P(drop_off, struct item *i = new(struct item); if (!i) return 0; drop((void*)i + 8))
P(drop_map, G(m) drop(v))
P(drop_null, drop(NULL))
P(new_int, void *i = bpf_obj_new_impl(1, NULL); if (i) drop(i))
P(new_bad, void *i = bpf_obj_new_impl(100000, NULL); if (i) drop(i))
P(new_big, void *i = bpf_obj_new_impl(1ull << 32, NULL); if (i) drop(i))
P(new_var, void *i = bpf_obj_new_impl(*(u32*)ctx, NULL); if (i) drop(i))
P(new_lock, struct own *o = new(struct own); if (!o) return 0; bpf_spin_lock(&o->lock); bpf_spin_unlock(&o->lock); drop(o))
P(new_lock_drop, struct own *o = new(struct own); if (!o) return 0; bpf_spin_lock(&o->lock); drop(o); bpf_spin_unlock(&o->lock))
P(fields, struct none *o = new(struct none); if (!o) return 0; o->a = 1; o->c[1] = o->a; o->in.y = 3; o->p = 0; u64 t = (u64)o->p; o->b = t + o->bits; drop(o))
P(field_over, struct none *o = new(struct none); if (!o) return 0; ((u64*)o)[20] = 1; drop(o))
P(field_neg, struct none *o = new(struct none); if (!o) return 0; ((u64*)o)[-1] = 1; drop(o))
P(field_across, struct none *o = new(struct none); if (!o) return 0; *(u64*)((char*)o + 4) = 1; drop(o))
P(field_across_arr, struct none *o = new(struct none); if (!o) return 0; *(u64*)(&o->c[1]) = 1; drop(o))
P(field_ptr_part, struct none *o = new(struct none); if (!o) return 0; *(u32*)(&o->p) = 1; drop(o))
P(field_ptr_deref, struct none *o = new(struct none); if (!o) return 0; u64 *q = o->p; u64 z = *q; o->a = z; drop(o))
P(field_var, struct none *o = new(struct none); if (!o) return 0; u32 i = *(u32*)ctx & 3; ((volatile char*)o)[i] = 1; drop(o))
P(field_pad, struct none *o = new(struct none); if (!o) return 0; *(volatile u32*)((char*)o + 44) = 1; drop(o))
P(field_bits, struct none *o = new(struct none); if (!o) return 0; o->bits = 3; drop(o))
P(field_node, struct item *o = new(struct item); if (!o) return 0; o->n.o[0] = 3; drop(o))
P(field_node_r, struct item *o = new(struct item); if (!o) return 0; o->a = o->n.o[0]; drop(o))
P(field_storeptr, struct none *o = new(struct none); if (!o) return 0; o->p = ctx; drop(o))
P(atomic, struct none *o = new(struct none); if (!o) return 0; __sync_fetch_and_add(&o->a, 1); drop(o))
P(helper_mem, struct none *o = new(struct none); if (!o) return 0; bpf_probe_read_kernel(&o->a, 8, ctx); drop(o))
P(cmp_null_twice, struct none *o = new(struct none); if (!o) return 0; if (o) drop(o))

P(push_ok, G(m) struct item *i = new(struct item); if (!i) return 0; bpf_spin_lock(&v->lock); push(&v->head, &i->n); bpf_spin_unlock(&v->lock))
P(push_nolock, G(m) struct item *i = new(struct item); if (!i) return 0; push(&v->head, &i->n))
P(push_otherlock, G(m) struct item *i = new(struct item); if (!i) return 0; k = 1; struct lval *w = bpf_map_lookup_elem(&m, &k); if (!w) { drop(i); return 0; } bpf_spin_lock(&w->lock); push(&v->head, &i->n); bpf_spin_unlock(&w->lock))
P(push_glock, G(m) struct item *i = new(struct item); if (!i) return 0; bpf_spin_lock(&glock); push(&v->head, &i->n); bpf_spin_unlock(&glock))
P(push_wrong, G(m) struct leaf *i = new(struct leaf); if (!i) return 0; bpf_spin_lock(&v->lock); push(&v->head, (void*)&i->n); bpf_spin_unlock(&v->lock))
P(push_wrong2, G(m) struct both *i = new(struct both); if (!i) return 0; bpf_spin_lock(&v->lock); push(&v->head, &i->l); bpf_spin_unlock(&v->lock))
P(push_both, G(m) struct both *i = new(struct both); if (!i) return 0; bpf_spin_lock(&v->lock); push(&v->bh, &i->l); bpf_spin_unlock(&v->lock))
P(push_base, G(m) struct item *i = new(struct item); if (!i) return 0; bpf_spin_lock(&v->lock); push(&v->head, (void*)i); bpf_spin_unlock(&v->lock))
P(push_headoff, G(m) struct item *i = new(struct item); if (!i) return 0; bpf_spin_lock(&v->lock); push((void*)&v->head + 8, &i->n); bpf_spin_unlock(&v->lock))
P(push_root, G(m) struct item *i = new(struct item); if (!i) return 0; bpf_spin_lock(&v->lock); push((void*)&v->root, &i->n); bpf_spin_unlock(&v->lock))
P(push_then_read, G(m) struct item *i = new(struct item); if (!i) return 0; bpf_spin_lock(&v->lock); push(&v->head, &i->n); i->a = i->b; bpf_spin_unlock(&v->lock))
P(push_read_after, G(m) struct item *i = new(struct item); if (!i) return 0; bpf_spin_lock(&v->lock); push(&v->head, &i->n); bpf_spin_unlock(&v->lock); i->a = 1)
P(push_twice, G(m) struct item *i = new(struct item); if (!i) return 0; bpf_spin_lock(&v->lock); push(&v->head, &i->n); push(&v->head, &i->n); bpf_spin_unlock(&v->lock))
P(push_drop, G(m) struct item *i = new(struct item); if (!i) return 0; bpf_spin_lock(&v->lock); push(&v->head, &i->n); bpf_spin_unlock(&v->lock); drop(i))
P(push_null, G(m) struct item *i = new(struct item); bpf_spin_lock(&v->lock); push(&v->head, &i->n); bpf_spin_unlock(&v->lock))
P(push_hash, G(hm) struct item *i = new(struct item); if (!i) return 0; bpf_spin_lock(&v->lock); pushb(&v->head, &i->n); bpf_spin_unlock(&v->lock))
P(push_global, struct item *i = new(struct item); if (!i) return 0; bpf_spin_lock(&glock); pushb(&ghead, &i->n); bpf_spin_unlock(&glock))
P(push_global2, struct item *i = new(struct item); if (!i) return 0; bpf_spin_lock(&glock2); pushb(&ghead, &i->n); bpf_spin_unlock(&glock2))
P(push_inobj, struct own *o = new(struct own); if (!o) return 0; struct item *i = new(struct item); if (!i) { drop(o); return 0; } bpf_spin_lock(&o->lock); push(&o->head, &i->n); bpf_spin_unlock(&o->lock); drop(o))
P(push_inobj_nolock, struct own *o = new(struct own); if (!o) return 0; struct item *i = new(struct item); if (!i) { drop(o); return 0; } push(&o->head, &i->n); drop(o))
P(push_inobj_other, struct own *o = new(struct own); if (!o) return 0; struct own *o2 = new(struct own); if (!o2) { drop(o); return 0; } struct item *i = new(struct item); if (!i) { drop(o2); drop(o); return 0; } bpf_spin_lock(&o2->lock); push(&o->head, &i->n); bpf_spin_unlock(&o2->lock); drop(o); drop(o2))
P(pop_ok, G(m) bpf_spin_lock(&v->lock); struct bpf_list_node *n = bpf_list_pop_front(&v->head); bpf_spin_unlock(&v->lock); if (n) { struct item *i = container_of(n, struct item, n); i->a = 1; drop(i); })
P(pop_dropnode, G(m) bpf_spin_lock(&v->lock); struct bpf_list_node *n = bpf_list_pop_front(&v->head); bpf_spin_unlock(&v->lock); if (n) drop(n))
P(pop_leak, G(m) bpf_spin_lock(&v->lock); struct bpf_list_node *n = bpf_list_pop_back(&v->head); bpf_spin_unlock(&v->lock))
P(pop_nolock, G(m) struct bpf_list_node *n = bpf_list_pop_back(&v->head); if (n) drop(container_of(n, struct item, n)))
P(pop_push, G(m) bpf_spin_lock(&v->lock); struct bpf_list_node *n = bpf_list_pop_front(&v->head); if (n) push(&v->head, n); bpf_spin_unlock(&v->lock))
P(pop_both, G(m) bpf_spin_lock(&v->lock); struct bpf_list_node *n = bpf_list_pop_front(&v->bh); if (n) { struct both *b = container_of(n, struct both, l); b->key = 3; push(&v->bh, &b->l); } bpf_spin_unlock(&v->lock))
P(pop_invalid, G(m) bpf_spin_lock(&v->lock); struct bpf_list_node *f = bpf_list_front(&v->head); struct bpf_list_node *n = bpf_list_pop_front(&v->head); if (f) container_of(f, struct item, n)->a = 1; bpf_spin_unlock(&v->lock); if (n) drop(container_of(n, struct item, n)))
P(front_ok, G(m) bpf_spin_lock(&v->lock); struct bpf_list_node *f = bpf_list_front(&v->head); if (f) container_of(f, struct item, n)->a = 1; bpf_spin_unlock(&v->lock))
P(front_unchecked, G(m) bpf_spin_lock(&v->lock); struct bpf_list_node *f = bpf_list_back(&v->head); container_of(f, struct item, n)->a = 1; bpf_spin_unlock(&v->lock))
P(front_after, G(m) bpf_spin_lock(&v->lock); struct bpf_list_node *f = bpf_list_back(&v->head); bpf_spin_unlock(&v->lock); if (f) container_of(f, struct item, n)->a = 1)
P(front_push, G(m) bpf_spin_lock(&v->lock); struct bpf_list_node *f = bpf_list_back(&v->head); if (f) push(&v->head, f); bpf_spin_unlock(&v->lock))
P(front_nolock, G(m) struct bpf_list_node *f = bpf_list_back(&v->head))
P(front_store, G(m) bpf_spin_lock(&v->lock); struct bpf_list_node *f = bpf_list_front(&v->head); if (f) container_of(f, struct item, n)->n.o[0] = 1; bpf_spin_unlock(&v->lock))

P(add_ok, struct leaf *i = new(struct leaf); if (!i) return 0; bpf_spin_lock(&glock); add(&groot, &i->n, less); bpf_spin_unlock(&glock))
P(add_map, G(m) struct leaf *i = new(struct leaf); if (!i) return 0; bpf_spin_lock(&v->lock); add(&v->root, &i->n, less); bpf_spin_unlock(&v->lock))
P(add_nolock, struct leaf *i = new(struct leaf); if (!i) return 0; add(&groot, &i->n, less))
P(add_otherlock, struct leaf *i = new(struct leaf); if (!i) return 0; bpf_spin_lock(&glock2); add(&groot, &i->n, less); bpf_spin_unlock(&glock2))
P(add_write, struct leaf *i = new(struct leaf); if (!i) return 0; bpf_spin_lock(&glock); add(&groot, &i->n, less_write); bpf_spin_unlock(&glock))
P(add_over, struct leaf *i = new(struct leaf); if (!i) return 0; bpf_spin_lock(&glock); add(&groot, &i->n, less_over); bpf_spin_unlock(&glock))
P(add_remove, struct leaf *i = new(struct leaf); if (!i) return 0; bpf_spin_lock(&glock); add(&groot, &i->n, less_remove); bpf_spin_unlock(&glock))
P(add_first, struct leaf *i = new(struct leaf); if (!i) return 0; bpf_spin_lock(&glock); add(&groot, &i->n, less_first); bpf_spin_unlock(&glock))
P(add_unlock, struct leaf *i = new(struct leaf); if (!i) return 0; bpf_spin_lock(&glock); add(&groot, &i->n, less_unlock); bpf_spin_unlock(&glock))
P(add_add, struct leaf *i = new(struct leaf); if (!i) return 0; bpf_spin_lock(&glock); add(&groot, &i->n, less_add); bpf_spin_unlock(&glock))
P(add_2, struct leaf *i = new(struct leaf); if (!i) return 0; bpf_spin_lock(&glock); add(&groot, &i->n, (void*)less_2); bpf_spin_unlock(&glock))
P(add_any, struct leaf *i = new(struct leaf); if (!i) return 0; bpf_spin_lock(&glock); add(&groot, &i->n, (void*)less_any); bpf_spin_unlock(&glock))
P(add_left, struct leaf *i = new(struct leaf); if (!i) return 0; bpf_spin_lock(&glock); add(&groot, &i->n, less_left); bpf_spin_unlock(&glock))
P(add_leak, G(m) struct counted *i = new(struct counted); if (!i) return 0; bpf_spin_lock(&v->lock); add(&v->cr, &i->r, less_leak); bpf_spin_unlock(&v->lock))
P(add_wrongless, G(m) struct counted *i = new(struct counted); if (!i) return 0; bpf_spin_lock(&v->lock); add(&v->cr, &i->r, less); bpf_spin_unlock(&v->lock))
P(add_wrongtype, G(m) struct counted *i = new(struct counted); if (!i) return 0; bpf_spin_lock(&v->lock); add(&v->root, &i->r, less); bpf_spin_unlock(&v->lock))
P(add_listhead, G(m) struct leaf *i = new(struct leaf); if (!i) return 0; bpf_spin_lock(&v->lock); add((void*)&v->head, &i->n, less); bpf_spin_unlock(&v->lock))
P(add_two, struct leaf *i = new(struct leaf); if (!i) return 0; struct leaf *j = new(struct leaf); if (!j) { drop(i); return 0; } bpf_spin_lock(&glock); add(&groot, &i->n, less); add(&groot, &j->n, less); i->key = j->key; bpf_spin_unlock(&glock))
P(add_use_after, struct leaf *i = new(struct leaf); if (!i) return 0; bpf_spin_lock(&glock); add(&groot, &i->n, less); bpf_spin_unlock(&glock); i->key = 3)
P(remove_ok, struct leaf *i = new(struct leaf); if (!i) return 0; bpf_spin_lock(&glock); add(&groot, &i->n, less); struct bpf_rb_node *n = bpf_rbtree_remove(&groot, &i->n); bpf_spin_unlock(&glock); if (n) drop(container_of(n, struct leaf, n)))
P(remove_leak, bpf_spin_lock(&glock); struct bpf_rb_node *f = bpf_rbtree_first(&groot); if (!f) { bpf_spin_unlock(&glock); return 0; } struct bpf_rb_node *n = bpf_rbtree_remove(&groot, f); bpf_spin_unlock(&glock))
P(remove_first, bpf_spin_lock(&glock); struct bpf_rb_node *f = bpf_rbtree_first(&groot); if (!f) { bpf_spin_unlock(&glock); return 0; } struct bpf_rb_node *n = bpf_rbtree_remove(&groot, f); bpf_spin_unlock(&glock); if (n) drop(container_of(n, struct leaf, n)))
P(remove_unchecked, bpf_spin_lock(&glock); struct bpf_rb_node *f = bpf_rbtree_first(&groot); struct bpf_rb_node *n = bpf_rbtree_remove(&groot, f); bpf_spin_unlock(&glock); if (n) drop(container_of(n, struct leaf, n)))
P(remove_stale, bpf_spin_lock(&glock); struct bpf_rb_node *f = bpf_rbtree_first(&groot); bpf_spin_unlock(&glock); if (!f) return 0; bpf_spin_lock(&glock); struct bpf_rb_node *n = bpf_rbtree_remove(&groot, f); bpf_spin_unlock(&glock); if (n) drop(container_of(n, struct leaf, n)))
P(remove_then_use, bpf_spin_lock(&glock); struct bpf_rb_node *f = bpf_rbtree_first(&groot); if (!f) { bpf_spin_unlock(&glock); return 0; } struct bpf_rb_node *g = bpf_rbtree_first(&groot); if (!g) { bpf_spin_unlock(&glock); return 0; } struct bpf_rb_node *n = bpf_rbtree_remove(&groot, f); container_of(g, struct leaf, n)->key = 1; bpf_spin_unlock(&glock); if (n) drop(container_of(n, struct leaf, n)))
P(remove_owned, struct leaf *i = new(struct leaf); if (!i) return 0; bpf_spin_lock(&glock); struct bpf_rb_node *n = bpf_rbtree_remove(&groot, &i->n); bpf_spin_unlock(&glock); if (n) drop(container_of(n, struct leaf, n)); drop(i))
P(remove_twice, bpf_spin_lock(&glock); struct bpf_rb_node *f = bpf_rbtree_first(&groot); if (!f) { bpf_spin_unlock(&glock); return 0; } struct bpf_rb_node *n = bpf_rbtree_remove(&groot, f); struct bpf_rb_node *n2 = bpf_rbtree_remove(&groot, f); bpf_spin_unlock(&glock); if (n) drop(container_of(n, struct leaf, n)); if (n2) drop(container_of(n2, struct leaf, n)))
P(first_read, bpf_spin_lock(&glock); struct bpf_rb_node *f = bpf_rbtree_first(&groot); u64 x = 0; if (f) x = container_of(f, struct leaf, n)->key; bpf_spin_unlock(&glock); gx = x)
P(first_nolock, struct bpf_rb_node *f = bpf_rbtree_first(&groot))
P(first_add, bpf_spin_lock(&glock); struct bpf_rb_node *f = bpf_rbtree_first(&groot); if (f) add(&groot, f, less); bpf_spin_unlock(&glock))
P(walk, bpf_spin_lock(&glock); struct bpf_rb_node *f = bpf_rbtree_root(&groot); if (f) { struct bpf_rb_node *l = bpf_rbtree_left(&groot, f); if (l) container_of(l, struct leaf, n)->data = 3; l = bpf_rbtree_right(&groot, f); if (l) container_of(l, struct leaf, n)->data = 4; } bpf_spin_unlock(&glock))
P(walk_loop, bpf_spin_lock(&glock); struct bpf_rb_node *f = bpf_rbtree_root(&groot); for (int i = 0; i < 5 && f; i++) f = bpf_rbtree_left(&groot, f); bpf_spin_unlock(&glock))
P(walk_unchecked, bpf_spin_lock(&glock); struct bpf_rb_node *f = bpf_rbtree_root(&groot); struct bpf_rb_node *l = bpf_rbtree_left(&groot, f); bpf_spin_unlock(&glock))
P(walk_owned, struct leaf *i = new(struct leaf); if (!i) return 0; bpf_spin_lock(&glock); struct bpf_rb_node *l = bpf_rbtree_left(&groot, &i->n); bpf_spin_unlock(&glock); drop(i))

P(share_ok, struct counted *c = new(struct counted); if (!c) return 0; struct counted *d = share(c); drop(c); drop(d))
P(share_checked, struct counted *c = new(struct counted); if (!c) return 0; struct counted *d = share(c); drop(c); if (d) drop(d))
P(share_leak, struct counted *c = new(struct counted); if (!c) return 0; struct counted *d = share(c); drop(c))
P(share_leak2, struct counted *c = new(struct counted); if (!c) return 0; struct counted *d = share(c); drop(d))
P(share_plain, struct leaf *c = new(struct leaf); if (!c) return 0; struct leaf *d = share(c); drop(c); if (d) drop(d))
P(share_unchecked, struct counted *c = new(struct counted); struct counted *d = share(c); if (c) drop(c); if (d) drop(d))
P(share_add, G(m) struct counted *c = new(struct counted); if (!c) return 0; struct counted *d = share(c); bpf_spin_lock(&v->lock); add(&v->cr, &c->r, less_c); bpf_spin_unlock(&v->lock); d->key = 1; drop(d))
P(share_nonown, G(m) struct counted *c = new(struct counted); if (!c) return 0; bpf_spin_lock(&v->lock); add(&v->cr, &c->r, less_c); struct counted *d = share(c); bpf_spin_unlock(&v->lock); drop(d))
P(share_nonown2, G(m) struct counted *c = new(struct counted); if (!c) return 0; bpf_spin_lock(&v->lock); add(&v->cr, &c->r, less_c); struct counted *d = share(c); bpf_spin_unlock(&v->lock); if (d) drop(d))
P(share_stale, G(m) struct counted *c = new(struct counted); if (!c) return 0; bpf_spin_lock(&v->lock); add(&v->cr, &c->r, less_c); bpf_spin_unlock(&v->lock); struct counted *d = share(c); if (d) drop(d))
P(share_off, struct counted *c = new(struct counted); if (!c) return 0; struct counted *d = bpf_refcount_acquire_impl((void*)c + 8, NULL); drop(c); if (d) drop(d))
P(both_in, G(m) struct both *c = new(struct both); if (!c) return 0; struct both *d = share(c); bpf_spin_lock(&v->lock); add(&v->br, &c->r, less_both); push(&v->bh, &d->l); bpf_spin_unlock(&v->lock))
P(both_pop_remove, G(m) bpf_spin_lock(&v->lock); struct bpf_list_node *n = bpf_list_pop_front(&v->bh); if (!n) { bpf_spin_unlock(&v->lock); return 0; } struct both *b = container_of(n, struct both, l); struct bpf_rb_node *r = bpf_rbtree_remove(&v->br, &b->r); bpf_spin_unlock(&v->lock); drop(b); if (r) drop(container_of(r, struct both, r)))
P(exit_locked, bpf_spin_lock(&glock))
P(loop_push, for (int j = 0; j < 4; j++) { struct item *i = new(struct item); if (!i) return 0; i->a = j; bpf_spin_lock(&glock); push(&ghead, &i->n); bpf_spin_unlock(&glock); })
P(head_direct, u64 x = ghead.o[0]; gx = x)
P(root_write, *(u64*)&groot = 1)
P(lock_read, gx = glock.val)
P(helper_locked, struct leaf *i = new(struct leaf); if (!i) return 0; bpf_spin_lock(&glock); i->key = bpf_ktime_get_ns(); bpf_spin_unlock(&glock); drop(i))
P(new_locked, bpf_spin_lock(&glock); struct leaf *i = new(struct leaf); bpf_spin_unlock(&glock); if (i) drop(i))
P(drop_locked, struct leaf *i = new(struct leaf); if (!i) return 0; bpf_spin_lock(&glock); drop(i); bpf_spin_unlock(&glock))
static noinline int sub_push(struct item *i) { bpf_spin_lock(&glock); push(&ghead, &i->n); bpf_spin_unlock(&glock); return 0; }
P(sub_ok, struct item *i = new(struct item); if (!i) return 0; sub_push(i))
P(sub_use, struct item *i = new(struct item); if (!i) return 0; sub_push(i); i->a = 1)
SEC("kprobe") int kp_list(void *ctx) { gx = 1; bpf_spin_lock(&glock); bpf_spin_unlock(&glock); return 0; }
SEC("xdp") int xdp_list(void *ctx) { struct item *i = new(struct item); if (!i) return 0; sub_push(i); return 2; }
SEC("socket") int so_new(void *ctx) { struct item *i = new(struct item); if (!i) return 0; drop(i); return 2; }
