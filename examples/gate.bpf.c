// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Two versions of a gatekeeper for an application's own hook, `http_request`. The application (examples/embed.rs)
// says what a request is, offers the helper `trust`, and acts on what the program returns.

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual MIT/GPL";

// What the application hands over; its own declaration is `Request` in embed.rs.
struct request {
	__u64 id;
	__u32 user;
	__u32 version;     // to be written: who decided
	const char *path;
	__u64 path_length;
};

enum verdict { ADMIT, REFUSE };

// How far the application trusts a user, 0 to 100.
extern __u64 trust(__u32 user) __ksym;

#define REQUESTS 1000000

// How often each request was seen: must be 1 in the end.
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, REQUESTS);
	__type(key, __u32);
	__type(value, __u32);
} seen SEC(".maps");

// Decisions by version and verdict.
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
} decisions SEC(".maps");

static enum verdict decide(struct request *r, __u32 version, enum verdict verdict)
{
	__u32 id = r->id, slot = version * 2 + verdict;
	__u32 *times = bpf_map_lookup_elem(&seen, &id);
	__u64 *count = bpf_map_lookup_elem(&decisions, &slot);

	if (times)
		__sync_fetch_and_add(times, 1);
	if (count)
		__sync_fetch_and_add(count, 1);
	r->version = version;
	return verdict;
}

// Version 0 admits everybody.
SEC("http_request")
int open_gate(struct request *r)
{
	return decide(r, 0, ADMIT);
}

// Version 1 keeps strangers out of /admin.
SEC("http_request")
int guarded_gate(struct request *r)
{
	const char *path = r->path;

	if (r->path_length >= 6 && path[0] == '/' && path[1] == 'a' && path[2] == 'd' && path[3] == 'm' &&
	    path[4] == 'i' && path[5] == 'n' && trust(r->user) < 50)
		return decide(r, 1, REFUSE);
	return decide(r, 1, ADMIT);
}
