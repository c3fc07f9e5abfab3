//! Kernel structs of functions that programs may implement, beyond what BTF says of them.
//!
//! Which members take a program, which programs may sleep, and which fields of the kernel's objects they may write: each was asked
//! of a Linux 6.18 by loading programs for every member and every offset.

/// A field that the programs of some struct may write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WritableField {
    /// The object's type.
    pub object: &'static str,
    /// The member, through nested structs.
    pub path: &'static [&'static str],
    /// Bytes at the start of it that are not for writing.
    pub skip: u32,
    /// Bytes behind those that are, where it is not the whole rest.
    pub reach: Option<u32>,
    /// Whether a write may begin at every byte of it, as it may in what is longer than a number.
    pub anywhere: bool,
}

/// What is particular about a struct.
#[derive(Debug, Clone, Copy)]
pub struct StructOpsRules {
    /// Its name.
    pub name: &'static str,
    /// Members that take no program.
    pub closed: &'static [&'static str],
    /// Members whose programs may sleep; `None`: all.
    pub sleepable: Option<&'static [&'static str]>,
    /// Arguments of the first type are seen as the second, which begins with it.
    pub seen_as: Option<(&'static str, &'static str)>,
    /// Arguments (member, number) that may be NULL although the kernel's own prototype has no word for it.
    pub nullable: &'static [(&'static str, usize)],
    /// What programs may write.
    pub writable: &'static [WritableField],
}

const fn field(object: &'static str, path: &'static [&'static str]) -> WritableField {
    WritableField { object, path, skip: 0, reach: None, anywhere: false }
}

static RULES: &[StructOpsRules] = &[
    StructOpsRules {
        name: "tcp_congestion_ops",
        closed: &["get_info"],
        sleepable: None,
        seen_as: Some(("sock", "tcp_sock")),
        nullable: &[],
        writable: &[
            field("tcp_sock", &["inet_conn", "icsk_inet", "sk", "sk_pacing_status"]),
            field("tcp_sock", &["inet_conn", "icsk_inet", "sk", "sk_pacing_rate"]),
            field("tcp_sock", &["inet_conn", "icsk_ack", "pending"]),
            field("tcp_sock", &["inet_conn", "icsk_ca_priv"]),
            field("tcp_sock", &["snd_cwnd"]),
            field("tcp_sock", &["snd_cwnd_cnt"]),
            field("tcp_sock", &["snd_cwnd_stamp"]),
            field("tcp_sock", &["snd_ssthresh"]),
            field("tcp_sock", &["ecn_flags"]),
            field("tcp_sock", &["app_limited"]),
        ],
    },
    StructOpsRules {
        name: "bpf_dummy_ops",
        closed: &[],
        sleepable: Some(&["test_sleepable"]),
        seen_as: None,
        nullable: &[],
        writable: &[WritableField { anywhere: true, ..field("bpf_dummy_ops_state", &["val"]) }],
    },
    StructOpsRules {
        name: "Qdisc_ops",
        closed: &[
            "peek",
            "change",
            "attach",
            "change_tx_queue_len",
            "change_real_num_tx",
            "dump",
            "dump_stats",
            "ingress_block_set",
            "egress_block_set",
            "ingress_block_get",
            "egress_block_get",
        ],
        sleepable: None,
        seen_as: None,
        nullable: &[],
        writable: &[
            field("sk_buff", &["tstamp"]),
            // The first 8 bytes of the control block are the queueing layer's own, the next 20 the discipline's.
            WritableField { object: "sk_buff", path: &["cb"], skip: 8, reach: Some(20), anywhere: true },
            field("Qdisc", &["limit"]),
            field("Qdisc", &["q", "qlen"]),
            field("Qdisc", &["qstats"]),
        ],
    },
    StructOpsRules {
        name: "sched_ext_ops",
        closed: &[],
        sleepable: Some(&[
            "init_task",
            "cgroup_init",
            "cgroup_exit",
            "cgroup_prep_move",
            "cpu_online",
            "cpu_offline",
            "init",
            "exit",
        ]),
        seen_as: None,
        nullable: &[("dispatch", 1), ("yield", 1)],
        writable: &[
            WritableField { anywhere: true, ..field("task_struct", &["scx", "slice"]) },
            WritableField { anywhere: true, ..field("task_struct", &["scx", "dsq_vtime"]) },
            field("task_struct", &["scx", "disallow"]),
        ],
    },
];

/// The rules of the struct of this name; `None` if nothing is known of it.
pub fn struct_ops_rules(name: &str) -> Option<&'static StructOpsRules> {
    RULES.iter().find(|rules| rules.name == name)
}
