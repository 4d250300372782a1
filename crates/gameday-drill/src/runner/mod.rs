//! The runner: does what the engine decides, and tells it what happened. All I/O of a drill is here.
//!
//! One loop owns the engine and the journal's order; everything that waits is a task of its own that
//! reports through one bounded queue.

mod act;
mod approach;
mod checks;
mod collect;
mod condition;
mod counted;
mod fault_task;
mod gate;
mod inputs;
mod links;
mod looks;
mod oracle;
mod people;
mod preflight;
mod recorder;
mod regions;
mod report;
mod sources;
mod verify;
mod vitals;

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use gameday_core::{DrillStarted, Ended, EventKind, FaultName, Journal, Offset, SCHEMA, StopReason};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::engine::{Drill, Input};
use crate::plan::Plan;
use crate::registry::Claim;
use crate::run::Run;
pub use checks::Check;
use fault_task::FaultTask;
pub use preflight::preflight;
use report::{QUEUE, Report, Reports};

/// What ends a run without an orderly end in the journal.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A part of the runner itself died.
    #[error("a task of the runner died: {0}")]
    Task(String),
    /// The journal could not be written.
    #[error("cannot write the journal {path}: {source}")]
    Journal {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Runs a plan to its end, whatever that is; the journal says how it went.
///
/// # Errors
/// [`RunError`] when the journal cannot be written; every fault was removed before it is returned.
pub async fn run(
    plan: &Plan,
    run: &Run,
    journal: &Journal,
    stops: mpsc::Receiver<StopReason>,
) -> Result<(), RunError> {
    let write = |source| RunError::Journal {
        path: journal.path().to_owned(),
        source,
    };
    let started = DrillStarted {
        schema: SCHEMA,
        version: run.version.clone(),
        drill: run.drill.clone(),
        scenario: plan.scenario.clone(),
        lab: run.lab.clone(),
        plan: plan.record(),
        baseline: run.baseline.clone(),
    };
    journal
        .record_durably(EventKind::DrillStarted(Box::new(started)))
        .map_err(write)?;
    let mut runner = Runner::new(plan, run, journal);
    let outcome = runner.drive(stops).await;
    if outcome.is_err() {
        // The journal is lost (a full disk?), the drill is over, and nothing may stay broken.
        runner.undo_all().await;
    }
    runner.close();
    outcome.map_err(|error| runner.died.take().map_or_else(|| write(error), RunError::Task))
}

struct Runner<'r> {
    plan: &'r Plan,
    run: &'r Run,
    journal: &'r Journal,
    drill: Drill<'r>,
    faults: BTreeMap<FaultName, FaultTask>,
    claim: Option<Claim>,
    /// Who is asked for conditions; none before pre-flight is passed.
    prometheus: Option<Arc<gameday_alert::Prometheus>>,
    /// What predicts; none before pre-flight is passed.
    oracle: Option<Arc<oracle::Oracle>>,
    /// Nothing was ordered, or the rollback was verified since.
    whole: bool,
    reports: Reports,
    inbox: mpsc::Receiver<Report>,
    tasks: JoinSet<()>,
    /// When each fault of the trial was in place, on the wall clock.
    held: BTreeMap<FaultName, approach::Held>,
    /// Who is scraped for the expected alerts, for the raw samples at the end.
    jobs: std::collections::BTreeSet<String>,
    /// Links of the expected alerts, to be tried at the end.
    links: links::Links,
    ended: Option<Ended>,
    /// When the trial began to wait for its faults: the first one with the drill.
    trial_began: Offset,
    uncounted: counted::Uncounted,
    /// The task that panicked, if one did.
    died: Option<String>,
}

impl<'r> Runner<'r> {
    fn new(plan: &'r Plan, run: &'r Run, journal: &'r Journal) -> Self {
        let (reports, inbox) = mpsc::channel(QUEUE);
        Self {
            plan,
            run,
            journal,
            drill: Drill::new(plan),
            faults: BTreeMap::new(),
            claim: None,
            prometheus: None,
            oracle: None,
            whole: true,
            reports,
            inbox,
            tasks: JoinSet::new(),
            held: BTreeMap::new(),
            jobs: plan
                .expect
                .iter()
                .filter_map(|expect| expect.job.clone())
                .collect(),
            links: links::Links::default(),
            ended: None,
            trial_began: Offset::default(),
            uncounted: counted::Uncounted::default(),
            died: None,
        }
    }

    async fn drive(&mut self, mut stops: mpsc::Receiver<StopReason>) -> io::Result<()> {
        self.journal
            .record(EventKind::StageEntered(gameday_core::Stage::Preflight))?;
        let ready = tokio::select! {
            ready = preflight::look(self.plan, self.run, self.journal) => ready?,
            Some(reason) = stops.recv() => {
                self.feed(Input::Stop(reason)).await?;
                return self.finish().await;
            }
        };
        match ready {
            Ok(ready) => self.begin(ready).await?,
            Err(why) => self.feed(Input::Preflight(Err(why))).await?,
        }
        while self.ended.is_none() {
            self.step(&mut stops).await?;
        }
        self.finish().await
    }

    /// Pre-flight was passed: everything that looks begins to look.
    async fn begin(&mut self, ready: preflight::Ready) -> io::Result<()> {
        self.claim = Some(ready.claim);
        self.arm(ready.faults);
        self.tasks.spawn(Arc::clone(&ready.oracle).stay_awake());
        self.oracle = Some(ready.oracle);
        self.prometheus.clone_from(&ready.sources.prometheus);
        sources::start(&mut self.tasks, self.plan, ready.sources, &self.reports);
        regions::start(
            &mut self.tasks,
            self.plan,
            ready.regions,
            self.journal.clock(),
            &self.reports,
        );
        let (ticks, mut from_probes) = mpsc::channel(QUEUE);
        self.tasks.spawn(gameday_probe::schedule(ready.probes, ticks));
        let reports = self.reports.clone();
        self.tasks.spawn(async move {
            while let Some(tick) = from_probes.recv().await {
                if reports.send(Report::Tick(tick)).await.is_err() {
                    return;
                }
            }
        });
        self.listen()?;
        self.tasks
            .spawn(watch_stop_file(self.run.stop_file.clone(), self.reports.clone()));
        self.feed(Input::Preflight(Ok(()))).await
    }

    async fn step(&mut self, stops: &mut mpsc::Receiver<StopReason>) -> io::Result<()> {
        let tick = self
            .drill
            .next_tick()
            .map(|at| self.journal.clock().instant_of(at));
        let until_tick = tokio::time::sleep_until(tick.unwrap_or_else(std::time::Instant::now).into());
        tokio::select! {
            Some(report) = self.inbox.recv() => self.take(report).await,
            Some(reason) = stops.recv() => self.feed(Input::Stop(reason)).await,
            () = until_tick => self.tick().await,
            Some(ended) = self.tasks.join_next() => match ended {
                // Whoever waits for a dead task waits for ever.
                Err(error) if error.is_panic() => {
                    self.died = Some(error.to_string());
                    Err(io::ErrorKind::Other.into())
                }
                _ => Ok(()),
            },
        }
    }

    async fn take(&mut self, report: Report) -> io::Result<()> {
        match report {
            Report::Note(kind) => {
                self.uncounted.note(&kind);
                self.journal.record(kind)
            }
            Report::Input(input) => self.feed(input).await,
            Report::Both(kind, input) => {
                self.note_job(&kind);
                self.uncounted.note(&kind);
                self.links.note(self.plan, &kind);
                let checked = match &kind {
                    EventKind::RollbackChecked { verified, .. } => Some(*verified),
                    _ => None,
                };
                self.journal.record(kind)?;
                self.whole = checked.unwrap_or(self.whole);
                self.feed(input).await
            }
            Report::Tick(tick) => self.probed(tick).await,
            Report::Looked(region, done) => self.looked(&region, *done).await,
            Report::Missed(region, probe, count) => self.missed(&region, probe, count).await,
            Report::In(region, kind) => self.journal.record_in(&region, kind),
            Report::Said(said, answer) => self.hear(said, answer).await,
        }
    }

    /// The job of an expected alert, from its own labels.
    fn note_job(&mut self, kind: &EventKind) {
        let expected = |alert: &str| self.plan.expect.iter().any(|expect| expect.alert == alert);
        let jobs: Vec<String> = match kind {
            EventKind::AlertSeen(seen) if expected(&seen.alert) => {
                seen.labels.get("job").cloned().into_iter().collect()
            }
            EventKind::Notified(told) => {
                let alerts = told.alerts.iter().filter(|alert| expected(&alert.alert));
                alerts
                    .filter_map(|alert| alert.labels.get("job").cloned())
                    .collect()
            }
            _ => Vec::new(),
        };
        self.jobs.extend(jobs);
    }

    /// Tells the engine and does what it wants.
    async fn feed(&mut self, input: Input) -> io::Result<()> {
        let actions = self.drill.handle(self.journal.clock().offset(), input);
        for action in actions {
            self.act(action).await?;
        }
        Ok(())
    }

    async fn finish(&mut self) -> io::Result<()> {
        let ended = self.ended.take().unwrap_or(Ended::Aborted);
        if ended == Ended::Completed {
            self.links.check(self.journal).await?;
        }
        if !matches!(ended, Ended::Refused(_)) {
            self.hear_counters().await?;
            self.collect().await?;
        }
        self.journal.record_durably(EventKind::DrillEnded(ended))
    }

    async fn undo_all(&mut self) {
        self.tasks.abort_all();
        for task in self.faults.values().filter(|task| task.may_be_in_place()) {
            // What is not removed now ends with its lease; `heal` looks whether it did.
            let fault = task.fault();
            let _ = tokio::time::timeout(self.plan.guard.lease + fault.takes(), fault.remove()).await;
        }
    }

    /// The tasks end, and the claim goes when it was seen that nothing is left.
    fn close(&mut self) {
        self.tasks.abort_all();
        if self.whole
            && let Some(claim) = self.claim.take()
        {
            // An entry that stays is found by `heal`, which finds nothing to undo: harmless.
            let _ = claim.release();
        }
    }
}

async fn watch_stop_file(path: PathBuf, reports: Reports) {
    let mut every = tokio::time::interval(Duration::from_millis(500));
    loop {
        every.tick().await;
        if path.exists() {
            let _ = reports
                .send(Report::Input(Input::Stop(StopReason::StopFile)))
                .await;
            return;
        }
    }
}
