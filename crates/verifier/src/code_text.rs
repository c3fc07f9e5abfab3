//! The long texts of the catalogue: prose, a program that breaks the rule, the same program repaired.
//!
//! They stand as Markdown in `catalogue/`, one file a category, one section a code, because prose and programs are
//! read and written better there than in string literals. A test holds every program against the verifier and against
//! the live kernel.

use crate::Code;

/// All texts.
const TEXTS: [&str; 7] = [
    include_str!("../catalogue/1-structure.md"),
    include_str!("../catalogue/2-values.md"),
    include_str!("../catalogue/3-memory.md"),
    include_str!("../catalogue/4-calls.md"),
    include_str!("../catalogue/5-resources.md"),
    include_str!("../catalogue/6-exit.md"),
    include_str!("../catalogue/7-termination.md"),
];

impl Code {
    /// The rule at length, in Markdown: why it is there and how to keep it; for most codes with a program under
    /// `### Rejected` and its repair under `### Accepted`, in blocks of assembly. Codes that have no such text give
    /// their [explanation](Code::explanation).
    pub fn text(self) -> &'static str {
        let heading = format!("## {self}\n");
        let section = TEXTS.iter().find_map(|text| {
            let start = text.find(&heading)? + heading.len();
            let rest = &text[start..];
            Some(rest[..rest.find("\n## E").unwrap_or(rest.len())].trim())
        });
        section.unwrap_or_else(|| self.explanation())
    }

    /// Whether the catalogue has a long text.
    pub fn has_text(self) -> bool {
        self.text() != self.explanation()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_its_own_text() {
        let without: Vec<_> = Code::ALL.iter().filter(|code| !code.has_text()).collect();
        assert!(without.is_empty(), "no section in catalogue/ for {without:?}");
    }

    #[test]
    fn every_text_belongs_to_a_code() {
        for line in TEXTS.iter().flat_map(|text| text.lines()) {
            if let Some(heading) = line.strip_prefix("## ") {
                assert!(Code::parse(heading).is_some_and(|code| code.to_string() == heading), "{heading}");
            }
        }
    }
}
