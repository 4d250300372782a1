//! Journals made by code go in, whole reports come out.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

mod approach;
mod arrivals;
mod clocks;
mod comparing;
mod counted;
mod coverage;
mod disturbances;
mod doubts;
mod expectations;
mod fixture;
mod golden;
mod grafana;
mod marks;
mod people;
mod plan;
mod predicted;
mod renderings;
mod sampled;
mod scorecard;
mod script;
mod sight;
mod stories;
mod trials;
mod verdicts;
