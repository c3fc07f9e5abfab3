//! What each type is called in the C text.
//!
//! C has one name space for struct, union and enum tags and one for typedefs and enum constants; the kernel, linked from
//! thousands of files, has several types of one name in each. The first keeps its name, the next are `name___2`,
//! `name___3`: CO-RE ignores what follows three underscores, so programs can use them all.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::set::Btf;
use crate::types::{Kind, Type, TypeId};

/// Words that C reserves, which other languages (Rust) use as names.
const RESERVED: &[&str] = &[
    "auto", "break", "case", "char", "const", "continue", "default", "do", "double", "else", "enum",
    "extern", "float", "for", "goto", "if", "inline", "int", "long", "register", "restrict", "return",
    "short", "signed", "sizeof", "static", "struct", "switch", "typedef", "typeof", "union", "unsigned",
    "void", "volatile", "while", "asm",
];

/// A typedef that every compiler brings itself: its own machine's, while BTF describes the kernel's, which has another
/// size. So the kernel's is called otherwise.
const BUILTIN_VA_LIST: &str = "__builtin_va_list";

/// A name C accepts: itself if it can be, else with an underscore for each character that cannot stand there.
pub(super) fn identifier(name: &str) -> Cow<'_, str> {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    let good = name.bytes().all(fits) && !name.as_bytes().first().is_some_and(|b| b.is_ascii_digit());
    if RESERVED.contains(&name) {
        return format!("{name}_").into();
    }
    if good {
        return name.into();
    }
    let cleaned: String = name.chars().map(|c| if c.is_ascii() && fits(c as u8) { c } else { '_' }).collect();
    format!("_{cleaned}").into()
}

/// The names given out so far.
pub(super) struct Names {
    /// Only types whose C name is not their own.
    renamed: HashMap<TypeId, String>,
    /// Typedefs and constants: how often each name was asked for.
    ordinary: HashMap<String, u32>,
}

impl Names {
    pub(super) fn new(btf: &Btf) -> Self {
        let mut names = Self { renamed: HashMap::new(), ordinary: HashMap::new() };
        let mut tags = HashMap::<String, u32>::new();
        let mut first_kind = HashMap::<String, Kind>::new();
        for (id, ty) in btf.types() {
            let kind = ty.kind();
            let own = ty.name();
            if own.is_empty() {
                continue;
            }
            let given = match kind {
                Kind::Struct | Kind::Union | Kind::Enum | Kind::Enum64 => {
                    first_kind.entry(identifier(own).into_owned()).or_insert(kind);
                    unique(&mut tags, own)
                }
                Kind::Typedef if own == BUILTIN_VA_LIST => unique(&mut names.ordinary, "__btf_va_list"),
                Kind::Typedef => unique(&mut names.ordinary, own),
                Kind::Int | Kind::Float => identifier(own).into_owned(),
                _ => continue,
            };
            if given != own {
                names.renamed.insert(id, given);
            }
        }
        // A declaration means the definition of its name and kind. If what bears the name is of another kind, it is
        // another type.
        for (id, ty) in btf.types() {
            let Type::Fwd(fwd) = ty else { continue };
            let name = identifier(fwd.name);
            let kind = if fwd.is_union { Kind::Union } else { Kind::Struct };
            let taken = *first_kind.entry(name.clone().into_owned()).or_insert(kind);
            let given = if taken == kind { name.into_owned() } else { unique(&mut tags, fwd.name) };
            if given != fwd.name {
                names.renamed.insert(id, given);
            }
        }
        names
    }

    /// The name of a type with a name.
    pub(super) fn of<'a>(&'a self, btf: &'a Btf, id: TypeId) -> &'a str {
        self.renamed.get(&id).map_or_else(|| btf.name_of(id), String::as_str)
    }

    /// A name for a constant that is about to be written.
    pub(super) fn constant(&mut self, name: &str) -> String {
        unique(&mut self.ordinary, name)
    }
}

fn unique(taken: &mut HashMap<String, u32>, name: &str) -> String {
    let mut candidate = identifier(name).into_owned();
    loop {
        let count = taken.entry(candidate.clone()).or_insert(0);
        *count += 1;
        if *count == 1 {
            return candidate;
        }
        // The new name may be somebody's own, hence the loop.
        candidate = format!("{candidate}___{count}");
    }
}
