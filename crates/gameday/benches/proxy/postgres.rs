//! `pgbench -S` through the mode that understands PostgreSQL, beside the plain path.

use std::net::SocketAddr;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::unistd::{Uid, User};

use crate::ROUNDS;
use crate::peers::{Peer, free, wait_for};
use crate::table::Table;

/// Transactions a second, simple and extended protocol.
pub(crate) fn measure() {
    let server = Server::start();
    server.pgbench(server.address, &["-i", "-s", "5", "-q"]);
    let rule =
        "protocol = \"postgres\"\ntoxic.never = { postgres = { table = \"never\", error = \"40P01\" } }\n";
    let peers = [
        Peer::ours("tcp", server.address, ""),
        Peer::ours("gameday", server.address, rule),
    ];
    let mut table =
        Table::new("pgbench -S, 16 clients: PostgreSQL mode (gameday) beside the plain TCP path (tcp)");
    for _ in 0..ROUNDS {
        for (figure, protocol) in [
            ("simple, transactions/s", "simple"),
            ("extended, transactions/s", "extended"),
        ] {
            let args = ["-S", "-n", "-c", "16", "-j", "1", "-T", "3", "-M", protocol];
            table.add(figure, "direct", server.pgbench(server.address, &args));
            for peer in &peers {
                table.add(figure, peer.name, server.pgbench(peer.address, &args));
            }
        }
    }
    table.tell();
}

/// A PostgreSQL of its own, in a folder of its own.
struct Server {
    address: SocketAddr,
    child: Child,
    folder: tempfile::TempDir,
}

impl Server {
    fn start() -> Self {
        let (folder, address) = (tempfile::tempdir().expect("a folder"), free());
        if let Some(user) = other_user() {
            chown(folder.path(), Some(user.uid.as_raw()), Some(user.gid.as_raw())).expect("root may");
        }
        let data = folder.path().join("data");
        let made = program("initdb", folder.path())
            .args(["-U", "bench", "--auth=trust", "--no-sync", "-D"])
            .arg(&data)
            .status();
        assert!(made.expect("initdb").success(), "initdb failed");
        let mut command = program("postgres", folder.path());
        command.arg("-D").arg(&data).args([
            "-F",
            "-h",
            "127.0.0.1",
            "-p",
            &address.port().to_string(),
            "-k",
            "",
        ]);
        let child = command.spawn().expect("postgres");
        wait_for(address, "postgres");
        Self {
            address,
            child,
            folder,
        }
    }

    /// Transactions a second, if it measured any.
    fn pgbench(&self, address: SocketAddr, args: &[&str]) -> f64 {
        let mut command = program("pgbench", self.folder.path());
        let port = address.port().to_string();
        command
            .args(["-h", "127.0.0.1", "-U", "bench", "-p", &port])
            .args(args)
            .arg("postgres");
        let output = command.stdout(Stdio::piped()).output().expect("pgbench");
        assert!(output.status.success(), "pgbench failed");
        let said = String::from_utf8_lossy(&output.stdout);
        let tps = said
            .lines()
            .find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
        tps.unwrap_or(0.0)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let pid = nix::unistd::Pid::from_raw(self.child.id().cast_signed());
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGQUIT).ok();
        self.child.wait().ok();
    }
}

/// PostgreSQL does not want to be run by root.
fn other_user() -> Option<User> {
    Uid::effective().is_root().then(|| {
        User::from_name("postgres")
            .expect("users")
            .expect("the user `postgres`")
    })
}

fn program(name: &str, folder: &Path) -> Command {
    let versions = std::fs::read_dir("/usr/lib/postgresql").expect("PostgreSQL: bash tests/install.sh");
    let newest: PathBuf = versions
        .flatten()
        .map(|entry| entry.path())
        .max()
        .expect("a version");
    let mut command = Command::new(newest.join("bin").join(name));
    if let Some(user) = other_user() {
        command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
    }
    command
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}
