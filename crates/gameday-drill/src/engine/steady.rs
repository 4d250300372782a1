//! A steady-state condition while it is watched.

use gameday_core::{Offset, SteadyEvaluated};

use crate::plan::{Steady, SteadyKind};
use crate::window::Window;

/// What is known of one condition.
pub(super) struct SteadyWatch {
    pub(super) window: Window,
    /// For a query: since when it has been within its bound without a break.
    within_since: Option<Offset>,
    value: Option<f64>,
    pub(super) holds: Option<bool>,
}

impl SteadyWatch {
    pub(super) fn new(steady: &Steady) -> Self {
        Self {
            window: Window::new(steady.window),
            within_since: None,
            value: None,
            holds: None,
        }
    }

    /// Its condition's query was answered.
    pub(super) fn queried(&mut self, steady: &Steady, now: Offset, value: Option<f64>) {
        if let SteadyKind::Promql { max, min, .. } = &steady.kind {
            let within = |v: f64| max.is_none_or(|max| v <= max) && min.is_none_or(|min| v >= min);
            self.value = value;
            self.within_since = if value.is_some_and(within) {
                self.within_since.or(Some(now))
            } else {
                None
            };
        }
    }

    pub(super) fn evaluate(&mut self, steady: &Steady, now: Offset) -> SteadyEvaluated {
        let counts = self.window.counts(now);
        let full = self.window.is_full(now);
        let (value, within) = match &steady.kind {
            SteadyKind::P95 { limit, .. } => {
                let value = self.window.p95_ms();
                // A look that said down is slower than any limit: of 20, one may be.
                let few_down = counts.down * 20 <= counts.up + counts.down;
                (
                    value,
                    few_down && value.is_some_and(|p95| p95 <= limit.as_secs_f64() * 1e3),
                )
            }
            SteadyKind::Success { floor, .. } => {
                let value = counts.success();
                (value, value.is_some_and(|success| success >= *floor))
            }
            SteadyKind::Promql { .. } => {
                let since = self.within_since.map(|since| now.since(since));
                (self.value, since.is_some_and(|span| span >= steady.window))
            }
        };
        // Who cannot see does not know: that is neither steady nor unsteady.
        let seen = match &steady.kind {
            SteadyKind::Promql { .. } => self.value.is_some(),
            _ => full && !counts.is_blind(),
        };
        self.value = value;
        self.holds = seen.then_some(within);
        SteadyEvaluated {
            name: steady.name.clone(),
            value,
            holds: self.holds,
            up: counts.up,
            down: counts.down,
            unknown: counts.unknown,
        }
    }
}

/// Why a gate does not open, for people.
pub(super) fn not_holding((steady, watch): (&Steady, &SteadyWatch)) -> Option<String> {
    let seen = match (&steady.kind, watch.value) {
        _ if watch.holds.is_none() => "too little was seen".to_owned(),
        (_, None) => "no look said up".to_owned(),
        (SteadyKind::P95 { limit, .. }, Some(ms)) if ms <= limit.as_secs_f64() * 1e3 => {
            "too many looks said down".to_owned()
        }
        (SteadyKind::P95 { .. }, Some(ms)) => format!("it is {ms:.0}ms"),
        (SteadyKind::Success { .. }, Some(share)) => format!("it is {:.1}%", share * 100.0),
        (SteadyKind::Promql { .. }, Some(value)) => format!("it is {value}"),
    };
    (watch.holds != Some(true)).then(|| format!("`{}` ({}): {seen}", steady.name, steady.text()))
}
