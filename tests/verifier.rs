//! The verifier against the live kernel, on objects: everything that ships, what the tests of other crates compile, and
//! whatever `SKEP_OBJECTS` names (a folder of objects, such as those that a distribution's tools carry).
//!
//! Every program goes to both with the same instructions, maps and contents. Their verdicts must agree; what the
//! verifier does not model and what the kernel does not look at is counted and shown.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use skep::verify::{Cases, Setting};
use skep_btf::Btf;
use skep_linux::live_bpf;
use skep_object::Object;
use skep_tests::cli::root;
use skep_tests::live::{Answer, Live};
use skep_verifier::{Report, Verdict};

/// How both judged one program.
struct Row {
    program: String,
    ours: Verdict,
    theirs: Answer,
}

impl Row {
    fn agrees(&self) -> Option<bool> {
        match (&self.ours, &self.theirs) {
            (Verdict::Unsupported(_), _) | (_, Answer::Silent(_)) => None,
            (ours, theirs) => Some(ours.is_verified() == matches!(theirs, Answer::Accepted)),
        }
    }

    fn show(&self) -> String {
        let theirs = match &self.theirs {
            Answer::Accepted => "accept".to_owned(),
            Answer::Rejected(why) => format!("reject: {why}"),
            Answer::Silent(why) => format!("no answer: {why}"),
        };
        format!("{:44} {:11} {theirs}", self.program, self.ours.word())
    }
}

/// Objects by name, and sources that are compiled first when there is a compiler.
fn objects() -> Vec<(String, Vec<u8>)> {
    let mut folders = vec![root().join("examples"), root().join("bpf")];
    folders.extend(std::env::var_os("SKEP_OBJECTS").map(PathBuf::from));
    let mut found: Vec<(String, Vec<u8>)> = Vec::new();
    for path in folders.iter().flat_map(|folder| files(folder, ".o")) {
        found.push((name(&path), std::fs::read(&path).expect("it was listed")));
    }
    let sources = files(&root().join("crates/object/tests/c"), ".c");
    match Command::new("clang-19").arg("--version").output() {
        Ok(_) => found.extend(sources.iter().filter_map(|source| Some((name(source), compile(source)?)))),
        Err(_) => eprintln!("SKIPPED {} sources: clang-19 is not installed", sources.len()),
    }
    found
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = folder.read_dir().into_iter().flatten();
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.retain(|path| path.to_string_lossy().ends_with(ending));
    paths.sort();
    paths
}

/// The object that clang makes of a source; none for sources that are for other compilers or machines.
fn compile(source: &Path) -> Option<Vec<u8>> {
    let output =
        std::env::temp_dir().join(format!("skep-verifier-{}-{}.o", name(source), std::process::id()));
    let clang = Command::new("clang-19")
        .args(["-target", "bpfel", "-mcpu=v3", "-g", "-O2", "-c"])
        .arg(source)
        .arg("-o")
        .arg(&output)
        .output()
        .expect("it was there a moment ago");
    let bytes = clang.status.success().then(|| std::fs::read(&output).ok()).flatten();
    let _ = std::fs::remove_file(&output);
    if bytes.is_none() {
        eprintln!("SKIPPED {}: clang-19 does not compile it", name(source));
    }
    bytes
}

/// Every program of an object, judged by both.
fn judge(name: &str, bytes: &[u8], setting: &Setting, rows: &mut Vec<Row>) {
    let object = match Object::parse(name, bytes) {
        Ok(object) => object,
        Err(why) => {
            eprintln!("SKIPPED {name}: {why}");
            return;
        }
    };
    let cases = Cases::new(&object, setting).expect("no variables are set");
    for program in &object.programs {
        let case = cases.case(program);
        let (Report { verdict: ours, .. }, _) = case.verify();
        let theirs = match &case.unfit {
            Some(why) => Answer::Silent(why.clone()),
            None => match Live::new(&object, &case) {
                Ok(live) => live.load(&object, program, &case),
                Err(why) => Answer::Silent(why),
            },
        };
        rows.push(Row { program: format!("{name}:{}", program.name), ours, theirs });
    }
}

#[test]
fn verdicts_on_objects_are_the_live_kernels() {
    if let Err(why) = live_bpf() {
        eprintln!("SKIPPED verdicts_on_objects_are_the_live_kernels: {why}");
        return;
    }
    let setting = Setting { kernel: Btf::running().ok().map(Arc::new), ..Setting::default() };
    let mut rows = Vec::new();
    for (name, bytes) in objects() {
        judge(&name, &bytes, &setting, &mut rows);
    }
    assert!(!rows.is_empty(), "no object has a program");
    let (mut same, mut wrong, mut open) = (0, Vec::new(), 0);
    eprintln!("{:44} {:11} kernel", "program", "skep");
    for row in &rows {
        match row.agrees() {
            Some(true) => same += 1,
            Some(false) => wrong.push(format!("{}\n    {}", row.show(), row.ours)),
            None => open += 1,
        }
        eprintln!("{}", row.show());
    }
    let unsupported = rows.iter().filter(|row| matches!(row.ours, Verdict::Unsupported(_))).count();
    eprintln!(
        "{} programs: {same} agree, {} disagree, {open} cannot be compared ({unsupported} unsupported here)",
        rows.len(),
        wrong.len()
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
