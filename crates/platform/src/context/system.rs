//! Contexts of programs that watch or rule the system: sysctl, devices, perf events, netfilter.

use super::Layout;
use super::field::{By, Field, FieldKind::*, Sizes::*};

pub(super) static SYSCTL: Layout = Layout {
    name: "bpf_sysctl",
    size: 8,
    fields: &[
        Field::new("write", 0, 4).read(Narrow),
        Field::new("file_pos", 4, 4).read(Narrow).write(Full, By::All),
    ],
};

pub(super) static CGROUP_DEV_CTX: Layout = Layout {
    name: "bpf_cgroup_dev_ctx",
    size: 12,
    fields: &[
        Field::new("access_type", 0, 4).read(Narrow),
        Field::new("major", 4, 4),
        Field::new("minor", 8, 4),
    ],
};

/// The registers as x86-64 has them.
pub(super) static PERF_EVENT_DATA: Layout = Layout {
    name: "bpf_perf_event_data",
    size: 184,
    fields: &[
        Field::new("regs", 0, 8).array(21),
        Field::new("sample_period", 168, 8).read(Narrow),
        Field::new("addr", 176, 8).read(Narrow),
    ],
};

pub(super) static NF_CTX: Layout = Layout {
    name: "bpf_nf_ctx",
    size: 16,
    fields: &[
        Field::new("state", 0, 8).kind(Kernel("nf_hook_state")).since(6, 4),
        Field::new("skb", 8, 8).kind(Kernel("sk_buff")).since(6, 4),
    ],
};
