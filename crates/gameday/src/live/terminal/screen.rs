//! One picture of the drill: a line for where it is, a row for each lane, the log, a line for keys.

use gameday_core::{AlertState, Unit, printable};
use gameday_report::{AlertLane, AlertStage, CurveLane, FaultBar, LookLane, View};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Clear, Paragraph};

use super::keys::{Keys, Mode};

/// So many lines of the log are left, however many lanes there are.
const LEAST_LOG: u16 = 6;
const NAME: usize = 16;
const STATUS: usize = 30;

/// What is drawn.
pub(super) struct Screen<'a> {
    pub(super) view: &'a View,
    pub(super) broken: Option<&'a str>,
    pub(super) keys: &'a Keys,
    pub(super) coloured: bool,
    /// The journal ends here, and nobody writes it.
    pub(super) over: bool,
}

/// A lane as characters, each with what it means.
struct Row {
    name: String,
    cells: Vec<(char, Tone)>,
    status: String,
    tone: Tone,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tone {
    Plain,
    Soft,
    Good,
    Doubt,
    Bad,
    Hot,
}

impl Screen<'_> {
    pub(super) fn draw(&self, frame: &mut Frame<'_>) {
        let all = frame.area();
        let rows = self.rows(usize::from(all.width).saturating_sub(NAME + STATUS + 3).max(10));
        let room = all.height.saturating_sub(4 + LEAST_LOG);
        let lanes = u16::try_from(rows.len()).unwrap_or(u16::MAX).min(room);
        let parts = Layout::vertical([
            Constraint::Length(2),
            Constraint::Length(lanes),
            Constraint::Length(1),
            Constraint::Min(0),
            Constraint::Length(1),
        ]);
        let [head, lanes, axis, log, foot] = parts.areas(all);
        frame.render_widget(Paragraph::new(self.head()), head);
        frame.render_widget(Paragraph::new(self.lanes(rows, lanes.height)), lanes);
        frame.render_widget(Paragraph::new(self.axis(axis.width)), axis);
        frame.render_widget(Paragraph::new(self.log(log)), log);
        frame.render_widget(Paragraph::new(self.foot()), foot);
        if self.keys.mode == Mode::Help {
            self.help(frame, all);
        }
    }

    fn style(&self, tone: Tone) -> Style {
        let style = Style::default();
        match tone {
            Tone::Plain => style,
            Tone::Bad | Tone::Hot if !self.coloured => style.add_modifier(Modifier::BOLD),
            _ if !self.coloured => style,
            Tone::Soft => style.fg(Color::DarkGray),
            Tone::Good => style.fg(Color::Green),
            Tone::Doubt => style.fg(Color::Yellow),
            Tone::Bad => style.fg(Color::Red),
            Tone::Hot => style.fg(Color::LightRed),
        }
    }

    fn head(&self) -> Vec<Line<'static>> {
        let (head, progress) = (self.view.head(), self.view.progress());
        let stopping = progress.stopped.is_some();
        let (word, tone) = match (&progress.ended, stopping, progress.stage) {
            (Some(how), ..) if how == "completed" => (how.clone(), Tone::Good),
            (Some(how), ..) => (how.clone(), Tone::Bad),
            (None, true, _) => ("stopping".to_owned(), Tone::Bad),
            (None, false, Some("faults")) => ("faults".to_owned(), Tone::Hot),
            (None, false, stage) => (stage.unwrap_or("…").to_owned(), Tone::Plain),
        };
        let clock = match head.zero_ms {
            Some(zero) => format!("{} after the first fault", span(self.view.now_ms() - zero)),
            None => format!("{} long", span(self.view.now_ms())),
        };
        let mut note = progress.stopped.clone().unwrap_or_default();
        if let Some(rollback) = &progress.rollback {
            note = match rollback.verified {
                true => "rollback verified".to_owned(),
                false => "ROLLBACK NOT VERIFIED: gameday heal".to_owned(),
            };
        } else if self.over && progress.ended.is_none() {
            "the journal ends here: its writer is gone (gameday heal)".clone_into(&mut note);
        }
        vec![
            Line::from(vec![
                Span::styled(printable(&word), self.style(tone).add_modifier(Modifier::BOLD)),
                Span::raw(format!("  {clock}")),
                Span::styled(format!("  {}", printable(&note)), self.style(tone)),
            ]),
            Line::from(Span::styled(printable(&head.title), self.style(Tone::Soft))),
        ]
    }

    fn rows(&self, width: usize) -> Vec<Row> {
        let scale = Scale::new(self.view, width);
        let faults = self.view.faults().map(|fault| scale.fault(fault));
        let alerts = self.view.alerts().map(|alert| scale.alert(alert));
        let curves = self.view.curves().iter().map(|curve| scale.curve(curve));
        let probes = self.view.probes().iter().map(|lane| scale.look(lane));
        faults.chain(alerts).chain(curves).chain(probes).collect()
    }

    fn lanes(&self, rows: Vec<Row>, height: u16) -> Vec<Line<'static>> {
        let (count, height) = (rows.len(), usize::from(height));
        let mut lines: Vec<Line<'static>> = rows.into_iter().take(height).map(|row| self.lane(row)).collect();
        if count > height && height > 0 {
            lines.pop();
            lines.push(Line::raw(format!(
                "… and {} more; a larger terminal shows them",
                count - height + 1
            )));
        }
        lines
    }

    fn lane(&self, row: Row) -> Line<'static> {
        let name = fit(&printable(&row.name), NAME);
        let mut spans = vec![
            Span::styled(name, Style::default().add_modifier(Modifier::BOLD)),
            Span::raw(" "),
        ];
        // Neighbours of one tone are one span: a wide terminal would have a thousand otherwise.
        for run in row.cells.chunk_by(|one, other| one.1 == other.1) {
            let text: String = run.iter().map(|(c, _)| *c).collect();
            spans.push(Span::styled(text, self.style(run[0].1)));
        }
        spans.push(Span::raw(" "));
        spans.push(Span::styled(
            fit(&printable(&row.status), STATUS),
            self.style(row.tone),
        ));
        Line::from(spans)
    }

    /// The axis: when the first fault was, and now.
    fn axis(&self, width: u16) -> Line<'static> {
        let room = usize::from(width).saturating_sub(NAME + STATUS + 3).max(10);
        let scale = Scale::new(self.view, room);
        let mut cells = vec!['─'; room];
        if let Some(zero) = self.view.head().zero_ms {
            cells[scale.column(zero)] = '0';
        }
        let axis: String = cells.into_iter().collect();
        let long = format!("0 = first fault, {} in all", span(scale.end));
        let text = format!("{} {axis} {}", " ".repeat(NAME), fit(&long, STATUS));
        Line::from(Span::styled(text, self.style(Tone::Soft)))
    }

    fn log(&self, area: Rect) -> Vec<Line<'static>> {
        let mut lines: Vec<Line<'static>> = Vec::new();
        if let Some(why) = self.broken {
            lines.push(Line::from(Span::styled(printable(why), self.style(Tone::Bad))));
        }
        let most = usize::from(area.height).saturating_sub(lines.len());
        let newest = self
            .view
            .log()
            .rev()
            .take(most)
            .map(|line| Line::raw(printable(&line.text)));
        let mut newest: Vec<Line<'static>> = newest.collect();
        newest.reverse();
        lines.extend(newest);
        lines
    }

    fn foot(&self) -> Line<'static> {
        match &self.keys.mode {
            Mode::Note(text) => {
                // The end of a long note is where somebody types.
                let shown: String = text
                    .chars()
                    .rev()
                    .take(60)
                    .collect::<Vec<_>>()
                    .into_iter()
                    .rev()
                    .collect();
                Line::raw(format!("note (Enter writes, Esc leaves): {}_", printable(&shown)))
            }
            Mode::Sure => {
                let ask = "stop the drill now and put everything back? y = yes, any other key = no";
                Line::from(Span::styled(ask, self.style(Tone::Bad)))
            }
            Mode::Watch | Mode::Help if !self.keys.answer.is_empty() => {
                Line::raw(format!("{}   (? help)", printable(&self.keys.answer)))
            }
            Mode::Watch | Mode::Help => {
                let keys = "n note · a ack · m mitigated · s stop · q plain lines · ? help";
                Line::from(Span::styled(keys, self.style(Tone::Soft)))
            }
        }
    }

    fn help(&self, frame: &mut Frame<'_>, all: Rect) {
        let lines = [
            "n  write a note into the journal",
            "a  acknowledge every alert that fired",
            "m  say that the harm is over",
            "s  stop the drill and put everything back (asks once)",
            "q  leave this view; the drill goes on in plain lines",
            "Ctrl-C  stop, without being asked",
            "",
            "faults █   pending ░   firing █   ▼ notified   ◇ resolved",
            "looks: · up  ^ slow  ? unknown  - missed  x down",
            "any key goes back",
        ];
        let height = u16::try_from(lines.len()).unwrap_or(0).min(all.height);
        let area = Rect {
            y: all.y + all.height.saturating_sub(height) / 2,
            height,
            ..all
        };
        frame.render_widget(Clear, area);
        let text: Vec<Line<'_>> = lines.iter().map(|line| Line::raw(format!("  {line}"))).collect();
        frame.render_widget(Paragraph::new(text), area);
    }
}

/// Milliseconds as columns.
struct Scale {
    end: i64,
    now: i64,
    width: usize,
}

impl Scale {
    fn new(view: &View, width: usize) -> Self {
        let now = view.now_ms();
        let end = if view.progress().ended.is_some() {
            now.max(1)
        } else {
            now.max(10_000)
        };
        Self { end, now, width }
    }

    fn column(&self, at: i64) -> usize {
        let at = i128::from(at.clamp(0, self.end));
        let last = self.width.saturating_sub(1);
        let column = at * i128::try_from(self.width).unwrap_or(0) / i128::from(self.end.max(1));
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

    fn fault(&self, fault: &FaultBar) -> Row {
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

    fn alert(&self, alert: &AlertLane) -> Row {
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
            AlertStage::Inactive => ("inactive", Tone::Soft),
            AlertStage::Pending => ("pending", Tone::Doubt),
            AlertStage::Firing => ("firing", Tone::Bad),
            AlertStage::Notified => ("notified", Tone::Bad),
            AlertStage::Resolved => ("resolved", Tone::Good),
        };
        let next = alert.due.as_ref().map(|due| match due.at_ms - self.now {
            left if left >= 0 => format!(", {} in {}", due.what, span(left)),
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

    fn curve(&self, curve: &CurveLane) -> Row {
        let mut cells = self.blank();
        let worst = |least: f64, most: f64| if curve.at_most { most } else { least };
        let values: Vec<(i64, f64)> = curve
            .values()
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

    fn look(&self, lane: &LookLane) -> Row {
        let mut cells = self.blank();
        let mut worst = vec![None; cells.len()];
        for (at, look) in lane.values() {
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

/// A text of exactly so many characters.
fn fit(text: &str, width: usize) -> String {
    let short: String = match text.chars().count() > width {
        true => text.chars().take(width.saturating_sub(1)).chain(['…']).collect(),
        false => text.to_owned(),
    };
    format!("{short:<width$}")
}

fn span(ms: i64) -> String {
    let size = ms.max(0);
    match size {
        0..60_000 => format!("{}.{} s", size / 1000, size / 100 % 10),
        _ => format!("{} min {:02} s", size / 60_000, size / 1000 % 60),
    }
}
