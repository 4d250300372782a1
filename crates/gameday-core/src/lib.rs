//! What every other crate of gameday shares: names, time, units, events, the journal, problems and secrets.
//!
//! ```text
//!   file ──► Source ──► Table ──► values, or Problems        (what was typed)
//!   run  ──► EventKind ──► Journal ──► journal.jsonl         (what happened)
//! ```
//!
//! Invariants: this crate opens no socket and spawns no task. Events hold names and numbers, never
//! types of the crates above.

mod arrival;
mod baseline;
mod clock;
mod event;
mod host;
mod journal;
mod names;
mod outcome;
mod plan;
mod port;
mod problem;
mod secret;
mod table;
mod time;
mod token;
mod units;
mod vars;

pub use arrival::{LinkChecked, Suppressor, SuppressorKind};
pub use baseline::{Baseline, BaselineAlert};
pub use clock::{ClockOffset, ClockReading, ClockSample};
pub use event::Skip;
pub use event::{
    AlertSeen, AlertState, Approach, DrillStarted, Ended, Event, EventKind, FaultEnd, GateOpened,
    LooksSummed, Nearest, Notification, NotificationsCounted, NotifiedAlert, Odds, PredictedMark, Prediction,
    ProbeDone, RawSeries, Recorded, RecordedDeed, RecordingSeen, RequestsSeen, RuleInputs, RuleSeen, SCHEMA,
    SourceSeen, Stage, SteadyEvaluated, SteadySummed, StepDone, StopReason, SummedLook, Vitals,
};
pub use host::{host_name, is_public_name};
pub use journal::{
    Journal, JournalEnds, JournalError, JournalLines, LONGEST_LINE_BYTES, ReadJournal, Sampling,
    event_of_line, hold_journal, is_locked, journal_ends, read_journal, read_summed,
};
pub use names::{BadName, FaultName, ProbeName, RegionName, SourceName, SteadyName, StepName, TargetName};
pub use outcome::{Outcome, Phases, Reason};
pub use plan::{
    ExpectRecord, FaultRecord, ForbidRecord, GuardRecord, JournalRecord, ObserveRecord, PlanRecord,
    ProbeRecord, RegionRecord, SteadyRecord, TargetRecord, Unit,
};
pub use port::cannot_listen;
pub use problem::{Problem, Problems, Source, did_you_mean, nearest, printable};
pub use secret::{Secret, redact_url};
pub use table::Table;
pub use time::{Clock, Offset, Timestamp};
pub use token::{TokenFrom, credential_id, read_token, token_of};
pub use units::{BadUnit, ByteRate, ByteSize, Ratio, Span};
pub use vars::{Vars, references, substitute};
