//! Watches the team's alerting while the drill runs: polls, clocks and our own webhook receiver.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use gameday_alert::{
    AlertSource, Alertmanager, Grafana, Prometheus, SourceError, Watch, Webhook, WebhookCounts,
};
use gameday_core::{ClockOffset, ClockSample, EventKind, SourceName, SteadyName};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use super::recorder::Events;
use super::{Report, Reports, vitals};
use crate::engine::Input;
use crate::plan::{Plan, SteadyKind};

/// The sources that pre-flight found.
#[derive(Default)]
pub(super) struct Sources {
    pub(super) prometheus: Option<Arc<Prometheus>>,
    /// The groups of the expected alerts' rules, as `file;group`.
    pub(super) groups: BTreeSet<String>,
    pub(super) alertmanagers: Vec<Arc<Alertmanager>>,
    pub(super) grafana: Option<(Arc<Grafana>, Arc<Alertmanager>)>,
    pub(super) webhook: Option<Webhook>,
    pub(super) events: Option<Events>,
}

const POLL: Duration = Duration::from_secs(1);
/// Clocks are compared often at first, then now and then: they drift slowly. The odd period meets
/// whole seconds, which is all that some sources tell, at ever other phases; that narrows the error.
const CLOCK_FIRST: Duration = Duration::from_millis(537);
const CLOCK_LATER: Duration = Duration::from_millis(5037);
const CLOCK_FIRST_READINGS: u32 = 20;
/// This many polls without an answer, and the source is lost: fewer may be a hiccup.
const LOST_AFTER: u32 = 3;

pub(super) fn start(tasks: &mut JoinSet<()>, plan: &Plan, sources: Sources, reports: &Reports) {
    if let Some(prometheus) = sources.prometheus {
        for steady in &plan.steady {
            if let SteadyKind::Promql { query, .. } = &steady.kind {
                tasks.spawn(ask(
                    prometheus.clone(),
                    steady.name.clone(),
                    query.clone(),
                    reports.clone(),
                ));
            }
        }
        tasks.spawn(Poller::new(prometheus.clone(), reports).run());
        tasks.spawn(vitals::prometheus(
            prometheus.clone(),
            sources.groups,
            reports.clone(),
        ));
        let name = prometheus.name().clone();
        tasks.spawn(compare_clocks(name, reports.clone(), move || {
            let prometheus = prometheus.clone();
            async move { prometheus.clock().await }
        }));
    }
    for alertmanager in sources.alertmanagers {
        tasks.spawn(Poller::new(alertmanager.clone(), reports).run());
        tasks.spawn(vitals::alertmanager(alertmanager.clone(), reports.clone()));
        let name = alertmanager.name().clone();
        tasks.spawn(compare_clocks(name, reports.clone(), move || {
            let alertmanager = alertmanager.clone();
            async move { alertmanager.clock().await }
        }));
    }
    if let Some((grafana, alertmanager)) = sources.grafana {
        tasks.spawn(Poller::new(grafana.clone(), reports).run());
        tasks.spawn(Poller::new(alertmanager, reports).run());
        let name = grafana.name().clone();
        tasks.spawn(compare_clocks(name, reports.clone(), move || {
            let grafana = grafana.clone();
            async move { grafana.clock().await }
        }));
    }
    if let Some(events) = sources.events {
        events.start(tasks, reports);
    }
    if let Some(webhook) = sources.webhook {
        let (out, inbox) = mpsc::channel(64);
        tasks.spawn(tell_refusals(webhook.counts(), reports.clone()));
        tasks.spawn(receive(webhook, out, reports.clone()));
        tasks.spawn(forward(inbox, reports.clone()));
    }
}

struct Poller {
    source: Arc<dyn AlertSource>,
    reports: Reports,
    watch: Watch,
    failures: u32,
}

impl Poller {
    fn new(source: Arc<dyn AlertSource>, reports: &Reports) -> Self {
        Self {
            source,
            reports: reports.clone(),
            watch: Watch::new(),
            failures: 0,
        }
    }

    async fn run(mut self) {
        let mut every = interval(POLL);
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            every.tick().await;
            match self.source.poll().await {
                Ok(alerts) => {
                    self.answered().await;
                    for mut seen in self.watch.observe(alerts) {
                        for suppressor in self.source.explain(&mut seen).await {
                            let kind = EventKind::SuppressorSeen(Box::new(suppressor));
                            self.tell(Report::Note(kind)).await;
                        }
                        let kind = EventKind::AlertSeen(Box::new(seen.clone()));
                        self.tell(Report::Both(kind, Input::Alert(seen))).await;
                    }
                }
                Err(error) => self.failed(&error).await,
            }
        }
    }

    async fn answered(&mut self) {
        if self.failures >= LOST_AFTER {
            self.tell(Report::Note(EventKind::SourceBack { source: self.name() }))
                .await;
        }
        self.failures = 0;
    }

    async fn failed(&mut self, error: &SourceError) {
        self.failures += 1;
        if self.failures == LOST_AFTER {
            let kind = EventKind::SourceLost {
                source: self.name(),
                error: error.to_string(),
            };
            self.tell(Report::Note(kind)).await;
        }
    }

    fn name(&self) -> SourceName {
        self.source.name().clone()
    }

    async fn tell(&self, report: Report) {
        // The runner is gone only when this task is about to be aborted.
        let _ = self.reports.send(report).await;
    }
}

async fn compare_clocks<F, C>(source: SourceName, reports: Reports, sample: C)
where
    C: Fn() -> F + Send,
    F: Future<Output = Result<ClockSample, SourceError>> + Send,
{
    let mut offset = ClockOffset::new();
    for reading in 0_u32.. {
        // A source that does not answer is told by its poller.
        if let Ok(sample) = sample().await {
            let event = offset.add(&sample).event(source.clone());
            let _ = reports.send(Report::Note(event)).await;
        }
        let pause = if reading < CLOCK_FIRST_READINGS {
            CLOCK_FIRST
        } else {
            CLOCK_LATER
        };
        tokio::time::sleep(pause).await;
    }
}

/// Asks the query of a steady state once a second; an answer that does not come is no value.
async fn ask(prometheus: Arc<Prometheus>, steady: SteadyName, query: String, reports: Reports) {
    let mut every = interval(POLL);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        let value = prometheus.query_value(&query).await.ok().flatten();
        if reports
            .send(Report::Input(Input::Queried(steady.clone(), value)))
            .await
            .is_err()
        {
            return;
        }
    }
}

async fn receive(webhook: Webhook, out: mpsc::Sender<gameday_core::Notification>, reports: Reports) {
    if let Err(error) = webhook.serve(out).await {
        let source = SourceName::new("webhook").expect("a name");
        let kind = EventKind::SourceLost {
            source,
            error: error.to_string(),
        };
        let _ = reports.send(Report::Note(kind)).await;
    }
}

async fn forward(mut inbox: mpsc::Receiver<gameday_core::Notification>, reports: Reports) {
    while let Some(notification) = inbox.recv().await {
        for acknowledged in acknowledged(&notification) {
            // The runner is gone only when this task is about to be aborted.
            let _ = reports.send(Report::Note(acknowledged)).await;
        }
        let kind = EventKind::Notified(Box::new(notification.clone()));
        if reports
            .send(Report::Both(kind, Input::Notified(notification)))
            .await
            .is_err()
        {
            return;
        }
    }
}

/// What somebody acknowledged by way of the system that pages, as if it were said to us.
fn acknowledged(notification: &gameday_core::Notification) -> Vec<EventKind> {
    let taken = notification.status == "acknowledged";
    let alerts = notification.alerts.iter().filter(|_| taken);
    alerts
        .map(|alert| EventKind::Acknowledged {
            who: notification.receiver.clone(),
            alert: alert.alert.clone(),
        })
        .collect()
}

/// Writes down what our receiver was sent and did not take: a mapping that does not fit must not look like silence.
async fn tell_refusals(counts: Arc<WebhookCounts>, reports: Reports) {
    /// So many of one drill; who goes on sending nonsense has been told of.
    const MOST: usize = 50;
    let mut every = interval(POLL);
    let mut told = 0;
    while told < MOST {
        every.tick().await;
        for why in counts.take_reasons() {
            told += 1;
            let _ = reports
                .send(Report::Note(EventKind::NotificationRefused { why }))
                .await;
        }
    }
}
