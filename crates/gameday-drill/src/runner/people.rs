//! People are heard while the drill runs, through the socket in its folder.

use std::io;
use std::path::Path;

use gameday_core::EventKind;
use tokio::sync::oneshot;

use super::{Report, Runner};
use crate::engine::Answer;
use crate::inbox::Inbox;
use crate::said::Said;

impl Runner<'_> {
    /// Begins to listen. A file system without sockets is no reason not to drill: the file `stop` is left.
    pub(super) fn listen(&mut self) -> io::Result<()> {
        let folder = self.journal.path().parent().unwrap_or(Path::new("."));
        match Inbox::open(folder) {
            Ok(inbox) => {
                let reports = self.reports.clone();
                self.tasks.spawn(inbox.run(move |said| {
                    let reports = reports.clone();
                    async move {
                        let gone = || Err("the drill has ended".to_owned());
                        let (out, answer) = oneshot::channel();
                        match reports.send(Report::Said(said, out)).await {
                            Ok(()) => answer.await.unwrap_or_else(|_| gone()),
                            Err(_) => gone(),
                        }
                    }
                }));
                Ok(())
            }
            Err(error) => self.journal.record(EventKind::Checked {
                name: "inbox".to_owned(),
                ok: true,
                detail: format!(
                    "nobody can be heard: a socket cannot be made in the drill's folder: {error}"
                ),
            }),
        }
    }

    /// What was said is in the journal before it is answered.
    pub(super) async fn hear(&mut self, said: Said, answer: oneshot::Sender<Answer>) -> io::Result<()> {
        let (actions, told) = self.drill.hear(self.journal.clock().offset(), said);
        for action in actions {
            self.act(action).await?;
        }
        // Who asked may be gone.
        let _ = answer.send(told);
        Ok(())
    }
}
