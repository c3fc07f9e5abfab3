//! From an object to programs that run.
//!
//! The order is fixed by what depends on what: maps are made and filled first, because instructions refer to them by
//! index; then each program's holes are filled and it is loaded; last, the slots of program arrays and maps of maps are
//! set. Nothing outlives a failure: maps and programs are plain values until [`Loader::load`] returns them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use skep_maps::Map;
use skep_object::{
    Environment, ExternKind, KernelFunction, MapDef, MapOrigin, Object, Program as Definition, SlotValue,
    Symbols, Target,
};
use skep_platform::MapType;
use skep_platform::errno::ENOENT;
use skep_vm::{Hook, Program, ProgramSpec};

use crate::engine::Engine;
use crate::error::Error;
use crate::map_spec::{Sizes, spec};
use crate::proof;
use crate::variables;

/// Loads one object; made by [`Engine::loader`].
pub struct Loader<'a> {
    engine: Engine,
    object: &'a Object,
    /// Names asked for; empty means all that the object marks for loading.
    only: BTreeSet<String>,
    /// Variables and their values as text, in the order given.
    variables: Vec<(String, String)>,
    /// Maps to use instead of making them, by name.
    reuse: BTreeMap<String, Map>,
    /// Sizes of maps to use instead of the object's, by name.
    sizes: BTreeMap<String, Sizes>,
}

/// An object's programs and maps, ready to run. Cheap to clone.
///
/// When the last clone is dropped, the program arrays that were made for the object lose their programs, as Linux
/// empties them when user space lets go of them: otherwise a program that tail-calls through an array it is in would live for ever.
#[derive(Clone, Debug)]
pub struct Loaded(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    object: String,
    programs: BTreeMap<String, Program>,
    /// In the object's order, which is what instructions count by.
    maps: Vec<Map>,
    names: BTreeMap<String, usize>,
    /// Program arrays that were made here and not taken over.
    arrays: Vec<Map>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.arrays.iter().for_each(Map::clear_programs);
    }
}

impl<'a> Loader<'a> {
    pub(crate) fn new(engine: Engine, object: &'a Object) -> Self {
        Self {
            engine,
            object,
            only: BTreeSet::new(),
            variables: Vec::new(),
            reuse: BTreeMap::new(),
            sizes: BTreeMap::new(),
        }
    }

    /// Loads this program and not the others; may be called for several.
    #[must_use]
    pub fn program(mut self, name: &str) -> Self {
        self.only.insert(name.to_owned());
        self
    }

    /// Sets a global variable before loading, by its C name. The value is written as in C or JSON: `20`, `0x1f`,
    /// `"eth0"`, `{1, 2}`, an enumerator's name.
    #[must_use]
    pub fn set(mut self, variable: &str, value: &str) -> Self {
        self.variables.push((variable.to_owned(), value.to_owned()));
        self
    }

    /// Uses a map that exists already (another object's, or of an earlier version of this one) for the map of that name.
    #[must_use]
    pub fn reuse(mut self, name: &str, map: &Map) -> Self {
        self.reuse.insert(name.to_owned(), map.clone());
        self
    }

    /// Gives a map room for this many entries, whatever the object says; many objects leave it to the application.
    #[must_use]
    pub fn max_entries(mut self, map: &str, entries: u32) -> Self {
        self.sizes.entry(map.to_owned()).or_default().max_entries = Some(entries);
        self
    }

    /// Gives a map values of this many bytes; the depth of a stack trace is said so.
    #[must_use]
    pub fn value_size(mut self, map: &str, bytes: u32) -> Self {
        self.sizes.entry(map.to_owned()).or_default().value_size = Some(bytes);
        self
    }

    /// Makes the maps, then the programs.
    ///
    /// # Errors
    /// The first thing that stands in the way.
    pub fn load(self) -> Result<Loaded, Error> {
        let chosen = self.chosen()?;
        let maps = self.maps()?;
        let mut programs = BTreeMap::new();
        for definition in chosen {
            programs.insert(definition.name.clone(), self.load_program(definition, &maps)?);
        }
        let names = self.object.maps.iter().enumerate().map(|(i, map)| (map.name.clone(), i)).collect();
        let made = maps.iter().filter(|map| map.spec().map_type == MapType::ProgArray);
        let arrays = made.filter(|map| !self.reuse.values().any(|other| other.id() == map.id())).cloned();
        let inner =
            Inner { object: self.object.name.clone(), arrays: arrays.collect(), programs, maps, names };
        // Filled last: if a slot is refused, dropping what there is empties the arrays again.
        self.fill_slots(&inner.maps, &inner.programs)?;
        Ok(Loaded(Arc::new(inner)))
    }

    fn chosen(&self) -> Result<Vec<&'a Definition>, Error> {
        let known = |name: &String| self.object.program(name).is_some();
        if let Some(name) = self.only.iter().find(|name| !known(name)) {
            let present = list(self.object.programs.iter().map(|p| p.name.as_str()));
            return Err(Error::NoProgram { object: self.object.name.clone(), name: name.clone(), present });
        }
        let programs = self.object.programs.iter();
        let only = &self.only;
        let wanted = |p: &&Definition| if only.is_empty() { p.autoload } else { only.contains(&p.name) };
        Ok(programs.filter(wanted).collect())
    }

    fn maps(&self) -> Result<Vec<Map>, Error> {
        let named = self.sizes.keys().chain(self.reuse.keys());
        if let Some(name) = named.into_iter().find(|name| self.object.map(name).is_none()) {
            let present = list(self.object.maps.iter().map(|map| map.name.as_str()));
            return Err(Error::NoMap { object: self.object.name.clone(), name: name.clone(), present });
        }
        let initial = variables::initial_contents(self.object, &self.variables)?;
        let kconfig = self.object.kconfig(&self.engine.settings().kconfig)?;
        let mut maps = Vec::with_capacity(self.object.maps.len());
        for (definition, mut bytes) in self.object.maps.iter().zip(initial) {
            if let Some(map) = self.reuse.get(&definition.name) {
                maps.push(map.clone());
                continue;
            }
            if definition.origin == MapOrigin::Kconfig {
                bytes.clone_from(&kconfig);
            }
            maps.push(self.make(definition, &bytes)?);
        }
        Ok(maps)
    }

    fn make(&self, definition: &MapDef, bytes: &[u8]) -> Result<Map, Error> {
        let object = || self.object.name.clone();
        let sizes = self.sizes.get(&definition.name).copied().unwrap_or_default();
        let map = Map::create(spec(definition, sizes)).map_err(|source| Error::Map {
            object: object(),
            map: definition.name.clone(),
            source,
        })?;
        let refused = |errno| Error::Initialise { object: object(), map: definition.name.clone(), errno };
        if !bytes.is_empty() {
            map.update(&0u32.to_ne_bytes(), bytes, 0).map_err(refused)?;
        }
        if matches!(definition.origin, MapOrigin::Rodata | MapOrigin::Kconfig) {
            map.freeze().map_err(refused)?;
        }
        Ok(map)
    }

    fn load_program(&self, definition: &Definition, maps: &[Map]) -> Result<Program, Error> {
        let kind = &definition.kind;
        let hook =
            self.engine.hook(&definition.section, kind.program_type).ok_or_else(|| Error::UnknownHook {
                object: self.object.name.clone(),
                program: definition.name.clone(),
                section: definition.section.clone(),
            })?;
        let settings = self.engine.settings();
        let target = settings.target.as_deref().map_or(Target::Local, Target::Btf);
        let symbols = EngineSymbols(&hook);
        let relocated = definition.relocate(self.object, &Environment { target, symbols: &symbols })?;
        let kfuncs = definition.externs.iter().filter_map(|used| {
            let wanted = self.object.externs.get(used.index)?;
            matches!(wanted.kind, ExternKind::Function { .. }).then(|| (used.at, wanted.name.clone()))
        });
        let functions = definition.subprograms.iter().map(|f| (f.start, f.name.clone()));
        let spec = ProgramSpec {
            maps: maps.to_vec(),
            kfuncs: kfuncs.collect(),
            functions: functions.collect(),
            poisoned: relocated.poisoned.into_iter().map(|poison| (poison.at, poison.reason)).collect(),
            license: self.object.license.clone(),
            btf: self.object.btf.clone(),
            runtime: settings.runtime.clone(),
            ..ProgramSpec::new(&definition.name, hook.clone(), relocated.insns)
        };
        let program = match settings.unproved {
            true => Program::unproved(spec),
            false => Program::load(&proof::prove(&self.engine, self.object, definition, &spec)?, spec),
        };
        program.map_err(|problem| Error::Load { object: self.object.name.clone(), problem })
    }

    /// Puts programs into program arrays and maps into maps of maps, as the object's initialisers say.
    fn fill_slots(&self, maps: &[Map], programs: &BTreeMap<String, Program>) -> Result<(), Error> {
        for (definition, map) in self.object.maps.iter().zip(maps) {
            for slot in &definition.slots {
                let set = match slot.value {
                    SlotValue::Map(index) => match maps.get(index) {
                        Some(inner) => map.set_map(&slot.key.to_ne_bytes(), inner, 0),
                        None => Err(ENOENT),
                    },
                    SlotValue::Program(index) => {
                        let name = self.object.programs.get(index).map(|program| &program.name);
                        // A slot whose program was not chosen stays empty: a tail call through it falls through.
                        match name.and_then(|name| programs.get(name)) {
                            Some(program) => program.put_into(map, slot.key),
                            None => Ok(()),
                        }
                    }
                };
                set.map_err(|errno| Error::Initialise {
                    object: self.object.name.clone(),
                    map: definition.name.clone(),
                    errno,
                })?;
            }
        }
        Ok(())
    }
}

impl Loaded {
    /// The program of that name.
    ///
    /// # Errors
    /// [`Error::NoProgram`], which lists those there are.
    pub fn program(&self, name: &str) -> Result<&Program, Error> {
        self.0.programs.get(name).ok_or_else(|| Error::NoProgram {
            object: self.0.object.clone(),
            name: name.to_owned(),
            present: list(self.0.programs.keys().map(String::as_str)),
        })
    }

    /// The map of that name; global data goes by its section, `.bss`.
    ///
    /// # Errors
    /// [`Error::NoMap`], which lists those there are.
    pub fn map(&self, name: &str) -> Result<&Map, Error> {
        self.0.names.get(name).map(|&index| &self.0.maps[index]).ok_or_else(|| Error::NoMap {
            object: self.0.object.clone(),
            name: name.to_owned(),
            present: list(self.0.names.keys().map(String::as_str)),
        })
    }

    /// All programs, by name.
    pub fn programs(&self) -> impl Iterator<Item = &Program> {
        self.0.programs.values()
    }

    /// All maps, in the order of the object's definitions.
    pub fn maps(&self) -> &[Map] {
        &self.0.maps
    }
}

/// Functions are called by name in the user engine: those of the hook and the kernel functions it has. The number is for
/// the relocator alone, which wants one.
struct EngineSymbols<'a>(&'a Hook);

impl Symbols for EngineSymbols<'_> {
    fn function(&self, name: &str) -> Option<KernelFunction> {
        let known = self.0.helpers().iter().any(|helper| helper.name() == name) || skep_vm::has_kfunc(name);
        known.then_some(KernelFunction { id: skep_btf::TypeId(1), module: 0 })
    }
}

fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<_> = names.collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// Reads an object file.
///
/// # Errors
/// [`Error::Io`] when it cannot be read, [`Error::Object`] when it is not an object.
pub fn open(path: impl AsRef<std::path::Path>) -> Result<Object, Error> {
    let path = path.as_ref();
    let name = path.display().to_string();
    let bytes = std::fs::read(path).map_err(|source| Error::Io { path: name.clone(), source })?;
    Ok(Object::parse(&name, &bytes)?)
}
