//! Tells the binary its build: the version, and the commit that it is of.
//!
//! Only this crate is built anew for a commit: the others are told what they need to know of it.

use std::env;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// What the binary is made of; another change is none of it.
const SOURCES: [&str; 3] = ["crates", "Cargo.toml", "Cargo.lock"];

fn main() {
    let version = env::var("CARGO_PKG_VERSION").unwrap_or_default();
    let root = Path::new("../..");
    // For those who build from an archive.
    println!("cargo::rerun-if-env-changed=GAMEDAY_COMMIT");
    println!("cargo::rerun-if-changed=build.rs");
    let given = env::var("GAMEDAY_COMMIT")
        .ok()
        .filter(|commit| !commit.is_empty());
    let build = match given.or_else(|| commit(root)) {
        Some(commit) => format!("{version}+{commit}"),
        None => version,
    };
    println!("cargo::rustc-env=GAMEDAY_BUILD={build}");
}

/// The commit that is checked out at this folder, with `-dirty.` and a sum of the changes if what is there is
/// another; none without git.
fn commit(root: &Path) -> Option<String> {
    // Sources that were unpacked into somebody else's repository are not of its commits.
    let top = git(root, &["rev-parse", "--show-toplevel"])?;
    if Path::new(&top).canonicalize().ok()? != root.canonicalize().ok()? {
        return None;
    }
    let commit = git(root, &["rev-parse", "--short=12", "HEAD"])?;
    let branch = git(root, &["symbolic-ref", "-q", "HEAD"]);
    // The log of HEAD has a line for each commit; where none is kept, what HEAD leads to changes.
    let named = ["logs/HEAD", "HEAD", "packed-refs"]
        .into_iter()
        .chain(branch.as_deref());
    for name in named {
        if let Some(path) = git(root, &["rev-parse", "--git-path", name]) {
            watch(&root.join(path));
        }
    }
    // This crate is built anew for any change of these anyway.
    watch(&root.join("Cargo.lock"));
    watch(&root.join("Cargo.toml"));
    for folder in root.join("crates").read_dir().into_iter().flatten().flatten() {
        watch(&folder.path().join("src"));
        watch(&folder.path().join("Cargo.toml"));
    }
    let mark = match changes(root)? {
        changes if changes.is_empty() => String::new(),
        changes => format!("-dirty.{}", hash(root, &["--stdin"], &changes)?.get(..8)?),
    };
    Some(format!("{commit}{mark}"))
}

/// Each source that is not as it is in the commit, with a sum of its content; the same wherever it is built.
fn changes(root: &Path) -> Option<String> {
    let listed = git(
        root,
        &[&["diff", "--name-only", "HEAD", "--"], &SOURCES[..]].concat(),
    )?;
    let new = ["ls-files", "--others", "--exclude-standard", "--"];
    let new = git(root, &[&new[..], &SOURCES].concat())?;
    // A file that nobody knows of yet is part of a build only if one that is known names it.
    let names = listed.lines().chain(new.lines().filter(|_| !listed.is_empty()));
    let mut lines = String::new();
    for name in names {
        let sum = hash(root, &["--no-filters", "--", name], "").unwrap_or_else(|| "gone".to_owned());
        lines.push_str(&format!("{name} {sum}\n"));
    }
    Some(lines)
}

/// Cargo takes what is not there for changed each time.
fn watch(path: &Path) {
    if path.exists() {
        println!("cargo::rerun-if-changed={}", path.display());
    }
}

/// A sum of git's.
fn hash(root: &Path, args: &[&str], content: &str) -> Option<String> {
    told(root, &[&["hash-object"], args].concat(), content)
}

fn git(root: &Path, args: &[&str]) -> Option<String> {
    told(root, args, "")
}

fn told(root: &Path, args: &[&str], input: &str) -> Option<String> {
    // It refreshes no index while others may write it.
    let mut ran = Command::new("git")
        .env("GIT_OPTIONAL_LOCKS", "0")
        .current_dir(root)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    // Few bytes: they fit the pipe, and one who does not read them need not.
    ran.stdin.take()?.write_all(input.as_bytes()).ok();
    let ran = ran.wait_with_output().ok()?;
    let said = String::from_utf8(ran.stdout).ok()?;
    ran.status.success().then(|| said.trim().to_owned())
}
