//! Kernel functions with effects or conditions of their own.

use skep_btf::{Kind, TypeId};
use skep_isa::Reg as Number;
use skep_platform::{AttachType, ProgramType};

use super::{Call, lock};
use crate::Code;
use crate::check::Later;
use crate::explore::{Next, Walk};
use crate::program::{Input, flags};
use crate::state::{Flags, Reg, RegKind};
use crate::verdict::Checked;

/// Conditions beyond the program type: attach types, and types that share the table's set with others.
pub(super) fn narrow(input: &Input, name: &str) -> bool {
    use AttachType as A;
    match name {
        "bpf_sock_addr_set_sun_path" => {
            input.program_type == ProgramType::CgroupSockAddr
                && matches!(
                    input.attach_type,
                    Some(
                        A::CgroupUnixConnect
                            | A::CgroupUnixSendmsg
                            | A::CgroupUnixRecvmsg
                            | A::CgroupUnixGetpeername
                            | A::CgroupUnixGetsockname
                    )
                )
        }
        "bpf_xdp_metadata_rx_timestamp" | "bpf_xdp_metadata_rx_hash" | "bpf_xdp_metadata_rx_vlan_tag" => {
            input.has(flags::XDP_DEV_BOUND_ONLY)
        }
        "bpf_sock_ops_enable_tx_tstamp" => input.program_type == ProgramType::SockOps,
        "bpf_iter_css_task_new" => {
            input.program_type == ProgramType::Lsm
                || input.attach_type == Some(A::TraceIter)
                || input.has(flags::SLEEPABLE)
        }
        "bpf_sock_destroy" => input.attach_type == Some(A::TraceIter),
        "bpf_session_is_return" | "bpf_session_cookie" => {
            matches!(input.attach_type, Some(A::TraceKprobeSession | A::TraceUprobeSession))
        }
        _ => true,
    }
}

impl Walk<'_> {
    /// What a function does beyond its prototype. `Some` when that was all there is to do.
    pub(super) fn kfunc_special(&mut self, call: &mut Call, next: usize) -> Checked<Option<Next>> {
        let proto = std::rc::Rc::clone(&call.proto);
        match proto.name.as_str() {
            "bpf_rcu_read_lock" => self.rcu_lock()?,
            "bpf_rcu_read_unlock" => self.rcu_unlock()?,
            "bpf_preempt_disable" => self.state.preempt += 1,
            "bpf_preempt_enable" => self.preempt_enable()?,
            "__bpf_trap" => {
                return self.fail(
                    Code::BadKfunc,
                    "the compiler found that the program cannot come here in its right mind: is a variable not initialised?",
                );
            }
            "bpf_throw" => return self.throw().map(Some),
            "bpf_xdp_pull_data" => self.forget_packets(),
            name if lock::takes_lock(name) => {
                if let Some(before) = call.undone.take() {
                    self.lock_may_fail(*before, next)?;
                }
                return self.kfunc_done(Reg::constant(0), next);
            }
            "bpf_obj_new_impl" | "bpf_percpu_obj_new_impl" => {
                let result = self.object_new(call, proto.name == "bpf_percpu_obj_new_impl")?;
                return self.kfunc_done(result, next);
            }
            "bpf_refcount_acquire_impl" => {
                let result = self.object_shared()?;
                return self.kfunc_done(result, next);
            }
            "bpf_arena_alloc_pages" => return self.kfunc_done(Reg::pointer(RegKind::Arena), next),
            "bpf_wq_set_callback_impl" => self.work_later(call, false)?,
            name if name.starts_with("bpf_task_work_schedule_") => self.work_later(call, true)?,
            name if name.starts_with("bpf_list_") || name.starts_with("bpf_rbtree_") => {
                if let Some(result) = self.graph_effects(call)? {
                    return self.kfunc_done(result, next);
                }
            }
            "bpf_cast_to_kern_ctx" => {
                let Some(id) = self.kernel_context() else {
                    return self.fail(Code::BadKfunc, "the kernel has no struct for this program's context");
                };
                let result = Reg::pointer(RegKind::Btf(id)).with(Flags::TRUSTED);
                return self.kfunc_done(result, next);
            }
            "bpf_rdonly_cast" => {
                let result = self.read_only_cast(call)?;
                return self.kfunc_done(result, next);
            }
            "bpf_get_kmem_cache" => {
                let mut result = self.kfunc_result(call)?;
                result.flags = result.flags.with(Flags::UNTRUSTED);
                return self.kfunc_done(result, next);
            }
            "bpf_dynptr_slice" | "bpf_dynptr_slice_rdwr" => {
                let result = self.dynptr_slice(call)?;
                return self.kfunc_done(result, next);
            }
            "bpf_session_cookie" => {
                return self.kfunc_done(Reg::pointer(RegKind::Mem(8)), next);
            }
            _ => {}
        }
        Ok(None)
    }

    /// The call is over: this is its result.
    pub(crate) fn kfunc_done(&mut self, result: Reg, next: usize) -> Checked<Option<Next>> {
        self.forget_arguments();
        self.state.frame_mut().regs_mut()[0] = result;
        Ok(Some(Next::At(next)))
    }

    /// What a work queue or a task's work calls later, where it may sleep.
    fn work_later(&mut self, call: &Call, any_return: bool) -> Checked {
        let (Some(function), Some(RegKind::MapValue(map))) = (call.function, call.work.map(|work| work.kind))
        else {
            return self.unsupported("work without its map");
        };
        self.run_later(Later { function: function as usize, map, sleepable: true, any_return })
    }

    /// The kernel's own struct behind the context.
    pub(crate) fn kernel_context(&self) -> Option<TypeId> {
        use ProgramType as P;
        let name = match self.input.program_type {
            P::Xdp => "xdp_buff",
            P::SocketFilter
            | P::SchedCls
            | P::SchedAct
            | P::CgroupSkb
            | P::LwtIn
            | P::LwtOut
            | P::LwtXmit
            | P::LwtSeg6local
            | P::SkSkb => "sk_buff",
            P::FlowDissector => "bpf_flow_dissector",
            P::CgroupSock => "sock",
            P::CgroupSockAddr => "bpf_sock_addr_kern",
            P::SockOps => "bpf_sock_ops_kern",
            P::SkMsg => "sk_msg",
            P::Kprobe => "pt_regs",
            P::PerfEvent => "bpf_perf_event_data_kern",
            P::CgroupDevice => "bpf_cgroup_dev_ctx",
            P::CgroupSysctl => "bpf_sysctl_kern",
            P::CgroupSockopt => "bpf_sockopt_kern",
            P::SkReuseport => "sk_reuseport_kern",
            P::SkLookup => "bpf_sk_lookup_kern",
            P::Netfilter => "bpf_nf_ctx",
            _ => return None,
        };
        self.kernel_struct(name)
    }

    /// A number or pointer seen as a kernel object that is read with faults caught.
    fn read_only_cast(&mut self, call: &Call) -> Checked<Reg> {
        let id = call.constant.and_then(|id| u32::try_from(id).ok()).map(TypeId);
        let kind = id.and_then(|id| self.input.kernel_btf.as_deref()?.kind_of(id));
        match (id, kind) {
            (Some(id), Some(Kind::Struct | Kind::Union)) => {
                Ok(Reg::pointer(RegKind::Btf(id)).with(Flags::UNTRUSTED))
            }
            (_, Some(Kind::Void)) => {
                Ok(Reg::pointer(RegKind::Mem(0)).with(Flags::UNTRUSTED.with(Flags::RDONLY)))
            }
            _ => self.fail_at(Code::BadArgument, Number::R2, "the type must be a struct, a union or void"),
        }
    }

    /// An exception: nothing may be held, and the program ends here.
    fn throw(&mut self) -> Checked<Next> {
        self.nothing_held("an exception is thrown")?;
        if self.shape.catcher.is_none() && !self.need_not_return()? {
            self.returned(Number::R1)?;
        }
        Ok(Next::End)
    }
}
