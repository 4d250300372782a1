//! The toxics of one direction of one connection, in order: a pure function of timed steps.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use rand::rngs::StdRng;

use crate::attached::{Attached, Stream, Visitor};
use crate::toxic::{Chunk, Step, Toxic};

/// The end of the whole connection, planned by a toxic.
#[derive(Debug, Clone)]
pub(crate) struct Cut {
    pub(crate) at: Instant,
    pub(crate) reset: bool,
    pub(crate) by: Arc<Attached>,
}

/// What came out of a chain: steps that keep their order, and cuts that do not wait for any.
#[derive(Debug, Default)]
pub(crate) struct Emitted {
    pub(crate) steps: Vec<Step>,
    pub(crate) cuts: Vec<Cut>,
}

/// The stages that act on this connection: the toxics of this stream for which its dice fell so.
pub(crate) struct Chain {
    stream: Stream,
    visitor: Arc<Visitor>,
    stages: Vec<Stage>,
}

struct Stage {
    attached: Arc<Attached>,
    toxic: Box<dyn Toxic>,
    rng: StdRng,
    /// When the toxic met the connection; an update does not change that.
    met: Instant,
    /// When the last step came out: what the next stage sees never goes back in time.
    last_out: Option<Instant>,
}

impl Chain {
    pub(crate) fn new(stream: Stream, visitor: Arc<Visitor>) -> Self {
        Self {
            stream,
            visitor,
            stages: Vec::new(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.stages.is_empty()
    }

    /// Sends a chunk or the end of the stream through all stages.
    pub(crate) fn carry(&mut self, step: Step, out: &mut Emitted) {
        let mut steps = vec![step];
        for stage in &mut self.stages {
            let mut next = Vec::with_capacity(steps.len());
            for step in steps {
                stage.take(step, &mut next);
            }
            steps = stage.without_cuts(next, out);
        }
        out.steps.append(&mut steps);
    }

    /// Whether this toxic, in this revision, is one of the stages.
    pub(crate) fn has(&self, attached: &Attached) -> bool {
        self.stages.iter().any(|stage| stage.is(attached))
    }

    /// Whether these toxics make another chain than this one.
    pub(crate) fn differs(&self, toxics: &[Arc<Attached>]) -> bool {
        let mut stages = self.stages.iter();
        let same = self
            .wanted(toxics)
            .all(|wanted| stages.next().is_some_and(|stage| stage.is(wanted)));
        !same || stages.next().is_some()
    }

    /// Becomes the chain of these toxics. What was queued must have left, since all plans are forgotten.
    pub(crate) fn become_chain_of(&mut self, now: Instant, toxics: &[Arc<Attached>], out: &mut Emitted) {
        let mut old = std::mem::take(&mut self.stages);
        let wanted: Vec<Arc<Attached>> = self.wanted(toxics).map(Arc::clone).collect();
        for attached in wanted {
            let kept = old
                .iter()
                .position(|stage| stage.attached.id == attached.id)
                .map(|index| old.remove(index));
            let stage = match kept {
                Some(stage) if stage.is(&attached) => Some(stage.flushed()),
                Some(stage) => self.opened(attached, stage.met, stage.toxic.carried(), out),
                None => self.opened(attached, now, 0, out),
            };
            self.stages.extend(stage);
        }
        for mut removed in old {
            let mut steps = Vec::new();
            removed.toxic.on_remove(now, &mut steps);
            let kept = removed.without_cuts(steps, out);
            out.steps.extend(kept);
        }
    }

    fn wanted<'a>(&'a self, toxics: &'a [Arc<Attached>]) -> impl Iterator<Item = &'a Arc<Attached>> {
        toxics
            .iter()
            .filter(|toxic| toxic.stream == self.stream && toxic.on_stream && self.visitor.is_met_by(toxic))
    }

    fn opened(
        &self,
        attached: Arc<Attached>,
        met: Instant,
        carried: u64,
        out: &mut Emitted,
    ) -> Option<Stage> {
        let (toxic, rng) = (
            attached.spec.build(&attached.anchor)?,
            attached.dice(self.visitor.number).stage_rng(attached.id),
        );
        let mut stage = Stage {
            attached,
            toxic,
            rng,
            met,
            last_out: None,
        };
        stage.toxic.carry_on(carried);
        let mut steps = Vec::new();
        stage.toxic.on_open(met, &mut steps);
        let kept = stage.without_cuts(steps, out);
        out.steps.extend(kept);
        Some(stage)
    }
}

impl Stage {
    fn is(&self, attached: &Attached) -> bool {
        self.attached.id == attached.id && self.attached.revision == attached.revision
    }

    fn flushed(mut self) -> Self {
        self.toxic.on_flush();
        self.last_out = None;
        self
    }

    fn take(&mut self, step: Step, out: &mut Vec<Step>) {
        match step {
            Step::Send(chunk) => self.take_chunk(chunk, out),
            Step::Finish(at) => self.take_end(at, out),
            Step::Last(at) => {
                let before = out.len();
                self.take_end(at, out);
                for step in &mut out[before..] {
                    if let Step::Finish(at) = *step {
                        *step = Step::Last(at);
                    }
                }
            }
            Step::Close(_) | Step::Reset(_) => out.push(step),
        }
    }

    fn take_end(&mut self, at: Instant, out: &mut Vec<Step>) {
        let before = out.len();
        self.toxic.on_close(at, out);
        // All that `slow_close` ever does is to move the end.
        if matches!(out[before..], [Step::Finish(moved)] if moved > at) {
            self.attached.touches.note();
        }
    }

    fn take_chunk(&mut self, chunk: Chunk, out: &mut Vec<Step>) {
        // What comes out is untouched if it is the same bytes at the same place of memory, at the same time.
        let place = |bytes: &Bytes| (bytes.as_ptr(), bytes.len());
        let (due, bytes, before) = (chunk.due, place(&chunk.bytes), out.len());
        self.toxic.on_chunk(chunk, &mut self.rng, out);
        let untouched =
            matches!(&out[before..], [Step::Send(same)] if same.due == due && place(&same.bytes) == bytes);
        if !untouched {
            self.attached.touches.note();
        }
    }

    /// Takes the cuts out of what this stage gave and clamps the rest to the order of time.
    fn without_cuts(&mut self, steps: Vec<Step>, out: &mut Emitted) -> Vec<Step> {
        let mut kept = Vec::with_capacity(steps.len());
        for mut step in steps {
            match &mut step {
                Step::Send(Chunk { due: at, .. }) | Step::Finish(at) | Step::Last(at) => {
                    *at = self.last_out.map_or(*at, |last| last.max(*at));
                    self.last_out = Some(*at);
                    kept.push(step);
                }
                Step::Close(at) => out.cuts.push(Cut {
                    at: *at,
                    reset: false,
                    by: Arc::clone(&self.attached),
                }),
                Step::Reset(at) => out.cuts.push(Cut {
                    at: *at,
                    reset: true,
                    by: Arc::clone(&self.attached),
                }),
            }
        }
        kept
    }
}
