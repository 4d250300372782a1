//! A thread that writes the ledger's log: all that waits goes to the disk together, and only then is anybody told.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use tokio::sync::{oneshot, watch};

use super::log;
use crate::statements::Statement;

/// What is to be written; its number says when it is there.
#[derive(Debug)]
pub(super) enum Order {
    /// Beside what is there.
    Append(u64, String),
    /// In the place of all that is there.
    Replace(u64, String),
}

/// The log of a ledger.
#[derive(Debug)]
pub(super) struct Disk {
    pub(super) orders: SyncSender<Order>,
    /// The number of the last order that is on the disk; closed when there is no writer any more.
    pub(super) written: watch::Receiver<u64>,
    /// Why there is none.
    pub(super) failed: oneshot::Receiver<io::Error>,
}

/// Each session waits for what it has ordered, so there are never more than these.
const QUEUE: usize = 1024;

impl Disk {
    /// Opens a log, or begins one; returns what it holds. A torn end is cut off.
    pub(super) fn open(path: &Path) -> io::Result<(Self, Vec<Statement>)> {
        let mut file = appending(path)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let read = log::read(&bytes).map_err(|place| {
            let message = format!(
                "{} is damaged at byte {place}, and goes on after it",
                path.display()
            );
            io::Error::new(io::ErrorKind::InvalidData, message)
        })?;
        if read.whole < bytes.len() as u64 {
            file.set_len(read.whole)?;
            file.sync_all()?;
        }
        sync_folder(path)?;
        let (orders, received) = sync_channel(QUEUE);
        let (wrote, written) = watch::channel(0);
        let (tell, failed) = oneshot::channel();
        let writer = Writer {
            path: path.to_owned(),
            file,
            wrote,
        };
        let run = move || {
            if let Err(error) = writer.run(&received) {
                // Nobody may be waiting for it any more.
                let _ = tell.send(error);
            }
        };
        thread::Builder::new().name("ledger-log".into()).spawn(run)?;
        let disk = Self {
            orders,
            written,
            failed,
        };
        Ok((disk, read.statements))
    }
}

struct Writer {
    path: PathBuf,
    file: File,
    wrote: watch::Sender<u64>,
}

impl Writer {
    fn run(mut self, orders: &Receiver<Order>) -> io::Result<()> {
        while let Ok(first) = orders.recv() {
            let mut last = 0;
            let mut text = String::new();
            for order in std::iter::once(first).chain(orders.try_iter().take(QUEUE)) {
                match order {
                    Order::Append(number, line) => {
                        text += &line;
                        last = number;
                    }
                    Order::Replace(number, whole) => {
                        // It holds what waits as well.
                        text.clear();
                        self.replace(&whole)?;
                        last = number;
                    }
                }
            }
            self.file.write_all(text.as_bytes())?;
            self.file.sync_data()?;
            self.wrote.send_replace(last);
        }
        Ok(())
    }

    /// Written aside and renamed, so that there is always one whole log.
    fn replace(&mut self, text: &str) -> io::Result<()> {
        let aside = self.path.with_extension("new");
        // What an earlier process left there was never in the place of the log.
        let _ = fs::remove_file(&aside);
        let mut file = appending(&aside)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&aside, &self.path)?;
        sync_folder(&self.path)?;
        self.file = file;
        Ok(())
    }
}

fn appending(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).read(true).append(true).mode(0o600);
    options.open(path)
}

/// A file's name is in its folder, which is written by itself.
fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
}
