//! Tells the binary its build: the version, and the commit that it is of.
//!
//! Only this crate is built anew for a commit: the others are told what they need to know of it.

use std::env;
use std::path::Path;
use std::process::Command;

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

/// The commit that is checked out at this folder, with `-dirty` if what is there is another; none without git.
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
    for folder in root.join("crates").read_dir().into_iter().flatten().flatten() {
        watch(&folder.path().join("src"));
        watch(&folder.path().join("Cargo.toml"));
    }
    let status = ["status", "--porcelain", "--untracked-files=no", "--"];
    let changed = git(root, &[&status[..], &SOURCES].concat())?;
    let mark = if changed.is_empty() { "" } else { "-dirty" };
    Some(format!("{commit}{mark}"))
}

/// Cargo takes what is not there for changed each time.
fn watch(path: &Path) {
    if path.exists() {
        println!("cargo::rerun-if-changed={}", path.display());
    }
}

fn git(root: &Path, args: &[&str]) -> Option<String> {
    // It refreshes no index while others may write it.
    let ran = Command::new("git")
        .env("GIT_OPTIONAL_LOCKS", "0")
        .current_dir(root)
        .args(args)
        .output()
        .ok()?;
    let said = String::from_utf8(ran.stdout).ok()?;
    ran.status.success().then(|| said.trim().to_owned())
}
