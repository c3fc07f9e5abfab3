//! A program as a line of JSON: the form that `skep verify --raw` reads, documented in docs/verify.md.
//!
//! Numbers of the UAPI stand as numbers here, never by name: that is what `emit` writes and what the kernel takes. Whoever
//! writes lines by hand for the kernel has to do the same.

use serde::{Deserialize, Serialize};

/// A program and what it needs.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Line {
    /// Which program this is; verdicts are told apart by it.
    pub(crate) name: String,
    pub(crate) prog_type: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) expected_attach_type: Option<u32>,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) prog_flags: u32,
    pub(crate) license: String,
    #[serde(skip_serializing_if = "is_false")]
    pub(crate) unprivileged: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) attach_btf_name: Option<String>,
    /// Hexadecimal, 8 bytes an instruction.
    pub(crate) insns: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) maps: Vec<MapLine>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) relocs: Vec<Reloc>,
    /// A path, or base 64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) btf: Option<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) func_info: String,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) func_info_rec_size: u32,
}

/// A map.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct MapLine {
    #[serde(rename = "type")]
    pub(crate) map_type: u32,
    pub(crate) key_size: u32,
    pub(crate) value_size: u32,
    pub(crate) max_entries: u32,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) map_flags: u32,
    #[serde(skip_serializing_if = "is_zero_long")]
    pub(crate) map_extra: u64,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) name: String,
    /// Types of key and value where they are not the program's; a truth value says nothing.
    #[serde(skip_serializing_if = "serde_json::Value::is_null")]
    pub(crate) btf: serde_json::Value,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) btf_key_type_id: u32,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) btf_value_type_id: u32,
    #[serde(skip_serializing_if = "is_false")]
    pub(crate) frozen: bool,
    /// Hexadecimal: the first bytes of the first value.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) value: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) inner: Option<Inner>,
}

/// The template of the maps in a map.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Inner {
    /// One of the line's other maps.
    Index(usize),
    /// A map of its own.
    Map(Box<MapLine>),
}

/// An instruction that refers to something.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Reloc {
    pub(crate) insn: usize,
    pub(crate) kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    /// A slot, or what the fields `name` and `map` say.
    #[serde(skip_serializing_if = "serde_json::Value::is_null")]
    pub(crate) target: serde_json::Value,
    #[serde(skip_serializing_if = "serde_json::Value::is_null")]
    pub(crate) map: serde_json::Value,
}

/// What is said of a program, by the kernel or by `skep verify --raw`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Answer {
    pub(crate) name: String,
    /// `accept` or `reject`; of the kernel also `policy` and `setup-failed`, of skep also `unsupported`.
    pub(crate) verdict: String,
    /// skep's rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<String>,
    /// The kernel's error number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) errno: Option<i32>,
    /// Why. Of the kernel: the last lines of its log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) insn: Option<usize>,
    pub(crate) processed: u64,
    pub(crate) states: u64,
    pub(crate) peak_states: u64,
    pub(crate) time_us: u64,
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

fn is_zero_long(number: &u64) -> bool {
    *number == 0
}

fn is_false(flag: &bool) -> bool {
    !flag
}
