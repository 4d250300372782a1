//! Tests of the real binary: real servers, real sockets, real signals.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on must fail")]
#![expect(
    clippy::print_stdout,
    reason = "what was measured is told; shown with --nocapture"
)]

mod support;

mod afterwards;
mod blackbox;
mod building;
mod clients;
mod completions;
mod databases;
mod drills;
mod faults;
mod files;
mod flows;
mod history;
mod hostile;
mod kinds;
mod labs;
mod layers;
mod live;
mod network;
mod panels;
mod predicting;
mod prober;
mod probing;
mod proxying;
mod regions;
mod reloading;
mod reports;
mod safety;
mod schemas;
mod slo;
mod soak;
mod sources;
mod terminating;
mod tokens;
mod trials;
mod truth;
mod verdicts;
