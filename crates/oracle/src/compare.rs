//! Our verdicts beside the kernel's: how often they agree, and the classes of those that do not.
//!
//! A class is our rule or reason together with the kernel's last message, both without their numbers; classes are shown by
//! size, the dangerous ones (we accept, the kernel refuses) first.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use crate::line::Answer;

/// Names shown for a class unless told otherwise.
const NAMES: usize = 6;

/// Most bytes of a message that tell classes apart.
const MESSAGE: usize = 110;

/// Compares the verdicts of `skep verify --raw` with the kernel's.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Verdicts of `skep verify --raw`
    ours: PathBuf,

    /// Verdicts of `load`, on the same programs
    theirs: Vec<PathBuf>,

    /// Names shown for each class; 0 for all
    #[arg(long, default_value_t = NAMES)]
    names: usize,

    /// Only the figures
    #[arg(long)]
    brief: bool,
}

/// What a pair of verdicts means, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    /// We accept what the kernel refuses.
    Dangerous,
    /// We refuse what the kernel accepts.
    Refused,
    Unsupported,
    /// No verdict of ours at all.
    Missing,
    Agree,
    /// The kernel gave no verdict.
    Silent,
}

impl Outcome {
    const TITLES: [(Self, &str); 4] = [
        (Self::Dangerous, "ACCEPTED HERE, REFUSED BY THE KERNEL"),
        (Self::Refused, "REFUSED HERE, ACCEPTED BY THE KERNEL"),
        (Self::Unsupported, "UNSUPPORTED HERE"),
        (Self::Missing, "NO VERDICT HERE"),
    ];

    fn of(ours: Option<&Answer>, theirs: &Answer) -> Self {
        let accepted = match theirs.verdict.as_str() {
            "accept" => true,
            "reject" => false,
            _ => return Self::Silent,
        };
        match ours.map(|ours| ours.verdict.as_str()) {
            None => Self::Missing,
            Some("accept") if accepted => Self::Agree,
            Some("reject") if !accepted => Self::Agree,
            Some("accept") => Self::Dangerous,
            Some("reject") => Self::Refused,
            Some(_) => Self::Unsupported,
        }
    }
}

impl Args {
    pub(crate) fn run(&self) -> Result<(), String> {
        let ours: HashMap<String, Answer> =
            answers(&self.ours)?.into_iter().map(|answer| (answer.name.clone(), answer)).collect();
        let mut theirs = Vec::new();
        for path in &self.theirs {
            theirs.extend(answers(path)?);
        }
        print!("{}", report(&ours, &theirs, self));
        Ok(())
    }
}

fn answers(path: &Path) -> Result<Vec<Answer>, String> {
    let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let line = |(index, line): (usize, &str)| {
        serde_json::from_str(line).map_err(|error| format!("{}: line {}: {error}", path.display(), index + 1))
    };
    text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()).map(line).collect()
}

fn report(ours: &HashMap<String, Answer>, theirs: &[Answer], args: &Args) -> String {
    let mut counts: BTreeMap<Outcome, usize> = BTreeMap::new();
    let mut classes: BTreeMap<(Outcome, String), Vec<&str>> = BTreeMap::new();
    for answer in theirs {
        let own = ours.get(&answer.name);
        let outcome = Outcome::of(own, answer);
        *counts.entry(outcome).or_default() += 1;
        if !matches!(outcome, Outcome::Agree | Outcome::Silent) {
            classes.entry((outcome, class(own, answer))).or_default().push(&answer.name);
        }
    }
    let mut text = figures(&counts, theirs, ours);
    if args.brief {
        return text;
    }
    for (outcome, title) in Outcome::TITLES {
        let mut group: Vec<_> = classes.iter().filter(|((of, _), _)| *of == outcome).collect();
        group.sort_by_key(|(_, names)| std::cmp::Reverse(names.len()));
        if !group.is_empty() {
            let _ = writeln!(text, "\n== {title}");
        }
        for ((_, class), names) in group {
            let shown = if args.names == 0 { names.len() } else { args.names };
            let more = names.len().saturating_sub(shown);
            let list: Vec<&str> = names.iter().take(shown).copied().collect();
            let more = if more > 0 { format!(" … and {more} more") } else { String::new() };
            let _ = writeln!(text, "{:5}  {class}\n         {}{more}", names.len(), list.join(" "));
        }
    }
    text
}

fn figures(counts: &BTreeMap<Outcome, usize>, theirs: &[Answer], ours: &HashMap<String, Answer>) -> String {
    let count = |outcome| counts.get(&outcome).copied().unwrap_or(0);
    let judged = theirs.len() - count(Outcome::Silent);
    let share = |part: usize| 100.0 * part as f64 / judged.max(1) as f64;
    let mut text = format!("{} programs, {judged} judged by the kernel\n", theirs.len());
    for (outcome, what) in [
        (Outcome::Agree, "agree"),
        (Outcome::Dangerous, "accepted here, refused by the kernel"),
        (Outcome::Refused, "refused here, accepted by the kernel"),
        (Outcome::Unsupported, "unsupported here"),
        (Outcome::Missing, "without a verdict here"),
    ] {
        let _ = writeln!(text, "{:6} {:6.2} %  {what}", count(outcome), share(count(outcome)));
    }
    let (mut own, mut kernel, mut more) = ((0, 0), (0, 0), 0);
    for answer in theirs.iter().filter(|answer| answer.verdict == "accept") {
        let Some(found) = ours.get(&answer.name).filter(|found| found.verdict == "accept") else { continue };
        own = (own.0 + found.processed, own.1 + found.time_us);
        kernel = (kernel.0 + answer.processed, kernel.1 + answer.time_us);
        more += usize::from(found.processed > answer.processed);
    }
    let _ = writeln!(
        text,
        "accepted by both: {} instructions processed here, {} there ({more} programs take more here); {} µs here, {} µs there",
        own.0, kernel.0, own.1, kernel.1
    );
    text
}

fn class(ours: Option<&Answer>, theirs: &Answer) -> String {
    let own = ours.map(|ours| {
        let message = general(ours.message.as_deref().unwrap_or(""));
        match &ours.code {
            Some(code) => format!("{code} {message}"),
            None => message,
        }
    });
    let kernel = match theirs.verdict.as_str() {
        "accept" => "accepts".to_owned(),
        _ => general(theirs.message.as_deref().unwrap_or("").lines().last().unwrap_or("")),
    };
    let own = own.filter(|own| !own.is_empty());
    own.map_or_else(|| format!("kernel: {kernel}"), |own| format!("{own}  |  kernel: {kernel}"))
}

/// A message with its numbers taken out, so that those of one sort are alike.
fn general(message: &str) -> String {
    let mut text = String::new();
    let mut digits = false;
    for c in message.chars() {
        let digit = c.is_ascii_digit();
        // A letter and a digit is a register's name; what follows a digit of a number belongs to it.
        if digit && !digits && text.ends_with(|c: char| c.is_alphabetic() || c == '_') {
            text.push(c);
        } else if digit {
            if !digits {
                text.push('N');
            }
            digits = true;
            continue;
        } else {
            text.push(if c == '\n' { ' ' } else { c });
        }
        digits = false;
    }
    text.chars().take(MESSAGE).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_one_sort_are_alike() {
        assert_eq!(general("R2 min value is -17, off=12"), general("R2 min value is -4, off=9"));
        assert_ne!(general("R2 is bad"), general("R3 is bad"));
    }

    #[test]
    fn what_is_accepted_here_alone_is_dangerous() {
        let answer = |verdict: &str| Answer { verdict: verdict.to_owned(), ..Answer::default() };
        let of = |ours: &str, theirs: &str| Outcome::of(Some(&answer(ours)), &answer(theirs));
        assert_eq!(of("accept", "reject"), Outcome::Dangerous);
        assert_eq!(of("reject", "accept"), Outcome::Refused);
        assert_eq!(of("unsupported", "reject"), Outcome::Unsupported);
        assert_eq!(of("accept", "setup-failed"), Outcome::Silent);
        assert_eq!(Outcome::of(None, &answer("accept")), Outcome::Missing);
    }
}
