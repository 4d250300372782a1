//! What would become of a plan if it were run now, for people and programs: the part of `--plan` that asks.

use std::time::Duration;

use gameday_alert::Spread;
use gameday_core::{PredictedMark, Prediction, Timestamp};
use gameday_drill::{Check, Forecast, Plan, Run};
use serde_json::{Value, json};

use crate::exit;

/// What pre-flight would find, and what is predicted, or why nothing is.
pub(crate) struct Outlook {
    checks: Vec<Check>,
    forecasts: Result<Vec<Forecast>, String>,
}

impl Outlook {
    /// Asks all that a plan names; starts nothing and touches nothing.
    pub(crate) async fn ask(plan: &Plan, run: &Run) -> Self {
        if plan.lab.is_some() {
            let why = "the lab is started by the run, which predicts before it injects";
            return Self {
                checks: Vec::new(),
                forecasts: if plan.expect.is_empty() {
                    Ok(Vec::new())
                } else {
                    Err(why.to_owned())
                },
            };
        }
        let checks = gameday_drill::preflight(plan, run).await;
        let forecasts = match plan.expect.is_empty() {
            true => Ok(Vec::new()),
            false => gameday_drill::forecast(plan).await,
        };
        Self { checks, forecasts }
    }

    /// Lines for people: what is predicted.
    pub(crate) fn lines(&self) -> Vec<String> {
        match &self.forecasts {
            Ok(forecasts) => forecasts.iter().flat_map(lines).collect(),
            Err(why) => vec![format!("nothing: {why}")],
        }
    }

    /// What pre-flight would find that is in no drill's way.
    pub(crate) fn found(&self) -> Vec<String> {
        let found = self.checks.iter().filter_map(|check| {
            let detail = check.found.as_ref().ok()?;
            Some(format!("{}: {detail}", check.name))
        });
        found.collect()
    }

    /// What stands in its way: why it would be refused, and which expectations cannot be met.
    pub(crate) fn obstacles(&self) -> Vec<String> {
        let refusals = self.refusals();
        let refusals = refusals.iter().map(|why| format!("would be refused: {why}"));
        let unmet = self.forecasts.iter().flatten().filter_map(|forecast| {
            let why = forecast.unmet.as_ref()?;
            Some(format!(
                "cannot be met as predicted: {}: {why}",
                forecast.now.label
            ))
        });
        refusals.chain(unmet).collect()
    }

    fn refusals(&self) -> Vec<String> {
        let refused = self.checks.iter().filter_map(|check| {
            let why = check.found.as_ref().err()?;
            Some(format!("{}: {why}", check.name))
        });
        refused.collect()
    }

    /// As of `run`: refused, or failed if an expectation cannot be met.
    pub(crate) fn exit_code(&self) -> u8 {
        let mut forecasts = self.forecasts.iter().flatten();
        match () {
            () if self.checks.iter().any(|check| check.found.is_err()) => exit::REFUSED,
            () if forecasts.any(|forecast| forecast.unmet.is_some()) => exit::FAILED,
            () => exit::OK,
        }
    }

    /// The same for programs, into a plan's record.
    pub(crate) fn tell(&self, record: &mut Value) {
        record["predicted"] = match &self.forecasts {
            Ok(forecasts) => forecasts.iter().map(as_json).collect(),
            Err(why) => {
                record["why"] = json!({ "predicted": why });
                Value::Null
            }
        };
        let check = |check: &Check| {
            let (Ok(detail) | Err(detail)) = &check.found;
            json!({ "name": check.name, "ok": check.found.is_ok(), "detail": detail })
        };
        record["checks"] = self.checks.iter().map(check).collect();
        record["would_be_refused"] = json!(self.refusals());
    }
}

fn lines(forecast: &Forecast) -> Vec<String> {
    let now = &forecast.now;
    let mut lines = vec![format!("{} of {}: {}", now.label, now.of, headline(now))];
    let mut more = |line: String| lines.push(format!("  {line}"));
    for (what, spread) in [("firing", forecast.firing), ("notified", forecast.notified)] {
        let Some(Spread { min, mean, max }) = spread else {
            continue;
        };
        more(format!(
            "whenever it begins: {what} after {} to {}, {} on average",
            span(min),
            span(max),
            span(mean)
        ));
    }
    let stages = stages(now);
    if !stages.is_empty() {
        more(stages.join(", "));
    }
    if let Some(route) = now.route.as_deref().filter(|route| !route.is_empty()) {
        more(format!("route {route}"));
    }
    if let Some(odds) = now.odds {
        more(format!(
            "odds: fires with a probability of {:.1} %",
            odds.fires * 100.0
        ));
    }
    if let Some(spent) = now.budget_spent {
        more(format!("costs {:.1} % of the error budget", spent * 100.0));
    }
    now.assumes.iter().for_each(|line| more(format!("if {line}")));
    now.warnings
        .iter()
        .for_each(|line| more(format!("beware: {line}")));
    lines
}

/// When it fires and is told, in one line.
pub(crate) fn headline(now: &Prediction) -> String {
    if let Some(why) = now.why.get("prediction") {
        return format!("cannot be predicted: {why}");
    }
    let after = |name: &str| now.marks.get(name).map(|mark| range(now.effective_at, *mark));
    let firing = after("T3").map(|after| format!("firing after {after}"));
    let receiver = now.receiver.as_deref().unwrap_or("nobody");
    let notified = after("T5").map(|after| format!("{receiver} notified after {after}"));
    let never = now.never.as_ref().map(|why| match firing {
        Some(_) => format!("nobody notified: {why}"),
        None => format!("never fires: {why}"),
    });
    let parts: Vec<String> = [firing, notified, never].into_iter().flatten().collect();
    parts.join(", ")
}

/// `4.2 s`, `4.2 s to 5.2 s`, `4.2 s or later`.
fn range(from: Timestamp, mark: PredictedMark) -> String {
    let after = |at: Timestamp| span(micros(at.micros_since(from)));
    match mark.latest {
        Some(latest) if latest == mark.at => after(mark.at),
        Some(latest) => format!("{} to {}", after(mark.at), after(latest)),
        None => format!("{} or later", after(mark.at)),
    }
}

/// Each stage that is known.
fn stages(now: &Prediction) -> Vec<String> {
    let names = ["scrape", "rule", "hold", "hand-off", "group"];
    let mut from = now.effective_at;
    let mut stages = Vec::new();
    for (name, mark) in names.into_iter().zip(["T1", "T2", "T3", "T4", "T5"]) {
        let Some(mark) = now.marks.get(mark) else { break };
        stages.push(format!("{name} {}", span(micros(mark.at.micros_since(from)))));
        from = mark.at;
    }
    stages
}

fn micros(micros: i64) -> Duration {
    Duration::from_micros(u64::try_from(micros).unwrap_or(0))
}

/// To the tenth of a second, to the millisecond under a second.
fn span(span: Duration) -> String {
    match span.as_millis() {
        ms @ ..1000 => format!("{ms} ms"),
        _ if span.as_secs() < 120 => format!("{:.1} s", span.as_secs_f64()),
        _ if span.as_secs() < 7200 => format!("{} min {:02} s", span.as_secs() / 60, span.as_secs() % 60),
        _ => format!("{} h {:02} min", span.as_secs() / 3600, span.as_secs() / 60 % 60),
    }
}

fn as_json(forecast: &Forecast) -> Value {
    let ms = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    let spread = |spread: Option<Spread>| {
        spread.map(
            |Spread { min, mean, max }| json!({ "min_ms": ms(min), "mean_ms": ms(mean), "max_ms": ms(max) }),
        )
    };
    let mut value = json!(forecast.now);
    value["unmet"] = json!(forecast.unmet);
    value["whenever"] = json!({ "firing": spread(forecast.firing), "notified": spread(forecast.notified) });
    value
}
