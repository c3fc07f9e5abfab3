//! What an extension (`freplace`) stands in for: a function of a program that is loaded already.
//!
//! An extension has no rules of its own. It runs where the function ran, with the arguments that the function's callers bring, so everything that
//! decides about it comes from the other program. This is that much of the other program; the rules are in `check::extension`. That the
//! other program is safe itself is taken for granted, as it is in Linux, where only what is loaded can be extended.

use std::sync::Arc;

use skep_btf::{Btf, TypeId};
use skep_platform::{AttachType, ProgramType};

use crate::program::{Input, flags};
use crate::shape::Shape;
use crate::verdict::Stop;

/// The function that an extension replaces, and the program it is in.
#[derive(Clone, Debug)]
pub struct Extended {
    /// The types of the program.
    pub btf: Arc<Btf>,
    /// The function: a FUNC in `btf`.
    pub function: TypeId,
    /// Whether the function is the program's entry rather than one that it calls.
    pub is_entry: bool,
    /// The program's type.
    pub program_type: ProgramType,
    /// The program's attach type.
    pub attach_type: Option<AttachType>,
    /// Whether the program was loaded as one that may sleep.
    pub sleepable: bool,
    /// Whether the function changes packets: its callers have let go of pointers into them only if it does.
    pub changes_packet: bool,
    /// Whether the function catches the exceptions of its program.
    pub catches: bool,
}

impl Extended {
    /// The function of `target` that begins at the slot `start`.
    ///
    /// # Errors
    /// In a sentence: when no function with a type begins there, or the program cannot be read.
    pub fn of(target: &Input, start: usize) -> Result<Self, String> {
        let shape = Shape::of(target).map_err(|stop| match stop {
            Stop::Reject(rejection) => rejection.to_string(),
            Stop::Unsupported(what) => what.to_string(),
        })?;
        let index = shape.function_from(start);
        let info = target.functions.iter().find(|info| info.start == start);
        let (Some(index), Some(info), Some(btf)) = (index, info, &target.btf) else {
            return Err(format!("no function with a type begins at instruction {start}; compile with -g"));
        };
        Ok(Self {
            btf: Arc::clone(btf),
            function: info.type_id,
            is_entry: start == 0,
            program_type: target.program_type,
            attach_type: target.attach_type,
            sleepable: target.has(flags::SLEEPABLE),
            changes_packet: shape.summaries[index].changes_packet,
            catches: shape.catcher == Some(start),
        })
    }
}
