//! The handle of a map, and how one is created.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering};

use skep_platform::errno::{EBUSY, EINVAL, EOPNOTSUPP};
use skep_platform::{Errno, MapFlags};

use crate::array::{Array, ArrayView};
use crate::create;
use crate::pin;
use crate::spec::{CreateError, MapSpec};
use crate::table::Table;
use crate::value::{FieldHooks, Layout};

/// Ids as Linux gives them: from 1, never reused in a process.
static NEXT_ID: AtomicU32 = AtomicU32::new(1);

/// A map. Clones are handles of the same map, which lives as long as its last handle.
///
/// The application's methods have the meaning, the errno values and the permissions of `bpf(2)`; those whose name ends in
/// `_in` or `_ptr` are the program's side and need a [`crate::Guard`]. All of them may run at the same time on any thread.
#[derive(Clone)]
pub struct Map(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) id: u32,
    pub(crate) spec: MapSpec,
    pub(crate) layout: Arc<Layout>,
    pub(crate) frozen: AtomicBool,
    /// Where the values are, for arrays: saves them the call through `table`.
    pub(crate) view: Option<ArrayView>,
    pub(crate) table: Box<dyn Table>,
}

impl Map {
    /// Creates a map, checking the description as `BPF_MAP_CREATE` does.
    ///
    /// # Errors
    /// The kernel's errno, with what was expected and what was found.
    pub fn create(spec: MapSpec) -> Result<Map, CreateError> {
        create::check(&spec)?;
        let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
        let layout = Arc::new(Layout::new(&spec, id));
        let table = create::table(&spec, &layout)?;
        let view = table.as_array();
        Ok(Map(Arc::new(Inner { id, spec, layout, frozen: AtomicBool::new(false), view, table })))
    }

    /// The map's number: unique in this process, ascending in the order of creation.
    pub fn id(&self) -> u32 {
        self.0.id
    }

    /// What it was created from.
    pub fn spec(&self) -> &MapSpec {
        &self.0.spec
    }

    /// The name it was given.
    pub fn name(&self) -> &str {
        &self.0.spec.name
    }

    /// Sets who releases the special fields of values that leave the map. The first call counts; returns whether it was it.
    pub fn set_field_hooks(&self, hooks: Arc<dyn FieldHooks>) -> bool {
        self.0.layout.set_hooks(hooks)
    }

    /// Bytes of a value as the application's calls exchange it: one value of 8-byte multiples per slot for per-CPU maps.
    pub fn value_len(&self) -> usize {
        if self.0.spec.map_type.is_per_cpu() {
            self.0.layout.stride * pin::slots() as usize
        } else {
            self.0.layout.size
        }
    }

    /// Ends all writing by the application, for ever. Programs go on writing.
    ///
    /// # Errors
    /// `EPERM` if the application may not write (any more), `ENOTSUPP` where values have special fields.
    pub fn freeze(&self) -> Result<(), Errno> {
        create::can_freeze(&self.0.spec)?;
        self.may_write()?;
        if self.0.frozen.swap(true, Ordering::AcqRel) { Err(EBUSY) } else { Ok(()) }
    }

    /// Whether [`Map::freeze`] was called.
    pub fn is_frozen(&self) -> bool {
        self.0.frozen.load(Ordering::Acquire)
    }

    /// Whether programs may read values (no `RDONLY_PROG` counterpart forbids it).
    pub fn programs_read(&self) -> bool {
        !self.0.spec.flags.contains(MapFlags::WRONLY_PROG)
    }

    /// Whether programs may write values.
    pub fn programs_write(&self) -> bool {
        !self.0.spec.flags.contains(MapFlags::RDONLY_PROG)
    }

    /// Whether the values are constants to the verifier: read-only to programs and frozen to the application.
    pub fn is_constant(&self) -> bool {
        !self.programs_write() && self.is_frozen()
    }

    /// Bytes of memory the map takes.
    pub fn memory_usage(&self) -> usize {
        size_of::<Inner>() + self.0.table.memory_usage()
    }

    /// Where the values lie, if the map is an array or a per-CPU array.
    pub fn array_view(&self) -> Option<ArrayView> {
        self.0.view
    }

    /// The values of an array created with `MMAPABLE`, shared with the programs: what `mmap` gives in Linux.
    ///
    /// # Errors
    /// `EINVAL` without the flag; `EPERM` if the map is frozen or its flags keep the application from writing.
    pub fn as_memory(&self) -> Result<&[AtomicU8], Errno> {
        let flags = self.0.spec.flags;
        if !flags.contains(MapFlags::MMAPABLE) {
            return Err(EINVAL);
        }
        self.may_write()?;
        self.may_read()?;
        self.part::<Array>().map(Array::as_memory).ok_or(EOPNOTSUPP)
    }

    /// The table behind this map, if it is a `T`.
    pub(crate) fn part<T: Any>(&self) -> Option<&T> {
        let table: &dyn Any = &*self.0.table;
        table.downcast_ref()
    }
}

impl fmt::Debug for Map {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Map({} {:?} {})", self.0.id, self.0.spec.name, self.0.spec.map_type.name())
    }
}

impl PartialEq for Map {
    fn eq(&self, other: &Map) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Map {}
