//! Attaching, reading, changing and taking away toxics through Toxiproxy's API: without a lease, as its users expect.

use std::sync::Arc;
use std::time::Instant;

use serde_json::{Map, Value};

use super::Control;
use super::proxy::{Proxy, info_of};
use crate::address::unix_path;
use crate::attached::{Attached, Stream};
use crate::model::{ToxicDetail, ToxicInfo};
use crate::options::Options;
use crate::refusal::Refusal;
use crate::scope::Scope;
use crate::toxic::{BadToxic, ToxicSpec};
use crate::wire::loss;

/// A proxy has no more toxics than this.
pub(super) const MOST_TOXICS: usize = 256;

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
    /// Whether an unknown attribute is refused; Toxiproxy ignores it.
    pub(crate) strict: bool,
}

/// A change of a toxic; what is missing stays.
#[derive(Debug, Clone, Default)]
pub(crate) struct ToxicEdit {
    pub(crate) toxicity: Option<f64>,
    pub(crate) scope: Option<Scope>,
    pub(crate) seed: Option<u64>,
    pub(crate) attributes: Map<String, Value>,
    /// Whether an unknown attribute is refused; Toxiproxy ignores it.
    pub(crate) strict: bool,
}

impl Control {
    /// All toxics of a proxy with everything that is known of them.
    pub(crate) fn toxic_details(&self, proxy: &str) -> Result<Vec<ToxicDetail>, Refusal> {
        self.proxy_detail(proxy).map(|proxy| proxy.toxics)
    }

    pub(crate) fn toxic_detail(&self, proxy: &str, name: &str) -> Result<ToxicDetail, Refusal> {
        let mut toxics = self.toxic_details(proxy)?.into_iter();
        toxics
            .find(|toxic| toxic.name == name)
            .ok_or(Refusal::NotFound("toxic"))
    }

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

    pub(crate) fn add_toxic(&self, proxy: &str, new: NewToxic) -> Result<ToxicInfo, Refusal> {
        // Toxics of one name, such as `latency_downstream`, must not go in step on all proxies.
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
        if edit.strict {
            toxic.spec.refuse_unknown(&edit.attributes)?;
        }
        toxic.toxicity = edit.toxicity.unwrap_or(toxic.toxicity);
        if let Some(scope) = &edit.scope {
            scope.check().map_err(Refusal::body)?;
            toxic.scope = scope.clone();
        }
        toxic.seed = edit.seed.unwrap_or(toxic.seed);
        refuse_unsuitable(&toxic.spec, &toxic.scope, &state.proxy(proxy)?.options)?;
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
        let spec = ToxicSpec::from_attributes(&new.kind, &new.attributes)?;
        if new.strict {
            spec.refuse_unknown(&new.attributes)?;
        }
        self.attach_new(Attached {
            name,
            stream,
            stream_text: new.stream,
            toxicity: new.toxicity,
            scope: new.scope,
            seed: new.seed.unwrap_or(self.seed),
            ..Attached::new(spec)
        })
    }

    /// Attaches a toxic that is sound in itself, if this proxy can have it.
    pub(super) fn attach_new(&mut self, toxic: Attached) -> Result<Arc<Attached>, Refusal> {
        if self.toxic_count() >= MOST_TOXICS {
            return Err(Refusal::Conflict(format!(
                "the proxy has {MOST_TOXICS} toxics already"
            )));
        }
        toxic.scope.check().map_err(Refusal::body)?;
        refuse_unsuitable(&toxic.spec, &toxic.scope, &self.options)?;
        refuse_packets(&toxic.spec, toxic.stream, &self.listen, &self.upstream)?;
        Ok(self.attach(toxic))
    }
}

/// A toxic that cannot act is refused, never ignored.
pub(super) fn refuse_unsuitable(spec: &ToxicSpec, scope: &Scope, options: &Options) -> Result<(), Refusal> {
    // Datagrams are lost by the proxy itself, which needs no leave.
    if matches!(spec, ToxicSpec::PacketLoss(_))
        && !options.protocol.is_datagrams()
        && let Some(why) = loss::refusal()
    {
        return Err(Refusal::Bad(why.to_owned()));
    }
    if spec.suits(options.protocol) {
        return options.tls.refuse(spec, scope).map_err(Refusal::Bad);
    }
    let (kind, word) = (spec.kind(), options.protocol.as_str());
    let message = format!("a `{kind}` toxic cannot act on a proxy of the protocol `{word}`");
    Err(Refusal::Bad(message))
}

/// Packets are lost by the socket that the data comes in at, and a unix socket has none.
pub(super) fn refuse_packets(
    spec: &ToxicSpec,
    stream: Stream,
    listen: &str,
    upstream: &str,
) -> Result<(), Refusal> {
    let source = match stream {
        Stream::Upstream => listen,
        Stream::Downstream => upstream,
    };
    if matches!(spec, ToxicSpec::PacketLoss(_)) && unix_path(source).is_some() {
        let message = format!("`packet_loss` cannot act on `{source}`: a unix socket has no packets");
        return Err(Refusal::Bad(message));
    }
    Ok(())
}
