//! What a connection costs that is open and says nothing.

use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::origin::keeper;
use crate::peers::{Mode, Peer};
use crate::table::Table;

/// Resident kB for each connection; the server's ends live in this process too, which bounds how many there can be.
pub(crate) fn measure() {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("a limit");
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).expect("its own limit");
    for (figure, count) in [("kB each of 4,000", 4_000), ("kB each of 9,000", 9_000)] {
        let mut table = Table::new(format!("memory, {count} idle connections"));
        for start in [
            Peer::haproxy,
            |up| Peer::nginx(up, Mode::Tcp),
            |up| Peer::gameday(up, Mode::Tcp),
        ] {
            let (upstream, kept) = keeper();
            let peer = start(upstream);
            let before = peer.usage().resident_kb;
            let open: Vec<TcpStream> = (0..count)
                .map(|_| TcpStream::connect(peer.address).expect(peer.name))
                .collect();
            thread::sleep(Duration::from_secs(2));
            let grown = peer.usage().resident_kb - before;
            table.add(figure, peer.name, grown / f64::from(count));
            // Both ends, before the next peer's need the descriptors.
            drop(open);
            kept.lock().expect("no panic").clear();
        }
        table.tell();
    }
}
