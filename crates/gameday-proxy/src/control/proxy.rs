//! One proxy: where it listens, where it leads, its toxics.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::doors::Doors;
use super::toxics::refuse_unsuitable;
use super::{NewProxy, Plumbing, is_taken};
use crate::address::{Address, literal};
use crate::attached::{Attached, Counters, Stream, Touches, Toxics};
use crate::datagram::DatagramDirections;
use crate::events::{Events, ProxyEventKind, ToxicMoment};
use crate::model::{ByteCounts, ConnectionCounts, ProxyDetail, ProxyInfo, ToxicDetail, ToxicInfo};
use crate::options::Options;
use crate::refusal::Refusal;
use crate::wire::Route;

/// A proxy and, while it is enabled, its listener.
pub(super) struct Proxy {
    pub(super) name: String,
    /// As given, or the bound address once it has listened.
    pub(super) listen: String,
    pub(super) upstream: String,
    pub(super) options: Arc<Options>,
    /// What the dice of its toxics are seeded with.
    pub(super) seed: u64,
    running: Option<Running>,
    toxics: Vec<Arc<Attached>>,
    /// Tells every link what the toxics are.
    feed: watch::Sender<Toxics>,
    pub(super) counters: Arc<Counters>,
    toxics_made: u64,
    events: Arc<Events>,
}

struct Running {
    doors: Doors,
    serving: Vec<AbortHandle>,
}

impl Running {
    fn cut(&self) {
        self.serving.iter().for_each(AbortHandle::abort);
    }
}

impl Proxy {
    /// A proxy that is switched off.
    pub(super) fn new(new: NewProxy, events: &Arc<Events>) -> Self {
        events.tell(ProxyEventKind::ProxyCreated {
            proxy: new.name.clone(),
            upstream: new.upstream.clone(),
        });
        Self {
            events: Arc::clone(events),
            seed: new.seed_or_default(),
            name: new.name,
            listen: new.listen,
            upstream: new.upstream,
            options: Arc::new(new.options),
            running: None,
            toxics: Vec::new(),
            feed: watch::channel(Toxics::from([])).0,
            counters: Arc::default(),
            toxics_made: 0,
        }
    }

    /// The same proxy once more, switched off: to listen elsewhere before this one stops.
    pub(super) fn twin(&self) -> Self {
        Self {
            name: self.name.clone(),
            listen: self.listen.clone(),
            upstream: self.upstream.clone(),
            options: Arc::clone(&self.options),
            seed: self.seed,
            running: None,
            toxics: self.toxics.clone(),
            feed: self.feed.clone(),
            counters: Arc::clone(&self.counters),
            toxics_made: self.toxics_made,
            events: Arc::clone(&self.events),
        }
    }

    pub(super) fn is_enabled(&self) -> bool {
        self.running.is_some()
    }

    /// Where it listens at the moment.
    pub(super) fn address(&self) -> Option<Address> {
        self.running.as_ref().map(|running| running.doors.address.clone())
    }

    /// Connections that are open at the moment.
    pub(super) fn open_connections(&self) -> u64 {
        self.counters.open.load(Ordering::Relaxed)
    }

    /// Listens on an address and accepts; nothing has changed when that fails.
    pub(super) fn start(&mut self, address: &Address, plumbing: &mut Plumbing) -> io::Result<()> {
        let doors = Doors::open(address, self.options.protocol, &plumbing.workers)?;
        self.stop();
        self.listen = doors.address.to_string();
        self.events.tell(ProxyEventKind::ProxyEnabled {
            proxy: self.name.clone(),
            listen: self.listen.clone(),
        });
        self.accept_from(doors, plumbing);
        Ok(())
    }

    /// Moves to another address: whole, or not at all. Open connections are cut.
    pub(super) fn move_to(&mut self, address: &Address, plumbing: &mut Plumbing) -> io::Result<()> {
        let old = self.address();
        match self.start(address, plumbing) {
            // The one in the way may be ourselves, as when `127.0.0.1:9` becomes `0.0.0.0:9`.
            Err(error)
                if is_taken(&error) && old.as_ref().is_some_and(|old| old.is_in_the_way_of(address)) =>
            {
                self.stop();
                self.start(address, plumbing).inspect_err(|_| {
                    // Our old address was free a moment ago; if it is not any more, being off is the truth.
                    old.map(|old| self.start(&old, plumbing));
                })
            }
            result => result,
        }
    }

    /// Leads elsewhere, or otherwise, from now on; open connections are cut.
    pub(super) fn lead_to(
        &mut self,
        upstream: Option<String>,
        options: Option<Options>,
        plumbing: &mut Plumbing,
    ) {
        self.upstream = upstream.unwrap_or_else(|| self.upstream.clone());
        self.options = options.map_or_else(|| Arc::clone(&self.options), Arc::new);
        if let Some(running) = self.running.take() {
            running.cut();
            self.accept_from(running.doors, plumbing);
        }
    }

    /// Refuses options that its sockets or its toxics do not go with.
    pub(super) fn refuse_options(&self, new: &Options) -> Result<(), Refusal> {
        let (is, will_be) = (self.options.protocol, new.protocol);
        if is.is_datagrams() != will_be.is_datagrams() {
            let (old, new) = (is.as_str(), will_be.as_str());
            let message =
                format!("a proxy of the protocol `{old}` cannot become one of `{new}`: make another");
            return Err(Refusal::Conflict(message));
        }
        self.toxics
            .iter()
            .try_for_each(|toxic| refuse_unsuitable(&toxic.spec, &toxic.scope, new))
    }

    /// Takes no more connections; those that are open go on.
    pub(super) fn shut_to_clients(&self) {
        if let Some(running) = &self.running {
            running.doors.shut_to_clients();
        }
    }

    /// Stops listening and cuts all connections.
    pub(super) fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            running.doors.close();
            running.cut();
            self.events.tell(ProxyEventKind::ProxyDisabled {
                proxy: self.name.clone(),
            });
        }
    }

    fn accept_from(&mut self, doors: Doors, plumbing: &mut Plumbing) {
        plumbing.reap();
        let route = Route {
            upstream: self.upstream.clone(),
            options: Arc::clone(&self.options),
            toxics: self.feed.subscribe(),
            counters: Arc::clone(&self.counters),
            timer: Arc::clone(&plumbing.timer),
            buffers: Arc::clone(&plumbing.buffers),
            places: Arc::clone(&plumbing.places),
            losses: Arc::default(),
            name: self.name.clone(),
            log: self.events.log().clone(),
        };
        doors.learn(&self.toxics);
        let serving = doors.serve(route, &plumbing.workers, &mut plumbing.tasks);
        self.running = Some(Running { doors, serving });
    }

    pub(super) fn toxic(&self, name: &str) -> Option<&Arc<Attached>> {
        self.toxics.iter().find(|toxic| toxic.name == name)
    }

    pub(super) fn toxics(&self) -> &[Arc<Attached>] {
        &self.toxics
    }

    pub(super) fn toxic_count(&self) -> usize {
        self.toxics.len()
    }

    /// Attaches a toxic, whose id and revision are given here; live connections meet it at once.
    pub(super) fn attach(&mut self, mut toxic: Attached) -> Arc<Attached> {
        self.toxics_made += 1;
        (toxic.id, toxic.revision) = (self.toxics_made, 0);
        toxic.since = self.counters.accepted.load(Ordering::Relaxed);
        let moment = self.moment(&toxic);
        self.events.tell(ProxyEventKind::ToxicAdded(moment.clone()));
        toxic.touches = Arc::new(Touches::told(&self.events, moment));
        let toxic = Arc::new(toxic);
        self.toxics.push(Arc::clone(&toxic));
        self.tell_links();
        toxic
    }

    /// Puts a toxic in the place of its former revision.
    pub(super) fn replace(&mut self, mut toxic: Attached) {
        toxic.revision += 1;
        let id = toxic.id;
        if let Some(place) = self.toxics.iter_mut().find(|old| old.id == toxic.id) {
            *place = Arc::new(toxic);
            let moment = self
                .toxics
                .iter()
                .find(|it| it.id == id)
                .map(|it| self.moment(it));
            if let Some(moment) = moment {
                self.events.tell(ProxyEventKind::ToxicChanged(moment));
            }
            self.tell_links();
        }
    }

    fn moment(&self, toxic: &Attached) -> ToxicMoment {
        ToxicMoment {
            proxy: self.name.clone(),
            toxic: toxic.name.clone(),
            kind: toxic.spec.kind().to_owned(),
            stream: toxic.stream,
        }
    }

    /// Takes a toxic away; false when it is not there.
    pub(super) fn detach(&mut self, id: u64) -> bool {
        let Some(place) = self.toxics.iter().position(|toxic| toxic.id == id) else {
            return false;
        };
        let gone = self.toxics.remove(place);
        self.events.tell(ProxyEventKind::ToxicRemoved(self.moment(&gone)));
        self.tell_links();
        true
    }

    /// Takes all toxics away.
    pub(super) fn detach_all(&mut self) {
        for gone in std::mem::take(&mut self.toxics) {
            self.events.tell(ProxyEventKind::ToxicRemoved(self.moment(&gone)));
        }
        self.tell_links();
    }

    /// Whether it leads from this address to this upstream already, switched on or off.
    pub(super) fn leads(&self, from: &Address, to: &str) -> bool {
        let bound = self.address().or_else(|| literal(&self.listen));
        self.upstream == to && !from.is_any() && bound.is_some_and(|bound| bound.covers(from))
    }

    /// Forgets its toxics and what it has counted.
    pub(super) fn begin_anew(&mut self) {
        self.detach_all();
        self.counters = Arc::default();
    }

    fn tell_links(&self) {
        if let Some(running) = &self.running {
            running.doors.learn(&self.toxics);
        }
        self.feed.send_replace(self.toxics.as_slice().into());
    }

    /// Everything that is known of it; `holder` says whose fault a toxic is.
    pub(super) fn detail(&self, holder: impl Fn(u64) -> Option<String>) -> ProxyDetail {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        ProxyDetail {
            name: self.name.clone(),
            listen: self.listen.clone(),
            upstream: self.upstream.clone(),
            enabled: self.is_enabled(),
            seed: self.seed,
            connections: ConnectionCounts {
                open: count(&self.counters.open),
                accepted: count(&self.counters.accepted),
            },
            bytes: ByteCounts {
                upstream: count(&self.counters.upstream_bytes),
                downstream: count(&self.counters.downstream_bytes),
            },
            datagrams: self.datagrams(),
            toxics: self
                .listed()
                .map(|toxic| detail_of(toxic, holder(toxic.id)))
                .collect(),
            options: Options::clone(&self.options),
        }
    }

    /// What became of datagrams, on proxies that carry them.
    pub(super) fn datagrams(&self) -> Option<DatagramDirections> {
        let of = |stream| self.counters.datagrams(stream).counts();
        self.options.protocol.is_datagrams().then(|| DatagramDirections {
            upstream: of(Stream::Upstream),
            downstream: of(Stream::Downstream),
            evicted: self.counters.evicted.load(Ordering::Relaxed),
        })
    }

    pub(super) fn info(&self) -> ProxyInfo {
        ProxyInfo {
            name: self.name.clone(),
            listen: self.listen.clone(),
            upstream: self.upstream.clone(),
            enabled: self.is_enabled(),
            toxics: self.toxic_infos(),
        }
    }

    /// The toxics as the API lists them: the upstream direction first.
    pub(super) fn toxic_infos(&self) -> Vec<ToxicInfo> {
        self.listed().map(|toxic| info_of(toxic)).collect()
    }

    pub(super) fn listed(&self) -> impl Iterator<Item = &Arc<Attached>> {
        let of = |stream: Stream| self.toxics.iter().filter(move |toxic| toxic.stream == stream);
        of(Stream::Upstream).chain(of(Stream::Downstream))
    }
}

/// A toxic as the API shows it.
pub(super) fn info_of(toxic: &Attached) -> ToxicInfo {
    ToxicInfo {
        attributes: toxic.spec.attributes(),
        name: toxic.name.clone(),
        kind: toxic.spec.kind().to_owned(),
        stream: toxic.stream_text.clone(),
        toxicity: toxic.toxicity,
    }
}

/// A toxic with everything that is known of it.
pub(super) fn detail_of(toxic: &Attached, lease: Option<String>) -> ToxicDetail {
    ToxicDetail {
        name: toxic.name.clone(),
        kind: toxic.spec.kind().to_owned(),
        stream: toxic.stream,
        toxicity: toxic.toxicity,
        scope: toxic.scope.clone(),
        seed: toxic.seed,
        attributes: toxic.spec.attributes(),
        touched: toxic.touches.count(),
        first_touched_at: toxic.touches.first_at(),
        lease,
    }
}
