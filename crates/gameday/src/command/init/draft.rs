//! The text of a first scenario: what the rule and the prediction say, and room for what they cannot.

use std::fmt::Write as _;
use std::time::Duration;

use gameday_alert::{Rule, RuleReads, Spread};
use gameday_core::{Prediction, Span};

/// Limits are so much wider than what is predicted.
const MARGIN: f64 = 1.25;
/// No limit is tighter than what is predicted and this: machines are busy at times.
const SLACK: Duration = Duration::from_secs(5);
/// Nothing is known: what people would want of most pages.
const UNKNOWN: Duration = Duration::from_secs(300);
const LEASE: Duration = Duration::from_secs(15);

/// What a scenario is made of.
pub(super) struct Draft {
    pub(super) prometheus: String,
    pub(super) alertmanager: Option<String>,
    pub(super) rule: Rule,
    pub(super) reads: RuleReads,
    pub(super) prediction: Prediction,
    pub(super) firing: Option<Spread>,
    pub(super) notified: Option<Spread>,
}

impl Draft {
    /// The scenario.
    pub(super) fn text(&self) -> String {
        let alert = &self.rule.seen.alert;
        let mut out = format!(
            "# A first scenario for the alert {}, from its rule and its route as they are now.\n\
             # What stands in empty braces is yours to fill in; `gameday check` names it, and refuses it until then.\n",
            one_line(alert)
        );
        let _ = writeln!(out, "title = {}", quoted(&format!("{alert}: what is to break")));
        let told = self.prediction.receiver.as_deref().unwrap_or("on-call");
        let within = span(self.notified_limit());
        let hypothesis = format!("{alert} reaches {told} within {within}");
        let _ = writeln!(out, "hypothesis = {}", quoted(&hypothesis));
        if let Some(runbook) = self
            .rule
            .seen
            .annotations
            .get("runbook_url")
            .filter(|url| !url.contains("{{"))
        {
            let _ = writeln!(out, "runbook = {}", quoted(runbook));
        }
        self.target(&mut out);
        self.observe(&mut out);
        self.timeline(&mut out);
        self.expect(&mut out);
        let longest = self.hold() + self.resolved() + Duration::from_secs(120);
        let _ = write!(
            out,
            "\n[guard]\n# abort_if = [\"checkout < 50% for 15s\"]     # add [probes] that look as your users do\n\
             max_duration = {}\nlease = {}                      # faults end by themselves when the runner stops renewing\n",
            quoted(&span(longest)),
            quoted(&span(LEASE))
        );
        out
    }

    fn target(&self, out: &mut String) {
        out.push_str("\n# What may be touched. The rule reads\n");
        for selector in self.reads.selectors.keys() {
            let _ = writeln!(out, "#   {}", one_line(selector));
        }
        out.push_str(
            "# A target is e.g. { proxy = \"payments-db\", api = \"http://127.0.0.1:8474\" }, { unit = \"payments.service\" }\n\
             # or { process = { pid_file = \"/run/x.pid\", start = [\"systemctl\", \"start\", \"x\"] } }\n[targets]\ntarget = {}\n",
        );
    }

    fn observe(&self, out: &mut String) {
        let _ = writeln!(out, "\n[observe]\nprometheus = {}", quoted(&self.prometheus));
        if let Some(url) = &self.alertmanager {
            let _ = writeln!(out, "alertmanager = {}", quoted(url));
            out.push_str(
                "webhook = \"http://127.0.0.1:9095/webhook\"      # a receiver of Alertmanager's with `continue: true`: see the README\n",
            );
        }
    }

    fn timeline(&self, out: &mut String) {
        let (fault, why) = self.fault();
        let _ = writeln!(out, "\n[timeline]\n# {why}");
        let fault = match fault {
            Some(fault) => format!(", {fault}"),
            None => String::new(),
        };
        let _ = writeln!(
            out,
            "fault = {{ at = \"0s\", hold = {}, on = \"target\"{fault} }}",
            quoted(&span(self.hold()))
        );
    }

    fn expect(&self, out: &mut String) {
        out.push_str("\n[expect]\n");
        let now = &self.prediction;
        if let Some(why) = now.why.get("prediction").or(now.never.as_ref()) {
            let _ = writeln!(
                out,
                "# Its times cannot be predicted ({}): these are guesses.",
                one_line(why)
            );
        } else {
            let after =
                |spread: Option<Spread>| spread.map_or_else(|| "?".to_owned(), |spread| span(spread.max));
            let _ = writeln!(
                out,
                "# Predicted if every request is bad and as many come as before, whenever it begins: firing after {} at most, notified after {}.",
                after(self.firing),
                after(self.notified)
            );
        }
        // What the scenario itself says of requests and traffic stands in the line above.
        let assumed = now.assumes.iter();
        for line in assumed.filter(|line| !line.ends_with("as the scenario says")) {
            let _ = writeln!(out, "# That is so if {}.", one_line(line));
        }
        for line in &now.warnings {
            let _ = writeln!(out, "# Warning: {}", one_line(line));
        }
        let mut keys = vec![format!("firing = {}", quoted(&span(self.firing_limit())))];
        if self.alertmanager.is_some() {
            keys.push(format!("notified = {}", quoted(&span(self.notified_limit()))));
            keys.push(format!("resolved = {}", quoted(&span(self.resolved()))));
        }
        let labels = self
            .rule
            .seen
            .labels
            .iter()
            .filter(|(_, value)| !value.contains("{{"));
        let labels: Vec<String> = labels
            .map(|(label, value)| format!("{} = {}", quoted(label), quoted(value)))
            .collect();
        if !labels.is_empty() {
            keys.push(format!("labels = {{ {} }}", labels.join(", ")));
        }
        keys.extend(
            now.receiver
                .iter()
                .map(|receiver| format!("receiver = {}", quoted(receiver))),
        );
        keys.push("during = { bad = \"100%\" }".to_owned());
        let _ = writeln!(
            out,
            "{} = {{ {} }}",
            quoted(&self.rule.seen.alert),
            keys.join(", ")
        );
    }

    /// A fault that the rule should see, by the words of what it reads; none when they do not tell.
    fn fault(&self) -> (Option<&'static str>, &'static str) {
        let query = self.rule.seen.query.to_ascii_lowercase();
        let series: Vec<String> = self
            .reads
            .selectors
            .keys()
            .map(|text| text.to_ascii_lowercase())
            .collect();
        let any = |words: &[&str]| {
            words
                .iter()
                .any(|word| query.contains(word) || series.iter().any(|text| text.contains(word)))
        };
        let up = |text: &String| {
            text == "up"
                || text.starts_with("up{")
                || text == "probe_success"
                || text.starts_with("probe_success{")
        };
        if series.iter().any(up) || query.contains("absent(") {
            return (
                Some("fault.down = {}"),
                "The rule looks whether something is up: a proxy that does not listen.",
            );
        }
        if any(&["5..", "error", "fail", "code=~", "status=~"]) {
            return (
                Some("fault.http = { status = 503 }"),
                "The rule counts errors: a proxy with `protocol = \"http\"` that answers 503. `path` and `share` limit it.",
            );
        }
        if any(&["histogram_quantile", "latency", "duration", "_seconds"]) {
            return (
                Some("fault.latency = { delay = \"500ms\" }"),
                "The rule measures how long things take: a delay that is over its threshold.",
            );
        }
        (
            None,
            "What it reads does not tell how to break it: add one, e.g. fault.latency = { delay = \"500ms\" } or fault.down = {}.",
        )
    }

    /// So long that it is notified, with as much again for what is looked at afterwards.
    fn hold(&self) -> Duration {
        rounded(self.notified_limit().max(self.firing_limit()) + Duration::from_secs(15))
    }

    fn firing_limit(&self) -> Duration {
        self.firing.map_or(UNKNOWN, |spread| wide(spread.max))
    }

    fn notified_limit(&self) -> Duration {
        match (self.notified, self.firing) {
            (Some(spread), _) => wide(spread.max),
            (None, Some(spread)) => wide(spread.max) + Duration::from_secs(60),
            (None, None) => UNKNOWN * 2,
        }
    }

    /// From the fault's removal to the resolved notice.
    fn resolved(&self) -> Duration {
        let now = &self.prediction;
        let after = now.marks.get("T10").map(|mark| {
            let latest = mark.latest.unwrap_or(mark.at);
            Duration::from_micros(u64::try_from(latest.micros_since(now.removed_at)).unwrap_or(0))
        });
        // An interval of the group may begin at any moment.
        after.map_or(UNKNOWN * 2, |after| wide(after * 2))
    }
}

fn wide(predicted: Duration) -> Duration {
    rounded(predicted.mul_f64(MARGIN).max(predicted + SLACK))
}

/// Up to whole seconds; up to ten of them from a minute on.
fn rounded(length: Duration) -> Duration {
    let seconds = length.as_secs() + u64::from(length.subsec_nanos() > 0);
    Duration::from_secs(if seconds < 60 {
        seconds
    } else {
        seconds.next_multiple_of(10)
    })
}

fn span(length: Duration) -> String {
    match length.subsec_millis() {
        0 => Span::from_value(length).to_string(),
        _ => format!("{:.1}s", length.as_secs_f64()),
    }
}

/// A text as TOML writes it.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text)
        .to_string()
        .replace('\u{7f}', "\\u007f")
}

/// What comes from another system must not end a comment.
fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}
