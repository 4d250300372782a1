//! A pair of commands: one that breaks something, one that puts it back.

use std::time::Duration;

use gameday_core::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Act, CommandLine, Failed, Hold, Seen, State};

/// Two commands of the user's, and one that looks whether it worked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandPair {
    /// Breaks something.
    #[serde(rename = "do")]
    pub begin: CommandLine,
    /// Puts it back.
    pub undo: CommandLine,
    /// Ends well only if it is back.
    pub verify: Option<CommandLine>,
    /// Each is killed when it takes longer.
    pub timeout_ms: u64,
    /// The drill, which the commands are told.
    pub drill: String,
    /// The entry of the timeline, which the commands are told.
    pub fault: String,
}

impl CommandPair {
    fn limit(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }

    fn variables(&self) -> [(&'static str, &str); 2] {
        [("GAMEDAY_DRILL", &self.drill), ("GAMEDAY_FAULT", &self.fault)]
    }
}

impl Act for CommandPair {
    fn check(&self) -> Result<String, String> {
        for command in [&self.begin, &self.undo].into_iter().chain(&self.verify) {
            command.program()?;
        }
        Ok(format!("`{}` undoes `{}`", self.undo.text(), self.begin.text()))
    }

    fn begin(&self) -> Result<Box<dyn Hold>, Failed> {
        self.begin.program()?;
        // Bound to us: what goes on after our death could break what is put back meanwhile.
        let done = self.begin.run_bound(self.limit(), &self.variables());
        done.map_err(Failed::Half)?;
        let (deed, at) = (self.clone(), Timestamp::now());
        Ok(Box::new(Done { deed, at }))
    }

    fn undo(&self) -> Result<String, String> {
        self.undo.run(self.limit(), &self.variables())?;
        Ok(format!("`{}` ended well", self.undo.text()))
    }

    fn verify(&self) -> Result<String, String> {
        let Some(verify) = &self.verify else {
            return Ok(format!("`{}` ended well; nothing else looks", self.undo.text()));
        };
        verify.run(self.limit(), &self.variables())?;
        Ok(format!("`{}` ended well", verify.text()))
    }

    fn takes(&self) -> Duration {
        self.limit() * 2
    }
}

struct Done {
    deed: CommandPair,
    at: Timestamp,
}

impl Hold for Done {
    fn look(&mut self) -> Seen {
        Seen::once(self.at, State::Holds)
    }

    fn undo(&mut self) -> Result<String, String> {
        self.deed.undo()
    }
}
