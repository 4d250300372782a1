//! A body of 300 MB with a regex on it: what it takes of memory and CPU time.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::exporter::{Running, nginx, theirs};
use crate::process::usage;
use crate::table::Table;

const BODY_BYTES: u64 = 300 * 1000 * 1000;
const ROUNDS: usize = 3;

/// Peak memory and CPU time of one look.
pub(crate) fn measure() {
    let folder = tempfile::tempdir().expect("a folder");
    let site = nginx(folder.path(), "off");
    let body = File::create(folder.path().join("large")).expect("a writable folder");
    body.set_len(BODY_BYTES).expect("room for a sparse file");
    let mut table = Table::new("one look at a body of 300 MB with a regex on it");
    for _ in 0..ROUNDS {
        ours(&mut table, folder.path(), site.address);
        let (peak_kb, cpu) = other(folder.path(), site.address);
        table.add("peak resident kB", "blackbox_exporter", peak_kb);
        table.add("CPU s", "blackbox_exporter", cpu);
    }
    table.tell();
}

fn ours(table: &mut Table, folder: &Path, site: SocketAddr) {
    let probe = folder.join("large.toml");
    let text = format!(
        "every = \"60s\"\ntimeout = \"50s\"\n[[step]]\nname = \"large\"\nget = \"http://{site}/file/large\"\nmax_body = \"400MB\"\n\
         expect = [\"status == 200\", \"body not matches /needle[0-9]+/\"]\n"
    );
    std::fs::write(&probe, text).expect("a writable folder");
    let mut command = Command::new(env!("CARGO_BIN_EXE_gameday"));
    command
        .arg("probe")
        .arg(&probe)
        .args(["--once", "--output", "json"]);
    let mut child = command.stdout(Stdio::piped()).spawn().expect("gameday was built");
    let (mut peak_kb, mut cpu) = (0.0_f64, 0.0_f64);
    // What a process has used is gone with it, so it is looked at while it runs.
    while child.try_wait().expect("a child of ours").is_none() {
        peak_kb = peak_kb.max(usage(child.id()).resident_kb);
        cpu = cpu.max(usage(child.id()).cpu_seconds);
        std::thread::sleep(Duration::from_millis(2));
    }
    let mut said = String::new();
    let mut out = child.stdout.take().expect("piped");
    out.read_to_string(&mut said).expect("text");
    assert!(said.contains("\"verdict\":\"up\""), "{said}");
    table.add("peak resident kB", "gameday", peak_kb);
    table.add("CPU s", "gameday", cpu);
}

fn other(folder: &Path, site: SocketAddr) -> (f64, f64) {
    let modules = folder.join("large.yml");
    let text = "modules:\n  large:\n    prober: http\n    timeout: 50s\n    http:\n      preferred_ip_protocol: ip4\n      \
                fail_if_body_matches_regexp: ['needle[0-9]+']\n";
    std::fs::write(&modules, text).expect("a writable folder");
    let exporter: Running = theirs(&modules);
    let before = exporter.usage();
    let mut stream = TcpStream::connect(exporter.address).expect("it listens");
    let request = format!(
        "GET /probe?module=large&target={site}/file/large HTTP/1.0\r\nHost: {}\r\n\r\n",
        exporter.address
    );
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut said = String::new();
    stream.read_to_string(&mut said).expect("it answers");
    assert!(said.contains("\nprobe_success 1\n"), "{said}");
    (
        exporter.peak_kb(),
        exporter.usage().cpu_seconds - before.cpu_seconds,
    )
}
