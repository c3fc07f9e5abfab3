//! Fields of a JSON object, each asked for with the form that it must have.
//!
//! A field that is absent or `null` has its default; one of another form is an error that names it with its path
//! (`maps[2].key_size`). Fields that nobody asks for are ignored, so that files can carry remarks.

use serde_json::{Map, Value};

/// An object and where it stands.
pub(super) struct Fields<'a> {
    values: &'a Map<String, Value>,
    /// What stands before a field's name in messages.
    path: String,
}

impl<'a> Fields<'a> {
    /// The object that `value` must be.
    pub(super) fn of(value: &'a Value, path: &str) -> Result<Self, String> {
        match value {
            Value::Object(values) => {
                let path = if path.is_empty() { String::new() } else { format!("{path}.") };
                Ok(Self { values, path })
            }
            other => {
                let place = if path.is_empty() { String::new() } else { format!("{path}: ") };
                Err(format!("{place}expected an object, found {}", kind(other)))
            }
        }
    }

    /// A field that is there and not null.
    pub(super) fn value(&self, name: &str) -> Option<&'a Value> {
        self.values.get(name).filter(|value| !value.is_null())
    }

    /// The field's name with its path, for messages.
    pub(super) fn path(&self, name: &str) -> String {
        format!("{}{name}", self.path)
    }

    /// A complaint about a field.
    pub(super) fn wrong(&self, name: &str, expected: &str) -> String {
        let found = self.value(name).map_or("nothing", kind);
        format!("{}: expected {expected}, found {found}", self.path(name))
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<&'a str>, String> {
        let Some(value) = self.value(name) else { return Ok(None) };
        value.as_str().map(Some).ok_or_else(|| self.wrong(name, "text"))
    }

    pub(super) fn flag(&self, name: &str) -> Result<bool, String> {
        let Some(value) = self.value(name) else { return Ok(false) };
        value.as_bool().ok_or_else(|| self.wrong(name, "true or false"))
    }

    pub(super) fn number(&self, name: &str) -> Result<Option<u64>, String> {
        let Some(value) = self.value(name) else { return Ok(None) };
        value.as_u64().map(Some).ok_or_else(|| self.wrong(name, "a whole number from 0 to 2^64 - 1"))
    }

    /// A number of 32 bits; 0 where there is none.
    pub(super) fn number32(&self, name: &str) -> Result<u32, String> {
        let number = self.number(name)?.unwrap_or(0);
        u32::try_from(number)
            .map_err(|_| format!("{}: expected at most 32 bits, found {number}", self.path(name)))
    }

    pub(super) fn hex(&self, name: &str) -> Result<Option<Vec<u8>>, String> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        super::hex::hex(text).map(Some).map_err(|problem| format!("{}: {problem}", self.path(name)))
    }

    /// A list, each element with its path.
    pub(super) fn list(&self, name: &str) -> Result<Vec<(String, &'a Value)>, String> {
        let Some(value) = self.value(name) else { return Ok(Vec::new()) };
        let list = value.as_array().ok_or_else(|| self.wrong(name, "a list"))?;
        Ok(list.iter().enumerate().map(|(i, value)| (format!("{}[{i}]", self.path(name)), value)).collect())
    }

    /// Something that the UAPI numbers, by number or by name: what it is, or the number of what is unknown. An unknown
    /// *name* is a mistake in the file, an unknown number is for the kernel to judge.
    pub(super) fn named<T>(
        &self,
        name: &str,
        from_number: impl Fn(u32) -> Option<T>,
        from_name: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<Result<T, u64>>, String> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::String(text)) => match from_name(text) {
                Some(found) => Ok(Some(Ok(found))),
                None => Err(format!("{}: expected a name of the UAPI, found {text:?}", self.path(name))),
            },
            Some(value) => {
                let number = value.as_u64().ok_or_else(|| self.wrong(name, "a number or a name"))?;
                Ok(Some(u32::try_from(number).ok().and_then(from_number).ok_or(number)))
            }
        }
    }
}

/// What a value is, in a word.
pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "another number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
