//! The book of leases: who holds which, and what became of each fault.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gameday_core::Timestamp;

use super::RETRY;
use super::proxy::Proxy;
use crate::address::literal;
use crate::attached::{Counters, Touches};
use crate::model::{Fault, FaultState, Lease, ToxicOrder};
use crate::refusal::Refusal;

/// How long a lease that has ended can still be read.
const REMEMBERED: Duration = Duration::from_secs(600);
/// No more leases than this are kept, those that have ended counted.
const MOST_LEASES: usize = 256;
/// No more faults than this are kept for a lease, those that have ended counted.
const MOST_FAULTS: usize = 256;

/// All leases by owner.
#[derive(Default)]
pub(super) struct Book {
    pub(super) leases: BTreeMap<String, Entry>,
}

/// One lease.
pub(super) struct Entry {
    pub(super) ttl: Duration,
    pub(super) expires: Instant,
    pub(super) ended: Option<Instant>,
    pub(super) rows: Vec<Row>,
}

/// One fault of a lease.
pub(super) struct Row {
    pub(super) name: String,
    pub(super) proxy: String,
    pub(super) what: What,
    pub(super) state: FaultState,
    pub(super) ended_at: Option<Timestamp>,
    pub(super) touches: Arc<Touches>,
    pub(super) counters: Arc<Counters>,
    /// What it will have become once its undo succeeds, and why it has not yet.
    pub(super) undoing: Option<(FaultState, String)>,
}

/// What a fault did, so what its undo undoes.
pub(super) enum What {
    Toxic { id: u64, order: ToxicOrder },
    Down,
}

impl Book {
    /// Makes a lease or renews it.
    pub(super) fn renew(&mut self, owner: &str, ttl: Duration, now: Instant) -> Result<(), Refusal> {
        if !self.leases.contains_key(owner) {
            self.make_room()?;
        }
        let entry = self.leases.entry(owner.to_owned()).or_insert_with(|| Entry {
            ttl,
            expires: now,
            ended: None,
            rows: Vec::new(),
        });
        (entry.ttl, entry.expires, entry.ended) = (ttl, now + ttl, None);
        Ok(())
    }

    /// When something is to be done next: a lease ends, or an undo is tried again.
    pub(super) fn next_expiry(&self) -> Option<Instant> {
        let ends = self
            .leases
            .values()
            .filter(|entry| entry.ended.is_none())
            .map(|entry| entry.expires);
        let retry = self
            .rows()
            .any(|(_, row)| row.undoing.is_some())
            .then(|| Instant::now() + RETRY);
        ends.chain(retry).min()
    }

    /// Forgets what ended long ago.
    pub(super) fn forget(&mut self, now: Instant) {
        self.leases
            .retain(|_, entry| entry.is_busy() || entry.ended.is_none_or(|ended| now < ended + REMEMBERED));
    }

    /// Who else has a fault in place on this proxy.
    pub(super) fn rival(&self, owner: &str, proxy: &str) -> Option<&str> {
        let mut rows = self.rows();
        rows.find(|(other, row)| *other != owner && row.proxy == proxy && row.is_active())
            .map(|(other, _)| other)
    }

    /// Who has a fault in place on this proxy.
    pub(super) fn owner_on(&self, proxy: &str) -> Option<&str> {
        let mut rows = self.rows();
        rows.find(|(_, row)| row.proxy == proxy && row.is_active())
            .map(|(owner, _)| owner)
    }

    /// Whether a fault in place has switched this proxy off.
    pub(super) fn is_down(&self, proxy: &str) -> bool {
        self.rows()
            .any(|(_, row)| row.proxy == proxy && row.is_active() && matches!(row.what, What::Down))
    }

    /// Whose fault in place a toxic is.
    pub(super) fn holder(&self, proxy: &str, toxic: u64) -> Option<&str> {
        let is_it = |row: &Row| matches!(row.what, What::Toxic { id, .. } if id == toxic);
        let mut rows = self.rows();
        rows.find(|(_, row)| row.proxy == proxy && row.is_active() && is_it(row))
            .map(|(owner, _)| owner)
    }

    /// A leased toxic was taken away through Toxiproxy's API.
    pub(super) fn toxic_gone(&mut self, proxy: &str, toxic: u64) {
        self.end_rows(|row| row.proxy == proxy && matches!(row.what, What::Toxic { id, .. } if id == toxic));
    }

    /// All toxics of a proxy were taken away, leased ones too.
    pub(super) fn toxics_gone(&mut self, proxy: &str) {
        self.end_rows(|row| row.proxy == proxy && matches!(row.what, What::Toxic { .. }));
    }

    /// A proxy was deleted, and its faults with it.
    pub(super) fn proxy_gone(&mut self, proxy: &str) {
        self.end_rows(|row| row.proxy == proxy);
    }

    /// A proxy was switched on through Toxiproxy's API, which undoes the fault of having been switched off.
    pub(super) fn proxy_switched_on(&mut self, proxy: &str) {
        self.end_rows(|row| row.proxy == proxy && matches!(row.what, What::Down));
    }

    /// Somebody wants the proxy off: what would switch it on again gives up.
    pub(super) fn stop_retrying(&mut self, proxy: &str) {
        self.end_rows(|row| row.proxy == proxy && row.undoing.is_some());
    }

    /// Proxies to be switched on whose address has to be looked up first.
    pub(super) fn waiting_for_lookup(&self, proxies: &BTreeMap<String, Proxy>) -> Vec<(String, String)> {
        let waiting = self
            .rows()
            .filter(|(_, row)| row.undoing.is_some())
            .filter_map(|(_, row)| proxies.get(&row.proxy));
        waiting
            .filter(|proxy| literal(&proxy.listen).is_none())
            .map(|proxy| (proxy.name.clone(), proxy.listen.clone()))
            .collect()
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = (&str, &Row)> {
        self.leases
            .iter()
            .flat_map(|(owner, entry)| entry.rows.iter().map(move |row| (owner.as_str(), row)))
    }

    fn end_rows(&mut self, which: impl Fn(&Row) -> bool) {
        let rows = self.leases.values_mut().flat_map(|entry| &mut entry.rows);
        rows.filter(|row| row.is_active() && which(row))
            .for_each(|row| row.end(FaultState::Removed));
    }

    fn make_room(&mut self) -> Result<(), Refusal> {
        if self.leases.len() < MOST_LEASES {
            return Ok(());
        }
        let ended = self.leases.iter().filter(|(_, entry)| !entry.is_busy());
        let oldest = ended
            .filter_map(|(owner, entry)| Some((entry.ended?, owner.clone())))
            .min();
        let full = || Refusal::Conflict(format!("there are {MOST_LEASES} leases already"));
        let (_, owner) = oldest.ok_or_else(full)?;
        self.leases.remove(&owner);
        Ok(())
    }
}

impl Entry {
    /// A row for a new fault: one that has ended makes room for another of its name.
    pub(super) fn refuse_or_make_room(&mut self, name: &str) -> Result<(), Refusal> {
        if self.rows.iter().any(|row| row.name == name && row.is_active()) {
            return Err(Refusal::Conflict("fault already exists".to_owned()));
        }
        self.rows.retain(|row| row.name != name);
        if self.rows.len() >= MOST_FAULTS {
            let full = || Refusal::Conflict(format!("the lease has {MOST_FAULTS} faults already"));
            let oldest = self
                .rows
                .iter()
                .position(|row| !row.is_active())
                .ok_or_else(full)?;
            self.rows.remove(oldest);
        }
        Ok(())
    }

    pub(super) fn lease(&self, owner: &str, now: Instant) -> Lease {
        let left = if self.ended.is_some() {
            Duration::ZERO
        } else {
            self.expires.saturating_duration_since(now)
        };
        Lease {
            owner: owner.to_owned(),
            ttl_ms: milliseconds(self.ttl),
            expires_in_ms: milliseconds(left),
            now: Timestamp::now(),
            faults: self.rows.iter().map(Row::fault).collect(),
        }
    }

    fn is_busy(&self) -> bool {
        self.rows.iter().any(Row::is_active)
    }
}

impl Row {
    pub(super) fn is_active(&self) -> bool {
        self.state == FaultState::Active
    }

    pub(super) fn end(&mut self, state: FaultState) {
        (self.state, self.undoing, self.ended_at) = (state, None, Some(Timestamp::now()));
    }

    pub(super) fn fault(&self) -> Fault {
        let (toxic, enabled) = match &self.what {
            What::Toxic { order, .. } => (Some(order.clone()), None),
            What::Down => (None, Some(false)),
        };
        Fault {
            name: self.name.clone(),
            proxy: self.proxy.clone(),
            toxic,
            enabled,
            state: self.state,
            touched: self.touches.count(),
            first_touched_at: self.touches.first_at(),
            ended_at: self.ended_at,
            proxy_bytes: self.counters.bytes(),
            error: self.undoing.as_ref().map(|(_, why)| why.clone()),
        }
    }
}

fn milliseconds(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
