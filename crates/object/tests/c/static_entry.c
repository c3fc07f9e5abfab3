/* A static program (nothing refers to it), a weak function, and a call between sections. */
#include "skep.h"
static __attribute__((used, section("xdp"))) int hidden(void *ctx) { return 2; }
WEAK NOINLINE int choice(int x) { return x + 1; }
static __attribute__((noinline, section("xdp"))) int shared(int x) { return choice(x) * 3; }
SEC("xdp") int visible(void *ctx) { return shared((long)ctx); }
SEC("tc") int other(void *ctx) { return shared((long)ctx + 1); }
char _license[] SEC("license") = "GPL";
