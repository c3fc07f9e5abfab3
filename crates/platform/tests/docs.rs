//! `docs/platform.md`, written from the tables.
//!
//! The page is for reading; what it says is held here against the tables, so that it never lags behind them.
//! `SKEP_BLESS=1` writes it anew.

use std::fmt::Write;
use std::path::Path;

use skep_platform::program::ContextShape;
use skep_platform::{AttachType, Helper, MapType, ProgramType, Release, helper};

const HEAD: &str = "\
# Linux's eBPF tables

Written from the tables in `crates/platform`; `SKEP_BLESS=1 cargo test -p skep-platform --test docs` writes it anew.

What Linux has, and the release that brought it; `skep features` prints the same, and with `--running` what the live kernel answers.
Names are the UAPI's without their prefix. Releases before 5.4 are told for the record: the oldest that is modelled is 5.4.
";

fn page() -> String {
    let mut page = HEAD.to_owned();
    programs(&mut page);
    attach_types(&mut page);
    maps(&mut page);
    helpers(&mut page);
    page
}

/// A heading, what there is to say, and the head of a table. Writing to a string cannot fail.
fn section(page: &mut String, title: &str, text: &str, columns: &[&str]) {
    let _ = write!(
        page,
        "\n## {title}\n\n{text}\n\n| {} |\n|{}\n",
        columns.join(" | "),
        "---|".repeat(columns.len())
    );
}

fn list<T>(items: impl IntoIterator<Item = T>, name: impl Fn(T) -> &'static str) -> String {
    let names: Vec<String> = items.into_iter().map(|item| format!("`{}`", name(item))).collect();
    if names.is_empty() { "–".to_owned() } else { names.join(", ") }
}

fn programs(page: &mut String) {
    let text = "*Context* is what the program's argument points to: a struct of the UAPI, whose fields the kernel translates; the \
                arguments of\nwhat it is attached to, typed by BTF; a kernel struct, as BTF says; or plain memory.";
    let columns = ["number", "program type", "since", "context", "attach types"];
    section(page, &format!("{} program types", ProgramType::ALL.len()), text, &columns);
    for &program in ProgramType::ALL {
        let context = match (program.context_shape(), program.context_name()) {
            (ContextShape::BtfArgs, _) => "arguments by BTF".to_owned(),
            (ContextShape::Raw, "") => "plain memory".to_owned(),
            (_, name) => format!("`{name}`"),
        };
        let (number, name, since) = (program.number(), program.name(), program.since());
        let attach = list(program.attach_types(), |attach| attach.name());
        let _ = writeln!(page, "| {number} | `{name}` | {since} | {context} | {attach} |");
    }
}

fn attach_types(page: &mut String) {
    let text = "The program types that name it when they are loaded or linked.";
    let columns = ["number", "attach type", "since", "program types"];
    section(page, &format!("{} attach types", AttachType::ALL.len()), text, &columns);
    for &attach in AttachType::ALL {
        let users = ProgramType::ALL.iter().filter(|program| program.attach_types().contains(&attach));
        let (number, name, since) = (attach.number(), attach.name(), attach.since());
        let _ =
            writeln!(page, "| {number} | `{name}` | {since} | {} |", list(users, |program| program.name()));
    }
}

fn maps(page: &mut String) {
    let text = "*Must be set* are the flags without which creation fails, *may be set* the others. What each type is made of here is \
                in\n[maps.md](maps.md).";
    let columns = ["number", "map type", "since", "must be set", "may be set"];
    section(page, &format!("{} map types", MapType::ALL.len()), text, &columns);
    for &map in MapType::ALL {
        let rules = map.rules();
        let flags = |flags: skep_platform::MapFlags| match flags.to_string().as_str() {
            "none" => "–".to_owned(),
            words => format!("`{}`", words.replace('|', "`, `")),
        };
        let (number, name, since) = (map.number(), map.name(), map.since());
        let (must, may) = (flags(rules.required), flags(rules.allowed.without(rules.required)));
        let _ = writeln!(page, "| {number} | `{name}` | {since} | {must} | {may} |");
    }
}

fn helpers(page: &mut String) {
    let text = "Arguments: `?` may be null, `out` is written by the helper, `release` ends the reference. *Programs* counts the program \
                types that may\ncall it in the newest release; *GPL* marks those kept for programs with a compatible license. What \
                each does in user space is in\n[helpers.md](helpers.md).";
    let columns = ["number", "helper", "since", "arguments", "result", "programs", "GPL", "what it does"];
    section(page, &format!("{} helpers", helper::ALL.len()), text, &columns);
    for helper in helper::ALL {
        let _ = writeln!(page, "{}", row(helper));
    }
}

fn row(helper: &Helper) -> String {
    let args: Vec<String> = helper.args[..helper.arity()].iter().map(|arg| format!("{arg}")).collect();
    let args = if args.is_empty() { "–".to_owned() } else { args.join(", ") };
    let programs = match helper.programs(Release::LATEST).count() {
        all if all == ProgramType::ALL.len() => "all".to_owned(),
        some => some.to_string(),
    };
    let gpl = if helper.gpl_only { "GPL" } else { "" };
    // A pointer's star and a union's bar mean something else in Markdown.
    let text = |text: &str| text.replace('*', "\\*").replace('|', "\\|");
    let (args, ret, doc) = (text(&args), text(&helper.ret.to_string()), text(helper.doc));
    let (id, name, since) = (helper.id, helper.name, helper.since);
    format!("| {id} | `{name}` | {since} | {args} | {ret} | {programs} | {gpl} | {doc} |")
}

#[test]
fn docs_are_in_step() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/platform.md");
    let page = page();
    if std::env::var_os("SKEP_BLESS").is_some() {
        std::fs::write(&file, page).expect("docs/platform.md can be written");
        return;
    }
    let old = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(old == page, "docs/platform.md is not what the tables say: run with SKEP_BLESS=1");
}
