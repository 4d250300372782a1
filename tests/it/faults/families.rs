//! Each fault of a proxy that a scenario can name, on what it is made for: HTTP, TCP, TLS, UDP and DNS.

use std::process::Command;

use crate::support::{Ran, Sandbox, root};

#[test]
fn each_fault_of_a_proxy_touches_what_it_is_made_for_and_is_removed() {
    let sandbox = Sandbox::new();
    let ran = Command::new("python3")
        .arg(root().join("tests/it/faults/families.py"))
        .args([env!("CARGO_BIN_EXE_gameday").as_ref(), sandbox.path()])
        .env("XDG_STATE_HOME", sandbox.path().join("state"))
        .env("NO_COLOR", "1")
        .output();
    let ran = Ran::from(ran.expect("python3 is installed"));
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    assert_eq!(ran.stdout.lines().count(), 17, "{}", ran.stdout);
    for line in ran.stdout.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let [fault, touched, ended] = words[..] else {
            panic!("{line}");
        };
        assert_ne!(touched, "0", "{fault} has touched nothing:\n{}", ran.stdout);
        assert_eq!(ended, "removed", "{fault}:\n{}", ran.stdout);
    }
}
