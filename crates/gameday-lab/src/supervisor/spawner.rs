//! Starts processes from one thread that lives as long as the lab.
//!
//! "Signal me when my parent dies" means the parent's *thread*: a child started from a worker of a
//! runtime would be killed when that worker ends, which may be long before the process does.

use std::io;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use tokio::process::{Child, Command};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::LabError;

type Request = (Command, oneshot::Sender<io::Result<Child>>);

/// The thread; it ends, and its children with it, when this is dropped.
#[derive(Debug)]
pub(super) struct Spawner(SyncSender<Request>);

impl Spawner {
    /// Starts the thread; must be called within a runtime, which will wait for the children.
    pub(super) fn new() -> Result<Self, LabError> {
        let runtime = Handle::current();
        let (requests, received) = sync_channel::<Request>(1);
        let run = move || {
            let _entered = runtime.enter();
            for (mut command, answer) in received {
                // Nobody waits for the answer any more: the child is dropped and so killed.
                let _ = answer.send(command.spawn());
            }
        };
        thread::Builder::new()
            .name("lab-spawner".into())
            .spawn(run)
            .map_err(LabError::io("start its spawning thread"))?;
        Ok(Spawner(requests))
    }

    /// Starts one process.
    pub(super) async fn spawn(&self, command: Command) -> io::Result<Child> {
        let (answer, started) = oneshot::channel();
        let gone = || io::Error::other("the spawning thread has gone");
        self.0.try_send((command, answer)).map_err(|_| gone())?;
        started.await.map_err(|_| gone())?
    }
}
