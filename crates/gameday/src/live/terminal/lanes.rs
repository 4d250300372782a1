//! Each lane of the timeline as a row of characters: faults, alerts, steady states, probes.

use gameday_core::{AlertState, Unit};
use gameday_report::{AlertLane, AlertStage, CurveLane, FaultBar, LookLane, View};

/// A lane as characters, each with what it means.
pub(super) struct Row {
    pub(super) name: String,
    pub(super) cells: Vec<(char, Tone)>,
    pub(super) status: String,
    pub(super) tone: Tone,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    Plain,
    Soft,
    Good,
    Doubt,
    Bad,
    Hot,
}

/// Milliseconds as columns.
pub(super) struct Scale {
    pub(super) end: i64,
    start: i64,
    now: i64,
    width: usize,
}

impl Scale {
    pub(super) fn new(view: &View, width: usize) -> Self {
        let (start, now) = (view.progress().from_ms, view.now_ms());
        let least = if view.progress().ended.is_some() {
            1
        } else {
            10_000
        };
        let end = now.max(start.saturating_add(least));
        Self {
            start,
            end,
            now,
            width,
        }
    }

    pub(super) fn column(&self, at: i64) -> usize {
        let length = i128::from(self.end) - i128::from(self.start);
        let at = i128::from(at.clamp(self.start, self.end)) - i128::from(self.start);
        let last = self.width.saturating_sub(1);
        let column = at * i128::try_from(self.width).unwrap_or(0) / length.max(1);
        usize::try_from(column).unwrap_or(0).min(last)
    }

    fn blank(&self) -> Vec<(char, Tone)> {
        let now = self.column(self.now);
        (0..self.width)
            .map(|at| (if at <= now { '·' } else { ' ' }, Tone::Soft))
            .collect()
    }

    fn fill(&self, cells: &mut [(char, Tone)], from: i64, to: Option<i64>, cell: (char, Tone)) {
        let to = self.column(to.unwrap_or(self.now));
        cells[self.column(from).min(to)..=to].fill(cell);
    }

    pub(super) fn fault(&self, fault: &FaultBar) -> Row {
        let mut cells = self.blank();
        if let Some(from) = fault.injected.or(fault.ordered) {
            self.fill(&mut cells, from, fault.removed, ('█', Tone::Hot));
        }
        let hold = i64::try_from(fault.hold_ms).unwrap_or(i64::MAX);
        let (status, tone) = match (&fault.error, fault.ordered, fault.injected, fault.removed) {
            (Some(error), ..) => (error.clone(), Tone::Bad),
            (_, _, _, Some(_)) => ("removed".to_owned(), Tone::Good),
            (_, _, Some(_), _) if fault.until_mitigated => ("held until mitigated".to_owned(), Tone::Hot),
            (_, _, Some(from), _) => {
                let left = from.saturating_add(hold).saturating_sub(self.now).max(0);
                (format!("in place, {} more", span(left)), Tone::Hot)
            }
            (_, Some(_), ..) => ("ordered".to_owned(), Tone::Hot),
            _ => ("waits".to_owned(), Tone::Soft),
        };
        Row {
            name: fault.name.clone(),
            cells,
            status,
            tone,
        }
    }

    pub(super) fn alert(&self, alert: &AlertLane) -> Row {
        let mut cells = self.blank();
        for one in &alert.spans {
            let cell = match one.state {
                AlertState::Pending => ('░', Tone::Doubt),
                AlertState::Firing => ('█', Tone::Bad),
                AlertState::Suppressed | AlertState::Gone => ('▒', Tone::Doubt),
            };
            self.fill(&mut cells, one.from, one.to, cell);
        }
        if let Some(at) = alert.notified {
            cells[self.column(at)] = ('▼', Tone::Plain);
        }
        if let Some(at) = alert.resolved {
            cells[self.column(at)] = ('◇', Tone::Plain);
        }
        let (word, tone) = match alert.stage {
            AlertStage::Pending if alert.over_ms.is_some() => ("inactive, was pending", Tone::Soft),
            AlertStage::Firing if alert.over_ms.is_some() => ("inactive, had fired", Tone::Soft),
            AlertStage::Inactive => ("inactive", Tone::Soft),
            AlertStage::Pending => ("pending", Tone::Doubt),
            AlertStage::Firing => ("firing", Tone::Bad),
            AlertStage::Notified => ("notified", Tone::Bad),
            AlertStage::Resolved => ("resolved", Tone::Good),
        };
        let next = alert.due.as_ref().map(|due| match due.at_ms - self.now {
            left if left >= 0 => format!(", {} due in {}", due.what, span(left)),
            late => format!(", {} due {} ago", due.what, span(-late)),
        });
        let ack = alert.ack.as_ref().map(|(who, _)| format!(" ({who})"));
        Row {
            name: alert.label.clone(),
            cells,
            status: [word.to_owned(), ack.unwrap_or_default(), next.unwrap_or_default()].concat(),
            tone,
        }
    }

    pub(super) fn curve(&self, curve: &CurveLane) -> Row {
        let mut cells = self.blank();
        let worst = |least: f64, most: f64| if curve.at_most { most } else { least };
        let values: Vec<(i64, f64)> = curve
            .values()
            .filter(|(at, ..)| *at >= self.start)
            .map(|(at, least, most)| (at, worst(least, most)))
            .collect();
        let all = || values.iter().map(|(_, value)| *value).chain([curve.limit]);
        let (low, high) = (
            all().fold(f64::INFINITY, f64::min),
            all().fold(f64::NEG_INFINITY, f64::max),
        );
        for (at, value) in &values {
            let broken = if curve.at_most {
                *value > curve.limit
            } else {
                *value < curve.limit
            };
            let tone = if broken { Tone::Bad } else { Tone::Good };
            cells[self.column(*at)] = (bar((value - low) / (high - low).max(f64::MIN_POSITIVE)), tone);
        }
        let value = match (curve.value, curve.unit) {
            (None, _) => "—".to_owned(),
            (Some(value), Unit::Ms) => format!("{value:.0} ms"),
            (Some(value), Unit::Ratio) => format!("{:.1} %", value * 100.0),
            (Some(value), Unit::Number) => format!("{value:.3}"),
        };
        let (word, tone) = match curve.holds {
            Some(true) => ("holds", Tone::Good),
            Some(false) => ("BROKEN", Tone::Bad),
            None => ("too little seen", Tone::Soft),
        };
        Row {
            name: curve.name.clone(),
            cells,
            status: format!("{value} {word}"),
            tone,
        }
    }

    pub(super) fn look(&self, lane: &LookLane) -> Row {
        let mut cells = self.blank();
        let mut worst = vec![None; cells.len()];
        for (at, look) in lane.values().filter(|(at, _)| *at >= self.start) {
            let kept: &mut Option<u8> = &mut worst[self.column(at)];
            *kept = (*kept).max(Some(look));
        }
        for (cell, look) in cells.iter_mut().zip(worst) {
            *cell = match look {
                None => (' ', Tone::Soft),
                Some(0) => ('·', Tone::Good),
                Some(1) => ('^', Tone::Doubt),
                Some(2) => ('?', Tone::Doubt),
                Some(3) => ('-', Tone::Doubt),
                Some(_) => ('x', Tone::Bad),
            };
        }
        let tone = match lane.last {
            Some("up") => Tone::Good,
            Some("down") => Tone::Bad,
            Some(_) => Tone::Doubt,
            None => Tone::Soft,
        };
        let why = lane.message.as_ref().filter(|_| lane.last != Some("up"));
        let why = why.map(|why| format!(": {why}")).unwrap_or_default();
        Row {
            name: format!("{}·{}", lane.probe, lane.region),
            cells,
            status: format!("{}{why}", lane.last.unwrap_or("waiting")),
            tone,
        }
    }
}

/// A share of the height of a character.
fn bar(share: f64) -> char {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "`as` saturates"
    )]
    let at = (share.clamp(0.0, 1.0) * 7.0).round() as usize;
    BARS[at.min(7)]
}

/// A time in as few letters as say it.
pub(super) fn span(ms: i64) -> String {
    let size = ms.max(0);
    match size {
        0..60_000 => format!("{}.{} s", size / 1000, size / 100 % 10),
        _ => format!("{} min {:02} s", size / 60_000, size / 1000 % 60),
    }
}
