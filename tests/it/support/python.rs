//! Servers that are written in Python: they print their ports and end when their input closes.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::{Killed, root};

/// Starts a script of `tests/it` with a folder; its ports by name.
///
/// What it says on stderr goes to `complaints`.
pub(crate) fn servers(script: &str, dir: &Path, complaints: Stdio) -> (Killed, Value) {
    let libraries = [
        root().join("target/clients/servers"),
        root().join("tests/it/support"),
    ];
    let child = Command::new("python3")
        .env("PYTHONPATH", std::env::join_paths(libraries).unwrap())
        // Beside the scripts nothing is to be left.
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .arg(root().join("tests/it").join(script))
        .arg(dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(complaints)
        .spawn()
        .expect("tests/install.sh makes target/clients");
    let mut child = Killed(child);
    let mut line = String::new();
    BufReader::new(child.0.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let ports = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{script} said {line:?}"));
    (child, ports)
}
