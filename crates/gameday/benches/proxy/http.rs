//! Requests and answers, with `wrk` as the client and nginx as the server.

use std::net::SocketAddr;
use std::process::Command;

use crate::ROUNDS;
use crate::origin::Site;
use crate::peers::{Mode, Peer};
use crate::table::Table;

/// How requests come.
pub(crate) struct Load {
    title: &'static str,
    mode: Mode,
    keep_alive: bool,
}

pub(crate) const KEEP_ALIVE: Load = Load {
    title: "HTTP keep-alive through TCP, 32 connections",
    mode: Mode::Tcp,
    keep_alive: true,
};
pub(crate) const SHORT: Load = Load {
    title: "HTTP, a new connection for each request, 32 at a time",
    mode: Mode::Tcp,
    keep_alive: false,
};
pub(crate) const HTTP_MODE: Load = Load {
    title: "HTTP mode beside proxy_pass, 32 connections",
    mode: Mode::Http,
    keep_alive: true,
};

const SECONDS: &str = "3";

/// Requests a second, and the proxy's CPU microseconds for each.
pub(crate) fn measure(load: &Load) {
    let site = Site::start();
    let mut peers = vec![
        Peer::nginx(site.address, load.mode),
        Peer::gameday(site.address, load.mode),
    ];
    if load.mode == Mode::Tcp {
        peers.push(Peer::haproxy(site.address));
    }
    let mut table = Table::new(load.title);
    for _ in 0..ROUNDS {
        table.add("requests/s", "direct", wrk(site.address, load.keep_alive).0);
        for peer in &peers {
            let before = peer.usage();
            let (rate, requests) = wrk(peer.address, load.keep_alive);
            let cpu = peer.usage().cpu_seconds - before.cpu_seconds;
            table.add("requests/s", peer.name, rate);
            table.add("proxy CPU us/request", peer.name, cpu * 1e6 / requests);
        }
    }
    table.tell();
}

/// Requests a second, and how many there were.
fn wrk(address: SocketAddr, keep_alive: bool) -> (f64, f64) {
    let mut command = Command::new("wrk");
    command.args(["-t1", "-c32", "-d", SECONDS]);
    if !keep_alive {
        command.args(["-H", "Connection: close"]);
    }
    let output = command
        .arg(format!("http://{address}/"))
        .output()
        .expect("wrk: just bench-proxy installs it");
    let said = String::from_utf8_lossy(&output.stdout);
    let number = |line: Option<&str>, word: usize| -> f64 {
        let word = line.and_then(|line| line.split_whitespace().nth(word));
        word.and_then(|word| word.parse().ok())
            .unwrap_or_else(|| panic!("wrk said: {said}"))
    };
    let rate = number(said.lines().find(|line| line.starts_with("Requests/sec:")), 1);
    let requests = number(said.lines().find(|line| line.contains(" requests in ")), 0);
    (rate, requests)
}
