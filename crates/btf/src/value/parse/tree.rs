//! What was written, before the type is known: one tree for text and JSON.
//!
//! Whether `10.0.0.1` is an address, or `a` a character, a name or a number, only the type can say, so words stay words
//! here. Depth is bounded by [`MAX_DEPTH`], length by the text.

use std::fmt;

use serde_json::Value as Json;

use super::{ParseError, error};
use crate::MAX_DEPTH;

/// What was written, before the type is known.
pub(super) enum Tree {
    /// A bare word or number.
    Word(String),
    /// In double quotes.
    Quoted(String),
    List(Vec<Tree>),
    /// `[value; times]`
    Repeated(Box<Tree>, usize),
    Fields(Vec<(String, Tree)>),
}

impl fmt::Display for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Word(word) => write!(f, "`{word}`"),
            Self::Quoted(text) => write!(f, "\"{}\"", text.escape_debug()),
            Self::List(items) => write!(f, "a list of {}", items.len()),
            Self::Repeated(_, times) => write!(f, "a list of {times}"),
            Self::Fields(_) => f.write_str("a struct"),
        }
    }
}

impl Tree {
    /// Reads the whole text.
    pub(super) fn from_text(text: &str) -> Result<Self, ParseError> {
        let mut reader = Reader { text, at: 0 };
        let tree = reader.tree(MAX_DEPTH)?;
        reader.skip_space();
        if reader.at < text.len() {
            return reader.error("the end");
        }
        Ok(tree)
    }

    /// The same from JSON, whose own reader has bounded the depth.
    pub(super) fn from_json(json: &Json) -> Self {
        match json {
            Json::String(text) => Self::Quoted(text.clone()),
            Json::Array(items) => Self::List(items.iter().map(Self::from_json).collect()),
            Json::Object(fields) => Self::Fields(
                fields.iter().map(|(name, value)| (name.clone(), Self::from_json(value))).collect(),
            ),
            other => Self::Word(other.to_string()),
        }
    }
}

/// Reads the text's own syntax.
struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn skip_space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    fn peek(&mut self) -> Option<char> {
        self.skip_space();
        self.rest().chars().next()
    }

    fn take(&mut self, wanted: char) -> bool {
        let there = self.peek() == Some(wanted);
        if there {
            self.at += wanted.len_utf8();
        }
        there
    }

    fn error<T>(&self, expected: &str) -> Result<T, ParseError> {
        let found = self.rest().chars().next().map_or("the end".into(), |c| format!("`{c}`"));
        error(&format!("column {}", self.at + 1), expected, found)
    }

    fn tree(&mut self, depth: usize) -> Result<Tree, ParseError> {
        let Some(depth) = depth.checked_sub(1) else { return self.error("fewer brackets in each other") };
        match self.peek() {
            Some('{') => self.fields(depth),
            Some('[') => self.list(depth),
            Some('"') => self.quoted(),
            Some('\'') => self.character(),
            _ => self.word(),
        }
    }

    fn fields(&mut self, depth: usize) -> Result<Tree, ParseError> {
        self.take('{');
        let mut fields = Vec::new();
        while !self.take('}') {
            let name = match self.peek() {
                Some('"') => self.quoted()?,
                _ => self.word()?,
            };
            let (Tree::Word(name) | Tree::Quoted(name)) = name else { return self.error("a field's name") };
            if !self.take('=') && !self.take(':') {
                return self.error("`=` after a field's name");
            }
            fields.push((name, self.tree(depth)?));
            if !self.take(',') && self.peek() != Some('}') {
                return self.error("`,` or `}`");
            }
        }
        Ok(Tree::Fields(fields))
    }

    fn list(&mut self, depth: usize) -> Result<Tree, ParseError> {
        self.take('[');
        let mut items = Vec::new();
        while !self.take(']') {
            let item = self.tree(depth)?;
            if items.is_empty() && self.take(';') {
                let at = self.at;
                let Tree::Word(times) = self.word()? else { return self.error("a number") };
                let Ok(times) = times.parse() else {
                    self.at = at;
                    return self.error("how many times");
                };
                return if self.take(']') {
                    Ok(Tree::Repeated(item.into(), times))
                } else {
                    self.error("`]`")
                };
            }
            items.push(item);
            if !self.take(',') && self.peek() != Some(']') {
                return self.error("`,` or `]`");
            }
        }
        Ok(Tree::List(items))
    }

    /// JSON's strings, so that every escape has one meaning.
    fn quoted(&mut self) -> Result<Tree, ParseError> {
        let mut escaped = false;
        let end = self.rest().bytes().skip(1).position(|b| {
            let end = b == b'"' && !escaped;
            escaped = b == b'\\' && !escaped;
            end
        });
        let Some(end) = end else { return self.error("a closing `\"`") };
        match serde_json::from_str(&self.rest()[..end + 2]) {
            Ok(text) => {
                self.at += end + 2;
                Ok(Tree::Quoted(text))
            }
            Err(_) => self.error("a string with JSON's escapes"),
        }
    }

    fn character(&mut self) -> Result<Tree, ParseError> {
        match *self.rest().as_bytes() {
            [b'\'', c, b'\'', ..] if c.is_ascii() => {
                self.at += 3;
                Ok(Tree::Word(c.to_string()))
            }
            _ => self.error("one ASCII character between quotes"),
        }
    }

    fn word(&mut self) -> Result<Tree, ParseError> {
        self.skip_space();
        let rest = self.rest();
        // A colon is part of a word (`::1`, a MAC) unless it separates a name, and then a space follows.
        let mut end =
            rest.find(|c: char| c.is_whitespace() || "{}[],;=\"'".contains(c)).unwrap_or(rest.len());
        if rest[..end].ends_with(':') && !rest[..end].ends_with("::") {
            end -= 1;
        }
        if end == 0 {
            return self.error("a value");
        }
        let word = rest[..end].to_owned();
        self.at += end;
        Ok(Tree::Word(word))
    }
}
