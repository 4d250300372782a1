//! The helper that loses packets: it holds an interactive `nft` whose table the kernel deletes with it.

use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use gameday_core::Timestamp;

use super::vigil::{Seen, Vigil};
use crate::network::Loss;
use crate::nft;

/// How often the counter is read while nothing has been lost yet: the moment of the first loss is known this well.
const UNTIL_FIRST: Duration = Duration::from_millis(50);
/// nft does what it is told within this, or not at all.
const PATIENCE: Duration = Duration::from_secs(3);

/// Loses packets until `renewals` ends or is silent for a lease.
///
/// Writes `in place`, then for each renewal `lost COUNT MICROS` (of the first loss; `-` while there is none), then
/// `undone`, each a line. `gone` says that somebody else took the rules away. A refusal is one line that says why.
///
/// # Errors
/// When the rules cannot be put in place, or are still there at the end.
pub fn network(
    loss: &Loss,
    table: &str,
    lease: Duration,
    renewals: impl Read + AsFd,
    mut answers: impl Write,
) -> Result<(), String> {
    let mut nft = match put_in_place(loss, table) {
        Ok(nft) => nft,
        Err(why) => {
            // The runner may be gone already; then nobody is left to be told.
            let _ = writeln!(answers, "{why}");
            return Err(why);
        }
    };
    let told = writeln!(answers, "in place").and_then(|()| answers.flush());
    if told.is_ok() {
        keep(table, Vigil::new(renewals, lease), &mut answers);
    }
    // The end of its input ends nft, and with nft goes its table.
    drop(nft.stdin.take());
    let gone = wait_until(|| nft::exists(table).map(|there| !there));
    let _ = nft.kill();
    let _ = nft.wait();
    let gone = gone.or_else(|_| wait_until(|| nft::exists(table).map(|there| !there)));
    let said = match &gone {
        Ok(()) => "undone",
        Err(why) => why,
    };
    let _ = writeln!(answers, "{said}").and_then(|()| answers.flush());
    gone
}

fn put_in_place(loss: &Loss, table: &str) -> Result<Child, String> {
    let ruleset = loss.ruleset(table);
    nft::check(&ruleset)?;
    let mut child = Command::new(nft::program()?)
        .arg("--interactive")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("nft cannot be run: {error}"))?;
    let pipe = child.stdin.as_mut().expect("its standard input is a pipe");
    let asked = pipe.write_all(ruleset.as_bytes()).and_then(|()| pipe.flush());
    let there = asked
        .map_err(|error| format!("nft does not listen: {error}"))
        .and_then(|()| wait_until(|| nft::exists(table)));
    match there {
        Ok(()) => Ok(child),
        Err(why) => {
            let _ = child.kill();
            let _ = child.wait();
            Err(why)
        }
    }
}

/// Answers renewals until the lease is over.
fn keep(table: &str, mut vigil: Vigil<impl Read + AsFd>, answers: &mut impl Write) {
    let mut first: Option<Timestamp> = None;
    loop {
        let pause = if first.is_some() {
            Duration::from_secs(3600)
        } else {
            UNTIL_FIRST
        };
        let seen = vigil.watch(pause);
        if seen == Seen::Over {
            return;
        }
        let count = nft::lost(table);
        if matches!(count, Ok(Some(1..))) {
            first.get_or_insert_with(Timestamp::now);
        }
        if seen == Seen::Renewal {
            let at = first.map_or("-".to_owned(), |at| at.as_micros().to_string());
            let line = match count {
                Ok(Some(count)) => format!("lost {count} {at}"),
                Ok(None) => "gone".to_owned(),
                Err(why) => why,
            };
            if writeln!(answers, "{line}")
                .and_then(|()| answers.flush())
                .is_err()
            {
                return;
            }
        }
    }
}

fn wait_until(is_so: impl Fn() -> Result<bool, String>) -> Result<(), String> {
    let deadline = Instant::now() + PATIENCE;
    while !is_so()? {
        if Instant::now() > deadline {
            return Err("nft does not do what it was told".to_owned());
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    Ok(())
}
