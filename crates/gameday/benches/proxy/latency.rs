//! How exact the latency toxic is at 2,000 messages a second.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use crate::origin::echo;
use crate::peers::Peer;
use crate::say;

const CONNECTIONS: u32 = 500;
const A_SECOND: u32 = 2_000;
const LASTS: Duration = Duration::from_secs(6);
/// What is measured while five hundred threads begin says little.
const WARM_UP: Duration = Duration::from_secs(1);

/// Late by how much at the median and the 99th percentile, for each delay and without one.
pub(crate) fn measure() {
    say("\nlatency accuracy, 2,000 messages a second (ms later than asked for)");
    let upstream = echo();
    for delay in [0, 5, 50, 200] {
        let toxic = format!("toxic.slow = {{ latency = {{ delay = \"{delay}ms\" }} }}\n");
        let peer = Peer::ours("gameday", upstream, if delay == 0 { "" } else { &toxic });
        let mut late = round_trips(peer.address);
        late.sort_unstable();
        let asked = f64::from(delay);
        let at = |share: usize| late[(late.len() - 1) * share / 1000].as_secs_f64() * 1e3 - asked;
        say(&format!(
            "  {delay:>3} ms: least {:.3}, median {:.3}, p99 {:.3}, p99.9 {:.3} ({} messages)",
            at(0),
            at(500),
            at(990),
            at(999),
            late.len()
        ));
    }
}

/// Each connection sends its next message when it is time for it, at the earliest when the last one has come back.
fn round_trips(address: SocketAddr) -> Vec<Duration> {
    let every = Duration::from_secs(1) * CONNECTIONS / A_SECOND;
    let start = Instant::now() + Duration::from_millis(500);
    let clients: Vec<_> = (0..CONNECTIONS)
        .map(|number| {
            let client = thread::Builder::new().stack_size(64 * 1024);
            let mut next = start + every * number / CONNECTIONS;
            let run = move || {
                let mut socket = TcpStream::connect(address).expect("connects");
                socket.set_nodelay(true).expect("a live socket");
                let mut spans = Vec::new();
                while next < start + LASTS {
                    thread::sleep(next.saturating_duration_since(Instant::now()));
                    let sent = Instant::now();
                    socket.write_all(&[1; 64]).expect("writes");
                    socket.read_exact(&mut [0; 64]).expect("reads");
                    if next > start + WARM_UP {
                        spans.push(sent.elapsed());
                    }
                    next += every;
                }
                spans
            };
            client.spawn(run).expect("a thread")
        })
        .collect();
    clients
        .into_iter()
        .flat_map(|client| client.join().expect("measures"))
        .collect()
}
