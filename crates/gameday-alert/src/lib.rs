//! Reads the team's own alerting: Prometheus, Alertmanager and the notifications they send.
//!
//! ```text
//!   Prometheus ───┐                      ┌─► Watch ───────► AlertSeen     what changed
//!                 ├─► AlertSource::poll ─┘
//!   Alertmanager ─┘ └─► ClockSample ───────► ClockOffset ─► ClockMeasured theirs − ours ± error
//!   Webhook ◄── POST, payload v4 ──────────────────────────► Notification  what reached on-call
//!   Recorder ◄── events in a file, or POST ────────────────► Recorded      what Alertmanager did
//! ```
//!
//! Invariants: sources are read-only, and the one way out of this crate is a GET or a HEAD; nothing is ever
//! silenced, edited or acknowledged. A time is read from a payload or is none: a missing, unreadable
//! or zero time never becomes a number. Every answer has a cap and every wait an end.

mod alert;
mod alertmanager;
mod burn;
mod client;
mod error;
mod exposition;
mod grafana;
mod lenient;
mod links;
mod predict;
mod prometheus;
mod promql;
mod recorder;
mod replay;
mod survey;
mod vitals;
mod watch;
mod webhook;
mod yaml;

pub use alert::{Alert, AlertSource};
pub use alertmanager::{
    Alertmanager, AlertmanagerInfo, AlertmanagerMetrics, AlertmanagerSurvey, Calendar, GroupBy, Inhibition,
    KnownLabels, LiveAlert, LiveGroup, MatchOp, Matcher, Receiver, Route, Routing, Silence, Stop, Walk,
};
pub use burn::{
    Burn, BurnAlert, History, MIN_FAILURES, Measure, Objective, PAIRS, Pair, Severity, Stage, Tally,
    pairs_for,
};
pub use client::Auth;
pub use error::SourceError;
pub use grafana::Grafana;
pub use links::{Link, try_links};
pub use predict::{
    Asked, ExpectedFault, Interval, RuleReads, ScrapeEffect, ScrapeFault, Spread, Survey, group_stage,
    longest_interval, phases, predict, questions, rule_reads, spread, undrained,
};
pub use prometheus::{
    GroupRule, Prometheus, PrometheusInfo, Recording, Rule, RuleGroup, RuleState, Sample, Settings, Target,
};
pub use recorder::{Follow, Recorder, Told};
pub use replay::{Change, Episode, Material, approach, replay};
pub use survey::survey;
pub use vitals::{CountsWatch, VitalsWatch};
pub use watch::Watch;
pub use webhook::{Hook, Query, Webhook, WebhookCounts};
