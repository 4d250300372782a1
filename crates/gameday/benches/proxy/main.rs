//! What the proxy costs beside HAProxy and nginx, and how exact its latency is: `just bench-proxy [PART …]`.
//!
//! All of it runs on this one machine: clients, proxies and servers share its cores. Peers take turns, round by round, so
//! that whatever else the machine does weighs on all alike; what is printed are medians, and ratios of medians.

mod bulk;
mod http;
mod idle;
mod latency;
mod origin;
mod peers;
mod postgres;
#[path = "../shared/process.rs"]
mod process;
#[path = "../shared/table.rs"]
mod table;

use std::io::Write;

/// Rounds of each part; an odd number has a median that was measured.
const ROUNDS: usize = 5;

/// A part's name, what it measures, and how.
type Part = (&'static str, fn());

const PARTS: [Part; 9] = [
    ("bulk-1", || bulk::measure(1)),
    ("bulk-16", || bulk::measure(16)),
    ("given-back", bulk::measure_given_back),
    ("keepalive", || http::measure(&http::KEEP_ALIVE)),
    ("short", || http::measure(&http::SHORT)),
    ("http", || http::measure(&http::HTTP_MODE)),
    ("idle", idle::measure),
    ("latency", latency::measure),
    ("postgres", postgres::measure),
];

fn main() {
    // `cargo bench` adds an argument of its own.
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| word != "--bench")
        .collect();
    if let Some(unknown) = wanted
        .iter()
        .find(|word| PARTS.iter().all(|(name, _)| name != word))
    {
        let names: Vec<&str> = PARTS.iter().map(|(name, _)| *name).collect();
        say(&format!("no part `{unknown}`; there are {}", names.join(", ")));
        return;
    }
    for (name, measure) in PARTS {
        if wanted.is_empty() || wanted.iter().any(|word| word == name) {
            measure();
        }
    }
}

fn say(line: &str) {
    writeln!(std::io::stdout(), "{line}").expect("standard output");
}
