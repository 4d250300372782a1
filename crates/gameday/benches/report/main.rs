//! What it takes to render a long drill: `just bench-report [EVENTS]`, 200,000 unless said otherwise.
//!
//! The real binary renders the journal's page to a file; time, peak memory (`VmHWM`) and size are printed beside
//! their limits. Rounds are repeated; what is printed are medians.

#[path = "../shared/journal.rs"]
mod journal;

use std::fs::File;
use std::io::{BufWriter, Write};
use std::process::{Command, Stdio};
use std::time::Instant;

use nix::sys::resource::{UsageWho, getrusage};

const ROUNDS: usize = 5;
const EVENTS: u64 = 200_000;

fn main() {
    let wanted = std::env::args()
        .skip(1)
        .find_map(|word| word.parse().ok())
        .unwrap_or(EVENTS);
    let dir = tempfile::tempdir().expect("a folder for the journal");
    let path = dir.path().join("journal.jsonl");
    // Ten probes from two regions: 22 events a second, so 200,000 are two and a half hours.
    let drill = journal::Drill {
        seconds: wanted / 22 + 10,
        probes: 10,
        regions: 2,
        text: "ordinary words".to_owned(),
    };
    let mut file = BufWriter::new(File::create(&path).expect("a new file"));
    let events = drill.write(&mut file).expect("a journal is written");
    file.flush().expect("a journal is written");
    let bytes = std::fs::metadata(&path).expect("it was written").len();
    say(&format!("journal: {events} events, {:.1} MB", mb(bytes)));
    for format in ["html", "json", "md"] {
        measure(dir.path(), format);
    }
}

/// Renders one format a few times.
fn measure(dir: &std::path::Path, format: &str) {
    let out = dir.join("out");
    let mut seconds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let began = Instant::now();
            let status = Command::new(env!("CARGO_BIN_EXE_gameday"))
                .args(["report", "--format", format])
                .arg(dir)
                .stdin(Stdio::null())
                .stdout(File::create(&out).expect("a new file"))
                .status()
                .expect("the binary starts");
            assert!(status.success(), "{format}: {status}");
            began.elapsed().as_secs_f64()
        })
        .collect();
    seconds.sort_by(f64::total_cmp);
    let size = std::fs::metadata(&out).expect("it was written").len();
    // Of all children so far the largest; every format reads the same journal, which is most of it.
    let peak_kib = getrusage(UsageWho::RUSAGE_CHILDREN)
        .expect("it is always told")
        .max_rss();
    let peak = u64::try_from(peak_kib).unwrap_or(0) * 1024;
    say(&format!(
        "{format}: {:.2} s (limit 2 s), peak {:.0} MB (limit 150 MB), {:.2} MB (page's limit 3 MB)",
        seconds[ROUNDS / 2],
        mb(peak),
        mb(size)
    ));
}

#[expect(clippy::cast_precision_loss, reason = "it is shown only")]
fn mb(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

fn say(line: &str) {
    writeln!(std::io::stdout(), "{line}").expect("standard output");
}
