//! STARTTLS as PostgreSQL begins it, before Debian's server.

use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::{Cases, certificates};
use crate::support::ports::free_port;
use crate::support::{Killed, Sandbox, wait_for};

/// The newest of Debian's.
fn programs() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").expect("tests/install.sh installs PostgreSQL");
    let mut versions: Vec<PathBuf> = versions
        .map(|version| version.unwrap().path().join("bin"))
        .collect();
    versions.sort();
    versions.pop().unwrap()
}

/// A program of PostgreSQL's, which refuses to be run by root.
fn program(name: &str, dir: &Path) -> Command {
    let path = programs().join(name);
    let mut command = match nix::unistd::Uid::current().is_root() {
        false => Command::new(path),
        true => {
            let mut command = Command::new("setpriv");
            command
                .args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--"])
                .arg(path);
            command
        }
    };
    command
        .current_dir(dir)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

/// A cluster with a certificate, in a folder that its user may enter.
fn cluster(dir: &Path) {
    let data = dir.join("data");
    std::fs::create_dir(&data).unwrap();
    std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o755)).unwrap();
    let is_root = nix::unistd::Uid::current().is_root();
    let own = |path: &Path| {
        if is_root {
            let user = nix::unistd::User::from_name("postgres").unwrap().unwrap();
            chown(path, Some(user.uid.as_raw()), Some(user.gid.as_raw())).unwrap();
        }
    };
    own(&data);
    let made = program("initdb", dir)
        .args([
            "-D",
            "data",
            "-U",
            "postgres",
            "--auth=trust",
            "--locale=C",
            "--no-sync",
        ])
        .status();
    assert!(made.unwrap().success(), "initdb");
    for (from, to, mode) in [
        ("good.pem", "server.crt", 0o644),
        ("good.key", "server.key", 0o600),
    ] {
        let to = data.join(to);
        std::fs::copy(dir.join(from), &to).unwrap();
        std::fs::set_permissions(&to, std::fs::Permissions::from_mode(mode)).unwrap();
        own(&to);
    }
}

fn server(dir: &Path, ssl: &str) -> (Killed, u16) {
    let port = free_port();
    let mut command = program("postgres", dir);
    command.args([
        "-D",
        "data",
        "-c",
        "listen_addresses=127.0.0.1",
        "-c",
        "unix_socket_directories=",
        "-c",
        "fsync=off",
    ]);
    command.args(["-c", &format!("ssl={ssl}"), "-c", &format!("port={port}")]);
    let killed = Killed(command.spawn().unwrap());
    wait_for("PostgreSQL", Duration::from_secs(30), || {
        std::net::TcpStream::connect(("127.0.0.1", port)).ok()
    });
    (killed, port)
}

#[test]
fn a_real_postgresql_begins_tls_and_lets_its_user_in() {
    let sandbox = Sandbox::new();
    let dir = sandbox.path();
    certificates(dir);
    cluster(dir);
    let (with, port) = server(dir, "on");
    let ca = dir.join("ca.pem");
    let file = |port: u16, more: &str| {
        format!("timeout = \"20s\"\n[tcp]\naddress = \"127.0.0.1:{port}\"\nstarttls = \"postgres\"\n{more}")
    };
    let roots = format!("roots = \"{}\"\n", ca.display());
    // StartupMessage of the user postgres (protocol 3.0), and AuthenticationOk.
    let talk = "talk = [{ send_base64 = \"AAAAFwADAAB1c2VyAHBvc3RncmVzAAA=\" }, { expect_base64 = \"UgAAAAgAAAAA\" }, { expect = '/Z\\x00\\x00\\x00\\x05I/' }]\n";
    let mut cases = Cases::new(&sandbox);
    cases.add("in", &file(port, &format!("{roots}{talk}")), "up", "");
    cases.add("insecure", &file(port, "insecure = true\n"), "up", "");
    cases.add("no-roots", &file(port, ""), "cert_untrusted", "");
    cases.add(
        "other-name",
        &file(port, &format!("{roots}server_name = \"db.test\"\n")),
        "cert_name_mismatch",
        "localhost",
    );
    let panel = format!(
        "timeout = \"20s\"\n[tls]\nat = \"127.0.0.1:{port}\"\nstarttls = \"postgres\"\n{roots}expect = [\"version >= 1.2\", \"expires > 21d\", \"chain complete\"]\n"
    );
    cases.add("panel", &panel, "up", "");
    cases.add(
        "smtp",
        &file(port, "").replace("postgres", "smtp"),
        "timeout",
        "smtp",
    );
    cases.hold();
    drop(with);
    // Its processes are its own children; the folder is in use until the last has seen that it is gone.
    wait_for("the end of PostgreSQL", Duration::from_secs(30), || {
        (!dir.join("data/postmaster.pid").exists()
            || std::net::TcpStream::connect(("127.0.0.1", port)).is_err())
        .then_some(())
    });
    let _ = std::fs::remove_file(dir.join("data/postmaster.pid"));
    std::fs::remove_dir_all(dir.join("probes")).unwrap();
    let (_without, port) = server(dir, "off");
    let mut cases = Cases::new(&sandbox);
    cases.add("plain", &file(port, ""), "unexpected_reply", "does not begin TLS");
    cases.hold();
}
