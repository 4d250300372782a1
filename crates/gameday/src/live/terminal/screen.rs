//! One picture of the drill: a line for where it is, a row for each lane, the log, a line for keys.

use gameday_core::printable;
use gameday_report::{TrialRow, View};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Clear, Paragraph};

use super::keys::{Keys, Mode};
use super::lanes::{Row, Scale, Tone, span};
use crate::live::InSweep;

/// So many lines of the log are left, however many lanes there are.
const LEAST_LOG: u16 = 6;
/// So many results of earlier trials and points are shown at least, if there are so many.
const RESULTS: usize = 2;
const NAME: usize = 16;
const STATUS: usize = 30;

/// What is drawn.
pub(super) struct Screen<'a> {
    pub(super) view: &'a View,
    pub(super) broken: Option<&'a str>,
    /// Where in a sweep the drill stands.
    pub(super) sweep: Option<&'a InSweep>,
    pub(super) keys: &'a Keys,
    pub(super) coloured: bool,
    /// The journal ends here, and nobody writes it.
    pub(super) over: bool,
}

impl Screen<'_> {
    pub(super) fn draw(&self, frame: &mut Frame<'_>) {
        let all = frame.area();
        let rows = self.rows(usize::from(all.width).saturating_sub(NAME + STATUS + 3).max(10));
        let room = all.height.saturating_sub(4 + LEAST_LOG);
        let wanted = u16::try_from(rows.len()).unwrap_or(u16::MAX);
        let results = self.results(usize::from(room.saturating_sub(wanted)).max(RESULTS));
        let said = u16::try_from(results.len()).unwrap_or(0).min(room);
        let lanes = wanted.min(room - said);
        let parts = Layout::vertical([
            Constraint::Length(2),
            Constraint::Length(said),
            Constraint::Length(lanes),
            Constraint::Length(1),
            Constraint::Min(0),
            Constraint::Length(1),
        ]);
        let [head, said, lanes, axis, log, foot] = parts.areas(all);
        frame.render_widget(Paragraph::new(self.head()), head);
        frame.render_widget(Paragraph::new(results), said);
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
            None => format!("{} since it began", span(self.view.now_ms() - progress.from_ms)),
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
            Line::from(vec![
                Span::styled(
                    printable(&self.place()),
                    Style::default().add_modifier(Modifier::BOLD),
                ),
                Span::styled(printable(&head.title), self.style(Tone::Soft)),
            ]),
        ]
    }

    /// Which point and trial it is, before the title.
    fn place(&self) -> String {
        let point = self.sweep.map(|sweep| format!("{} · ", sweep.point));
        let trial = self.view.progress().trial;
        let trial = trial.map(|(number, of)| format!("trial {number} of {of} · "));
        [point, trial].into_iter().flatten().collect()
    }

    /// What earlier points and trials came to, the newest of them.
    fn results(&self, most: usize) -> Vec<Line<'static>> {
        let points = self.sweep.into_iter().flat_map(|sweep| &sweep.earlier);
        let points = points.map(|line| Line::styled(printable(line), self.style(Tone::Soft)));
        let ended = self.view.trials().filter(|trial| trial.ended_ms.is_some());
        let mut lines: Vec<Line<'static>> = points.chain(ended.map(|trial| self.result(trial))).collect();
        let older = lines.len().saturating_sub(most);
        lines.drain(..older);
        lines
    }

    fn result(&self, trial: &TrialRow) -> Line<'static> {
        let alerts: Vec<String> = trial.alerts.iter().map(ToString::to_string).collect();
        let came = trial.alerts.iter().all(|alert| {
            alert
                .in_time
                .unwrap_or(alert.stage > gameday_report::AlertStage::Pending)
        });
        let (sign, tone) = if came {
            ('✓', Tone::Good)
        } else {
            ('✕', Tone::Bad)
        };
        let text = format!("{sign} trial {}: {}", trial.number, alerts.join(" · "));
        Line::styled(printable(&text), self.style(tone))
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
        let long = format!(
            "0 = first fault, {} in all",
            span(scale.end - self.view.progress().from_ms)
        );
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

/// A text of exactly so many characters.
fn fit(text: &str, width: usize) -> String {
    let short: String = match text.chars().count() > width {
        true => text.chars().take(width.saturating_sub(1)).chain(['…']).collect(),
        false => text.to_owned(),
    };
    format!("{short:<width$}")
}
