//! The README's two regions, by its own commands, in network namespaces; one is cut off, then healed.

use std::process::{Command, Stdio};

use crate::support::{Ran, root};

#[test]
fn two_regions_are_set_up_as_the_readme_says_and_one_that_is_cut_off_knows_it() {
    let mut command = Command::new("unshare");
    command
        .args([
            "--user",
            "--map-root-user",
            "--net",
            "--mount",
            "--pid",
            "--fork",
            "--kill-child",
            "--mount-proc",
        ])
        .args(["python3", "tests/it/regions/two.py"])
        .current_dir(root())
        .env("GAMEDAY", env!("CARGO_BIN_EXE_gameday"))
        .env(
            "PATH",
            format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap()),
        )
        .stdin(Stdio::null());
    let ran = Ran::from(command.output().unwrap());
    println!("{}", ran.stdout);
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.ends_with("as the README says\n"), "{}", ran.stdout);
}
