//! The functions of an object: where each starts and ends, and who can see it.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::Linkage;
use crate::elf::{Binding, Place, STT_FUNC, STT_NOTYPE, Section, Symbol};
use crate::error::{Fault, Problem};

use super::input::Input;
use super::split;

/// Bytes of an instruction slot.
pub(super) const SLOT: u64 = 8;

/// One function.
#[derive(Clone, Debug)]
pub(crate) struct Function<'a> {
    /// The symbol's, or made up for one without a symbol.
    pub(crate) name: Cow<'a, str>,
    /// Index of its section.
    pub(crate) section: usize,
    /// Byte range in the section; multiples of 8.
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) linkage: Linkage,
}

/// All functions, by section and place.
#[derive(Debug, Default)]
pub(crate) struct Functions<'a> {
    pub(crate) list: Vec<Function<'a>>,
    by_start: HashMap<(usize, u64), usize>,
}

impl<'a> Functions<'a> {
    /// Finds them by their symbols, and by calls where symbols are missing.
    pub(crate) fn find(input: &Input<'a>) -> Result<Self, Fault> {
        let mut by_section: HashMap<usize, Vec<&Symbol<'a>>> = HashMap::new();
        for symbol in &input.elf.symbols {
            if let Place::Section(index) = symbol.place {
                by_section.entry(index).or_default().push(symbol);
            }
        }
        let mut functions = Self::default();
        for section in input.elf.sections.iter().filter(|section| section.is_code()) {
            if !section.size.is_multiple_of(SLOT) {
                let found = format!("{} bytes", section.size);
                return Err(Problem::expected("code", "a multiple of 8 bytes", found).within(section.name));
            }
            let symbols = by_section.remove(&section.index).unwrap_or_default();
            functions.add_section(section, entries(symbols))?;
        }
        split::split(input, &mut functions);
        Ok(functions)
    }

    /// The function that starts at a place.
    pub(crate) fn at(&self, section: usize, offset: u64) -> Option<usize> {
        self.by_start.get(&(section, offset)).copied()
    }

    fn add_section(&mut self, section: &Section<'a>, symbols: Vec<&Symbol<'a>>) -> Result<(), Fault> {
        if symbols.is_empty() {
            // Assembled by hand: the section as a whole is the function.
            self.push(Function {
                name: section.name.into(),
                section: section.index,
                start: 0,
                end: section.size,
                linkage: Linkage::Global,
            });
        }
        for (number, symbol) in symbols.iter().enumerate() {
            let next = symbols.get(number + 1).map_or(section.size, |next| next.value);
            let start = symbol.value;
            // Assembler labels have no size; such a function goes on to the next one.
            let end = if symbol.size == 0 { next } else { start.saturating_add(symbol.size) };
            let aligned = start.is_multiple_of(SLOT) && end.is_multiple_of(SLOT);
            if !aligned || start >= end || end > next {
                let what = format!("function {}", symbol.name);
                let expected = format!("whole instructions up to {next:#x}");
                let found = format!("{start:#x} to {end:#x}");
                return Err(Problem::expected(what, expected, found).at(section.name, start));
            }
            let linkage = match symbol.binding {
                Binding::Local => Linkage::Static,
                Binding::Global => Linkage::Global,
                Binding::Weak => Linkage::Weak,
            };
            self.push(Function { name: symbol.name.into(), section: section.index, start, end, linkage });
        }
        Ok(())
    }

    /// Adds one.
    pub(super) fn push(&mut self, function: Function<'a>) {
        self.by_start.insert((function.section, function.start), self.list.len());
        self.list.push(function);
    }
}

/// The symbols of one section that are functions, one for each place, by rising offset.
fn entries<'s, 'a>(symbols: Vec<&'s Symbol<'a>>) -> Vec<&'s Symbol<'a>> {
    let named = |symbol: &&&Symbol<'a>| !symbol.name.is_empty();
    let mut found: Vec<_> = symbols.iter().filter(|s| s.kind == STT_FUNC).filter(named).copied().collect();
    if found.is_empty() {
        // Assemblers leave the type out; local labels are jump targets, global ones are functions.
        let global = |symbol: &&&Symbol<'a>| symbol.kind == STT_NOTYPE && symbol.binding != Binding::Local;
        found = symbols.iter().filter(global).filter(named).copied().collect();
    }
    // Of several names for one place, one that others can see speaks for it.
    found.sort_by_key(|symbol| (symbol.value, symbol.binding == Binding::Local));
    found.dedup_by_key(|symbol| symbol.value);
    found
}
