//! A hook of an application in the verifier's words.

use skep_verifier::host::{Host, HostArg, HostEntry, HostField, HostFieldKind, HostHelper};

use super::{Arg, FIRST_HELPER_ID, Field, FieldKind, Hook};

impl Hook {
    /// What the verifier has to know of a hook of an application. Meaningless for Linux's, which it knows by their program type.
    pub fn host(&self) -> Host {
        let entry = match self.context() {
            "" => HostEntry::Memory,
            _ => HostEntry::Context(self.fields().iter().map(field).collect()),
        };
        let helpers = self.helpers().iter().zip(FIRST_HELPER_ID..).map(|(helper, id)| HostHelper {
            name: helper.name().to_owned(),
            id,
            args: helper.args().iter().map(argument).collect(),
        });
        Host {
            name: self.name().to_owned(),
            entry,
            helpers: helpers.collect(),
            returns: self.return_range().map(|range| (*range.start(), *range.end())),
        }
    }
}

fn field(field: &Field) -> HostField {
    let kind = match field.kind {
        FieldKind::Number => HostFieldKind::Number { writable: field.writable },
        FieldKind::Bytes => HostFieldKind::Lent { writable: false },
        FieldKind::BytesMut => HostFieldKind::Lent { writable: true },
    };
    HostField { name: field.name.to_owned(), offset: field.offset as u32, size: field.size as u32, kind }
}

fn argument(arg: &Arg) -> HostArg {
    match *arg {
        Arg::Number => HostArg::Number,
        Arg::Context => HostArg::Context,
        Arg::Bytes => HostArg::Bytes { write: false },
        Arg::BytesMut => HostArg::Bytes { write: true },
        Arg::Struct(size) => HostArg::Struct { size, write: false },
        Arg::StructMut(size) => HostArg::Struct { size, write: true },
    }
}
