//! The plan as the journal keeps it: names and numbers, nothing secret.

use std::time::Duration;

use gameday_core::{
    ExpectRecord, FaultRecord, ForbidRecord, GuardRecord, JournalRecord, ObserveRecord, PlanRecord, Ratio,
    RegionRecord, Span, SteadyRecord, TargetName, TargetRecord, Unit, redact_url,
};

use gameday_probe::Peer;

use super::{After, Entry, Expectation, OnlyIf, Plan, RuleOf, Steady, SteadyKind, Target};

/// Milliseconds of a span, for records.
#[must_use]
fn ms(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

fn span(duration: Duration) -> Span {
    Span::from_value(duration)
}

impl Steady {
    /// The condition for people.
    #[must_use]
    pub fn text(&self) -> String {
        let window = span(self.window);
        match &self.kind {
            SteadyKind::P95 { probe, limit } => format!("{probe} p95 <= {} for {window}", span(*limit)),
            SteadyKind::Success { probe, floor } => {
                format!("{probe} success >= {} for {window}", Ratio::from_value(*floor))
            }
            SteadyKind::Promql { query, max, min } => {
                let low = min.map(|min| format!(" >= {min}")).unwrap_or_default();
                let high = max.map(|max| format!(" <= {max}")).unwrap_or_default();
                format!("{query}{low}{high} for {window}")
            }
        }
    }

    fn record(&self) -> SteadyRecord {
        let (limit, unit, at_most) = match &self.kind {
            SteadyKind::P95 { limit, .. } => (limit.as_secs_f64() * 1e3, Unit::Ms, true),
            SteadyKind::Success { floor, .. } => (*floor, Unit::Ratio, false),
            SteadyKind::Promql { max: Some(max), .. } => (*max, Unit::Number, true),
            SteadyKind::Promql { min, .. } => (min.unwrap_or_default(), Unit::Number, false),
        };
        SteadyRecord {
            name: self.name.clone(),
            text: self.text(),
            limit,
            unit,
            at_most,
            window_ms: ms(self.window),
            probe: match &self.kind {
                SteadyKind::P95 { probe, .. } | SteadyKind::Success { probe, .. } => Some(probe.clone()),
                SteadyKind::Promql { .. } => None,
            },
        }
    }
}

impl Plan {
    /// The plan as the journal keeps it: names and numbers, nothing secret.
    #[must_use]
    pub fn record(&self) -> PlanRecord {
        let redacted = |url: &Option<String>| url.as_deref().map(redact_url);
        PlanRecord {
            title: self.title.clone(),
            hypothesis: self.hypothesis.clone(),
            runbook: self.runbook.clone(),
            seed: self.seed,
            trials: self.trials,
            gate_within_ms: (self.trials > 1).then(|| ms(self.gate_within)),
            vars: self.vars.clone(),
            targets: self
                .targets
                .iter()
                .map(|(name, target)| target_record(name, target))
                .collect(),
            probes: self
                .probes
                .iter()
                .map(|p| p.plan.record(p.name.clone(), &p.regions))
                .collect(),
            followed: self.regions.iter().map(region_record).collect(),
            observe: ObserveRecord {
                prometheus: redacted(&self.observe.prometheus),
                alertmanager: self
                    .observe
                    .alertmanager
                    .iter()
                    .map(|url| redact_url(url))
                    .collect(),
                webhook: redacted(&self.observe.webhook),
                grafana: self.observe.grafana.as_ref().map(|at| redact_url(&at.url)),
                webhooks: self
                    .observe
                    .hooks
                    .iter()
                    .map(|hook| (hook.name.clone(), hook.path.clone()))
                    .collect(),
                event_recorder: self.observe.event_sources(),
                links: self.observe.links.clone(),
                unexpected_fails: self.observe.unexpected_fails,
            },
            steady: self.steady.iter().map(Steady::record).collect(),
            timeline: self.timeline.iter().map(entry_record).collect(),
            expect: self.expect.iter().map(expect_record).collect(),
            forbid: self
                .forbid
                .iter()
                .map(|forbid| ForbidRecord {
                    label: forbid.label.clone(),
                    alert: forbid.text.clone(),
                })
                .collect(),
            guard: GuardRecord {
                abort_if: self
                    .guard
                    .abort_if
                    .iter()
                    .map(|guard| guard.text.clone())
                    .collect(),
                max_duration_ms: ms(self.guard.max_duration),
                lease_ms: ms(self.guard.lease),
            },
            journal: self.journal.map(|sampling| JournalRecord {
                whole_bytes: sampling.whole_bytes,
                every_ms: ms(sampling.every),
            }),
            recover_within_ms: self.recover_within.map(ms),
        }
    }

    /// The longest window of the steady state: how long a gate has to look at least.
    #[must_use]
    pub fn longest_window(&self) -> Duration {
        self.steady
            .iter()
            .map(|steady| steady.window)
            .max()
            .unwrap_or_default()
    }

    /// When the last fault is removed, after T0, if all goes as planned; what a person ends may end at once.
    #[must_use]
    pub fn timeline_length(&self) -> Duration {
        self.timeline
            .iter()
            .map(|entry| match entry.until_mitigated {
                true => entry.latest(),
                false => entry.latest() + entry.hold,
            })
            .max()
            .unwrap_or_default()
    }
}

fn region_record(peer: &Peer) -> RegionRecord {
    RegionRecord {
        name: peer.region.clone(),
        url: redact_url(&peer.url),
    }
}

fn target_record(name: &TargetName, target: &Target) -> TargetRecord {
    TargetRecord {
        name: name.clone(),
        kind: target.kind().to_owned(),
        detail: target.identity(),
    }
}

fn entry_record(entry: &Entry) -> FaultRecord {
    FaultRecord {
        name: entry.name.clone(),
        on: entry.on.clone(),
        kind: entry.fault.word().to_owned(),
        detail: entry.fault.detail(),
        at_ms: ms(entry.at),
        after: entry.after.as_ref().map(After::sentence),
        only_if: entry.only_if.as_ref().map(OnlyIf::text),
        hold_ms: ms(entry.hold),
        until_mitigated: entry.until_mitigated,
    }
}

fn expect_record(expect: &Expectation) -> ExpectRecord {
    ExpectRecord {
        label: expect.label.clone(),
        alert: expect.alert.clone(),
        of: expect.of.clone(),
        job: expect.job.clone(),
        firing_ms: expect.firing.map(ms),
        notified_ms: expect.notified.map(ms),
        resolved_ms: expect.resolved.map(ms),
        labels: expect.labels.clone(),
        receiver: expect.receiver.clone(),
        source: (expect.source != RuleOf::Prometheus).then(|| expect.source.word().to_owned()),
        never: expect.never,
        required_labels: expect.required.labels.clone(),
        required_annotations: expect.required.annotations.clone(),
        detected: expect.detected,
    }
}
