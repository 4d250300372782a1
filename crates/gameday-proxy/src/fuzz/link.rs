//! A link under any order of toxics, bytes, time and a destination that is stuck.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::{Map, Value};

use crate::attached::{Attached, Stream, Visitor};
use crate::link::{Action, Ending, Input, Link, MOST_BYTES, MOST_CHUNKS};
use crate::toxic::ToxicSpec;

/// The toxics that keep every byte come first: after only those, what came in is what went out.
const KINDS: [(&str, &str); 11] = [
    ("latency", r#"{"latency": 40, "jitter": 40}"#),
    (
        "latency",
        r#"{"latency": 20, "jitter": 5, "distribution": "pareto"}"#,
    ),
    ("bandwidth", r#"{"rate": 3}"#),
    (
        "slicer",
        r#"{"average_size": 3, "size_variation": 2, "delay": 50}"#,
    ),
    ("slow_close", r#"{"delay": 70}"#),
    ("noop", "{}"),
    ("corrupt", r#"{"share": "10%"}"#),
    ("timeout", r#"{"timeout": 90}"#),
    ("limit_data", r#"{"bytes": 20}"#),
    ("limit_time", r#"{"after": "100ms", "reset": true}"#),
    ("reset_peer", r#"{"timeout": 60}"#),
];
const KEEPING: usize = 6;
/// Bytes of a read, by the amount of the script.
const FACTOR: u16 = 5;
const LONGEST_READ: usize = 255 * FACTOR as usize;

struct Run {
    link: Link,
    now: Instant,
    toxics: Vec<Arc<Attached>>,
    stuck: bool,
    over: bool,
    /// Whether a toxic may have taken or changed bytes.
    spoiled: bool,
    sent: Vec<u8>,
    got: Vec<u8>,
}

/// Pairs of bytes: what happens, and how much of it.
pub fn link(script: &[u8]) {
    let now = Instant::now();
    let mut run = Run {
        link: Link::new(Stream::Downstream, Visitor::new(None, 1)),
        now,
        toxics: Vec::new(),
        stuck: false,
        over: false,
        spoiled: false,
        sent: Vec::new(),
        got: Vec::new(),
    };
    for pair in script.as_chunks::<2>().0.iter().take(500) {
        run.happen(pair[0], pair[1]);
        run.pump();
        let (chunks, bytes) = run.link.queued();
        // What was read last may have been cut into single bytes.
        assert!(chunks <= MOST_CHUNKS + LONGEST_READ && bytes <= MOST_BYTES + LONGEST_READ);
    }
    run.stuck = false;
    run.toxics.clear();
    run.link.handle(run.now, Input::Toxics(&[]));
    run.pump();
    assert!(
        run.link.queued() == (0, 0) || run.over,
        "nothing holds it any more"
    );
    assert!(
        run.spoiled || run.over || run.got == run.sent,
        "every byte, in order"
    );
}

impl Run {
    fn happen(&mut self, what: u8, amount: u8) {
        match what % 8 {
            0 | 1 if self.link.wants_data() => {
                let bytes: Vec<u8> = (0..u16::from(amount) * FACTOR)
                    .map(|at| (at % 251) as u8)
                    .collect();
                if !bytes.is_empty() {
                    self.sent.extend_from_slice(&bytes);
                    self.link.handle(self.now, Input::Data(Bytes::from(bytes)));
                }
            }
            2 => self.attach(usize::from(amount) % KINDS.len()),
            3 if !self.toxics.is_empty() => {
                self.toxics.remove(usize::from(amount) % self.toxics.len());
                self.link.handle(self.now, Input::Toxics(&self.toxics));
            }
            4 => self.stuck = !self.stuck,
            5 if amount < 30 && self.link.wants_data() => {
                let ending = if amount < 20 {
                    Ending::Finish
                } else {
                    Ending::Reset
                };
                self.link.handle(self.now, Input::End(ending));
            }
            _ => self.now += Duration::from_millis(u64::from(amount)),
        }
    }

    fn attach(&mut self, kind: usize) {
        if self.toxics.len() >= 6 {
            return;
        }
        self.spoiled |= kind >= KEEPING;
        let (name, attributes) = KINDS[kind];
        let attributes: Map<String, Value> = serde_json::from_str(attributes).expect("an object");
        let mut toxic = Attached::new(ToxicSpec::from_attributes(name, &attributes).expect("a toxic"));
        toxic.id = self.sent.len() as u64 + self.toxics.len() as u64 + 1;
        self.toxics.push(Arc::new(toxic));
        self.link.handle(self.now, Input::Toxics(&self.toxics));
    }

    /// What the owner of the sockets does.
    fn pump(&mut self) {
        while !self.over
            && let Some(action) = self.link.next_action(self.now, !self.stuck)
        {
            match action {
                Action::Write(bytes) => self.got.extend_from_slice(&bytes),
                Action::Finish => {}
                Action::Close | Action::Reset => self.over = true,
            }
        }
    }
}
