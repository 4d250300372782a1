//! Packets are lost by kernel rules in a table that a helper holds: it goes when we renew no more.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::future::BoxFuture;
use gameday_core::{SourceName, Timestamp};
use tokio::sync::Mutex;

use super::child::Helper;
use super::{Effect, Fault, FaultError, Undo};
use crate::network::Loss;
use crate::nft;

/// Loses packets with rules of nftables, through a helper.
#[derive(Debug)]
pub struct NetworkFault {
    program: PathBuf,
    loss: Loss,
    table: String,
    clock: SourceName,
    helper: Mutex<Option<Helper>>,
    /// What the helper said last.
    seen: Mutex<Effect>,
}

/// Why the loss ended early.
const ENDED_BY_HELPER: &str = "the helper ended it: the runner did not renew it in time";
const GONE: &str = "somebody else took its rules away";

impl NetworkFault {
    /// A loss whose rules stand in `table`; `program` is the binary that has the helper.
    #[must_use]
    pub fn new(program: &Path, loss: Loss, table: String, clock: SourceName) -> Self {
        Self {
            program: program.to_owned(),
            loss,
            table,
            clock,
            helper: Mutex::new(None),
            seen: Mutex::new(Effect::default()),
        }
    }

    fn helper_error(&self, what: &str) -> impl FnOnce(std::io::Error) -> FaultError {
        let what = format!("{what} (table {})", self.table);
        move |source| FaultError::Helper { what, source }
    }

    /// Renews, and takes in what the helper answers.
    async fn ask(&self, helper: &mut Helper) -> Result<Effect, FaultError> {
        let mut seen = self.seen.lock().await;
        if !helper.renew().await {
            seen.lost = Some(ENDED_BY_HELPER.to_owned());
            return Ok(seen.clone());
        }
        let line = helper
            .line()
            .await
            .map_err(self.helper_error("asking the helper"))?;
        match read(&line) {
            Some((touched, first)) => (seen.touched, seen.first_touched) = (touched, first),
            None if line == "gone" => seen.lost = Some(GONE.to_owned()),
            None => return Err(FaultError::Refused(line)),
        }
        Ok(seen.clone())
    }
}

/// `lost COUNT MICROS` of the helper.
fn read(line: &str) -> Option<(u64, Option<Timestamp>)> {
    let (count, micros) = line.strip_prefix("lost ")?.split_once(' ')?;
    Some((
        count.parse().ok()?,
        micros.parse().ok().map(Timestamp::from_micros),
    ))
}

/// Looks whether a table is gone; one whose helper lives goes when its lease ends.
pub(crate) async fn wait_for_the_end_of(table: &str, patience: Duration) -> Result<String, String> {
    let deadline = tokio::time::Instant::now() + patience;
    while exists(table).await? {
        if tokio::time::Instant::now() > deadline {
            return Err(format!(
                "the rules of table inet {table} are still in place: end the `nft` that holds them (`nft list table inet {table}`)"
            ));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(format!("the rules of table {table} are gone"))
}

async fn exists(table: &str) -> Result<bool, String> {
    let table = table.to_owned();
    let asked = tokio::task::spawn_blocking(move || nft::exists(&table)).await;
    asked.map_err(|error| error.to_string())?
}

impl Fault for NetworkFault {
    fn check(&self) -> BoxFuture<'_, Result<String, FaultError>> {
        Box::pin(async {
            let ruleset = self.loss.ruleset(&self.table);
            let checked = tokio::task::spawn_blocking(move || nft::check(&ruleset)).await;
            checked
                .map_err(|error| FaultError::Refused(error.to_string()))?
                .map_err(FaultError::Refused)?;
            Ok(format!("the kernel would lose {}", self.loss))
        })
    }

    fn inject(&self, lease: Duration) -> BoxFuture<'_, Result<(), FaultError>> {
        Box::pin(async move {
            let (lease_ms, loss) = (lease.as_millis().to_string(), serde_json::to_string(&self.loss));
            let loss = loss.expect("texts and numbers");
            let words = [
                "network",
                "--lease-ms",
                &lease_ms,
                "--table",
                &self.table,
                "--loss",
                &loss,
            ];
            let helper = Helper::start(&self.program, &words.map(OsStr::new));
            let mut slot = self.helper.lock().await;
            let helper = slot.insert(helper.map_err(self.helper_error("starting the helper"))?);
            let said = helper
                .line()
                .await
                .map_err(self.helper_error("waiting for the helper"))?;
            if said == "in place" {
                Ok(())
            } else {
                Err(FaultError::Refused(said))
            }
        })
    }

    fn renew(&self) -> BoxFuture<'_, Result<Effect, FaultError>> {
        Box::pin(async {
            match self.helper.lock().await.as_mut() {
                Some(helper) if !helper.is_dismissed() => self.ask(helper).await,
                Some(_) => Ok(self.seen.lock().await.clone()),
                None => Ok(Effect::default()),
            }
        })
    }

    fn remove(&self) -> BoxFuture<'_, Result<Effect, FaultError>> {
        Box::pin(async {
            let mut slot = self.helper.lock().await;
            let Some(helper) = slot.as_mut() else {
                return Ok(self.seen.lock().await.clone());
            };
            // The last count; a helper that does not answer any more is undone all the same.
            let last = if helper.is_dismissed() {
                Ok(self.seen.lock().await.clone())
            } else {
                self.ask(helper).await
            };
            let undone = helper.undo().await;
            let still = exists(&self.table).await.map_err(FaultError::Refused)?;
            match (undone, still) {
                (_, false) => {
                    *slot = None;
                    Ok(last.unwrap_or(self.seen.lock().await.clone()))
                }
                (Ok(()), true) => Err(FaultError::Refused(format!(
                    "table inet {} is still there",
                    self.table
                ))),
                (Err(error), true) => Err(self.helper_error("undoing")(error)),
            }
        })
    }

    fn verify(&self) -> BoxFuture<'_, Result<String, FaultError>> {
        Box::pin(async {
            wait_for_the_end_of(&self.table, Duration::ZERO)
                .await
                .map_err(FaultError::Refused)
        })
    }

    fn undo(&self) -> Undo {
        Undo::Table {
            table: self.table.clone(),
        }
    }

    fn clock(&self) -> SourceName {
        self.clock.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_helper_says_is_read_strictly() {
        assert_eq!(read("lost 0 -"), Some((0, None)));
        assert_eq!(
            read("lost 7 1700000000000000"),
            Some((7, Some(Timestamp::from_micros(1_700_000_000_000_000))))
        );
        for other in ["gone", "lost", "lost x 1", "undone"] {
            assert_eq!(read(other), None, "{other}");
        }
    }
}
