//! One direction at full speed.

use std::net::TcpStream;
use std::time::Instant;

use crate::ROUNDS;
use crate::origin::{send, send_over, sink};
use crate::peers::{Mode, Peer};
use crate::table::Table;

const BYTES: usize = 2 << 30;

/// Gigabits a second, and the proxy's CPU seconds for each gigabyte.
pub(crate) fn measure(connections: usize) {
    let sink = sink();
    let peers = [
        Peer::haproxy(sink),
        Peer::nginx(sink, Mode::Tcp),
        Peer::gameday(sink, Mode::Tcp),
    ];
    let gigabytes = BYTES as f64 / 1e9;
    let mut table = Table::new(format!("bulk, {connections} connection(s)"));
    for _ in 0..ROUNDS {
        let began = Instant::now();
        send(sink, connections, BYTES);
        table.add(
            "Gbit/s",
            "direct",
            8.0 * gigabytes / began.elapsed().as_secs_f64(),
        );
        for peer in &peers {
            let (before, began) = (peer.usage(), Instant::now());
            send(peer.address, connections, BYTES);
            table.add(
                "Gbit/s",
                peer.name,
                8.0 * gigabytes / began.elapsed().as_secs_f64(),
            );
            let cpu = peer.usage().cpu_seconds - before.cpu_seconds;
            table.add("proxy CPU s/GB", peer.name, cpu / gigabytes);
        }
    }
    table.tell();
}

/// One connection that had a toxic on it, beside one that never had.
pub(crate) fn measure_given_back() {
    let peer = Peer::gameday(sink(), Mode::Tcp);
    let gigabits = 8.0 * BYTES as f64 / 1e9;
    let mut table = Table::new("bulk, one live connection after a toxic came and went");
    for _ in 0..ROUNDS {
        let connect = || TcpStream::connect(peer.address).expect("connects");
        let used = connect();
        peer.toxic(&[
            "add",
            "bench",
            "-t",
            "latency",
            "--name",
            "slow",
            "-a",
            "latency=20",
        ]);
        peer.toxic(&["remove", "bench", "--name", "slow"]);
        for (name, socket) in [("gameday", used), ("never toxified", connect())] {
            let began = Instant::now();
            send_over(socket, BYTES);
            table.add("Gbit/s", name, gigabits / began.elapsed().as_secs_f64());
        }
    }
    table.tell();
}
