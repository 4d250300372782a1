//! What it takes to render a long drill: `just bench-report [EVENTS]`, 200,000 unless said otherwise.
//!
//! The real binary renders the journal's page to a file; time, peak memory (`VmHWM`) and size are printed beside
//! their limits. Rounds are repeated; what is printed are medians.

#[path = "../shared/journal.rs"]
mod journal;

use std::fs::File;
use std::io::{BufWriter, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

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
    let mut peak_kib = 0;
    let mut seconds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let began = Instant::now();
            let child = Command::new(env!("CARGO_BIN_EXE_gameday"))
                .args(["report", "--format", format])
                .arg(dir)
                .stdin(Stdio::null())
                .stdout(File::create(&out).expect("a new file"))
                .spawn()
                .expect("the binary starts");
            let (status, peak) = watched(child);
            assert!(status.success(), "{format}: {status}");
            peak_kib = peak_kib.max(peak);
            began.elapsed().as_secs_f64()
        })
        .collect();
    seconds.sort_by(f64::total_cmp);
    let size = std::fs::metadata(&out).expect("it was written").len();
    say(&format!(
        "{format}: {:.2} s (limit 2 s), peak {:.0} MB (limit 150 MB), {:.2} MB (page's limit 3 MB)",
        seconds[ROUNDS / 2],
        mb(peak_kib * 1024),
        mb(size)
    ));
}

/// Waits for the end, and reads meanwhile what it was resident with at most, in KiB (proc(5)). The usage that wait4(2) tells
/// would count what cargo's compilers took before it became this process.
fn watched(mut child: Child) -> (ExitStatus, u64) {
    let path = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    loop {
        if let Some(status) = child.try_wait().expect("it is ours") {
            return (status, peak);
        }
        let status = std::fs::read_to_string(&path).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let now = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        peak = peak.max(now.unwrap_or(0));
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[expect(clippy::cast_precision_loss, reason = "it is shown only")]
fn mb(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

fn say(line: &str) {
    writeln!(std::io::stdout(), "{line}").expect("standard output");
}
