//! What a binary says of its build: the version, and the commit if there is one.

use std::path::{Path, PathBuf};
use std::process::Command;

use regex::Regex;

use crate::panels::run;
use crate::support::Sandbox;

#[test]
fn the_binary_tells_its_version_and_its_commit() {
    let sandbox = Sandbox::new();
    let said = sandbox.run(["--version"]).stdout;
    assert_eq!(said.trim(), format!("gameday {}", env!("GAMEDAY_BUILD")));
    let form = Regex::new(r"^gameday \d+\.\d+\.\d+(\+[0-9a-f]{12,}(-dirty\.[0-9a-f]{8})?)?\n$").unwrap();
    assert!(form.is_match(&said), "{said}");
}

/// The build script, run by itself in a folder.
struct Script(PathBuf);

impl Script {
    fn new(sandbox: &Sandbox) -> Self {
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/build.rs");
        run(
            sandbox.path(),
            "rustc",
            &["--edition", "2024", "-o", "script", source],
        );
        Self(sandbox.path().join("script"))
    }

    /// The build that it tells, and what makes it run again.
    fn run(&self, root: &Path, commit: &str) -> (String, Vec<String>) {
        let ran = Command::new(&self.0)
            .current_dir(root.join("crates/gameday"))
            .env("CARGO_PKG_VERSION", "1.2.3")
            .env("GAMEDAY_COMMIT", commit)
            .output()
            .unwrap();
        assert!(ran.status.success());
        let said = String::from_utf8(ran.stdout).unwrap();
        let lines = |begin: &'static str| said.lines().filter_map(move |line| line.strip_prefix(begin));
        let build = lines("cargo::rustc-env=GAMEDAY_BUILD=")
            .next()
            .unwrap()
            .to_owned();
        (
            build,
            lines("cargo::rerun-if-changed=").map(str::to_owned).collect(),
        )
    }
}

#[test]
fn a_build_is_of_the_commit_that_is_checked_out_and_of_no_other() {
    let sandbox = Sandbox::new();
    let script = Script::new(&sandbox);
    let root = sandbox.path().join("repository");
    let file = "repository/crates/gameday/src/main.rs";
    sandbox.write(file, "one");
    sandbox.write("repository/crates/gameday/build.rs", "fn main() {}");
    let git = |folder: &Path, args: &[&str]| {
        let own = ["-c", "user.name=a", "-c", "user.email=a@b.test"];
        run(folder, "git", &[&own[..], args].concat()).trim().to_owned()
    };
    assert_eq!(script.run(&root, "").0, "1.2.3", "no git");
    assert_eq!(
        script.run(&root, "0123abc").0,
        "1.2.3+0123abc",
        "an archive, and who builds it"
    );

    // Unpacked into a repository of somebody else's.
    git(sandbox.path(), &["init", "-q", "."]);
    git(sandbox.path(), &["commit", "-q", "--allow-empty", "-m", "theirs"]);
    assert_eq!(script.run(&root, "").0, "1.2.3");

    git(&root, &["init", "-q", "."]);
    git(&root, &["add", "."]);
    git(&root, &["commit", "-q", "-m", "ours"]);
    let commit = git(&root, &["rev-parse", "--short=12", "HEAD"]);
    let (build, watched) = script.run(&root, "");
    assert_eq!(build, format!("1.2.3+{commit}"));
    // Cargo would run it each time for a file that is not there.
    for path in &watched {
        assert!(root.join("crates/gameday").join(path).exists(), "{path}");
    }
    assert!(
        watched.iter().any(|path| path.ends_with("logs/HEAD")),
        "{watched:?}"
    );
    assert_eq!(
        script.run(&root, "").0,
        build,
        "the same source is the same build"
    );
    sandbox.write("repository/notes", "nothing that is built");
    assert_eq!(script.run(&root, "").0, build);
    sandbox.write(file, "two");
    let dirty = script.run(&root, "").0;
    let form = Regex::new(r"^-dirty\.[0-9a-f]{8}$").unwrap();
    assert!(form.is_match(dirty.strip_prefix(&build).unwrap()), "{dirty}");
    assert_eq!(
        script.run(&root, "").0,
        dirty,
        "the same change is the same build"
    );
    let other = |path: &str, text: &str| {
        sandbox.write(path, text);
        script.run(&root, "").0
    };
    let three = other(file, "three");
    assert_ne!(three, dirty, "another change is another build");
    // A new file that a changed one names.
    let new = "repository/crates/gameday/src/new.rs";
    let first = other(new, "first");
    assert!(first != three && other(new, "second") != first);
    std::fs::remove_file(sandbox.path().join(new)).unwrap();
    assert_eq!(other(file, "two"), dirty);
    std::fs::remove_file(sandbox.path().join(file)).unwrap();
    let gone = script.run(&root, "").0;
    assert!(gone.contains("-dirty.") && gone != dirty, "{gone}");

    // A worktree has its own HEAD.
    git(&root, &["worktree", "add", "-q", "--detach", "../tree"]);
    assert_eq!(script.run(&sandbox.path().join("tree"), "").0, build);
}
