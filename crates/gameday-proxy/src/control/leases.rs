//! Leases: every fault in them ends by itself unless its owner says in time that it lives on.

use std::sync::Arc;
use std::time::{Duration, Instant};

use gameday_core::Timestamp;

use super::book::{Row, What};
use super::proxy::Proxy;
use super::toxics::NewToxic;
use super::{Control, Plumbing, State};
use crate::address::{Address, listen_error, literal};
use crate::attached::Touches;
use crate::events::ProxyEventKind;
use crate::model::{Fault, FaultState, Lease, LeaseList, NewFault, ToxicOrder};
use crate::refusal::Refusal;
use crate::toxic::ToxicSpec;

const LONGEST_TTL_MS: u64 = 3_600_000;
const LONGEST_NAME: usize = 200;

impl Control {
    /// Makes a lease or renews it; one that has ended begins anew without active faults.
    pub(crate) fn renew_lease(&self, owner: &str, ttl_ms: u64) -> Result<Lease, Refusal> {
        check_name("owner", owner)?;
        if !(1..=LONGEST_TTL_MS).contains(&ttl_ms) {
            return Err(Refusal::Bad(format!(
                "`ttl_ms` must be from 1 to {LONGEST_TTL_MS}, not {ttl_ms}"
            )));
        }
        let now = Instant::now();
        let mut state = self.lock();
        // A renewal that comes too late finds its faults ended, whether or not the alarm has rung yet.
        state.expire(now);
        let is_new = state
            .book
            .leases
            .get(owner)
            .is_none_or(|entry| entry.ended.is_some());
        state.book.renew(owner, Duration::from_millis(ttl_ms), now)?;
        if is_new {
            let owner = owner.to_owned();
            state
                .plumbing
                .events
                .tell(ProxyEventKind::LeaseMade { owner, ttl_ms });
        }
        self.leases_changed.notify_one();
        state.lease(owner, now)
    }

    pub(crate) fn leases(&self) -> LeaseList {
        let now = Instant::now();
        let mut state = self.lock();
        state.expire(now);
        let leases = state
            .book
            .leases
            .iter()
            .map(|(owner, entry)| entry.lease(owner, now))
            .collect();
        LeaseList {
            now: Timestamp::now(),
            leases,
        }
    }

    pub(crate) fn lease(&self, owner: &str) -> Result<Lease, Refusal> {
        let now = Instant::now();
        let mut state = self.lock();
        state.expire(now);
        state.lease(owner, now)
    }

    /// Undoes all faults of a lease and ends it; safe twice.
    pub(crate) fn drop_lease(&self, owner: &str) -> Result<Lease, Refusal> {
        let now = Instant::now();
        let mut state = self.lock();
        state.expire(now);
        state.end_lease(owner, now, FaultState::Removed);
        self.leases_changed.notify_one();
        state.lease(owner, now)
    }

    /// Puts a fault in place under a lease.
    pub(crate) fn add_fault(&self, owner: &str, new: &NewFault) -> Result<Fault, Refusal> {
        check_name("name", &new.name)?;
        let mut state = self.lock();
        state.expire(Instant::now());
        state.add_fault(owner, new)
    }

    /// Undoes one fault; safe twice.
    pub(crate) fn remove_fault(&self, owner: &str, name: &str) -> Result<Fault, Refusal> {
        let mut state = self.lock();
        state.expire(Instant::now());
        let State {
            proxies,
            book,
            plumbing,
            ..
        } = &mut *state;
        let entry = book.leases.get_mut(owner).ok_or(Refusal::NotFound("lease"))?;
        let row = entry
            .rows
            .iter_mut()
            .find(|row| row.name == name)
            .ok_or(Refusal::NotFound("fault"))?;
        undo(row, proxies.get_mut(&row.proxy), plumbing, FaultState::Removed);
        self.leases_changed.notify_one();
        Ok(row.fault())
    }
}

impl State {
    /// Ends the leases that were not renewed, and tries again what could not be undone.
    pub(super) fn expire(&mut self, now: Instant) {
        let due = self
            .book
            .leases
            .iter()
            .filter(|(_, entry)| entry.ended.is_none() && entry.expires <= now);
        let owners: Vec<String> = due.map(|(owner, _)| owner.clone()).collect();
        for owner in owners {
            self.end_lease(&owner, now, FaultState::Expired);
        }
        let State {
            proxies,
            book,
            plumbing,
            ..
        } = self;
        for row in book.leases.values_mut().flat_map(|entry| &mut entry.rows) {
            if let Some((state, _)) = row.undoing {
                undo(row, proxies.get_mut(&row.proxy), plumbing, state);
            }
        }
        self.book.forget(now);
    }

    /// A name was looked up for proxies that are to be switched on again.
    pub(super) fn retry(&mut self, name: &str, listen: &str, address: Result<Address, String>) {
        let State {
            proxies,
            book,
            plumbing,
            ..
        } = self;
        let Some(proxy) = proxies.get_mut(name).filter(|proxy| proxy.listen == listen) else {
            return;
        };
        for row in book
            .leases
            .values_mut()
            .flat_map(|entry| &mut entry.rows)
            .filter(|row| row.proxy == name)
        {
            let Some((state, _)) = row.undoing else { continue };
            match address
                .clone()
                .and_then(|address| switch_on(proxy, &address, plumbing))
            {
                Ok(()) => row.end(state),
                Err(why) => row.undoing = Some((state, why)),
            }
        }
    }

    fn lease(&self, owner: &str, now: Instant) -> Result<Lease, Refusal> {
        self.book
            .leases
            .get(owner)
            .map(|entry| entry.lease(owner, now))
            .ok_or(Refusal::NotFound("lease"))
    }

    fn end_lease(&mut self, owner: &str, now: Instant, state: FaultState) {
        let State {
            proxies,
            book,
            plumbing,
            ..
        } = self;
        let Some(entry) = book.leases.get_mut(owner) else {
            return;
        };
        if entry.ended.is_none() {
            entry.ended = Some(now);
            let owner = owner.to_owned();
            plumbing.events.tell(match state {
                FaultState::Expired => ProxyEventKind::LeaseExpired { owner },
                _ => ProxyEventKind::LeaseEnded { owner },
            });
        }
        for row in &mut entry.rows {
            undo(row, proxies.get_mut(&row.proxy), plumbing, state);
        }
    }

    fn add_fault(&mut self, owner: &str, new: &NewFault) -> Result<Fault, Refusal> {
        let rival = self.book.rival(owner, &new.proxy).map(str::to_owned);
        let entry = self
            .book
            .leases
            .get_mut(owner)
            .filter(|entry| entry.ended.is_none());
        let entry = entry.ok_or(Refusal::NotFound("lease"))?;
        let proxy = self
            .proxies
            .get_mut(&new.proxy)
            .ok_or(Refusal::NotFound("proxy"))?;
        if let Some(rival) = rival {
            let message = format!("proxy `{}` has a fault of lease `{rival}`", new.proxy);
            return Err(Refusal::Conflict(message));
        }
        entry.refuse_or_make_room(&new.name)?;
        let (what, touches) = put_in_place(proxy, new)?;
        let row = Row {
            name: new.name.clone(),
            proxy: new.proxy.clone(),
            what,
            state: FaultState::Active,
            ended_at: None,
            touches,
            counters: Arc::clone(&proxy.counters),
            undoing: None,
        };
        let fault = row.fault();
        entry.rows.push(row);
        Ok(fault)
    }
}

fn put_in_place(proxy: &mut Proxy, new: &NewFault) -> Result<(What, Arc<Touches>), Refusal> {
    match (&new.toxic, new.enabled) {
        (Some(order), None) => attach(proxy, &new.name, order),
        (None, Some(false)) if !proxy.is_enabled() => Err(Refusal::Conflict(format!(
            "proxy `{}` is switched off already",
            proxy.name
        ))),
        (None, Some(false)) => {
            let touches = Arc::new(Touches::default());
            touches.begin(Timestamp::now());
            // The listener that is closed counts as one: whoever comes now is refused and cannot be counted.
            touches.add(1 + proxy.open_connections());
            proxy.stop();
            Ok((What::Down, touches))
        }
        _ => Err(Refusal::Bad(
            "a fault is either `toxic` or `\"enabled\": false`".to_owned(),
        )),
    }
}

fn attach(proxy: &mut Proxy, name: &str, order: &ToxicOrder) -> Result<(What, Arc<Touches>), Refusal> {
    let spec = ToxicSpec::from_attributes(&order.kind, &order.attributes)?;
    let toxic = proxy.add_toxic(NewToxic {
        name: Some(name.to_owned()),
        kind: order.kind.clone(),
        stream: order.stream.as_str().to_owned(),
        toxicity: order.toxicity,
        scope: order.scope.clone(),
        seed: order.seed,
        attributes: order.attributes.clone(),
        strict: true,
    })?;
    let order = ToxicOrder {
        attributes: spec.attributes(),
        ..order.clone()
    };
    Ok((What::Toxic { id: toxic.id, order }, Arc::clone(&toxic.touches)))
}

/// Undoes a fault that is in place; one that is not is left as it is.
fn undo(row: &mut Row, proxy: Option<&mut Proxy>, plumbing: &mut Plumbing, state: FaultState) {
    if !row.is_active() {
        return;
    }
    let undone = match (&row.what, proxy) {
        (What::Toxic { id, .. }, Some(proxy)) => {
            proxy.detach(*id);
            Ok(())
        }
        (What::Down, Some(proxy)) => match literal(&proxy.listen) {
            Some(address) => switch_on(proxy, &address, plumbing),
            None => Err(format!("`{}` has to be looked up first", proxy.listen)),
        },
        (_, None) => Ok(()),
    };
    match undone {
        Ok(()) => row.end(state),
        Err(why) => row.undoing = Some((state, why)),
    }
}

fn switch_on(proxy: &mut Proxy, address: &Address, plumbing: &mut Plumbing) -> Result<(), String> {
    if proxy.is_enabled() {
        return Ok(());
    }
    proxy
        .start(address, plumbing)
        .map_err(|error| listen_error(address, &error))
}

fn check_name(what: &str, name: &str) -> Result<(), Refusal> {
    let fine =
        (1..=LONGEST_NAME).contains(&name.len()) && !name.contains(|c: char| c.is_control() || c == '/');
    let message = || format!("`{what}` must be 1 to {LONGEST_NAME} bytes without `/` and control characters");
    if fine {
        Ok(())
    } else {
        Err(Refusal::Bad(message()))
    }
}
