//! What a run of a drill is given beside its plan.

use std::path::PathBuf;

use gameday_probe::Environment;

use crate::registry::Registry;

/// Everything a run needs beside its plan.
#[derive(Debug)]
pub struct Run {
    /// The drill's name: scenario and UTC start.
    pub drill: String,
    /// gameday's build: its version and the commit that it is of.
    pub version: String,
    /// `real` or `embedded` when a lab was started.
    pub lab: Option<String>,
    /// The binary that has the helper.
    pub program: PathBuf,
    /// Where secrets come from.
    pub environment: Environment,
    /// Open drills of this machine.
    pub registry: Registry,
    /// A file that ends the drill when it appears.
    pub stop_file: PathBuf,
    /// What the last drill of the same scenario measured, for the report to compare with.
    pub baseline: Option<Box<gameday_core::Baseline>>,
}
