// SPDX-License-Identifier: MIT OR Apache-2.0
//
// What a large tracing program asks of a loader: hundreds of fields of the kernel's largest structures, each an
// instruction that CO-RE relocates, in programs that share functions. benches/benches/load.rs loads it; nobody runs it.
// The object keeps part of its DWARF, as objects in the field do: a loader has to step over it. The types are those of
// the kernel that the object was made on, so it is made by hand and not compared with its source:
//
//     skep btf dump --format c > vmlinux.h
//     clang-19 -O2 -g -target bpf -mcpu=v3 -fdebug-compilation-dir=. -I. -c load.bpf.c -o load.bpf.o
//     llvm-objcopy-19 -R .debug_info -R .rel.debug_info -R .debug_line -R .rel.debug_line -R .debug_frame
//         -R .rel.debug_frame -R .debug_loclists load.bpf.o

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual MIT/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64[8]);
} scratch SEC(".maps");

// Adds the first bytes of a field to the sum. The compiler works out all addresses of a
// function first and keeps them on its stack, hence not too many in one.
#define READ(field) \
	bpf_probe_read_kernel(&value, sizeof(value), __builtin_preserve_access_index(&from->field)); \
	sum += value;

#define READER(type, FIELDS, TYPE) \
	static __attribute__((noinline)) __u64 read_##type(struct TYPE *from) \
	{ \
		__u64 value = 0, sum = 0; \
		FIELDS(READ) \
		return sum; \
	}

#define FIELDS_task_struct(X) \
	X(thread_info) X(__state) X(saved_state) X(stack) X(usage) X(flags) X(ptrace) X(on_cpu) \
	X(wake_entry) X(wakee_flips) X(wakee_flip_decay_ts) X(last_wakee) X(recent_used_cpu) \
	X(wake_cpu) X(on_rq) X(prio) X(static_prio) X(normal_prio) X(rt_priority) X(se) X(rt) \
	X(dl) X(dl_server) X(sched_class) X(sched_task_group)
READER(task_struct, FIELDS_task_struct, task_struct)

#define FIELDS_task_struct_2(X) \
	X(sched_throttle_work) X(throttle_node) X(throttled) X(stats) X(preempt_notifiers) \
	X(btrace_seq) X(policy) X(max_allowed_capacity) X(nr_cpus_allowed) X(cpus_ptr) \
	X(user_cpus_ptr) X(cpus_mask) X(migration_pending) X(migration_disabled) \
	X(migration_flags) X(rcu_read_lock_nesting) X(rcu_read_unlock_special) X(rcu_node_entry) \
	X(rcu_blocked_node) X(rcu_tasks_nvcsw) X(rcu_tasks_holdout) X(rcu_tasks_idx) \
	X(rcu_tasks_idle_cpu) X(rcu_tasks_holdout_list) X(rcu_tasks_exit_cpu)
READER(task_struct_2, FIELDS_task_struct_2, task_struct)

#define FIELDS_task_struct_3(X) \
	X(rcu_tasks_exit_list) X(trc_reader_nesting) X(trc_ipi_to_cpu) X(trc_reader_special) \
	X(trc_holdout_list) X(trc_blkd_node) X(trc_blkd_cpu) X(sched_info) X(tasks) \
	X(pushable_tasks) X(pushable_dl_tasks) X(mm) X(active_mm) X(faults_disabled_mapping) \
	X(exit_state) X(exit_code) X(exit_signal) X(pdeath_signal) X(jobctl) X(personality) \
	X(atomic_flags) X(restart_block) X(pid) X(tgid) X(stack_canary)
READER(task_struct_3, FIELDS_task_struct_3, task_struct)

#define FIELDS_task_struct_4(X) \
	X(real_parent) X(parent) X(children) X(sibling) X(group_leader) X(ptraced) \
	X(ptrace_entry) X(thread_pid) X(pid_links) X(thread_node) X(vfork_done) X(set_child_tid) \
	X(clear_child_tid) X(worker_private) X(utime)
READER(task_struct_4, FIELDS_task_struct_4, task_struct)

#define FIELDS_tcp_sock(X) \
	X(inet_conn) X(__cacheline_group_begin__tcp_sock_read_tx) X(max_window) X(rcv_ssthresh) \
	X(reordering) X(notsent_lowat) X(gso_segs) X(retransmit_skb_hint) \
	X(__cacheline_group_end__tcp_sock_read_tx) X(__cacheline_group_begin__tcp_sock_read_txrx) \
	X(tsoffset) X(snd_wnd) X(mss_cache) X(snd_cwnd) X(prr_out) X(lost_out) X(sacked_out) \
	X(tcp_header_len) X(scaling_ratio) X(__cacheline_group_end__tcp_sock_read_txrx) \
	X(__cacheline_group_begin__tcp_sock_read_rx) X(copied_seq) X(snd_wl1) X(tlp_high_seq) \
	X(rttvar_us)
READER(tcp_sock, FIELDS_tcp_sock, tcp_sock)

#define FIELDS_tcp_sock_2(X) \
	X(retrans_out) X(advmss) X(urg_data) X(lost) X(snd_ssthresh) X(rtt_min) \
	X(out_of_order_queue) X(__cacheline_group_end__tcp_sock_read_rx) \
	X(__cacheline_group_begin__tcp_sock_write_tx) X(segs_out) X(data_segs_out) X(bytes_sent) \
	X(snd_sml) X(chrono_type) X(chrono_start) X(chrono_stat) X(write_seq) X(pushed_seq) \
	X(lsndtime) X(mdev_us) X(rtt_seq) X(tcp_wstamp_ns) X(accecn_opt_tstamp) \
	X(tsorted_sent_queue) X(highest_sack)
READER(tcp_sock_2, FIELDS_tcp_sock_2, tcp_sock)

#define FIELDS_tcp_sock_3(X) \
	X(ecn_flags) X(__cacheline_group_end__tcp_sock_write_tx) \
	X(__cacheline_group_begin__tcp_sock_write_txrx) X(pred_flags) X(tcp_clock_cache) \
	X(tcp_mstamp) X(rcv_nxt) X(snd_nxt) X(snd_una) X(window_clamp)
READER(tcp_sock_3, FIELDS_tcp_sock_3, tcp_sock)

#define FIELDS_sk_buff(X) \
	X(sk) X(cb) X(_nfct) X(len) X(data_len) X(mac_len) X(hdr_len) X(queue_mapping) \
	X(__cloned_offset) X(active_extensions) X(tail) X(end) X(head) X(data) X(truesize) \
	X(users) X(extensions)
READER(sk_buff, FIELDS_sk_buff, sk_buff)

#define FIELDS_net_device(X) \
	X(__cacheline_group_begin__net_device_read_tx) X(netdev_ops) X(header_ops) X(_tx) \
	X(gso_partial_features) X(real_num_tx_queues) X(gso_max_size) X(gso_ipv4_max_size) \
	X(gso_max_segs) X(num_tc) X(mtu) X(needed_headroom) X(tc_to_txq) X(xps_maps) \
	X(nf_hooks_egress) X(tcx_egress) X(__cacheline_group_end__net_device_read_tx) \
	X(__cacheline_group_begin__net_device_read_txrx) X(state) X(flags) X(hard_header_len) \
	X(features) X(ip6_ptr) X(__cacheline_group_end__net_device_read_txrx) \
	X(__cacheline_group_begin__net_device_read_rx)
READER(net_device, FIELDS_net_device, net_device)

#define FIELDS_net_device_2(X) \
	X(xdp_prog) X(ptype_specific) X(ifindex) X(real_num_rx_queues) X(_rx) X(gro_max_size) \
	X(gro_ipv4_max_size) X(rx_handler) X(rx_handler_data) X(nd_net) X(tcx_ingress) \
	X(__cacheline_group_end__net_device_read_rx) X(name) X(name_node) X(ifalias) X(mem_end) \
	X(mem_start) X(base_addr) X(dev_list) X(napi_list) X(unreg_list) X(close_list) \
	X(ptype_all) X(xdp_features) X(xdp_metadata_ops)
READER(net_device_2, FIELDS_net_device_2, net_device)

#define FIELDS_net_device_3(X) \
	X(xsk_tx_metadata_ops) X(gflags) X(needed_tailroom) X(hw_features) X(wanted_features) \
	X(vlan_features) X(hw_enc_features) X(mpls_features) X(mangleid_features) X(min_mtu) \
	X(max_mtu) X(type) X(min_header_len) X(name_assign_type) X(group) X(stats) X(core_stats) \
	X(carrier_up_count) X(carrier_down_count) X(ethtool_ops)
READER(net_device_3, FIELDS_net_device_3, net_device)

#define FIELDS_inode(X) \
	X(i_mode) X(i_opflags) X(i_uid) X(i_gid) X(i_flags) X(i_acl) X(i_default_acl) X(i_op) \
	X(i_sb) X(i_mapping) X(i_security) X(i_ino) X(i_rdev) X(i_size) X(i_atime_sec) \
	X(i_mtime_sec) X(i_ctime_sec) X(i_atime_nsec) X(i_mtime_nsec) X(i_ctime_nsec) \
	X(i_generation) X(i_lock) X(i_bytes) X(i_blkbits) X(i_write_hint)
READER(inode, FIELDS_inode, inode)

#define FIELDS_inode_2(X) \
	X(i_blocks) X(i_state) X(i_rwsem) X(dirtied_when) X(dirtied_time_when) X(i_hash) \
	X(i_io_list) X(i_wb) X(i_wb_frn_winner) X(i_wb_frn_avg_time) X(i_wb_frn_history) X(i_lru) \
	X(i_kept) X(i_sb_list) X(i_wb_list)
READER(inode_2, FIELDS_inode_2, inode)

#define FIELDS_super_block(X) \
	X(s_list) X(s_dev) X(s_blocksize_bits) X(s_blocksize) X(s_maxbytes) X(s_type) X(s_op) \
	X(dq_op) X(s_qcop) X(s_export_op) X(s_flags) X(s_iflags) X(s_magic) X(s_root) X(s_umount) \
	X(s_count) X(s_active) X(s_security) X(s_xattr) X(s_cop) X(s_master_keys) X(s_roots) \
	X(s_mounts) X(s_bdev) X(s_bdev_file)
READER(super_block, FIELDS_super_block, super_block)

#define FIELDS_super_block_2(X) \
	X(s_bdi) X(s_mtd) X(s_instances) X(s_quota_types) X(s_dquot) X(s_writers) X(s_fs_info) \
	X(s_time_gran) X(s_time_min) X(s_time_max) X(s_fsnotify_mask) X(s_fsnotify_info) X(s_id) \
	X(s_uuid) X(s_uuid_len)
READER(super_block_2, FIELDS_super_block_2, super_block)

#define FIELDS_file(X) \
	X(f_lock) X(f_mode) X(f_op) X(f_mapping) X(private_data) X(f_inode) X(f_flags) \
	X(f_iocb_flags) X(f_cred) X(f_owner) X(f_pos) X(f_security) X(f_wb_err) X(f_sb_err)
READER(file, FIELDS_file, file)

#define FIELDS_request(X) \
	X(q) X(mq_ctx) X(mq_hctx) X(cmd_flags) X(rq_flags) X(tag) X(internal_tag) X(timeout) \
	X(__data_len) X(__sector) X(bio) X(biotail) X(part) X(alloc_time_ns) X(start_time_ns) \
	X(io_start_time_ns) X(wbt_flags) X(stats_sectors) X(nr_phys_segments) \
	X(nr_integrity_segments) X(state) X(ref) X(deadline) X(fifo_time) X(end_io)
READER(request, FIELDS_request, request)

#define FIELDS_request_2(X) \
	X(end_io_data)
READER(request_2, FIELDS_request_2, request)

#define FIELDS_bio(X) \
	X(bi_next) X(bi_bdev) X(bi_opf) X(bi_flags) X(bi_ioprio) X(bi_write_hint) \
	X(bi_write_stream) X(bi_status) X(__bi_remaining) X(bi_iter) X(bi_end_io) X(bi_private) \
	X(bi_blkg) X(issue_time_ns) X(bi_iocost_cost) X(bi_vcnt) X(bi_max_vecs) X(__bi_cnt)
READER(bio, FIELDS_bio, bio)

#define FIELDS_cgroup(X) \
	X(self) X(flags) X(level) X(max_depth) X(nr_descendants) X(nr_dying_descendants) \
	X(max_descendants) X(nr_populated_csets) X(nr_populated_domain_children) \
	X(nr_populated_threaded_children) X(nr_threaded_children) X(kill_seq) X(kn) X(procs_file) \
	X(events_file) X(psi_files) X(subtree_control) X(subtree_ss_mask) X(old_subtree_control) \
	X(old_subtree_ss_mask) X(subsys) X(nr_dying_subsys) X(root) X(cset_links) X(e_csets)
READER(cgroup, FIELDS_cgroup, cgroup)

#define FIELDS_vm_area_struct(X) \
	X(vm_mm) X(vm_page_prot) X(vm_lock_seq) X(anon_vma_chain) X(anon_vma) X(vm_ops) \
	X(vm_pgoff) X(vm_file) X(vm_private_data) X(swap_readahead_info) X(vm_policy) \
	X(numab_state)
READER(vm_area_struct, FIELDS_vm_area_struct, vm_area_struct)

#define FIELDS_signal_struct(X) \
	X(sigcnt) X(live) X(nr_threads) X(quick_threads) X(thread_head) X(wait_chldexit) \
	X(curr_target) X(shared_pending) X(multiprocess) X(group_exit_code) X(notify_count) \
	X(group_exec_task) X(group_stop_count) X(flags) X(core_state) X(next_posix_timer_id) \
	X(posix_timers) X(ignored_posix_timers) X(real_timer) X(it_real_incr) X(it) X(cputimer) \
	X(posix_cputimers) X(pids) X(tty_old_pgrp)
READER(signal_struct, FIELDS_signal_struct, signal_struct)

#define FIELDS_signal_struct_2(X) \
	X(leader) X(tty) X(autogroup) X(stats_lock) X(utime) X(stime) X(cutime) X(cstime) \
	X(gtime) X(cgtime) X(prev_cputime) X(nvcsw) X(nivcsw) X(cnvcsw) X(cnivcsw)
READER(signal_struct_2, FIELDS_signal_struct_2, signal_struct)

#define FIELDS_cred(X) \
	X(usage) X(uid) X(gid) X(suid) X(sgid) X(euid) X(egid) X(fsuid) X(fsgid) X(securebits) \
	X(cap_inheritable) X(cap_permitted) X(cap_effective) X(cap_bset) X(cap_ambient) \
	X(jit_keyring) X(session_keyring) X(process_keyring)
READER(cred, FIELDS_cred, cred)

#define FIELDS_dentry(X) \
	X(d_flags) X(d_seq) X(d_hash) X(d_parent) X(d_inode) X(d_shortname) X(d_op) X(d_sb) \
	X(d_time) X(d_fsdata)
READER(dentry, FIELDS_dentry, dentry)

#define FIELDS_sock(X) \
	X(__sk_common) X(__cacheline_group_begin__sock_write_rx) X(sk_drops) X(sk_peek_off) \
	X(sk_error_queue) X(sk_receive_queue) X(__cacheline_group_end__sock_write_rx) \
	X(__cacheline_group_begin__sock_read_rx) X(sk_rx_dst) X(sk_rx_dst_ifindex) \
	X(sk_rx_dst_cookie) X(sk_ll_usec) X(sk_napi_id) X(sk_busy_poll_budget) \
	X(sk_prefer_busy_poll) X(sk_userlocks) X(sk_rcvbuf) X(sk_filter) X(sk_rcvtimeo) \
	X(sk_rcvlowat) X(__cacheline_group_end__sock_read_rx) \
	X(__cacheline_group_begin__sock_read_rxtx) X(sk_err) X(sk_socket) X(sk_memcg)
READER(sock, FIELDS_sock, sock)

#define FIELDS_sock_2(X) \
	X(sk_policy) X(__cacheline_group_end__sock_read_rxtx) \
	X(__cacheline_group_begin__sock_write_rxtx) X(sk_lock) X(sk_reserved_mem) \
	X(sk_forward_alloc) X(sk_tsflags) X(__cacheline_group_end__sock_write_rxtx) \
	X(__cacheline_group_begin__sock_write_tx) X(sk_write_pending) X(sk_omem_alloc) \
	X(sk_err_soft) X(sk_wmem_queued) X(sk_wmem_alloc) X(sk_tsq_flags) X(sk_write_queue) \
	X(sk_dst_pending_confirm) X(sk_pacing_status) X(sk_frag) X(sk_timer) X(sk_pacing_rate) \
	X(sk_zckey) X(sk_tskey) X(__cacheline_group_end__sock_write_tx) \
	X(__cacheline_group_begin__sock_read_tx)
READER(sock_2, FIELDS_sock_2, sock)

#define FIELDS_mnt_namespace(X) \
	X(ns) X(root) X(user_ns) X(ucounts) X(poll) X(seq_origin)
READER(mnt_namespace, FIELDS_mnt_namespace, mnt_namespace)

#define FIELDS_cfs_rq(X) \
	X(load) X(nr_queued) X(h_nr_queued) X(h_nr_runnable) X(h_nr_idle) X(sum_w_vruntime) \
	X(sum_weight) X(zero_vruntime) X(tasks_timeline) X(curr) X(next) X(avg) \
	X(last_update_tg_load_avg) X(tg_load_avg_contrib) X(propagate)
READER(cfs_rq, FIELDS_cfs_rq, cfs_rq)

#define FIELDS_rq(X) \
	X(__lock) X(nr_running) X(nr_numa_running) X(nr_preferred_running) X(numa_migrate_on) \
	X(last_blocked_load_update_tick) X(has_blocked_load) X(nohz_csd) X(nohz_tick_stopped) \
	X(nohz_flags) X(ttwu_pending) X(nr_switches) X(cfs) X(rt) X(dl) X(fair_server) \
	X(leaf_cfs_rq_list) X(tmp_alone_branch) X(nr_uninterruptible) X(dl_server) X(idle) \
	X(stop) X(next_balance) X(prev_mm) X(clock_update_flags)
READER(rq, FIELDS_rq, rq)

#define FIELDS_rq_2(X) \
	X(clock) X(clock_task) X(clock_pelt) X(lost_idle_time) X(clock_pelt_idle) X(clock_idle) \
	X(nr_iowait) X(last_seen_need_resched_ns) X(ticks_without_resched) X(membarrier_state) \
	X(rd) X(sd) X(cpu_capacity) X(balance_callback) X(nohz_idle_balance)
READER(rq_2, FIELDS_rq_2, rq)

// Each program asks for some of the structures, through a pointer that its context holds.
#define WITH(type) sum += read_##type((void *)ctx[0]);

#define PROGRAM(name, STRUCTURES) \
	SEC("raw_tp/" #name) int name(__u64 *ctx) \
	{ \
		__u32 key = 0; \
		__u64 sum = 0, *slot = bpf_map_lookup_elem(&scratch, &key); \
		STRUCTURES \
		if (slot) \
			*slot = sum; \
		return 0; \
	}

PROGRAM(sched_switch, WITH(task_struct) WITH(task_struct_2) WITH(task_struct_3) WITH(task_struct_4) WITH(signal_struct) WITH(signal_struct_2) WITH(cred) WITH(rq) WITH(rq_2) WITH(cfs_rq))
PROGRAM(net_dev_queue, WITH(sk_buff) WITH(net_device) WITH(net_device_2) WITH(net_device_3) WITH(sock) WITH(sock_2) WITH(tcp_sock) WITH(tcp_sock_2) WITH(tcp_sock_3))
PROGRAM(block_rq_issue, WITH(request) WITH(request_2) WITH(bio))
PROGRAM(ext4_da_write_begin, WITH(inode) WITH(inode_2) WITH(super_block) WITH(super_block_2) WITH(file) WITH(dentry) WITH(mnt_namespace))
PROGRAM(cgroup_mkdir, WITH(cgroup) WITH(vm_area_struct) WITH(task_struct) WITH(task_struct_2) WITH(task_struct_3) WITH(task_struct_4))
