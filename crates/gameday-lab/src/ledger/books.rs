//! The tables and their log together: nobody is told what could still be lost.

use std::io;
use std::path::Path;
use std::sync::Mutex;
use std::sync::mpsc::SyncSender;

use tokio::sync::{oneshot, watch};

use super::disk::{Disk, Order};
use super::log;
use super::store::Store;
use super::wire::Answer;
use crate::statements::Statement;

/// A log that has grown by this much is written anew, with what still stands.
const GROWS_BY: usize = 32 << 20;

/// The ledger's books.
#[derive(Debug)]
pub(super) struct Books {
    pages: Mutex<Pages>,
    written: watch::Receiver<u64>,
}

#[derive(Debug)]
struct Pages {
    store: Store,
    orders: SyncSender<Order>,
    /// The number of the last order.
    last: u64,
    grown: usize,
    grows_by: usize,
}

/// The log cannot be written any more.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unwritten;

impl Books {
    /// Opens the books that a log holds; the second value says when it cannot be written any more.
    pub(super) fn open(path: &Path) -> io::Result<(Self, oneshot::Receiver<io::Error>)> {
        Self::open_with(path, GROWS_BY)
    }

    fn open_with(path: &Path, grows_by: usize) -> io::Result<(Self, oneshot::Receiver<io::Error>)> {
        let (disk, statements) = Disk::open(path)?;
        let mut store = Store::default();
        for statement in statements {
            store.execute(statement);
        }
        let pages = Pages {
            store,
            orders: disk.orders,
            last: 0,
            grown: 0,
            grows_by,
        };
        let books = Self {
            pages: Mutex::new(pages),
            written: disk.written,
        };
        Ok((books, disk.failed))
    }

    /// Does what a statement says; the answer comes when all that it tells of is on the disk.
    ///
    /// That goes for what is only read, too: it may be what somebody else has not been promised yet.
    pub(super) async fn execute(&self, statement: Statement) -> Result<Vec<Answer>, Unwritten> {
        let (answers, last) = {
            let mut pages = self.pages.lock().expect("no holder of the books panics");
            (pages.execute(statement)?, pages.last)
        };
        let mut written = self.written.clone();
        let there = written.wait_for(|number| *number >= last).await;
        there.map(|_| answers).map_err(|_| Unwritten)
    }
}

impl Pages {
    fn execute(&mut self, statement: Statement) -> Result<Vec<Answer>, Unwritten> {
        let line = log::line(&statement);
        let (answers, changed) = self.store.execute(statement);
        if changed {
            self.last += 1;
            self.grown += line.len();
            let order = if self.grown > self.grows_by {
                self.grown = 0;
                let standing = self.store.statements();
                Order::Replace(self.last, standing.iter().map(log::line).collect())
            } else {
                Order::Append(self.last, line)
            };
            self.orders.send(order).map_err(|_| Unwritten)?;
        }
        Ok(answers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statements::{Amount, IdempotencyKey, PaymentId};

    fn insert(key: &str) -> (PaymentId, Statement) {
        let id = PaymentId::random();
        let statement = Statement::Insert {
            id: id.clone(),
            key: IdempotencyKey::parse(key).unwrap(),
            amount: Amount::try_from(5).unwrap(),
            currency: "EUR".to_owned().try_into().unwrap(),
        };
        (id, statement)
    }

    async fn states(books: &Books, ids: &[PaymentId]) -> Vec<String> {
        let mut states = Vec::new();
        for id in ids {
            let answers = books.execute(Statement::Get(id.clone())).await.unwrap();
            states.push(answers[0].cell(1).unwrap_or("none").to_owned());
        }
        states
    }

    #[tokio::test]
    async fn what_was_answered_is_there_when_the_books_are_opened_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ledger.log");
        let (a, b, c) = (insert("a"), insert("b"), insert("c"));
        let ids = [a.0.clone(), b.0.clone(), c.0.clone()];
        let (books, _failed) = Books::open(&path).unwrap();
        for (_, statement) in [a, b, c] {
            books.execute(statement).await.unwrap();
        }
        let amount = Amount::try_from(5).unwrap();
        let settle = Statement::Settle {
            id: ids[1].clone(),
            amount,
        };
        books.execute(settle).await.unwrap();
        books.execute(Statement::Delete(ids[2].clone())).await.unwrap();
        drop(books);
        // As of a process that was killed while it wrote.
        let half = &log::line(&insert("d").1)[..60];
        let mut file = std::fs::OpenOptions::new().append(true).open(&path).unwrap();
        io::Write::write_all(&mut file, half.as_bytes()).unwrap();
        let (books, _failed) = Books::open(&path).unwrap();
        assert_eq!(states(&books, &ids).await, ["pending", "settled", "none"]);
        // The torn end is gone, so what comes next stands on a line of its own.
        let (id, statement) = insert("e");
        books.execute(statement).await.unwrap();
        drop(books);
        let (books, _failed) = Books::open(&path).unwrap();
        assert_eq!(states(&books, &[id]).await, ["pending"]);
    }

    #[tokio::test]
    async fn a_log_that_has_grown_is_written_anew_with_what_stands() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ledger.log");
        let (books, _failed) = Books::open_with(&path, 4_000).unwrap();
        let mut kept = Vec::new();
        for n in 0..300 {
            let (id, statement) = insert(&format!("k{n}"));
            books.execute(statement).await.unwrap();
            if n % 100 == 0 {
                let amount = Amount::try_from(5).unwrap();
                let settle = Statement::Settle {
                    id: id.clone(),
                    amount,
                };
                books.execute(settle).await.unwrap();
                kept.push(id);
            } else {
                books.execute(Statement::Delete(id)).await.unwrap();
            }
        }
        let size = std::fs::metadata(&path).unwrap().len();
        assert!(size < 6_000, "{size} bytes");
        drop(books);
        let (books, _failed) = Books::open(&path).unwrap();
        assert_eq!(states(&books, &kept).await, ["settled"; 3]);
    }

    #[tokio::test]
    async fn books_that_are_damaged_are_not_opened() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ledger.log");
        let text = format!("nonsense\n{}", log::line(&insert("a").1));
        std::fs::write(&path, text).unwrap();
        let error = Books::open(&path).unwrap_err().to_string();
        assert!(error.contains("damaged at byte 0"), "{error}");
    }
}
