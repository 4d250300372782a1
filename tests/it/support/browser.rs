//! Pages in a real browser.

use std::fs::{File, read_to_string};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::{Killed, Sandbox, root, wait_for};
use crate::clients::installed;

/// No browser takes longer than this, on however slow a machine.
const LIMIT: Duration = Duration::from_secs(240);

/// Lets a script of `tests/clients` look at what stands in a folder of the sandbox, in Chromium.
#[track_caller]
pub(crate) fn look(sandbox: &Sandbox, script: &str, folder: &str) {
    let log = sandbox.path().join("said");
    let said = File::create(&log).unwrap();
    let child = Command::new("node")
        .arg(root().join("tests/clients").join(script))
        .arg(installed("node/node_modules/playwright-core"))
        .arg(sandbox.path().join(folder))
        .env("HOME", sandbox.path())
        .stdin(Stdio::null())
        .stdout(said.try_clone().unwrap())
        .stderr(said)
        .spawn();
    let mut child = Killed(child.expect("node is installed"));
    let status = wait_for("the browser", LIMIT, || child.0.try_wait().unwrap());
    assert!(status.success(), "{}", read_to_string(&log).unwrap());
}
