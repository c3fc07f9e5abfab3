//! The parts of a log.

/// Words that begin lines in which the kernel speaks of its own work.
const NOISE: [&str; 21] = [
    "func#",
    "Live regs before",
    "mark_precise",
    "regs=",
    "last_idx",
    "parent ",
    "propagating",
    "caller:",
    "callee:",
    "returning from callee",
    "to caller at",
    "Validating ",
    "Func#",
    "stack depth",
    "verification time",
    "(0) ",
    "libbpf:",
    "-- BEGIN",
    "-- END",
    "Global function",
    "reg type unsupported for",
];

/// A log.
#[derive(Debug, Default)]
pub(super) struct Log {
    /// The path that the last words are about.
    pub(super) path: Vec<Step>,
    /// What is neither instruction nor state since the last instruction.
    words: Vec<String>,
    /// Whether the closing statistics were there.
    counted: bool,
}

/// An instruction that was processed.
#[derive(Clone, Debug)]
pub(super) struct Step {
    /// Its slot.
    pub(super) at: usize,
    /// The instruction as the kernel prints it.
    pub(super) text: String,
    /// The number of its line in the log, from 1.
    pub(super) line: usize,
    /// What the log says of registers behind it.
    pub(super) state: String,
    pub(super) source: Option<Source>,
}

/// A line of source in a log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Source {
    pub(super) text: String,
    pub(super) file: String,
    /// 0 in logs before 6.8, which have only the text.
    pub(super) line: usize,
}

impl Log {
    pub(super) fn parse(text: &str) -> Log {
        let mut log = Log::default();
        let mut source = None;
        for (index, raw) in text.lines().enumerate() {
            // Loaders put their own words before every line.
            let line = raw.trim_start_matches("libbpf: ").trim_end();
            log.line(line, index + 1, &mut source);
        }
        log
    }

    fn line(&mut self, line: &str, number: usize, source: &mut Option<Source>) {
        if let Some((at, rest)) = step(line) {
            let (text, state) = rest.split_once(" ; ").unwrap_or((rest, ""));
            let text = text.trim().split_once(") ").map_or(text, |(_, text)| text).trim().to_owned();
            self.words.clear();
            self.counted = false;
            self.path.push(Step {
                at,
                text,
                line: number,
                state: state.trim().to_owned(),
                source: source.clone(),
            });
        } else if let Some(text) = line.strip_prefix("; ") {
            *source = Some(read_source(text));
        } else if let Some((from, _)) = branch(line) {
            let cut = self.path.iter().rposition(|step| step.at == from).map_or(self.path.len(), |at| at + 1);
            self.path.truncate(cut);
            self.words.clear();
        } else if is_state(line) {
            if let Some(last) = self.path.last_mut().filter(|last| last.state.is_empty()) {
                last.state = line.trim().to_owned();
            }
        } else if line.starts_with("processed ") {
            self.counted = true;
        } else if !self.counted
            && !line.trim().is_empty()
            && !NOISE.iter().any(|noise| line.trim_start().starts_with(noise))
        {
            self.words.push(line.trim().to_owned());
        }
    }

    /// Whether it is a log at all.
    pub(super) fn is_log(&self) -> bool {
        !self.path.is_empty() || self.counted
    }

    /// What the kernel found wrong; nothing where it accepted the program.
    pub(super) fn message(&self) -> Option<String> {
        let words: Vec<&str> = self.words.iter().map(String::as_str).filter(|word| *word != "safe").collect();
        // The first lines say it, what comes after is about the loader.
        (!words.is_empty()).then(|| words[..words.len().min(3)].join("; "))
    }

    /// The instruction that was processed last.
    pub(super) fn last(&self) -> &str {
        self.path.last().map_or("", |step| step.text.as_str())
    }

    /// The slot that a message is about.
    pub(super) fn at(&self, message: &str) -> usize {
        let named = message.split_once("insn ").and_then(|(_, rest)| leading(rest));
        let last = self.path.last().map(|step| step.at);
        last.or(named).unwrap_or(0)
    }
}

fn leading(text: &str) -> Option<usize> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text[..end].parse().ok()
}

/// `12: (bf) r6 = r1 …`
fn step(line: &str) -> Option<(usize, &str)> {
    let (at, rest) = line.split_once(": (")?;
    let at = at.parse().ok()?;
    let code = rest.split_once(')')?.0;
    (code.len() == 2 && u8::from_str_radix(code, 16).is_ok()).then_some((at, rest))
}

/// `from 5 to 28: …`
fn branch(line: &str) -> Option<(usize, usize)> {
    let rest = line.strip_prefix("from ")?;
    let (from, rest) = rest.split_once(" to ")?;
    Some((from.parse().ok()?, leading(rest)?))
}

/// `28: R0=2 …`, ` R0_w=inv5 …`
fn is_state(line: &str) -> bool {
    let rest =
        line.split_once(": ").filter(|(at, _)| at.parse::<usize>().is_ok()).map_or(line, |(_, rest)| rest);
    let rest = rest.trim_start();
    let rest =
        rest.strip_prefix("frame").map_or(rest, |rest| rest.split_once(": ").map_or(rest, |(_, rest)| rest));
    let mut chars = rest.chars();
    chars.next() == Some('R')
        && rest.split_once('=').is_some_and(|(name, _)| !name.contains(' ') && name.len() <= 6)
        || rest == "safe"
}

fn read_source(text: &str) -> Source {
    let placed = text.rsplit_once(" @ ").and_then(|(text, place)| {
        let (file, line) = place.rsplit_once(':')?;
        Some(Source { text: text.to_owned(), file: file.to_owned(), line: line.trim().parse().ok()? })
    });
    placed.unwrap_or_else(|| Source { text: text.to_owned(), ..Source::default() })
}
