//! `gameday schema`: what it says of files is what their readers say.

use std::process::Command;

use crate::clients::installed;
use crate::support::{Ran, Sandbox, root};

/// `tests/clients/schema.py` makes a thousand files of those in `tests/it/schema`, each with one thing that nobody knows,
/// and compares what the readers say they know with what the schemas do. A key that is new needs a line in
/// `crates/gameday/src/schema`, a table that is new an example as well.
#[test]
fn schemas_know_the_keys_and_words_that_the_readers_know() {
    let sandbox = Sandbox::new();
    sandbox.write("probes/checkout.toml", include_str!("../../probes/checkout.toml"));
    let folder = sandbox.path().join("cases");
    std::fs::create_dir(&folder).unwrap();
    let made = Command::new("openssl")
        .args("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=x".split(' '))
        .args(["-keyout", "key.pem", "-out", "cert.pem"])
        .current_dir(&folder)
        .output()
        .expect("openssl is installed");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let ran = Command::new(installed("python/bin/python"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .arg(root().join("tests/clients/schema.py"))
        .arg(env!("CARGO_BIN_EXE_gameday"))
        .args([root().join("tests/it/schema"), folder])
        .output();
    let ran = Ran::from(ran.unwrap());
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
}
