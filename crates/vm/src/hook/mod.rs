//! What a program may attach to.
//!
//! A hook says what the program finds in `r1`, which helpers it may call beyond the common ones, and which values it may
//! return. Linux's program types are hooks ([`Hook::linux`]); an application defines its own the same way:
//!
//! ```
//! use skep_vm::hook::{Arg, Bytes, Hook};
//!
//! skep_vm::hook_context! {
//!     /// One request, as the program sees it: `struct request { __u32 method, verdict; const char *path; __u64 len; }`
//!     pub struct Request<'a> {
//!         read method: u32,
//!         write verdict: u32,
//!         read path: Bytes<'a>,
//!     }
//! }
//!
//! let hook = Hook::new::<Request>("http_request")
//!     .helper("count_dots", [Arg::Bytes], |call| call.bytes(0).iter().filter(|&&b| b == b'.').count() as u64)
//!     .returns(0..=1);
//! assert_eq!(hook.fields().len(), 3);
//! ```
//!
//! A helper of the application is called from C as `extern __u64 count_dots(const char *p, __u64 n) __ksym;`, by name, or by the
//! number [`Hook::helper_id`] gives.

mod bytes;
mod call;
mod host;
mod macros;

use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;

use skep_platform::ProgramType;

use crate::context::Context;
pub use bytes::{Bytes, BytesMut};
pub(crate) use call::Value;
pub use call::{Arg, HookCall};
pub use macros::{Field, FieldKind, FieldType, load_field, store_field};

/// The first number of an application's own helpers; Linux's are far below.
pub const FIRST_HELPER_ID: u32 = 0x1_0000;

/// A context type that [`hook_context!`](crate::hook_context) has declared.
pub trait HookContext: Context {
    /// Name of the structure.
    const NAME: &'static str;
    /// Its fields in order of offset.
    const FIELDS: &'static [Field];
}

/// The closure behind a helper of the application.
pub(crate) type HookFn = Arc<dyn Fn(&mut HookCall<'_>) -> u64 + Send + Sync>;

/// One helper of the application.
#[derive(Clone)]
pub struct HookHelper {
    pub(crate) name: String,
    pub(crate) args: Vec<Arg>,
    pub(crate) run: HookFn,
}

impl HookHelper {
    /// The name that programs declare.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it takes, in order.
    pub fn args(&self) -> &[Arg] {
        &self.args
    }
}

/// A kind of place that programs attach to. Cheap to clone; shared by all programs loaded for it.
#[derive(Clone)]
pub struct Hook(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    name: String,
    program_type: Option<ProgramType>,
    context: &'static str,
    fields: &'static [Field],
    helpers: Vec<HookHelper>,
    returns: Option<RangeInclusive<i64>>,
}

impl Hook {
    /// A hook of the application, whose programs get a `C`.
    pub fn new<C: HookContext>(name: &str) -> Self {
        Self(Arc::new(Inner {
            name: name.to_owned(),
            program_type: None,
            context: C::NAME,
            fields: C::FIELDS,
            helpers: Vec::new(),
            returns: None,
        }))
    }

    /// A program type of Linux.
    pub fn linux(program_type: ProgramType) -> Self {
        Self(Arc::new(Inner {
            name: program_type.name().to_owned(),
            program_type: Some(program_type),
            context: "",
            fields: &[],
            helpers: Vec::new(),
            returns: returns(program_type),
        }))
    }

    /// A hook without helpers of its own or a return range: programs get memory in `r1` and its length in `r2`.
    pub fn memory() -> Self {
        Self(Arc::new(Inner {
            name: "memory".to_owned(),
            program_type: None,
            context: "",
            fields: &[],
            helpers: Vec::new(),
            returns: None,
        }))
    }

    /// Adds a helper that programs of this hook may call by `name`. Its arguments are checked before `run` sees them;
    /// [`Arg::Bytes`] and [`Arg::BytesMut`] take two of the five registers: pointer and length.
    ///
    /// # Panics
    /// If the arguments need more than five registers.
    #[must_use]
    pub fn helper(
        mut self,
        name: &str,
        args: impl Into<Vec<Arg>>,
        run: impl Fn(&mut HookCall<'_>) -> u64 + Send + Sync + 'static,
    ) -> Self {
        let args = args.into();
        let registers: usize = args.iter().map(Arg::registers).sum();
        assert!(registers <= 5, "helper {name} takes {registers} registers, a call has 5");
        let inner = Arc::make_mut(&mut self.0);
        inner.helpers.push(HookHelper { name: name.to_owned(), args, run: Arc::new(run) });
        self
    }

    /// Programs must return a value in this range; any other is a [fault](crate::FaultKind::ReturnValue).
    #[must_use]
    pub fn returns(mut self, range: RangeInclusive<i64>) -> Self {
        Arc::make_mut(&mut self.0).returns = Some(range);
        self
    }

    /// The hook's name.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Linux's program type, where it is one.
    pub fn program_type(&self) -> Option<ProgramType> {
        self.0.program_type
    }

    /// Name of the application's context structure, empty where there is none.
    pub fn context(&self) -> &'static str {
        self.0.context
    }

    /// Fields of the application's context.
    pub fn fields(&self) -> &'static [Field] {
        self.0.fields
    }

    /// The application's helpers.
    pub fn helpers(&self) -> &[HookHelper] {
        &self.0.helpers
    }

    /// The number by which `name` can be called.
    pub fn helper_id(&self, name: &str) -> Option<u32> {
        let index = self.0.helpers.iter().position(|h| h.name == name)?;
        Some(FIRST_HELPER_ID + index as u32)
    }

    /// What programs may return, where it is limited.
    pub fn return_range(&self) -> Option<&RangeInclusive<i64>> {
        self.0.returns.as_ref()
    }
}

/// What programs of a type of Linux may return, where Linux limits it for all attach types alike.
fn returns(program_type: ProgramType) -> Option<RangeInclusive<i64>> {
    match program_type {
        // Not of cgroup_skb: what it may return depends on the direction, which the hook does not know.
        ProgramType::SkLookup | ProgramType::CgroupDevice | ProgramType::CgroupSysctl => Some(0..=1),
        _ => None,
    }
}

impl fmt::Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Hook").field(&self.0.name).finish()
    }
}
