//! Targets that need sockets: a whole proxy server in this process, its API, a client and an upstream.
//!
//! A task that panics takes this process with it, since libFuzzer ends it at any panic; so what is looked for is a panic, an
//! answer that never ends, and a control plane that no longer answers.

mod live;

use std::time::Duration;

use live::{Live, live};

/// HTTP/1.1 and HTTP/2 from both sides. The first two bytes say how many of the rest the client sends.
pub fn http(bytes: &[u8]) {
    let Some((client, server)) = halves(bytes) else { return };
    live().exchange("http", client, server);
}

/// PostgreSQL, Redis, DNS over TCP and a TLS handshake, by the first byte.
pub fn streams(bytes: &[u8]) {
    let Some((which, rest)) = bytes.split_first() else { return };
    let Some((client, server)) = halves(rest) else { return };
    let names = ["postgres", "redis", "dns", "tls"];
    live().exchange(names[usize::from(*which) % names.len()], client, server);
}

/// A request to the API: the first byte chooses what is asked, the rest is the body.
pub fn api(bytes: &[u8]) {
    const ASKS: [&str; 10] = [
        "POST /proxies",
        "POST /populate",
        "POST /proxies/http",
        "POST /proxies/http/toxics",
        "PATCH /proxies/http/toxics/t",
        "POST /v1/proxies/http/toxics",
        "PUT /v1/leases/fuzz",
        "POST /v1/leases/fuzz/faults",
        "POST /v1/proxies",
        "DELETE /proxies/fuzz",
    ];
    let Some((which, body)) = bytes.split_first() else { return };
    // No ports of this machine but those that are free, and nothing that binds a thousand of them.
    if body.windows(6).any(|six| six == b"listen") && !body.windows(4).any(|four| four == b"\":0\"") {
        return;
    }
    let live: &Live = live();
    let status = live.ask(ASKS[usize::from(*which) % ASKS.len()], body);
    assert!((200..500).contains(&status), "{status}");
    if live.every(200) {
        live.tidy_up();
    }
}

fn halves(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<2>()?;
    Some(rest.split_at(usize::from(u16::from_le_bytes(*length)).min(rest.len())))
}

/// Nothing here waits for a fault, so all that takes longer is stuck.
const LIMIT: Duration = Duration::from_secs(10);
