//! Attaching, reading, changing and taking away toxics through Toxiproxy's API: without a lease, as its users expect.

use std::sync::Arc;
use std::time::Instant;

use serde_json::{Map, Value};

use super::Control;
use super::proxy::{Proxy, info_of};
use crate::attached::{Attached, Stream};
use crate::dice::seed_of;
use crate::model::ToxicInfo;
use crate::refusal::Refusal;
use crate::scope::{Places, Scope};
use crate::toxic::{Anchor, BadToxic, ToxicSpec};

/// A proxy has no more toxics than this.
const MOST_TOXICS: usize = 256;

/// A toxic to be attached, as it was typed.
#[derive(Debug, Clone, Default)]
pub(crate) struct NewToxic {
    pub(crate) name: Option<String>,
    pub(crate) kind: String,
    pub(crate) stream: String,
    pub(crate) toxicity: f64,
    pub(crate) scope: Scope,
    /// What its dice are seeded with, if not with its proxy's name.
    pub(crate) seed: Option<u64>,
    pub(crate) attributes: Map<String, Value>,
}

/// A change of a toxic; what is missing stays.
#[derive(Debug, Clone, Default)]
pub(crate) struct ToxicEdit {
    pub(crate) toxicity: Option<f64>,
    pub(crate) attributes: Map<String, Value>,
}

impl Control {
    pub(crate) fn toxics(&self, proxy: &str) -> Result<Vec<ToxicInfo>, Refusal> {
        self.lock().proxy(proxy).map(|proxy| proxy.toxic_infos())
    }

    pub(crate) fn toxic(&self, proxy: &str, name: &str) -> Result<ToxicInfo, Refusal> {
        let mut state = self.lock();
        state
            .proxy(proxy)?
            .toxic(name)
            .map(|toxic| info_of(toxic))
            .ok_or(Refusal::NotFound("toxic"))
    }

    pub(crate) fn add_toxic(&self, proxy: &str, mut new: NewToxic) -> Result<ToxicInfo, Refusal> {
        // Toxics of one name, such as `latency_downstream`, must not go in step on all proxies.
        new.seed = new.seed.or(self.seed.map(|seed| seed ^ seed_of(proxy)));
        self.lock()
            .proxy(proxy)?
            .add_toxic(new)
            .map(|toxic| info_of(&toxic))
    }

    /// Changes a toxic: whole, or not at all.
    ///
    /// A lease's toxic is not to be changed: its row would go on saying what is no longer true.
    pub(crate) fn edit_toxic(&self, proxy: &str, name: &str, edit: &ToxicEdit) -> Result<ToxicInfo, Refusal> {
        let mut state = self.lock();
        state.expire(Instant::now());
        let its_proxy = state.proxy(proxy)?;
        let mut toxic = Attached::clone(its_proxy.toxic(name).ok_or(Refusal::NotFound("toxic"))?);
        if let Some(owner) = state.book.holder(proxy, toxic.id) {
            let message = format!("toxic belongs to the lease `{owner}`");
            return Err(Refusal::Conflict(message));
        }
        toxic.spec = toxic.spec.merged(&edit.attributes)?;
        toxic.toxicity = edit.toxicity.unwrap_or(toxic.toxicity);
        let info = info_of(&toxic);
        state.proxy(proxy)?.replace(toxic);
        Ok(info)
    }

    /// Takes a toxic away; if it was a fault of a lease, the fault has ended.
    pub(crate) fn delete_toxic(&self, proxy: &str, name: &str) -> Result<(), Refusal> {
        let mut state = self.lock();
        let its_proxy = state.proxy(proxy)?;
        let id = its_proxy.toxic(name).ok_or(Refusal::NotFound("toxic"))?.id;
        its_proxy.detach(id);
        state.book.toxic_gone(proxy, id);
        Ok(())
    }
}

impl Proxy {
    /// Checks a toxic in Toxiproxy's order and attaches it.
    pub(super) fn add_toxic(&mut self, new: NewToxic) -> Result<Arc<Attached>, Refusal> {
        let bad_stream =
            || Refusal::Bad("stream was invalid, can be either upstream or downstream".to_owned());
        let stream = Stream::parse(&new.stream).ok_or_else(bad_stream)?;
        if !ToxicSpec::KINDS.contains(&new.kind.as_str()) {
            return Err(BadToxic::Kind.into());
        }
        let name = new.name.unwrap_or_else(|| format!("{}_{}", new.kind, new.stream));
        if self.toxic(&name).is_some() {
            return Err(Refusal::Conflict("toxic already exists".to_owned()));
        }
        if self.toxic_count() >= MOST_TOXICS {
            return Err(Refusal::Conflict(format!(
                "the proxy has {MOST_TOXICS} toxics already"
            )));
        }
        let spec = ToxicSpec::from_attributes(&new.kind, &new.attributes)?;
        new.scope.check().map_err(Refusal::body)?;
        let protocol = self.options.protocol;
        if !spec.suits(protocol) {
            let (kind, word) = (spec.kind(), protocol.as_str());
            let message = format!("a `{kind}` toxic cannot act on a proxy of the protocol `{word}`");
            return Err(Refusal::Bad(message));
        }
        let (toxicity, stream_text) = (new.toxicity, new.stream);
        let on_stream = spec.is_on_stream();
        Ok(self.attach(Attached {
            id: 0,
            revision: 0,
            name,
            stream,
            stream_text,
            toxicity,
            scope: new.scope,
            spec,
            on_stream,
            anchor: Anchor::at(Instant::now()),
            places: Places::default(),
            seed: new.seed.unwrap_or_else(|| seed_of(&self.name)),
            since: 0,
            touches: Arc::default(),
        }))
    }
}
