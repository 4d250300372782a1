//! What happens in a proxy server, in order: kept in a ring, streamed to whoever asks, written to the log.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use gameday_core::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::attached::Stream;
use crate::log::Log;

/// So many are kept for those who come late.
const KEPT: usize = 4096;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProxyEvent {
    /// Counts from 1 since the server was started.
    pub id: u64,
    /// The proxy's wall clock.
    pub time: Timestamp,
    /// What it was.
    #[serde(flatten)]
    pub kind: ProxyEventKind,
}

/// What can happen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum ProxyEventKind {
    /// A proxy was made.
    ProxyCreated {
        /// Its name.
        proxy: String,
        /// Where it leads.
        upstream: String,
    },
    /// A proxy was deleted, and its toxics with it.
    ProxyDeleted {
        /// Its name.
        proxy: String,
    },
    /// A proxy was switched on, or moved.
    ProxyEnabled {
        /// Its name.
        proxy: String,
        /// Where it listens.
        listen: String,
    },
    /// A proxy was switched off.
    ProxyDisabled {
        /// Its name.
        proxy: String,
    },
    /// A toxic was attached.
    ToxicAdded(ToxicMoment),
    /// A toxic was changed.
    ToxicChanged(ToxicMoment),
    /// A toxic was taken away.
    ToxicRemoved(ToxicMoment),
    /// A toxic has acted for the first time; `time` is that moment.
    ToxicTouched(ToxicMoment),
    /// A lease was made.
    LeaseMade {
        /// Who holds it.
        owner: String,
        /// How long it lasts after each renewal.
        ttl_ms: u64,
    },
    /// A lease was ended by its owner.
    LeaseEnded {
        /// Who held it.
        owner: String,
    },
    /// A lease was not renewed in time: its faults were undone.
    LeaseExpired {
        /// Who held it.
        owner: String,
    },
    /// The configuration was read again.
    Reloaded {},
    /// The configuration could not be read again; nothing was changed.
    ReloadRefused {
        /// Why.
        why: String,
    },
}

/// Which toxic of which proxy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToxicMoment {
    /// The proxy.
    pub proxy: String,
    /// The toxic's name.
    pub toxic: String,
    /// Its kind.
    #[serde(rename = "type")]
    pub kind: String,
    /// The direction it acts on.
    pub stream: Stream,
}

/// The events of a server.
#[derive(Debug)]
pub(crate) struct Events {
    ring: Mutex<Ring>,
    latest: watch::Sender<u64>,
    log: Log,
}

#[derive(Debug, Default)]
struct Ring {
    made: u64,
    events: VecDeque<ProxyEvent>,
}

impl Default for Events {
    fn default() -> Self {
        Self::new(Log::off())
    }
}

impl Events {
    /// None yet; each will be written to this log too.
    pub(crate) fn new(log: Log) -> Self {
        Self {
            ring: Mutex::default(),
            latest: watch::channel(0).0,
            log,
        }
    }

    /// Where connections are logged too.
    pub(crate) fn log(&self) -> &Log {
        &self.log
    }

    /// Something has happened now.
    pub(crate) fn tell(&self, kind: ProxyEventKind) {
        self.tell_at(Timestamp::now(), kind);
    }

    /// Something happened at this moment.
    pub(crate) fn tell_at(&self, time: Timestamp, kind: ProxyEventKind) {
        let mut ring = self.lock();
        ring.made += 1;
        let id = ring.made;
        if ring.events.len() == KEPT {
            ring.events.pop_front();
        }
        let event = ProxyEvent { id, time, kind };
        self.log.say(&event);
        ring.events.push_back(event);
        drop(ring);
        self.latest.send_replace(id);
    }

    /// What happened after the event of this id, and how much of it is no longer kept.
    pub(crate) fn after(&self, id: u64) -> (Vec<ProxyEvent>, u64) {
        let ring = self.lock();
        let oldest = ring.events.front().map_or(ring.made + 1, |event| event.id);
        let missed = oldest.saturating_sub(id.saturating_add(1));
        (
            ring.events
                .iter()
                .filter(|event| event.id > id)
                .cloned()
                .collect(),
            missed,
        )
    }

    /// The id of the latest event, now and whenever it changes.
    pub(crate) fn latest(&self) -> watch::Receiver<u64> {
        self.latest.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(number: usize) -> ProxyEventKind {
        ProxyEventKind::LeaseEnded {
            owner: number.to_string(),
        }
    }

    #[test]
    fn events_are_numbered_and_whoever_comes_late_is_told_what_he_missed() {
        let events = Events::default();
        assert_eq!(events.after(0), (vec![], 0));
        for number in 0..KEPT + 10 {
            events.tell(ended(number));
        }
        let (kept, missed) = events.after(0);
        assert_eq!((kept.len(), missed, kept[0].id), (KEPT, 10, 11));
        let last = KEPT as u64 + 10;
        assert_eq!(events.after(last), (vec![], 0));
        assert_eq!(events.after(last - 1).0.len(), 1);
        assert_eq!(*events.latest().borrow(), last);
        // An id of the future, as of a server that was restarted, gets nothing yet.
        assert_eq!(events.after(u64::MAX), (vec![], 0));
    }

    #[test]
    fn an_event_is_one_flat_object() {
        let event = ProxyEvent {
            id: 7,
            time: Timestamp::from_micros(1_700_000_000_000_000),
            kind: ProxyEventKind::ToxicTouched(ToxicMoment {
                proxy: "db".to_owned(),
                toxic: "slow".to_owned(),
                kind: "latency".to_owned(),
                stream: Stream::Downstream,
            }),
        };
        let text = serde_json::to_string(&event).unwrap();
        expect_test::expect![[r#"{"id":7,"time":"2023-11-14T22:13:20.000000Z","event":"toxic_touched","proxy":"db","toxic":"slow","type":"latency","stream":"downstream"}"#]]
            .assert_eq(&text);
        assert_eq!(serde_json::from_str::<ProxyEvent>(&text).unwrap(), event);
    }
}
