//! Runs a link on simulated time: a script of what happens in, what left and when out.
//!
//! A script is events `MS:WHAT`: `+name=kind:number[:number]` attaches a toxic (numbers as in Toxiproxy's
//! attributes, or `key=value`), `~name=…` updates it, `-name` takes it away, `fin` and `rst` end the source, `stuck` and
//! `free` are the destination's, and anything else is data, `a*3` being three chunks. An answer is
//! `MS:WHAT` likewise, equal neighbours counted.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::{Map, Value};

use super::{Action, Ending, Input, Link, MOST_BYTES, MOST_CHUNKS};
use crate::attached::{Attached, Stream, Visitor};
use crate::toxic::{Anchor, ToxicSpec};

pub(super) struct Sim {
    link: Link,
    start: Instant,
    now: Instant,
    toxics: Vec<Arc<Attached>>,
    next_id: u64,
    source: VecDeque<Bytes>,
    source_end: Option<Ending>,
    stuck: bool,
    over: bool,
    left: Vec<(Duration, String)>,
    pub(super) most_queued: usize,
}

pub(super) fn simulate(script: &str) -> String {
    let mut sim = Sim::new();
    sim.play(script);
    sim.answer()
}

impl Sim {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        Self {
            link: Link::new(Stream::Downstream, Visitor::new(None, 1)),
            start: now,
            now,
            toxics: Vec::new(),
            next_id: 0,
            source: VecDeque::new(),
            source_end: None,
            stuck: false,
            over: false,
            left: Vec::new(),
            most_queued: 0,
        }
    }

    /// Plays the script and then all that is still planned, except what would never come.
    pub(super) fn play(&mut self, script: &str) {
        for event in script.split_whitespace() {
            let (at, what) = event.split_once(':').expect("an event is MS:WHAT");
            let at = self.start + Duration::from_millis(at.parse().expect("milliseconds"));
            self.run_until(at);
            self.now = at;
            self.happen(what);
            self.pump();
        }
        self.run_until(self.now + Duration::from_secs(86_400));
    }

    pub(super) fn toxic(&self, name: &str) -> &Attached {
        self.toxics
            .iter()
            .find(|toxic| toxic.name == name)
            .expect("attached before")
    }

    /// Sends bytes in and tells what comes out at once.
    pub(super) fn through(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.link
            .handle(self.now, Input::Data(Bytes::copy_from_slice(bytes)));
        let mut out = Vec::new();
        while let Some(Action::Write(bytes)) = self.link.next_action(self.now, true) {
            out.extend_from_slice(&bytes);
        }
        out
    }

    pub(super) fn answer(&self) -> String {
        let mut text = String::new();
        for group in self.left.chunk_by(|a, b| a == b) {
            let (at, what) = &group[0];
            write!(text, " {}:{what}", at.as_secs_f64() * 1000.0).unwrap();
            if group.len() > 1 {
                write!(text, "*{}", group.len()).unwrap();
            }
        }
        text.trim_start().to_owned()
    }

    fn run_until(&mut self, end: Instant) {
        while let Some(due) = self.link.due(!self.stuck).filter(|due| *due <= end && !self.over) {
            self.now = self.now.max(due);
            self.pump();
        }
    }

    fn happen(&mut self, what: &str) {
        match what {
            "fin" => self.source_end = Some(Ending::Finish),
            "rst" => self.source_end = Some(Ending::Reset),
            "stuck" => self.stuck = true,
            "free" => self.stuck = false,
            _ if what.starts_with(['+', '~', '-']) => self.edit(what),
            _ => {
                let (data, times) = what.split_once('*').unwrap_or((what, "1"));
                let chunk = Bytes::copy_from_slice(data.as_bytes());
                self.source
                    .extend(std::iter::repeat_n(chunk, times.parse().expect("a count")));
            }
        }
    }

    fn edit(&mut self, what: &str) {
        let (name, spec) = what[1..].split_once('=').unwrap_or((&what[1..], ""));
        match &what[..1] {
            "+" => {
                self.next_id += 1;
                self.toxics.push(attached(self.now, self.next_id, 0, name, spec));
            }
            "~" => {
                let old = self
                    .toxics
                    .iter_mut()
                    .find(|toxic| toxic.name == name)
                    .expect("attached before");
                *old = attached(old.anchor.attached_at, old.id, old.revision + 1, name, spec);
            }
            _ => self.toxics.retain(|toxic| toxic.name != name),
        }
        self.link.handle(self.now, Input::Toxics(&self.toxics));
    }

    /// What the owner of the sockets does: read while the link wants data, do all that is due.
    fn pump(&mut self) {
        loop {
            while let Some(action) = (!self.over)
                .then(|| self.link.next_action(self.now, !self.stuck))
                .flatten()
            {
                self.act(action);
            }
            if !self.link.wants_data() {
                return;
            }
            match self.source.pop_front() {
                Some(bytes) => self.link.handle(self.now, Input::Data(bytes)),
                None => match self.source_end.take() {
                    Some(ending) => self.link.handle(self.now, Input::End(ending)),
                    None => return,
                },
            }
            let (chunks, bytes) = self.link.queued();
            self.most_queued = self.most_queued.max(chunks);
            assert!(
                chunks <= MOST_CHUNKS + 512 && bytes <= MOST_BYTES + 65_536,
                "{chunks} chunks, {bytes} bytes"
            );
        }
    }

    fn act(&mut self, action: Action) {
        let what = match action {
            Action::Write(bytes) => String::from_utf8(bytes.to_vec()).expect("scripts are text"),
            Action::Finish => "FIN".to_owned(),
            Action::Close => "CLOSE".to_owned(),
            Action::Reset => "RST".to_owned(),
        };
        self.over |= matches!(what.as_str(), "CLOSE" | "RST");
        self.left.push((self.now - self.start, what));
    }
}

fn attached(at: Instant, id: u64, revision: u64, name: &str, spec: &str) -> Arc<Attached> {
    let mut words = spec.split(':');
    let kind = words.next().unwrap_or_default();
    let names: &[&str] = match kind {
        "latency" => &["latency", "jitter"],
        "bandwidth" => &["rate"],
        "slow_close" => &["delay"],
        "slicer" => &["average_size", "size_variation", "delay"],
        "limit_data" => &["bytes"],
        "limit_time" => &["after"],
        "corrupt" => &["share"],
        _ => &["timeout"],
    };
    // `key=value` is a setting in a scenario's words.
    let value = |word: &str| {
        word.parse::<u64>()
            .map_or_else(|_| Value::from(word), Value::from)
    };
    let attributes: Map<String, Value> = words
        .zip(names.iter().copied().chain(std::iter::repeat("")))
        .map(|(word, name)| {
            word.split_once('=')
                .map_or((name, word), |(key, value)| (key, value))
        })
        .map(|(name, word)| (name.to_owned(), value(word)))
        .collect();
    Arc::new(Attached {
        id,
        revision,
        name: name.to_owned(),
        stream: Stream::Downstream,
        stream_text: "downstream".to_owned(),
        toxicity: 1.0,
        scope: crate::scope::Scope::default(),
        on_stream: true,
        anchor: Anchor::at(at),
        places: crate::scope::Places::default(),
        seed: 1,
        since: 0,
        spec: ToxicSpec::from_attributes(kind, &attributes).expect("a toxic"),
        touches: Arc::default(),
    })
}
