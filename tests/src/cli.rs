//! The `skep` program, as a person runs it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// The repository's folder.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The program, built with the profile of the tests. Cargo builds a binary for the tests of its own package only, so it is
/// asked for here; it has nothing to do when all is built.
pub fn skep() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let built = Command::new(cargo)
            .args(["build", "--quiet", "--workspace", "--bin", "skep"])
            .current_dir(root())
            .status();
        assert!(built.is_ok_and(|status| status.success()), "skep does not build");
        // Test programs stand in `target/PROFILE/deps`.
        let me = std::env::current_exe().expect("a test knows where it is");
        me.ancestors().nth(2).expect("it is in deps").join("skep")
    })
}

/// Runs it in the repository's folder.
pub fn run(args: &[&str]) -> Output {
    Command::new(skep()).args(args).current_dir(root()).output().expect("skep starts")
}

/// What a stream holds, as text.
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A file that is deleted when the test is done with it.
pub struct Scratch(pub PathBuf);

impl Scratch {
    /// Writes `bytes` to a file of that name in a folder of this process.
    pub fn new(name: &str, bytes: &[u8]) -> Self {
        let folder = std::env::temp_dir().join(format!("skep-tests-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("the folder for temporary files can be written");
        let path = folder.join(name);
        std::fs::write(&path, bytes).expect("a file can be written there");
        Self(path)
    }

    /// The path as an argument.
    pub fn arg(&self) -> &str {
        self.0.to_str().expect("its name is ASCII")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
