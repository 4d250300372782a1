//! One probe: what it is asked, what it writes down while it looks, what it says in the end.

use std::time::{Duration, Instant};

use gameday_core::{Phases, Reason};

use super::config::Module;
use super::log::Log;
use super::metrics::{Metrics, Name, Phase};
use crate::Environment;
use crate::net::{Connector, Trail};
use crate::observation::Fault;

const SUCCESS: Name = Name("probe_success", "Displays whether or not the probe was a success");
const DURATION: Name = Name(
    "probe_duration_seconds",
    "Returns how long the probe took to complete in seconds",
);
const TIMEOUT: Name = Name(
    "probe_timeout_seconds",
    "Returns the timeout applied to the probe in seconds",
);
const REASON: Name = Name(
    "gameday_probe_reason",
    "Why it is not well, also where the probe is a success all the same",
);
const PHASES: Name = Name(
    "gameday_probe_phase_seconds",
    "Where the time went, summed over all connections of the probe",
);
const NAMED: [Phase; 6] = [
    Phase("{phase=\"resolve\"}"),
    Phase("{phase=\"connect\"}"),
    Phase("{phase=\"tls\"}"),
    Phase("{phase=\"send\"}"),
    Phase("{phase=\"wait\"}"),
    Phase("{phase=\"transfer\"}"),
];

/// What a probe is asked.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// What is looked at.
    pub target: &'a str,
    /// Instead of the target's own name, where a name is said.
    pub hostname: Option<&'a str>,
    /// By then it must be over.
    pub timeout: Duration,
}

/// What a probe said.
#[derive(Debug)]
pub struct Probed {
    /// Whether it went well.
    pub success: bool,
    /// All of its numbers.
    pub metrics: Metrics,
    pub(super) log: Log,
}

/// A probe that is under way.
pub(super) struct Look<'a> {
    pub(super) connector: &'a Connector,
    pub(super) environment: &'a Environment,
    pub(super) deadline: Instant,
    pub(super) metrics: Metrics,
    pub(super) log: Log,
    pub(super) reason: Option<Reason>,
    phases: Phases,
}

impl Module {
    /// Whether it can be asked so.
    ///
    /// # Errors
    /// In words: the host that the module itself sends is another.
    pub fn accepts(&self, hostname: Option<&str>) -> Result<(), String> {
        let own = match &self.prober {
            super::Prober::Http(http) => http.host.as_deref(),
            _ => None,
        };
        match (own, hostname) {
            (Some(own), Some(hostname)) if own != hostname => Err(format!(
                "host header defined both in module configuration ({own}) and with URL-parameter 'hostname' ({hostname})"
            )),
            _ => Ok(()),
        }
    }

    /// Looks once. It is over by its timeout, and cannot fail: what goes wrong is what it says.
    pub async fn probe(&self, asked: Asked<'_>, connector: &Connector, environment: &Environment) -> Probed {
        let began = Instant::now();
        let mut look = Look {
            connector,
            environment,
            deadline: began + asked.timeout,
            metrics: Metrics::with_room(),
            log: Log::with_room(),
            reason: None,
            phases: Phases::default(),
        };
        let seconds = asked.timeout.as_secs_f64();
        look.log.info(
            "Beginning probe",
            [
                ("probe", self.prober.word().into()),
                ("timeout_seconds", seconds.into()),
            ],
        );
        look.metrics.set(TIMEOUT, seconds);
        let success = self.prober.look(&mut look, &asked).await;
        look.end(success, began.elapsed())
    }
}

impl Look<'_> {
    /// Adds what one connection took.
    pub(super) fn took(&mut self, trail: &Trail) {
        self.phases.add(&trail.laps.phases());
    }

    /// Adds to what finding the address took.
    pub(super) fn resolved(&mut self, took: Duration) {
        self.phases.resolve_us += crate::duration::micros(took);
    }

    /// Adds to what the answer took that came over no connection.
    pub(super) fn waited(&mut self, took: Duration) {
        self.phases.wait_us += crate::duration::micros(took);
    }

    /// Writes down what went wrong; the first thing that did is the reason.
    pub(super) fn fail(&mut self, message: &'static str, fault: Fault) {
        self.reason.get_or_insert(fault.reason);
        self.log.error(message, [("err", fault.message.into())]);
    }

    /// Something is not as the module wants it.
    pub(super) fn unmet(&mut self, reason: Reason, message: &'static str, what: impl Into<String>) {
        self.reason.get_or_insert(reason);
        self.log.error(message, [("what", what.into().into())]);
    }

    fn end(mut self, success: bool, took: Duration) -> Probed {
        let seconds = took.as_secs_f64();
        let duration = [("duration_seconds", seconds.into())];
        match success {
            true => self.log.info("Probe succeeded", duration),
            false => self.log.error("Probe failed", duration),
        }
        self.metrics.set(DURATION, seconds);
        self.metrics.set_flag(SUCCESS, success);
        if !success {
            self.reason.get_or_insert(Reason::UnexpectedReply);
        }
        if let Some(reason) = self.reason {
            self.metrics.label(REASON, &[("reason", reason.word())], 1.0);
        }
        for (phase, (_, us)) in NAMED.into_iter().zip(self.phases.named()) {
            self.metrics
                .add(PHASES, phase, Duration::from_micros(us).as_secs_f64());
        }
        Probed {
            success,
            metrics: self.metrics,
            log: self.log,
        }
    }
}

impl Probed {
    /// The page of `debug=true`: what was done, what was found, and how the module is configured.
    #[must_use]
    pub fn debug(&self, name: &str, module: &Module, target: &str) -> String {
        format!(
            "Logs for the probe:\n{}\n\n\nMetrics that would have been returned:\n{}\n\n\nModule configuration:\n{}",
            self.log.text(name, target),
            self.metrics.text(),
            module.tell()
        )
    }
}
