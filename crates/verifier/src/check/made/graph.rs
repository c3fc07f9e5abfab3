//! Lists and trees of objects.
//!
//! The head or root lies in a map's value or an object, the lock beside it must be held. Putting an object in takes its ownership;
//! taking one out gives it. Looking at one gives a pointer that does not own, and is void once the lock is given back or
//! something was taken out.

use skep_isa::Reg as Number;

use super::super::kfunc::Call;
use super::non_owning;
use crate::Code;
use crate::explore::Walk;
use crate::record::{Field, FieldKind, Target};
use crate::state::{Flags, FrameKind, Reg, RegKind};
use crate::verdict::Checked;

/// What a function does to its list or tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    /// An object goes in.
    Put,
    /// One comes out.
    Take,
    /// One is looked at.
    Look,
}

/// The functions, and what they do.
static FUNCTIONS: &[(&str, Act)] = &[
    ("bpf_list_push_front_impl", Act::Put),
    ("bpf_list_push_back_impl", Act::Put),
    ("bpf_list_pop_front", Act::Take),
    ("bpf_list_pop_back", Act::Take),
    ("bpf_list_front", Act::Look),
    ("bpf_list_back", Act::Look),
    ("bpf_rbtree_add_impl", Act::Put),
    ("bpf_rbtree_remove", Act::Take),
    ("bpf_rbtree_first", Act::Look),
    ("bpf_rbtree_root", Act::Look),
    ("bpf_rbtree_left", Act::Look),
    ("bpf_rbtree_right", Act::Look),
];

fn act(name: &str) -> Option<Act> {
    FUNCTIONS.iter().find(|row| row.0 == name).map(|row| row.1)
}

impl Walk<'_> {
    /// The head of a list or the root of a tree.
    pub(crate) fn graph_root(&self, call: &mut Call, number: Number, reg: &Reg, kind: FieldKind) -> Checked {
        self.is_container(number, reg)?;
        if let RegKind::MapValue(map) = reg.kind
            && !self.map(map).shares_types
        {
            return self.unsupported("types of a map that are not the program's");
        }
        let field = self.field_at(number, reg, &[kind])?;
        self.lock_beside(number, reg)?;
        call.root = Some(field);
        Ok(())
    }

    /// The node by which an object is linked.
    pub(crate) fn graph_node(&self, call: &mut Call, number: Number, reg: &Reg, kind: FieldKind) -> Checked {
        let puts = act(&call.proto.name) == Some(Act::Put);
        let owning = reg.flags == Flags::OWNED && reg.reference != 0;
        let (fits, wanted) = if puts {
            (owning, "an object that the program owns")
        } else {
            let looks_on = reg.flags.has(Flags::NON_OWNING) && !reg.is_nullable();
            (looks_on || owning, "an object in the tree")
        };
        if !matches!(reg.kind, RegKind::Allocated(_)) || !fits {
            return self.kfunc_misfit(call, number, reg, wanted);
        }
        if !puts && self.in_comparison() {
            let message = format!("{} is not for the function that compares", call.proto.name);
            return self.fail_at(Code::BadKfunc, number, message);
        }
        let node = self.field_at(number, reg, &[kind])?;
        let Some(Field { target: Target::Graph { element, node: offset }, .. }) = call.root else {
            return self.unsupported("a node without its list or tree");
        };
        if reg.kind != RegKind::Allocated(element) {
            return self.fail_at(Code::BadArgument, number, "the list or tree holds objects of another type");
        }
        if node.offset != offset {
            let message =
                format!("the list or tree links objects by the node at {offset}, not at {}", node.offset);
            return self.fail_at(Code::BadArgument, number, message);
        }
        Ok(())
    }

    /// What a function on a list or tree does; `None` when it is none.
    pub(crate) fn graph_effects(&mut self, call: &Call) -> Checked<Option<Reg>> {
        let Some(act) = act(&call.proto.name) else { return Ok(None) };
        let Some(Field { target: Target::Graph { element, node }, .. }) = call.root else {
            return self.unsupported("a list or tree whose elements are not known");
        };
        match act {
            Act::Put => {
                if call.proto.calls_back() {
                    self.compare_later(call, element, node)?;
                }
                let reference = self.state.reg(Number::R2).reference;
                self.own_no_more(reference);
                Ok(Some(Reg::UNKNOWN))
            }
            Act::Take => {
                let reg = self.acquired(element, node, Flags::OWNED.with(Flags::NULLABLE));
                Ok(Some(reg))
            }
            Act::Look => {
                let mut reg = self.looked_at(element, node);
                reg.flags = reg.flags.with(Flags::NULLABLE);
                reg.id = self.fresh_id();
                Ok(Some(reg))
            }
        }
    }

    /// A pointer to an object in a list or tree.
    fn looked_at(&self, element: skep_btf::TypeId, node: u32) -> Reg {
        let counted = self.object_record(element).first(FieldKind::Refcount).is_some();
        let mut reg = Reg::pointer(RegKind::Allocated(element)).with(non_owning(Flags::OWNED, counted));
        reg.off = node as i32;
        reg
    }

    /// The function that says which of two objects comes first: called any number of times, under the lock.
    fn compare_later(&mut self, call: &Call, element: skep_btf::TypeId, node: u32) -> Checked {
        let Some(function) = call.function else { return self.unsupported("a tree without a comparison") };
        let value = self.looked_at(element, node);
        self.call_back(function, [Some(value), Some(value), None, None])
    }

    /// Whether this is the function that compares objects of a tree, or was called by it.
    pub(crate) fn in_comparison(&self) -> bool {
        self.state.frames.iter().any(|frame| {
            matches!(frame.kind, FrameKind::Callback { .. })
                && self
                    .shape
                    .kfuncs
                    .proto(frame.call_site)
                    .is_some_and(|proto| proto.name == "bpf_rbtree_add_impl")
        })
    }
}
