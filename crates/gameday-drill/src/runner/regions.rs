//! Follows the probers of other regions: what they saw becomes events of this drill, on its clock.

use std::collections::BTreeMap;
use std::time::Duration;

use gameday_core::{
    Clock, ClockReading, EventKind, Offset, ProbeName, RegionName, SourceName, Span, Timestamp, redact_url,
};
use gameday_probe::{Connector, Peer, RegionAnswer, Remote, RemoteLook, Seen, Told};
use tokio::sync::mpsc::{self, Receiver};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use super::checks::Checks;
use super::{Report, Reports};
use crate::plan::Plan;
use crate::region::{Proof, Silence};
use crate::run::Run;

/// How often it is looked what did not come.
const PACE: Duration = Duration::from_millis(500);
/// So many questions in a row without an answer, and the region is lost.
const LOST_AFTER: u32 = 3;
/// Clocks are written down often at first, then each so many readings.
const CLOCK_FIRST: u32 = 20;
const CLOCK_EACH: u32 = 5;
/// A build has no more characters, whatever a peer says.
const MOST_BUILD: usize = 80;
/// Words that wait to be taken.
const MAX_TOLD: usize = 1024;

/// A region that pre-flight found as it should be.
pub(super) struct Followed {
    region: RegionName,
    /// Ours.
    build: String,
    remote: Remote,
    /// The line of its journal that comes next.
    next: u64,
}

/// The name of a region's clock in the journal.
fn clock_name(region: &RegionName) -> SourceName {
    SourceName::new(&format!("region.{region}")).expect("a region that is followed has a short name")
}

/// Asks each region that is followed whether it is as the scenario says.
pub(super) async fn look(plan: &Plan, run: &Run, checks: &mut Checks<'_>) -> std::io::Result<Vec<Followed>> {
    let connector = Connector::default();
    let mut found = Vec::new();
    for peer in &plan.regions {
        match meet(plan, run, peer, &connector).await {
            Ok((followed, clock, detail)) => {
                checks.note(format!("region {}", peer.region), Ok(detail))?;
                checks.record(clock.event(clock_name(&peer.region)))?;
                found.push(followed);
            }
            Err(why) => drop(checks.note(format!("region {}", peer.region), Err(why))?),
        }
    }
    Ok(found)
}

async fn meet(
    plan: &Plan,
    run: &Run,
    peer: &Peer,
    connector: &Connector,
) -> Result<(Followed, ClockReading, String), String> {
    let remote = Remote::new(peer, connector, |name| run.environment.get(name).cloned())?;
    let (answer, sample) = remote.region().await?;
    fits(&answer, &peer.region, &run.version)?;
    if let Some(lost) = answer.control.as_ref().and_then(|control| control.lost.clone()) {
        return Err(format!("it cannot reach its own control target: {lost}"));
    }
    let there: BTreeMap<ProbeName, String> = remote
        .probes()
        .await?
        .into_iter()
        .map(|probe| (probe.name, probe.definition))
        .collect();
    for probe in plan
        .probes
        .iter()
        .filter(|probe| probe.regions.contains(&peer.region))
    {
        let name = &probe.plan.name;
        match there.get(name) {
            None => {
                return Err(format!(
                    "it has no probe `{name}`: give it {}",
                    probe.file.display()
                ));
            }
            Some(theirs) if **theirs != *probe.plan.definition => {
                let file = probe.file.display();
                return Err(format!(
                    "its probe `{name}` is defined otherwise than in {file}: give both the same file"
                ));
            }
            Some(_) => {}
        }
    }
    let clock = gameday_core::ClockOffset::new().add(&sample);
    let detail = format!(
        "version {} at {}, its clock {} ± {}",
        answer.version,
        redact_url(&peer.url),
        signed(clock.offset_us),
        span(clock.error_us),
    );
    let followed = Followed {
        region: peer.region.clone(),
        build: run.version.clone(),
        remote,
        next: answer.next,
    };
    Ok((followed, clock, detail))
}

/// Whether whoever answers is of our build and looks from the region that is meant.
fn fits(answer: &RegionAnswer, region: &RegionName, ours: &str) -> Result<(), String> {
    if answer.version != ours {
        let theirs: String = answer.version.chars().take(MOST_BUILD).collect();
        return Err(format!(
            "its gameday is {theirs}, ours {ours}: use the same in both places"
        ));
    }
    if !answer.regions.contains(region) {
        let there: Vec<&str> = answer.regions.iter().map(RegionName::as_str).collect();
        return Err(format!("the prober there looks from {}", there.join(", ")));
    }
    Ok(())
}

fn span(us: i64) -> Span {
    Span::from_value(Duration::from_micros(us.unsigned_abs()))
}

fn signed(us: i64) -> String {
    let sign = if us < 0 { "−" } else { "+" };
    format!("{sign}{}", span(us))
}

/// Begins to follow.
pub(super) fn start(
    tasks: &mut JoinSet<()>,
    plan: &Plan,
    found: Vec<Followed>,
    clock: Clock,
    reports: &Reports,
) {
    for followed in found {
        let (out, told) = mpsc::channel(MAX_TOLD);
        let region = followed.region.clone();
        tasks.spawn(gameday_probe::follow(
            followed.remote,
            region.clone(),
            followed.next,
            out,
        ));
        tasks.spawn(Follower::new(plan, region, followed.build, (clock, reports.clone())).run(told));
    }
}

/// What is known of one region while it is followed.
struct Follower {
    region: RegionName,
    /// Ours, which theirs must be.
    build: String,
    clock: Clock,
    reports: Reports,
    /// By their names there.
    probes: BTreeMap<ProbeName, Vec<Watch>>,
    reading: Option<ClockReading>,
    readings: u32,
    proof: Proof,
    failures: u32,
    heard: Offset,
}

/// A probe of the scenario.
struct Watch {
    name: ProbeName,
    definition: String,
    is_as_here: bool,
    silence: Silence,
}

impl Follower {
    fn new(plan: &Plan, region: RegionName, build: String, (clock, reports): (Clock, Reports)) -> Self {
        let now = clock.offset();
        let mut probes = BTreeMap::<_, Vec<Watch>>::new();
        for probe in plan.probes.iter().filter(|probe| probe.regions.contains(&region)) {
            probes.entry(probe.plan.name.clone()).or_default().push(Watch {
                name: probe.name.clone(),
                definition: probe.plan.definition.to_string(),
                is_as_here: true,
                silence: Silence::new(probe.plan.every, probe.plan.timeout, now),
            });
        }
        Self {
            region,
            build,
            clock,
            reports,
            probes,
            reading: None,
            readings: 0,
            proof: Proof::default(),
            failures: 0,
            heard: now,
        }
    }

    async fn run(mut self, mut told: Receiver<Told>) {
        let mut every = interval(PACE);
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                told = told.recv() => match told {
                    Some(told) => self.take(told).await,
                    None => return,
                },
                _ = every.tick() => self.tick().await,
            }
        }
    }

    async fn take(&mut self, told: Told) {
        let now = self.clock.offset();
        match told {
            Told::Region(answer, reading) => match fits(&answer, &self.region, &self.build) {
                Ok(()) => self.answered(now, *answer, reading).await,
                Err(why) => self.failed(why).await,
            },
            Told::Trouble(why) => self.failed(why).await,
            Told::Probes(probes) => {
                for (name, watch) in self
                    .probes
                    .iter_mut()
                    .flat_map(|(name, all)| all.iter_mut().map(move |one| (name, one)))
                {
                    watch.is_as_here = probes.get(name) == Some(&watch.definition);
                }
            }
            // What was not told will be counted as missed.
            Told::Gap(_) => {}
            Told::Seen(Seen::Missed(probe, count)) => self.missed_there(now, &probe, count).await,
            Told::Seen(Seen::Done(look)) => {
                if self.probes.contains_key(&look.done.probe)
                    && let Some(look) = self.proof.take(now, *look)
                {
                    self.looked(look).await;
                }
            }
        }
    }

    async fn answered(&mut self, now: Offset, answer: RegionAnswer, reading: ClockReading) {
        self.reading = Some(reading);
        if self.readings < CLOCK_FIRST || self.readings.is_multiple_of(CLOCK_EACH) || reading.stepped {
            self.tell(Report::Note(reading.event(clock_name(&self.region))))
                .await;
        }
        self.readings += 1;
        if self.failures >= LOST_AFTER {
            let silent_ms = u64::try_from(now.since(self.heard).as_millis()).unwrap_or(u64::MAX);
            self.tell(Report::In(
                self.region.clone(),
                EventKind::RegionBack { silent_ms },
            ))
            .await;
        }
        self.failures = 0;
        self.heard = now;
        for look in self.proof.told(now, answer.control) {
            self.looked(look).await;
        }
    }

    async fn failed(&mut self, error: String) {
        self.failures += 1;
        if self.failures == LOST_AFTER {
            self.tell(Report::In(self.region.clone(), EventKind::RegionLost { error }))
                .await;
        }
    }

    async fn missed_there(&mut self, now: Offset, probe: &ProbeName, count: u64) {
        let mut reports = Vec::new();
        for watch in self
            .probes
            .get_mut(probe)
            .into_iter()
            .flatten()
            .filter(|watch| watch.is_as_here)
        {
            if watch.silence.heard(now, now) {
                reports.push(missed(&self.region, &watch.name, count));
            }
        }
        self.tell_all(reports).await;
    }

    /// A look, with its times on our clock.
    async fn looked(&mut self, look: RemoteLook) {
        let (now, wall) = self.clock.now();
        let ours = |theirs: Timestamp| self.reading.map_or(theirs, |reading| reading.ours(theirs));
        let offset = |theirs: Timestamp| {
            let ago = u64::try_from(wall.micros_since(ours(theirs))).unwrap_or(0);
            Offset::from_micros(now.as_micros().saturating_sub(ago))
        };
        let (intended, ended) = (offset(look.intended), offset(look.ended));
        let mut reports = Vec::new();
        for watch in self
            .probes
            .get_mut(&look.done.probe)
            .into_iter()
            .flatten()
            .filter(|watch| watch.is_as_here)
        {
            if !watch.silence.heard(now, ended) {
                continue;
            }
            let mut done = look.done.clone();
            done.probe = watch.name.clone();
            done.intended = intended;
            done.region_time = Some(look.intended);
            reports.push(Report::Looked(self.region.clone(), Box::new(done)));
        }
        self.tell_all(reports).await;
    }

    async fn tick(&mut self) {
        let now = self.clock.offset();
        for look in self.proof.decided(now) {
            self.looked(look).await;
        }
        let mut reports = Vec::new();
        for watch in self.probes.values_mut().flatten() {
            let count = watch.silence.missed(now);
            if count > 0 {
                reports.push(missed(&self.region, &watch.name, count));
            }
        }
        self.tell_all(reports).await;
    }

    async fn tell_all(&self, reports: Vec<Report>) {
        for report in reports {
            self.tell(report).await;
        }
    }

    async fn tell(&self, report: Report) {
        // The runner is gone only when this task is about to be aborted.
        let _ = self.reports.send(report).await;
    }
}

fn missed(region: &RegionName, probe: &ProbeName, count: u64) -> Report {
    Report::Missed(region.clone(), probe.clone(), count)
}
