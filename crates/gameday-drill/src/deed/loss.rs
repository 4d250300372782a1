//! Packets are lost by an interactive `nft` whose table the kernel deletes with it.

use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use gameday_core::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Act, Failed, Hold, SELDOM, Seen, State};
use crate::network::Loss;
use crate::nft;

/// How often the counter is read while nothing has been lost yet: the moment of the first loss is known this well.
const UNTIL_FIRST: Duration = Duration::from_millis(50);
/// nft does what it is told within this, or not at all.
const PATIENCE: Duration = Duration::from_secs(3);

/// Rules of nftables in a table of their own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LosePackets {
    /// What is lost.
    pub loss: Loss,
    /// The table's name, of the family inet.
    pub table: String,
}

impl Act for LosePackets {
    fn check(&self) -> Result<String, String> {
        nft::check(&self.loss.ruleset(&self.table))?;
        Ok(format!("the kernel would lose {}", self.loss))
    }

    fn begin(&self) -> Result<Box<dyn Hold>, Failed> {
        let ruleset = self.loss.ruleset(&self.table);
        nft::check(&ruleset)?;
        let child = Command::new(nft::program()?)
            .arg("--interactive")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("nft cannot be run: {error}"))?;
        let mut held = Lost {
            deed: self.clone(),
            nft: child,
            count: 0,
            first: None,
        };
        let pipe = held.nft.stdin.as_mut().expect("its standard input is a pipe");
        pipe.write_all(ruleset.as_bytes())
            .and_then(|()| pipe.flush())
            .map_err(|error| format!("nft does not listen: {error}"))
            .and_then(|()| wait_until(|| nft::exists(&self.table)))
            .map_err(Failed::Half)?;
        Ok(Box::new(held))
    }

    /// The end of its `nft` is the end of the table, and the helper's end is that of its `nft`.
    fn undo(&self) -> Result<String, String> {
        wait_until(|| nft::exists(&self.table).map(|there| !there)).map_err(|why| self.still_there(&why))?;
        Ok(self.gone())
    }

    fn verify(&self) -> Result<String, String> {
        if nft::exists(&self.table)? {
            return Err(self.still_there("a table"));
        }
        Ok(self.gone())
    }
}

impl LosePackets {
    fn gone(&self) -> String {
        format!("the rules of table {} are gone", self.table)
    }

    fn still_there(&self, why: &str) -> String {
        let table = &self.table;
        format!(
            "the rules of table inet {table} are still in place ({why}): end the `nft` that holds them (`nft list table inet {table}`)"
        )
    }
}

struct Lost {
    deed: LosePackets,
    nft: Child,
    count: u64,
    first: Option<Timestamp>,
}

impl Hold for Lost {
    fn look(&mut self) -> Seen {
        let state = match nft::lost(&self.deed.table) {
            Ok(Some(count)) => {
                if count > 0 {
                    self.first.get_or_insert_with(Timestamp::now);
                }
                self.count = count;
                State::Holds
            }
            Ok(None) => State::Lost("somebody else took its rules away".to_owned()),
            Err(why) => State::Unknown(why),
        };
        let (touched, first) = (self.count, self.first);
        Seen {
            touched,
            first,
            state,
        }
    }

    fn undo(&mut self) -> Result<String, String> {
        // The end of its input ends nft, and with nft goes its table.
        drop(self.nft.stdin.take());
        let gone = self.deed.undo();
        self.end_nft();
        gone.or_else(|_| self.deed.undo())
    }

    fn every(&self) -> Duration {
        if self.first.is_some() { SELDOM } else { UNTIL_FIRST }
    }
}

impl Lost {
    fn end_nft(&mut self) {
        let _ = self.nft.kill();
        let _ = self.nft.wait();
    }
}

impl Drop for Lost {
    fn drop(&mut self) {
        self.end_nft();
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
