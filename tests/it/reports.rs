//! Reports through the real binary: every format from one journal, and the page in a real browser.

mod formats;
#[path = "../../crates/gameday/benches/shared/journal.rs"]
pub(crate) mod journal;
pub(crate) mod page;

use std::fs::File;
use std::io::{BufWriter, Write};

use crate::support::Sandbox;

/// A drill of a minute and a half, in a folder `drill` of its own; `text` is what strangers call things in it.
fn drill(text: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    let folder = sandbox.path().join("drill");
    std::fs::create_dir(&folder).unwrap();
    let mut file = BufWriter::new(File::create(folder.join("journal.jsonl")).unwrap());
    let drill = journal::Drill {
        seconds: 90,
        probes: 2,
        regions: 2,
        text: text.to_owned(),
    };
    drill.write(&mut file).unwrap();
    file.flush().unwrap();
    sandbox
}
