// SPDX-License-Identifier: MIT OR Apache-2.0
//
// A doorman for a small network: an XDP program that
//  * counts every source, by packets, bytes and connections asked for,
//  * shows a source the door (drops it) for a while when it opens connections faster than `burst` a second,
//  * answers pings itself, without waking anyone inside,
//  * counts what it did by protocol.
//
//     skep run examples/doorman.bpf.o --on pcap:examples/evening.pcap

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define NSEC_PER_SEC 1000000000ULL
#define ECHO_REQUEST 8
#define ECHO_REPLY 0

// <linux/icmp.h> drags the C library in, which has no place in an eBPF program.
struct icmphdr {
	__u8 type;
	__u8 code;
	__sum16 checksum;
	__be16 id;
	__be16 sequence;
};

char LICENSE[] SEC("license") = "Dual MIT/GPL";

// Set before loading: `skep run --set burst=50 …`
const volatile __u32 burst = 20;                // connections a source may open each second
const volatile __u64 ban_ns = 3 * NSEC_PER_SEC; // how long it stays outside
const volatile _Bool answer_pings = 1;

enum protocol { OTHER, ARP, ICMP, ICMPV6, TCP, UDP, PROTOCOLS };

struct visitor {
	__u64 packets;
	__u64 bytes;
	__u64 second;       // which second the count below belongs to
	__u32 opened;       // connections opened in that second
	__u32 refused;      // packets dropped
	__u64 banned_until; // on the clock of bpf_ktime_get_ns, 0 when welcome
};

struct tally {
	__u64 passed;
	__u64 dropped;
	__u64 answered;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __be32);
	__type(value, struct visitor);
} visitors SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, PROTOCOLS);
	__type(key, enum protocol);
	__type(value, struct tally);
} tallies SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 256);
	__type(key, __be16);
	__type(value, __u64);
} knocked_ports SEC(".maps");

__u64 bans; // how often somebody was shown the door

static int settle(enum protocol protocol, int verdict)
{
	__u32 key = protocol;
	struct tally *t = bpf_map_lookup_elem(&tallies, &key);

	if (!t)
		return verdict;
	if (verdict == XDP_DROP)
		t->dropped++;
	else if (verdict == XDP_TX)
		t->answered++;
	else
		t->passed++;
	return verdict;
}

static void knock(__be16 port)
{
	__u64 one = 1, *count = bpf_map_lookup_elem(&knocked_ports, &port);

	if (count)
		__sync_fetch_and_add(count, 1);
	else
		bpf_map_update_elem(&knocked_ports, &port, &one, BPF_NOEXIST);
}

// Whether this source is welcome; `opening` when the packet asks for a new connection.
static _Bool welcome(__be32 source, __u64 bytes, _Bool opening)
{
	struct visitor fresh = {}, *v;
	__u64 now = bpf_ktime_get_ns();

	v = bpf_map_lookup_elem(&visitors, &source);
	if (!v) {
		bpf_map_update_elem(&visitors, &source, &fresh, BPF_NOEXIST);
		v = bpf_map_lookup_elem(&visitors, &source);
		if (!v)
			return 1;
	}
	__sync_fetch_and_add(&v->packets, 1);
	__sync_fetch_and_add(&v->bytes, bytes);
	if (v->banned_until > now) {
		__sync_fetch_and_add(&v->refused, 1);
		return 0;
	}
	if (!opening)
		return 1;
	if (v->second != now / NSEC_PER_SEC) {
		v->second = now / NSEC_PER_SEC;
		v->opened = 0;
	}
	if (++v->opened <= burst)
		return 1;
	v->banned_until = now + ban_ns;
	__sync_fetch_and_add(&v->refused, 1);
	__sync_fetch_and_add(&bans, 1);
	bpf_printk("%pI4 opened %u connections in one second: out for %llu ms", &source, v->opened,
		   ban_ns / 1000000);
	return 0;
}

// Turns an echo request into its reply, in place.
static void turn_round(struct ethhdr *eth, struct iphdr *ip, struct icmphdr *icmp)
{
	unsigned char mac[ETH_ALEN];
	__be32 source = ip->saddr;
	__u32 sum = (__u16)~icmp->checksum + (__u16)~bpf_htons(ECHO_REQUEST << 8);

	__builtin_memcpy(mac, eth->h_dest, ETH_ALEN);
	__builtin_memcpy(eth->h_dest, eth->h_source, ETH_ALEN);
	__builtin_memcpy(eth->h_source, mac, ETH_ALEN);
	ip->saddr = ip->daddr;
	ip->daddr = source;
	icmp->type = ECHO_REPLY;
	sum = (sum & 0xffff) + (sum >> 16);
	icmp->checksum = (__u16)~((sum & 0xffff) + (sum >> 16));
}

static int ipv4(struct xdp_md *ctx, struct ethhdr *eth, struct iphdr *ip)
{
	void *end = (void *)(long)ctx->data_end;
	__u64 bytes = ctx->data_end - ctx->data;
	enum protocol protocol = OTHER;
	_Bool opening = 0;
	void *l4;

	if ((void *)(ip + 1) > end || ip->ihl < 5)
		return settle(OTHER, XDP_PASS);
	l4 = (void *)ip + ip->ihl * 4;

	if (ip->protocol == IPPROTO_TCP) {
		struct tcphdr *tcp = l4;

		protocol = TCP;
		if ((void *)(tcp + 1) <= end && tcp->syn && !tcp->ack) {
			opening = 1;
			knock(tcp->dest);
		}
	} else if (ip->protocol == IPPROTO_UDP) {
		struct udphdr *udp = l4;

		protocol = UDP;
		if ((void *)(udp + 1) <= end)
			knock(udp->dest);
	} else if (ip->protocol == IPPROTO_ICMP) {
		protocol = ICMP;
	}
	if (!welcome(ip->saddr, bytes, opening))
		return settle(protocol, XDP_DROP);
	if (protocol == ICMP && answer_pings) {
		struct icmphdr *icmp = l4;

		if ((void *)(icmp + 1) <= end && icmp->type == ECHO_REQUEST) {
			turn_round(eth, ip, icmp);
			return settle(ICMP, XDP_TX);
		}
	}
	return settle(protocol, XDP_PASS);
}

SEC("xdp")
int doorman(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	struct ipv6hdr *ip6;

	if ((void *)(eth + 1) > end)
		return settle(OTHER, XDP_DROP);
	switch (bpf_ntohs(eth->h_proto)) {
	case ETH_P_ARP:
		return settle(ARP, XDP_PASS);
	case ETH_P_IP:
		return ipv4(ctx, eth, (void *)(eth + 1));
	case ETH_P_IPV6:
		ip6 = (void *)(eth + 1);
		if ((void *)(ip6 + 1) > end)
			return settle(OTHER, XDP_PASS);
		return settle(ip6->nexthdr == IPPROTO_TCP      ? TCP
			      : ip6->nexthdr == IPPROTO_UDP    ? UDP
			      : ip6->nexthdr == IPPROTO_ICMPV6 ? ICMPV6
							       : OTHER,
			      XDP_PASS);
	}
	return settle(OTHER, XDP_PASS);
}
