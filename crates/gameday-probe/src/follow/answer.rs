//! What a prober answers about itself; the same form where it is written and where it is read.

use gameday_core::{ProbeName, RegionName, Timestamp};
use serde::{Deserialize, Serialize};

/// `GET /v1/region`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegionAnswer {
    /// The regions it looks from.
    pub regions: Vec<RegionName>,
    /// Its build: the version and the commit that it is of, such as `0.1.0+0123456789ab`.
    pub version: String,
    /// When it began; another time than before is another prober, whose numbers begin anew.
    pub started: Timestamp,
    /// Its clock when it answered.
    pub time: Timestamp,
    /// The first line of its journal that it still has.
    pub first: u64,
    /// The line that comes next.
    pub next: u64,
    /// How it stands with its control target; none when it has none.
    #[serde(default)]
    pub control: Option<ControlAnswer>,
    /// Changes whenever its probes do.
    #[serde(default)]
    pub probes: String,
    /// How far it is in telling its receivers of its alerts.
    #[serde(default)]
    pub notices: Vec<NoticeAnswer>,
}

/// An alert and a receiver that is to be told of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeAnswer {
    /// Which alert: the same in all regions.
    pub key: String,
    /// The receiver's name: the same name is the same receiver.
    pub receiver: String,
    /// Whether it fires there.
    pub fires: bool,
    /// How far it is.
    pub stage: NoticeStage,
}

/// How far a prober is in telling a receiver of an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeStage {
    /// It leaves it to another.
    Waits,
    /// It wants to, and looks whether another does.
    Claims,
    /// It is telling.
    Tells,
    /// The receiver has taken it.
    Told,
}

/// How a region stands with what it must reach before its own word counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControlAnswer {
    /// What it must reach.
    pub target: String,
    /// Why it cannot be reached, if it cannot.
    pub lost: Option<String>,
    /// When it was last reached, on its own clock.
    pub reached_at: Option<Timestamp>,
}

/// One row of `GET /v1/probes`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeAnswer {
    /// Its name.
    pub name: ProbeName,
    /// How often it looks.
    pub every_ms: u64,
    /// When a look is given up.
    pub timeout_ms: u64,
    /// What tells its definition from any other.
    pub definition: String,
}
