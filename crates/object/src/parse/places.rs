//! What the places and names of an object stand for.

use std::collections::HashMap;

/// Look-ups from places in sections and names of symbols to maps and externs, by their indices.
#[derive(Debug, Default)]
pub(crate) struct Places {
    /// Section and offset of each map definition.
    pub(crate) maps: HashMap<(usize, u64), usize>,
    /// Initialisers of slots, to be read once programs are known.
    pub(crate) values: Vec<Values>,
    /// Section of global data to its map.
    pub(crate) data: HashMap<usize, usize>,
    /// The `.kconfig` map.
    pub(crate) kconfig: Option<usize>,
    /// Name of a `__kconfig` extern to its offset in that map.
    pub(crate) kconfig_offsets: HashMap<String, u32>,
    /// Name of any other extern to its index.
    pub(crate) externs: HashMap<String, usize>,
}

/// The initialiser of a map's slots: pointers, by relocation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Values {
    /// Index of the map.
    pub(crate) map: usize,
    pub(crate) section: usize,
    /// Byte range in the section.
    pub(crate) start: u64,
    pub(crate) end: u64,
}
