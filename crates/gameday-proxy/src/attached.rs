//! A toxic attached to a proxy, as all its connections share it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Instant;

use gameday_core::Timestamp;
use serde::{Deserialize, Serialize};

use crate::datagram::Tally;
use crate::delays::Delays;
use crate::dice::Dice;
use crate::events::{Events, ProxyEventKind, ToxicMoment};
use crate::scope::{Place, Places, Scope};
use crate::toxic::{Anchor, ToxicSpec};

/// The direction a toxic works on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stream {
    /// From the client to the upstream.
    Upstream,
    /// From the upstream to the client.
    #[default]
    Downstream,
}

impl Stream {
    /// Reads the word in any case, as Toxiproxy does.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Upstream, Self::Downstream]
            .into_iter()
            .find(|stream| stream.as_str().eq_ignore_ascii_case(text))
    }

    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Upstream => "upstream",
            Self::Downstream => "downstream",
        }
    }
}

/// One toxic of a proxy. It is never changed: an update puts another in its place with the same id.
#[derive(Debug, Clone)]
pub(crate) struct Attached {
    /// Counts the toxics of a proxy; the dice of a connection are drawn from it.
    pub(crate) id: u64,
    /// Counts the updates.
    pub(crate) revision: u64,
    pub(crate) name: String,
    pub(crate) stream: Stream,
    /// The stream as the client wrote it, which Toxiproxy echoes.
    pub(crate) stream_text: String,
    pub(crate) toxicity: f64,
    pub(crate) scope: Scope,
    pub(crate) spec: ToxicSpec,
    /// Whether it acts on the stream itself, and not on what a protocol makes of it.
    pub(crate) on_stream: bool,
    /// What it shares over all connections.
    pub(crate) anchor: Anchor,
    /// Those that a scope with `max_active` gives out.
    pub(crate) places: Places,
    /// What its dice are seeded with.
    pub(crate) seed: u64,
    /// How many connections the proxy had accepted when it was attached.
    pub(crate) since: u64,
    pub(crate) touches: Arc<Touches>,
}

impl Attached {
    /// A toxic for every connection, downstream; its proxy gives it an id.
    pub(crate) fn new(spec: ToxicSpec) -> Self {
        Self {
            id: 0,
            revision: 0,
            name: spec.kind().to_owned(),
            stream: Stream::default(),
            stream_text: Stream::default().as_str().to_owned(),
            toxicity: 1.0,
            scope: Scope::default(),
            on_stream: spec.is_on_stream(),
            spec,
            anchor: Anchor::at(Instant::now()),
            places: Places::default(),
            seed: 0,
            since: 0,
            touches: Arc::default(),
        }
    }

    /// Whether another would do the same to the same connections.
    pub(crate) fn does_the_same_as(&self, other: &Self) -> bool {
        self.stream == other.stream
            && self.toxicity.to_bits() == other.toxicity.to_bits()
            && self.scope == other.scope
            && self.seed == other.seed
            && self.spec == other.spec
    }

    /// The dice of a connection: counted from when it was attached, so that a drill can be repeated.
    pub(crate) fn dice(&self, number: u64) -> Dice {
        Dice::of_toxic(self.seed, &self.name, self.id, number.wrapping_sub(self.since))
    }
}

/// A connection as toxics see it; both directions and all layers share it.
#[derive(Debug, Default)]
pub(crate) struct Visitor {
    /// Nothing for a client that came by a unix socket.
    pub(crate) client: Option<IpAddr>,
    /// Its number in its proxy, from 1.
    pub(crate) number: u64,
    /// Bytes passed on to the upstream, and to the client.
    pub(crate) passed: [AtomicU64; 2],
    /// What was decided where places were few, by the toxic's id, for as long as somebody has it.
    places: Mutex<BTreeMap<u64, Decided>>,
}

/// How long a decision stands, and the place if there was one.
type Decided = (Weak<Touches>, Option<Place>);

impl Visitor {
    pub(crate) fn new(client: Option<IpAddr>, number: u64) -> Arc<Self> {
        Arc::new(Self {
            client,
            number,
            ..Self::default()
        })
    }

    /// Whether a toxic acts on this connection: the same answer however often it is asked.
    pub(crate) fn is_met_by(&self, toxic: &Attached) -> bool {
        let ordinal = self.number.cast_signed().wrapping_sub(toxic.since.cast_signed());
        toxic.scope.admits(self.client, ordinal)
            && toxic.dice(self.number).acts(toxic.id, toxic.toxicity)
            && toxic
                .scope
                .max_active
                .is_none_or(|most| self.has_place(toxic, most))
    }

    fn has_place(&self, toxic: &Attached, most: u64) -> bool {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        if !places.contains_key(&toxic.id) {
            places.retain(|_, (life, _)| life.strong_count() > 0);
        }
        let take = || (Arc::downgrade(&toxic.touches), toxic.places.take(most));
        places.entry(toxic.id).or_insert_with(take).1.is_some()
    }
}

/// All toxics of a proxy in the order they were made: what connections are told when anything changes.
pub(crate) type Toxics = Arc<[Arc<Attached>]>;

/// How often a fault has had an effect, and when first.
#[derive(Debug)]
pub(crate) struct Touches {
    count: AtomicU64,
    first_at_micros: AtomicI64,
    /// Who is told of the first effect.
    told: Option<(Arc<Events>, ToxicMoment)>,
}

const NOT_YET: i64 = i64::MIN;

impl Default for Touches {
    fn default() -> Self {
        Self {
            count: AtomicU64::new(0),
            first_at_micros: AtomicI64::new(NOT_YET),
            told: None,
        }
    }
}

impl Touches {
    /// None yet; the first will be told as an event.
    pub(crate) fn told(events: &Arc<Events>, moment: ToxicMoment) -> Self {
        Self {
            told: Some((Arc::clone(events), moment)),
            ..Self::default()
        }
    }

    /// One chunk or connection was touched.
    pub(crate) fn note(&self) {
        if self.first_at_micros.load(Ordering::Relaxed) == NOT_YET {
            self.begin(Timestamp::now());
        }
        self.count.fetch_add(1, Ordering::Relaxed);
    }

    /// The first effect was at this moment, unless there was one before.
    pub(crate) fn begin(&self, at: Timestamp) {
        // Losing this race means that another connection was touched in the same moment.
        let first = self.first_at_micros.compare_exchange(
            NOT_YET,
            at.as_micros(),
            Ordering::Relaxed,
            Ordering::Relaxed,
        );
        if let (Ok(_), Some((events, moment))) = (first, &self.told) {
            events.tell_at(at, ProxyEventKind::ToxicTouched(moment.clone()));
        }
    }

    /// Several connections were touched.
    pub(crate) fn add(&self, count: u64) {
        self.count.fetch_add(count, Ordering::Relaxed);
    }

    pub(crate) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    pub(crate) fn first_at(&self) -> Option<Timestamp> {
        let micros = self.first_at_micros.load(Ordering::Relaxed);
        (micros != NOT_YET).then(|| Timestamp::from_micros(micros))
    }
}

/// Counts the bytes of one direction of a connection, for its proxy and for itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Flow<'a> {
    received: &'a AtomicU64,
    passed: &'a AtomicU64,
    own: &'a AtomicU64,
}

impl Flow<'_> {
    /// So many bytes were read.
    pub(crate) fn read(&self, bytes: usize) {
        self.received.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// So many bytes were written.
    pub(crate) fn wrote(&self, bytes: usize) {
        self.passed.fetch_add(bytes as u64, Ordering::Relaxed);
        self.own.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

/// What has passed through a proxy.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) upstream_bytes: AtomicU64,
    pub(crate) downstream_bytes: AtomicU64,
    /// Connections accepted since the proxy was made.
    pub(crate) accepted: AtomicU64,
    /// Connections open now.
    pub(crate) open: AtomicU64,
    /// Connections whose upstream could not be reached.
    pub(crate) dial_failures: AtomicU64,
    /// Bytes read, passed on or not yet, or never.
    upstream_received: AtomicU64,
    downstream_received: AtomicU64,
    upstream_datagrams: Tally,
    downstream_datagrams: Tally,
    /// Sessions of datagrams that were ended to make room.
    pub(crate) evicted: AtomicU64,
    upstream_delays: Delays,
    downstream_delays: Delays,
}

impl Counters {
    pub(crate) fn passed(&self, stream: Stream) -> &AtomicU64 {
        match stream {
            Stream::Upstream => &self.upstream_bytes,
            Stream::Downstream => &self.downstream_bytes,
        }
    }

    /// Where the bytes of one direction of a connection are counted.
    pub(crate) fn flow<'a>(&'a self, stream: Stream, visitor: &'a Visitor) -> Flow<'a> {
        Flow {
            received: self.received(stream),
            passed: self.passed(stream),
            own: &visitor.passed[usize::from(stream == Stream::Downstream)],
        }
    }

    pub(crate) fn received(&self, stream: Stream) -> &AtomicU64 {
        match stream {
            Stream::Upstream => &self.upstream_received,
            Stream::Downstream => &self.downstream_received,
        }
    }

    pub(crate) fn datagrams(&self, stream: Stream) -> &Tally {
        match stream {
            Stream::Upstream => &self.upstream_datagrams,
            Stream::Downstream => &self.downstream_datagrams,
        }
    }

    pub(crate) fn delays(&self, stream: Stream) -> &Delays {
        match stream {
            Stream::Upstream => &self.upstream_delays,
            Stream::Downstream => &self.downstream_delays,
        }
    }

    /// Bytes passed in both directions.
    pub(crate) fn bytes(&self) -> u64 {
        self.upstream_bytes.load(Ordering::Relaxed) + self.downstream_bytes.load(Ordering::Relaxed)
    }
}
