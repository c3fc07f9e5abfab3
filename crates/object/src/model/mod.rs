//! The data an object is parsed into.

mod externs;
mod map;
mod object;
mod program;

pub use externs::{Extern, ExternKind, KconfigType, StructOps, StructOpsMember};
pub use map::{FieldKind, KptrTag, MapDef, MapOrigin, Pinning, Slot, SlotValue, SpecialField, Variable};
pub use object::{Object, Source};
pub use program::{CoreRelocation, ExternUse, Line, Linkage, Program, Subprogram};
