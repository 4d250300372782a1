//! The status page: what each region says of each probe, and why what fails does.
//!
//! The page is whole without its script, which only fetches it again and keeps the reader's place.

mod council;
mod failures;
mod marks;
mod matrix;

use axum::http::HeaderValue;
use gameday_core::{Outcome, Timestamp, printable};
use maud::{DOCTYPE, Markup, html};

use super::book::{Book, Known, Reload};
use marks::{pill, since};

pub(super) const STYLE: &str = include_str!("page/style.css");
pub(super) const SCRIPT: &str = include_str!("page/refresh.js");
/// Nothing from elsewhere, nothing inline.
pub(super) const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; \
     base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
);

/// The page as it is now; of the probes, those whose names hold `wanted`.
pub(super) fn render(book: &Book, wanted: &str) -> String {
    let known = book.read();
    let (summary, now) = (Summary::of(&known), Timestamp::now());
    let title = format!("{} · {} · gameday", summary.worst().2, regions(book));
    let body = html! {
        p #lost role="alert" hidden { "No answer from the prober: what is below is old." }
        main #live {
            (headline(book, &summary, now))
            (reload(&known.reload))
            @if let Some(council) = book.council() { (council::section(&council.shown(), now)) }
            (failures::now(&known.episodes, now))
            (matrix::section(&known, wanted))
            (failures::lately(&known.episodes, now))
        }
        (footer(now, book.council().is_some()))
    };
    let again = html! {
        script src="/page/refresh.js" defer {}
        noscript { meta http-equiv="refresh" content="10"; }
    };
    frame(&title, &again, &body)
}

/// A page with the newest evidence of a probe, as text.
pub(super) fn evidence(title: &str, text: &str) -> String {
    let body = html! {
        p.eyebrow { a href="/" { "gameday prober" } }
        h1 { (title) }
        pre.evidence tabindex="0" { (text) }
        p.note { "With certificates as PEM: " code { "gameday probe show --output json" } }
    };
    frame(title, &html! {}, &body)
}

fn frame(title: &str, head: &Markup, body: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                link rel="icon" href="data:,";
                link rel="stylesheet" href="/page/style.css";
                (head)
            }
            body { (body) }
        }
    };
    page.into_string()
}

/// How many say what, panels and regions each by themselves.
struct Summary {
    /// In the order of the book's words, those without a look last.
    counts: [usize; 5],
}

impl Summary {
    fn of(known: &Known) -> Self {
        let mut counts = [0; 5];
        for entry in known.entries.values() {
            let at = entry.last.as_ref().map_or(4, |last| match &last.outcome {
                Outcome::Up { slow } if slow.is_empty() => 0,
                Outcome::Up { .. } => 1,
                Outcome::Down(_) => 2,
                Outcome::Unknown(_) => 3,
            });
            counts[at] += 1;
        }
        Self { counts }
    }

    /// The worst of it: a class, a sign and words.
    fn worst(&self) -> (&'static str, &'static str, String) {
        match self.counts {
            [0, 0, 0, 0, 0] => ("none", "…", "nothing is probed".to_owned()),
            [0, 0, 0, 0, waiting] => ("none", "…", format!("{waiting} starting")),
            [_, 0, 0, 0, 0] => ("good", "✓", "all up".to_owned()),
            [_, 0, 0, 0, _] => ("good", "✓", "up so far".to_owned()),
            [_, slow, 0, 0, _] => ("slow", "~", self.of_all(slow, "slow")),
            [_, _, 0, unknown, _] => ("doubt", "?", self.of_all(unknown, "unknown")),
            [_, _, down, ..] => ("bad", "✕", self.of_all(down, "down")),
        }
    }

    fn of_all(&self, some: usize, word: &str) -> String {
        format!("{some} of {} {word}", self.counts.iter().sum::<usize>())
    }

    /// How many say each word.
    fn counted(&self) -> String {
        let words = ["up", "slow", "down", "unknown", "not looked at yet"];
        let some = self.counts.iter().zip(words).filter(|(count, _)| **count > 0);
        let some: Vec<String> = some.map(|(count, word)| format!("{count} {word}")).collect();
        some.join(", ")
    }
}

fn headline(book: &Book, summary: &Summary, now: Timestamp) -> Markup {
    let (class, sign, words) = summary.worst();
    html! {
        header {
            p.eyebrow { "gameday prober" }
            h1 { (regions(book)) }
            div.verdict.(class) role="status" {
                span.word { span.sign aria-hidden="true" { (sign) } (words) }
                span { (summary.counted()) }
            }
            p.meta {
                span { "looking for " (since(book.began, now)) }
                span { "version " (crate::BUILD) }
            }
        }
    }
}

fn regions(book: &Book) -> String {
    let names: Vec<&str> = book
        .regions
        .iter()
        .map(gameday_core::RegionName::as_str)
        .collect();
    names.join(", ")
}

fn reload(reload: &Reload) -> Markup {
    let Some(problems) = &reload.problems else {
        return html! {};
    };
    html! {
        section.problems role="alert" {
            h2 { (pill("doubt", "!", "files not loaded")) " since " (marks::clock(reload.at)) }
            p { "The probes were read again and are wrong; those from before go on." }
            // A region of its own that scrolls must be reachable by keyboard.
            pre tabindex="0" { @for line in problems.lines() { (printable(line)) "\n" } }
        }
    }
}

fn footer(now: Timestamp, decides: bool) -> Markup {
    html! {
        footer {
            span { "Times are UTC. Read at " time #read { (marks::clock(now)) } "." }
            nav {
                a href="/metrics" { "metrics" } " "
                a href="/journal?from=0" { "journal" } " "
                a href="/v1/region" { "region" }
                @if decides { " " a href="/v1/verdict" { "verdict" } }
            }
        }
    }
}
