//! From an object to programs and maps in the kernel.
//!
//! The order follows from what depends on what: types first, because maps and programs name them; then maps, filled and
//! frozen; then each program, its holes filled from what the running kernel says; last the slots of program arrays and
//! maps of maps. Everything is held by descriptors that close themselves, so a failure half-way leaves nothing behind
//! but what was pinned by name.

mod error;
#[cfg(test)]
mod everything_test;
pub(crate) mod kernel;
mod maps;
mod program;
#[cfg(test)]
pub(crate) mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;

use skep_object::{MapOrigin, Object, Program as Definition, SlotValue};
use skep_platform::errno::ENOENT;

pub use error::LoadError;
pub use maps::takes_types;

use crate::btf::accept::{Accepted, Taste, accept};
use crate::btf::btf_load_explained;
use crate::map::Map;
use crate::program::Program;
use kernel::Kernel;

/// Sizes that the application gives instead of the object's.
#[derive(Clone, Copy, Debug, Default)]
struct Sizes {
    max_entries: Option<u32>,
    value_size: Option<u32>,
}

/// What the application said about the load.
#[derive(Debug, Default)]
struct Settings<'a> {
    only: BTreeSet<&'a str>,
    reuse: BTreeMap<String, Map>,
    sizes: BTreeMap<String, Sizes>,
    contents: BTreeMap<String, Vec<u8>>,
    pin_directory: Option<PathBuf>,
    log_level: u32,
}

/// The object's types in a form that 6.18 takes, ids unchanged; `None` when it has none. For callers that make the system
/// calls themselves.
pub fn acceptable_types(object: &Object) -> Option<Vec<u8>> {
    accept(object, Taste::Modern).map(|accepted| accepted.bytes)
}

/// Loads one object into the kernel.
#[derive(Debug)]
pub struct Loader<'a> {
    object: &'a Object,
    settings: Settings<'a>,
}

/// An object's programs and maps in the kernel; freed when dropped, less what is attached, pinned or held elsewhere.
#[derive(Debug)]
pub struct Loaded {
    object: String,
    programs: BTreeMap<String, Program>,
    maps: Vec<(String, Map)>,
    /// Why the kernel did not take the object's types.
    untyped: Option<LoadError>,
}

impl<'a> Loader<'a> {
    /// Loads all that the object marks for loading, with maps of its own.
    pub fn new(object: &'a Object) -> Self {
        Self { object, settings: Settings::default() }
    }

    /// Loads this program and not the others; may be called for several.
    #[must_use]
    pub fn program(mut self, name: &'a str) -> Self {
        self.settings.only.insert(name);
        self
    }

    /// Uses a map that exists for the map of that name. Its shape is compared.
    #[must_use]
    pub fn reuse(mut self, name: &str, map: &Map) -> Self {
        self.settings.reuse.insert(name.to_owned(), map.clone());
        self
    }

    /// Gives a map room for this many entries, whatever the object says.
    #[must_use]
    pub fn max_entries(mut self, map: &str, entries: u32) -> Self {
        self.settings.sizes.entry(map.to_owned()).or_default().max_entries = Some(entries);
        self
    }

    /// Gives a map values of this many bytes.
    #[must_use]
    pub fn value_size(mut self, map: &str, bytes: u32) -> Self {
        self.settings.sizes.entry(map.to_owned()).or_default().value_size = Some(bytes);
        self
    }

    /// Gives global data (`.rodata`, `.data`, …) these first contents instead of the object's; of the same length.
    #[must_use]
    pub fn contents(mut self, map: &str, bytes: Vec<u8>) -> Self {
        self.settings.contents.insert(map.to_owned(), bytes);
        self
    }

    /// Where maps that the object wants pinned by name are looked for and pinned; without it they are not.
    #[must_use]
    pub fn pin_directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.settings.pin_directory = Some(directory.into());
        self
    }

    /// The verifier's log level: 0 asks for a log only when a load fails.
    #[must_use]
    pub fn log_level(mut self, level: u32) -> Self {
        self.settings.log_level = level;
        self
    }

    /// Loads.
    ///
    /// # Errors
    /// The first thing that stands in the way; what was made before it is gone again.
    pub fn load(self) -> Result<Loaded, LoadError> {
        program::raise_memory_limit();
        let chosen = self.chosen()?;
        self.known_maps()?;
        let (btf, untyped) = self.types()?;
        let maps = self.maps(btf.as_ref())?;
        let mut programs = BTreeMap::new();
        for definition in chosen {
            let loaded =
                program::load(definition, self.object, &maps, btf.as_ref(), self.settings.log_level)?;
            programs.insert(definition.name.clone(), loaded);
        }
        self.fill_slots(&maps, &programs)?;
        let names = self.object.maps.iter().map(|map| map.name.clone());
        Ok(Loaded { object: self.object.name.clone(), programs, maps: names.zip(maps).collect(), untyped })
    }

    fn chosen(&self) -> Result<Vec<&'a Definition>, LoadError> {
        let only = &self.settings.only;
        if let Some(name) = only.iter().find(|name| self.object.program(name).is_none()) {
            let present = list(self.object.programs.iter().map(|program| program.name.as_str()));
            let object = self.object.name.clone();
            return Err(LoadError::NoProgram { object, name: (*name).to_owned(), present });
        }
        let wanted =
            |p: &&Definition| if only.is_empty() { p.autoload } else { only.contains(p.name.as_str()) };
        Ok(self.object.programs.iter().filter(wanted).collect())
    }

    fn known_maps(&self) -> Result<(), LoadError> {
        let s = &self.settings;
        let mut named = s.reuse.keys().chain(s.sizes.keys()).chain(s.contents.keys());
        match named.find(|name| self.object.map(name).is_none()) {
            None => Ok(()),
            Some(name) => Err(LoadError::NoMap {
                object: self.object.name.clone(),
                name: name.clone(),
                present: list(self.object.maps.iter().map(|map| map.name.as_str())),
            }),
        }
    }

    /// The object's types in the kernel, as much of them as it takes. Without them most objects still work; those whose
    /// map values have parts that the kernel finds by type do not.
    #[allow(clippy::type_complexity, reason = "two optional values of one private function")]
    fn types(&self) -> Result<(Option<(OwnedFd, Accepted)>, Option<LoadError>), LoadError> {
        let mut refused = None;
        for taste in [Taste::Modern, Taste::Old] {
            let Some(accepted) = accept(self.object, taste) else { return Ok((None, None)) };
            match btf_load_explained(&accepted.bytes) {
                Ok(fd) => return Ok((Some((fd, accepted)), None)),
                Err((errno, log)) => drop(refused.get_or_insert(LoadError::Btf { errno, log })),
            }
        }
        let needed = self.object.maps.iter().any(|map| !map.fields.is_empty());
        match refused {
            Some(error) if needed => Err(error),
            other => Ok((None, other)),
        }
    }

    fn maps(&self, btf: Option<&(OwnedFd, Accepted)>) -> Result<Vec<Map>, LoadError> {
        let mut maps = Vec::with_capacity(self.object.maps.len());
        for definition in &self.object.maps {
            let kconfig = match definition.origin {
                MapOrigin::Kconfig => self.object.kconfig(Kernel::config())?,
                _ => Vec::new(),
            };
            let own = if kconfig.is_empty() { &definition.initial } else { &kconfig };
            let initial = self.settings.contents.get(&definition.name).unwrap_or(own);
            maps.push(maps::make(definition, initial, btf.map(|(fd, _)| fd), &self.settings)?);
        }
        Ok(maps)
    }

    /// Puts programs into program arrays and maps into maps of maps, as the object's initialisers say.
    fn fill_slots(&self, maps: &[Map], programs: &BTreeMap<String, Program>) -> Result<(), LoadError> {
        for (definition, map) in self.object.maps.iter().zip(maps) {
            for slot in &definition.slots {
                let key = slot.key.to_ne_bytes();
                let set = match slot.value {
                    SlotValue::Map(index) => {
                        maps.get(index).ok_or(ENOENT).and_then(|inner| map.update_fd(&key, inner.as_fd()))
                    }
                    SlotValue::Program(index) => {
                        let name = self.object.programs.get(index).map(|program| &program.name);
                        // The slot of a program that was not chosen stays empty: a tail call through it falls through.
                        let program = name.and_then(|name| programs.get(name));
                        program.map_or(Ok(()), |program| map.update_fd(&key, program.as_fd()))
                    }
                };
                set.map_err(|errno| maps::failed(definition, "filling its slots", errno))?;
            }
        }
        Ok(())
    }
}

impl Loaded {
    /// The program of that name.
    ///
    /// # Errors
    /// [`LoadError::NoProgram`], which lists those there are.
    pub fn program(&self, name: &str) -> Result<&Program, LoadError> {
        self.programs.get(name).ok_or_else(|| LoadError::NoProgram {
            object: self.object.clone(),
            name: name.to_owned(),
            present: list(self.programs.keys().map(String::as_str)),
        })
    }

    /// The map of that name; global data goes by its section, `.bss`.
    ///
    /// # Errors
    /// [`LoadError::NoMap`], which lists those there are.
    pub fn map(&self, name: &str) -> Result<&Map, LoadError> {
        self.maps.iter().find(|map| map.0 == name).map(|map| &map.1).ok_or_else(|| LoadError::NoMap {
            object: self.object.clone(),
            name: name.to_owned(),
            present: list(self.maps.iter().map(|map| map.0.as_str())),
        })
    }

    /// All programs, by name.
    pub fn programs(&self) -> impl Iterator<Item = &Program> {
        self.programs.values()
    }

    /// All maps with their full names, in the order of the object's definitions.
    pub fn maps(&self) -> impl Iterator<Item = (&str, &Map)> {
        self.maps.iter().map(|(name, map)| (name.as_str(), map))
    }

    /// Why the kernel did not take the object's types; what it loaded then has no source lines and no names in dumps.
    pub fn untyped(&self) -> Option<&LoadError> {
        self.untyped.as_ref()
    }
}

fn list<'n>(names: impl Iterator<Item = &'n str>) -> String {
    let names: Vec<_> = names.collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
