//! Whose turn it is to tell: probers that follow one another tell of one incident once, not each for itself.
//!
//! ```text
//!   waits ──nobody else has told, tells or claims──► claims ──heard from everybody since──► tells ──taken──► told
//!     ▲                                                │                                      │
//!     └───────────a lower-named claims, or another tells or has told──────────────────────────┴──not taken──┘
//! ```
//!
//! Pure: what peers say and the time go in, whether to tell comes out. As in Lamport's bakery, who has claimed and heard
//! everybody since has been seen by everybody, or has seen them. A peer that is silent for too long is not waited for:
//! when a network is split, each side tells, since twice is better than never.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use gameday_core::RegionName;
use gameday_probe::{NoticeAnswer, NoticeStage};

/// A peer that claims or tells for longer is stuck.
const PATIENCE: Duration = Duration::from_secs(30);
/// Of two answers that come after a claim, the second was asked for after it.
const ANSWERS: u64 = 2;

/// A receiver's name and an alert's key: the same in all regions.
pub(super) type Matter = (String, String);

/// What to do with a message that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// Tell it.
    Now,
    /// Somebody else may: ask again soon.
    Later,
    /// A peer that is gone has told it: take it over as told.
    Inherit,
}

/// What is known of the peers, and what was claimed here.
#[derive(Debug, Default)]
pub(super) struct Turns {
    /// The name that stands for this prober: its lowest region.
    me: Option<RegionName>,
    peers: BTreeMap<RegionName, Peer>,
    /// A peer that was not heard for so long is gone.
    limit: Duration,
    own: BTreeMap<Matter, Own>,
}

#[derive(Debug)]
struct Peer {
    /// When it was last heard; before the first time, since when it is followed.
    heard: Instant,
    answers: u64,
    says: BTreeMap<Matter, Said>,
}

#[derive(Debug)]
struct Said {
    fires: bool,
    stage: NoticeStage,
    /// Since when it says this.
    since: Instant,
}

#[derive(Debug, Default)]
struct Own {
    /// How many answers of each peer had come when it was claimed; none when it is not.
    claim: Option<BTreeMap<RegionName, u64>>,
    tells: bool,
    /// A peer has told it.
    told_by: Option<RegionName>,
    /// It was taken over from a peer that was gone.
    inherited: bool,
}

impl Peer {
    fn begun(now: Instant) -> Self {
        Self {
            heard: now,
            answers: 0,
            says: BTreeMap::new(),
        }
    }
}

impl Turns {
    /// These are the peers from now on.
    pub(super) fn sit(
        &mut self,
        here: &[RegionName],
        peers: &BTreeSet<RegionName>,
        limit: Duration,
        now: Instant,
    ) {
        self.me = here.iter().min().cloned();
        self.limit = limit;
        self.peers.retain(|region, _| peers.contains(region));
        for region in peers {
            self.peers
                .entry(region.clone())
                .or_insert_with(|| Peer::begun(now));
        }
    }

    /// A peer answered.
    pub(super) fn heard(&mut self, region: &RegionName, notices: &[NoticeAnswer], now: Instant) {
        let Some(peer) = self.peers.get_mut(region) else {
            return;
        };
        peer.heard = now;
        peer.answers += 1;
        let mut before = std::mem::take(&mut peer.says);
        for notice in notices {
            let matter = (notice.receiver.clone(), notice.key.clone());
            let old = before.remove(&matter).filter(|old| old.stage == notice.stage);
            let since = old.map_or(now, |old| old.since);
            let said = Said {
                fires: notice.fires,
                stage: notice.stage,
                since,
            };
            peer.says.insert(matter, said);
        }
    }

    /// Whether it is our turn to tell a receiver that an alert fires.
    pub(super) fn firing(&mut self, matter: &Matter, now: Instant) -> Turn {
        let Some(me) = self.me.clone().filter(|_| !self.peers.is_empty()) else {
            return Turn::Now;
        };
        let mut own = self.own.remove(matter).unwrap_or_default();
        let turn = self.judge(&me, &mut own, matter, now);
        self.own.insert(matter.clone(), own);
        turn
    }

    fn judge(&self, me: &RegionName, own: &mut Own, matter: &Matter, now: Instant) -> Turn {
        let said = || {
            self.there(now)
                .filter_map(|(region, peer)| Some((region, peer.says.get(matter)?)))
        };
        own.tells = false;
        if let Some((region, _)) = said().find(|(_, said)| said.stage == NoticeStage::Told) {
            own.told_by = Some(region.clone());
            own.claim = None;
            return Turn::Later;
        }
        let busy = |said: &Said, stage| said.stage == stage && now.duration_since(said.since) <= PATIENCE;
        let goes_first = said().any(|(region, said)| {
            busy(said, NoticeStage::Tells) || region < me && busy(said, NoticeStage::Claims)
        });
        if goes_first {
            own.claim = None;
            return Turn::Later;
        }
        let claim = own.claim.get_or_insert_default();
        let mut all_heard = true;
        for (region, peer) in self.there(now) {
            let at_claim = *claim.entry(region.clone()).or_insert(peer.answers);
            all_heard &= peer.answers >= at_claim + ANSWERS;
        }
        // Who claims too and is named after us withdraws when it sees our claim, or goes on if it could not.
        if !all_heard || said().any(|(_, said)| busy(said, NoticeStage::Claims)) {
            return Turn::Later;
        }
        match own.told_by {
            Some(_) => Turn::Inherit,
            None => Turn::Now,
        }
    }

    /// Whether it is our turn to tell a receiver that an alert is over: not while it fires elsewhere.
    pub(super) fn over(&self, matter: &Matter, now: Instant) -> Turn {
        let fires = |peer: &Peer| peer.says.get(matter).is_some_and(|said| said.fires);
        match self.there(now).any(|(_, peer)| fires(peer)) {
            true => Turn::Later,
            false => Turn::Now,
        }
    }

    /// The peers that are not gone.
    fn there(&self, now: Instant) -> impl Iterator<Item = (&RegionName, &Peer)> {
        self.peers
            .iter()
            .filter(move |(_, peer)| now.duration_since(peer.heard) <= self.limit)
    }

    /// It is being told.
    pub(super) fn tells(&mut self, matter: &Matter) {
        if let Some(own) = self.own.get_mut(matter) {
            own.tells = true;
        }
    }

    /// It was told, by us or, when it is taken over, by a peer that is gone; or it could not be told, and who is next may.
    pub(super) fn ended(&mut self, matter: &Matter, inherited: bool) {
        if let Some(own) = self.own.get_mut(matter) {
            (own.claim, own.tells, own.inherited) = (None, false, inherited);
        }
    }

    /// Who told it.
    pub(super) fn told_by(&self, matter: &Matter) -> Option<&RegionName> {
        self.own.get(matter)?.told_by.as_ref()
    }

    /// Alerts that were taken over, and ended meanwhile by whoever had told them: the receiver has to be told again.
    pub(super) fn lapsed(&mut self, receiver: &str, now: Instant) -> Vec<String> {
        let of = |own: &Own, matter: &Matter| {
            let by = own
                .told_by
                .as_ref()
                .filter(|_| own.inherited && matter.0 == receiver)?;
            let (_, back) = self.there(now).find(|(region, _)| *region == by)?;
            let said = back.says.get(matter);
            said.is_none_or(|said| said.stage != NoticeStage::Told)
                .then(|| matter.clone())
        };
        let lapsed: Vec<Matter> = self
            .own
            .iter()
            .filter_map(|(matter, own)| of(own, matter))
            .collect();
        for matter in &lapsed {
            self.own.remove(matter);
        }
        lapsed.into_iter().map(|(_, key)| key).collect()
    }

    /// How far a message is that was not told here.
    pub(super) fn stage(&self, matter: &Matter) -> NoticeStage {
        match self.own.get(matter) {
            Some(own) if own.tells => NoticeStage::Tells,
            Some(own) if own.claim.is_some() => NoticeStage::Claims,
            _ => NoticeStage::Waits,
        }
    }

    /// Forgets what does not concern these any more.
    pub(super) fn retain(&mut self, is_open: impl Fn(&str) -> bool) {
        self.own.retain(|(_, key), _| is_open(key));
    }
}

#[cfg(test)]
mod tests;
