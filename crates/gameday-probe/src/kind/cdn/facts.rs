//! What the edges served, and which expectations hold of it.

use std::collections::BTreeSet;
use std::time::Duration;

use gameday_core::Reason;

use super::attribute::Attribute;
use super::expect::{Check, MostAge};
use super::visit::{Copy, Visit};
use super::{Cdn, Target};
use crate::cdn::Cache;
use crate::duration::micros;
use crate::evidence::{Evidence, Exhibit};
use crate::kind::camps::{Said, names, odd_ones};
use crate::kind::panel::Found;
use crate::observation::{Fault, Reading};

/// So many visits are shown whole.
const MAX_SHOWN: usize = 4;

/// Everything that expectations are about.
pub(super) struct Facts<'a> {
    pub(super) panel: &'a Cdn,
    /// The edges, and the origin last if there is one.
    pub(super) visits: Vec<Visit>,
    /// From the first look at all of them to the last.
    pub(super) waited: Duration,
    /// Some had to be asked again.
    pub(super) was_behind: bool,
}

impl Facts<'_> {
    pub(super) fn visits(&self) -> impl Iterator<Item = &Visit> {
        self.visits.iter()
    }

    fn edges(&self) -> impl Iterator<Item = &Visit> {
        self.visits.iter().filter(|visit| !visit.target.is_origin)
    }

    fn origin(&self) -> Option<&Visit> {
        self.visits.iter().find(|visit| visit.target.is_origin)
    }

    /// The edges that served something to look at.
    fn copies(&self) -> impl Iterator<Item = (&Visit, &Copy)> {
        let served = |visit: &&Visit| visit.fault(self.panel).is_none();
        self.edges()
            .filter(served)
            .filter_map(|visit| Some((visit, visit.copy.as_ref().ok()?)))
    }

    /// Whoever is to be asked again: something differs that may differ for a while yet.
    pub(super) fn behind(&self) -> Vec<usize> {
        let differs = |check: &&Check| {
            check.within().is_some_and(|within| self.waited < within)
                && matches!(self.holds(0, check), Err(fault) if fault.reason == Reason::EdgeDisagree)
        };
        let checks = self.panel.expect.iter().map(|one| &one.check).filter(differs);
        let mut behind = BTreeSet::new();
        for check in checks {
            let indices = self.visits.iter().enumerate().filter(|(_, visit)| match check {
                // The origin may have changed once more.
                Check::IsOrigin { by, .. } => visit.target.is_origin || self.differs(visit, by),
                _ => !visit.target.is_origin,
            });
            behind.extend(indices.map(|(index, _)| index));
        }
        behind.into_iter().collect()
    }

    /// Whether an edge serves something else than the origin.
    fn differs(&self, visit: &Visit, by: &Attribute) -> bool {
        match (self.origin().map(|origin| &origin.copy), &visit.copy) {
            (Some(Ok(origin)), Ok(copy)) => {
                let by = by.settled([origin, copy].into_iter());
                by.of(origin) != by.of(copy)
            }
            _ => false,
        }
    }

    /// Every expectation with what was found: each edge serves, then what the file says, then the origin.
    pub(super) fn findings(&self) -> Vec<(String, Found)> {
        let mut findings: Vec<(String, Found)> = Vec::new();
        for visit in self.edges() {
            if let Some(fault) = visit.fault(self.panel) {
                findings.push((format!("{} serves", visit.target.label), Err(fault)));
            }
        }
        let expected = self.panel.expect.iter().enumerate();
        findings.extend(expected.map(|(index, one)| (one.text.clone(), self.holds(index, &one.check))));
        let compares = self.panel.expect.iter().any(|one| one.check.is_about_origin());
        if let (Some(fault), false) = (self.origin_fault(), compares) {
            findings.push(("the origin serves".to_owned(), Err(fault)));
        }
        findings
    }

    fn holds(&self, index: usize, check: &Check) -> Found {
        let count = self.copies().count();
        if count == 0 {
            return Err(Fault::new(Reason::AssertFailed, "no edge served anything"));
        }
        match check {
            Check::Edges(least) => self.at_least(count, *least, "edges"),
            Check::Pops(least) => {
                let pops: BTreeSet<_> = self.copies().filter_map(|(_, copy)| copy.pop.as_ref()).collect();
                self.at_least(pops.len(), *least, "POPs")
            }
            Check::Agree { by, least, .. } => self.agree(by, *least),
            Check::IsOrigin { by, .. } => self.is_origin(by),
            _ => {
                for (visit, copy) in self.copies() {
                    self.holds_of(index, check, visit, copy)?;
                }
                Ok(format!("at {count} edges"))
            }
        }
    }

    fn at_least(&self, count: usize, least: usize, what: &str) -> Found {
        match count >= least {
            true => Ok(format!("{count} {what}")),
            false => Err(Fault::new(Reason::AssertFailed, format!("only {count} {what}"))),
        }
    }

    fn holds_of(&self, index: usize, check: &Check, visit: &Visit, copy: &Copy) -> Result<(), Fault> {
        let who = visit.name();
        let unmet = |found: String| Err(Fault::new(Reason::AssertFailed, format!("{who}: {found}")));
        match check {
            // A cache that tells nothing may well do what it must not.
            Check::Cache { words, is }
                if words.contains(&copy.cache()) != *is || (!is && !copy.tells_cache()) =>
            {
                if matches!(copy.cache(), Cache::Stale | Cache::Updating) {
                    return Err(self.stale(&who, copy));
                }
                let said = copy.cache_said.as_deref().unwrap_or("no header tells");
                unmet(format!("cache {} ({said})", copy.cache()))
            }
            Check::Fresh { .. } if copy.freshness.stale.is_some() => Err(self.stale(&who, copy)),
            Check::Fresh { told: true } if !copy.tells_freshness() => {
                unmet(format!("nothing tells whether it is fresh ({})", copy.freshness))
            }
            Check::Age { most, or_equal } => self.age(&who, copy, *most, *or_equal),
            Check::PopIn(pops) if !copy.pop.as_ref().is_some_and(|pop| pops.contains(pop)) => {
                let pop = copy
                    .pop
                    .as_deref()
                    .map_or("no POP is told".to_owned(), |pop| format!("POP {pop}"));
                unmet(pop)
            }
            Check::Each(assertion) => match copy.unmet.get(index).and_then(Option::as_ref) {
                Some(found) => {
                    let reason = if assertion.is_about_status() {
                        Reason::HttpStatus
                    } else {
                        Reason::AssertFailed
                    };
                    Err(Fault::new(reason, format!("{who}: found {found}")))
                }
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }

    fn age(&self, who: &str, copy: &Copy, most: MostAge, or_equal: bool) -> Result<(), Fault> {
        let freshness = &copy.freshness;
        let unmet = |found: &str| {
            let message = format!("{who}: {found} ({freshness})");
            Err(Fault::new(Reason::AssertFailed, message))
        };
        let Some(age) = freshness.age else {
            return unmet("it tells no age");
        };
        let most = match (most, freshness.lifetime) {
            (MostAge::Span(span), _) => span,
            (MostAge::Lifetime { .. }, None) => return unmet("nothing says how old it may be"),
            (
                MostAge::Lifetime {
                    while_revalidate,
                    if_error,
                },
                Some(lifetime),
            ) => {
                let more = |wanted: bool, span| if wanted { span } else { Duration::ZERO };
                lifetime.span
                    + more(while_revalidate, freshness.while_revalidate)
                    + more(if_error, freshness.if_error)
            }
        };
        match age < most || (or_equal && age == most) {
            true => Ok(()),
            false => Err(self.stale(who, copy)),
        }
    }

    /// A copy that is older than it may be, and whether the origin is the reason.
    fn stale(&self, who: &str, copy: &Copy) -> Fault {
        let why = match &copy.freshness.stale {
            Some(why) => why.clone(),
            None => copy.freshness.to_string(),
        };
        let said = copy.cache_said.iter().map(|said| format!("; {said}"));
        let said = said.collect::<String>();
        let message = format!("{who} serves a stale copy: {why}{said}{}", self.beside());
        Fault::new(Reason::CacheStale, message)
    }

    /// How the origin is, for a message about an edge.
    fn beside(&self) -> String {
        match self.origin().map(|origin| origin.fault(self.panel)) {
            None => String::new(),
            Some(None) => ", although the origin serves".to_owned(),
            Some(Some(fault)) => format!(", while the origin fails: {}", fault.message),
        }
    }

    /// What an origin that fails means: stale copies are worse than fresh ones.
    fn origin_fault(&self) -> Option<Fault> {
        let fault = self.origin()?.fault(self.panel)?;
        let stale: Vec<_> = self
            .copies()
            .filter(|(_, copy)| copy.freshness.stale.is_some())
            .map(|(visit, _)| visit.name())
            .collect();
        let stale: Vec<&str> = stale.iter().map(String::as_str).collect();
        Some(match stale.len() {
            0 => Fault::new(
                fault.reason,
                format!("{} (the edges serve fresh copies)", fault.message),
            ),
            _ => {
                let message = format!("{}; stale copies come from {}", fault.message, names(&stale));
                Fault::new(Reason::CacheStale, message)
            }
        })
    }

    fn agree(&self, by: &Attribute, least: usize) -> Found {
        let by = by.settled(self.copies().map(|(_, copy)| copy));
        let said: Vec<Said> = self
            .copies()
            .map(|(visit, copy)| {
                let value = by.of(copy);
                let value = value.map_or(format!("no {}", by.word()), |value| {
                    format!("{} {value}", by.word())
                });
                Said {
                    who: visit.name(),
                    what: value,
                    knows: false,
                }
            })
            .collect();
        if self.copies().all(|(_, copy)| by.of(copy).is_none()) {
            let message = format!("no edge sends what to compare by: {}", by.word());
            return Err(Fault::new(Reason::AssertFailed, message));
        }
        if said.len() < least {
            let message = format!("only {} served: there is nothing to compare", said[0].who);
            return Err(Fault::new(Reason::AssertFailed, message));
        }
        match odd_ones(&said) {
            Some(odd) => Err(Fault::new(Reason::EdgeDisagree, format!("{odd}{}", self.still()))),
            None => Ok(format!("{} edges agree on {}", said.len(), said[0].what)),
        }
    }

    fn is_origin(&self, by: &Attribute) -> Found {
        if let Some(fault) = self.origin_fault() {
            return Err(fault);
        }
        let Some(Ok(origin)) = self.origin().map(|origin| &origin.copy) else {
            return Err(Fault::new(Reason::AssertFailed, "the origin was not asked"));
        };
        let by = by.settled(self.copies().map(|(_, copy)| copy).chain([origin]));
        let Some(wanted) = by.of(origin) else {
            let message = format!("the origin sends no {} to compare with", by.word());
            return Err(Fault::new(Reason::AssertFailed, message));
        };
        let behind = self.copies().filter_map(|(visit, copy)| {
            let value = by.of(copy);
            let shown = || value.clone().unwrap_or_else(|| "none".to_owned());
            (value.as_ref() != Some(&wanted)).then(|| (visit.name(), shown()))
        });
        let behind: Vec<_> = behind.collect();
        let Some((_, first)) = behind.first() else {
            return Ok(format!("{} {wanted} everywhere{}", by.word(), self.after()));
        };
        let who: Vec<&str> = behind.iter().map(|(who, _)| who.as_str()).collect();
        let message = format!(
            "{} serves {} {first}, the origin {wanted}{}",
            names(&who),
            by.word(),
            self.still()
        );
        Err(Fault::new(Reason::EdgeDisagree, message))
    }

    fn still(&self) -> String {
        match self.was_behind {
            true => format!(", still after {} s", self.waited.as_secs()),
            false => String::new(),
        }
    }

    fn after(&self) -> String {
        match self.was_behind {
            true => format!(" after {} s", self.waited.as_secs()),
            false => String::new(),
        }
    }

    pub(super) fn read_into(&self, readings: &mut Vec<Reading>) {
        let mut add = |name, labels, value| readings.push(Reading { name, labels, value });
        let flag = |is: bool| if is { 1.0 } else { 0.0 };
        #[expect(clippy::cast_precision_loss, reason = "there are no 2^52 edges")]
        add("cdn_edges", vec![], self.edges().count() as f64);
        for visit in self.edges() {
            let label = |target: &Target| vec![("edge", target.label.clone())];
            let is_up = visit.fault(self.panel).is_none();
            add("cdn_edge_up", label(&visit.target), flag(is_up));
            add("cdn_edge_seconds", label(&visit.target), visit.took.as_secs_f64());
            let Ok(copy) = &visit.copy else { continue };
            if let Some(age) = copy.freshness.age {
                add("cdn_age_seconds", label(&visit.target), age.as_secs_f64());
            }
            add(
                "cdn_stale",
                label(&visit.target),
                flag(copy.freshness.stale.is_some()),
            );
            let mut labels = label(&visit.target);
            labels.push(("cache", copy.cache().to_string()));
            labels.push(("pop", copy.pop.clone().unwrap_or_default()));
            add("cdn_edge_info", labels, 1.0);
        }
        if let Some(origin) = self.origin() {
            add("cdn_origin_up", vec![], flag(origin.fault(self.panel).is_none()));
        }
        if self.was_behind && self.behind().is_empty() {
            add("cdn_propagation_seconds", vec![], self.waited.as_secs_f64());
        }
    }

    /// Each visit in a line; those that failed, and one that did not, with all that was seen.
    pub(super) fn show(&self, evidence: &mut Evidence) {
        for visit in self.visits() {
            evidence.add(Exhibit::Edge {
                edge: visit.name(),
                served: self.served(visit),
                took_us: micros(visit.took),
            });
        }
        let (failed, served): (Vec<_>, Vec<_>) =
            self.visits().partition(|visit| visit.fault(self.panel).is_some());
        let shown = failed
            .into_iter()
            .take(MAX_SHOWN - 1)
            .chain(served)
            .take(MAX_SHOWN);
        for visit in shown {
            evidence.append(visit.evidence.clone());
        }
    }

    fn served(&self, visit: &Visit) -> String {
        let copy = match (&visit.copy, visit.fault(self.panel)) {
            (Ok(copy), _) => copy,
            (Err(fault), _) => return fault.message.clone(),
        };
        let mut text = format!("status {}, cache {}", copy.status, copy.cache());
        text.extend(copy.cache_said.iter().map(|said| format!(" ({said})")));
        text.push_str(&format!(", {}", copy.freshness));
        text.extend(copy.freshness.stale.iter().map(|why| format!(", stale: {why}")));
        text.extend(Attribute::Etag.of(copy).map(|tag| format!(", ETag {tag}")));
        text.extend(Attribute::Body.of(copy).map(|body| format!(", {body}")));
        text
    }
}
