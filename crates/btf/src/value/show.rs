//! Values as compact text and as JSON.

use std::fmt::{self, Write as _};

use serde_json::Value as Json;

use super::Value;

/// An array of at least this many equal elements is written as `[0; 64]`.
const MIN_RUN: usize = 5;

impl fmt::Display for Value {
    /// One line: `{ saddr = 10.0.0.1, hits = 3, name = "eth0", ports = [22, 80] }`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(n) => write!(f, "{n}"),
            Self::Char(c) if c.is_ascii_graphic() && !matches!(c, b'\'' | b'\\') => {
                write!(f, "'{}'", *c as char)
            }
            Self::Char(c) => write!(f, "{c}"),
            Self::Bool(b) => write!(f, "{b}"),
            Self::Enum(Some(name), _) => f.write_str(name),
            Self::Enum(None, n) => write!(f, "{n}"),
            Self::Float(x) => write!(f, "{x}"),
            Self::Ptr(address) => write!(f, "{address:#x}"),
            Self::Str(text) => write!(f, "{}", Json::from(text.as_str())),
            Self::Ipv4(a) => write!(f, "{a}"),
            Self::Ipv6(a) => write!(f, "{a}"),
            Self::Mac(mac) => f.write_str(&mac_text(mac)),
            Self::Array(items) => array(items, f),
            Self::Struct(fields) if fields.is_empty() => f.write_str("{}"),
            Self::Struct(fields) => {
                for (index, (name, value)) in fields.iter().enumerate() {
                    write!(f, "{} {name} = {value}", if index == 0 { "{" } else { "," })?;
                }
                f.write_str(" }")
            }
            Self::Unknown(bytes) => f.write_str(&hex(bytes)),
        }
    }
}

fn array(items: &[Value], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match items.split_first() {
        Some((first, rest)) if items.len() >= MIN_RUN && rest.iter().all(|item| item == first) => {
            write!(f, "[{first}; {}]", items.len())
        }
        _ => {
            f.write_char('[')?;
            for (index, item) in items.iter().enumerate() {
                write!(f, "{}{item}", if index == 0 { "" } else { ", " })?;
            }
            f.write_char(']')
        }
    }
}

fn mac_text(mac: &[u8; 6]) -> String {
    mac.map(|b| format!("{b:02x}")).join(":")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::from("0x"), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

impl Value {
    /// The same as JSON: numbers as numbers where 64 bits hold them, everything else that is no list or struct as the text
    /// it prints as.
    pub fn to_json(&self) -> Json {
        match self {
            Self::Int(n) | Self::Enum(None, n) => number(*n),
            Self::Char(c) => Json::from(*c),
            Self::Bool(b) => Json::from(*b),
            Self::Enum(Some(name), _) => Json::from(name.as_str()),
            Self::Float(x) if x.is_finite() => Json::from(*x),
            Self::Str(text) => Json::from(text.as_str()),
            Self::Array(items) => items.iter().map(Self::to_json).collect(),
            Self::Struct(fields) => {
                Json::Object(fields.iter().map(|(name, value)| (name.clone(), value.to_json())).collect())
            }
            other => Json::from(other.to_string()),
        }
    }
}

fn number(n: i128) -> Json {
    if let Ok(n) = i64::try_from(n) {
        return n.into();
    }
    u64::try_from(n).map_or_else(|_| n.to_string().into(), Json::from)
}
