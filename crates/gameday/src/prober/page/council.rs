//! What the regions say together, and whose word counts.

use gameday_core::{Timestamp, printable};
use gameday_probe::{Verdict, Vote, Word};
use maud::{Markup, html};

use super::marks::{clock, count, pill, since};
use crate::prober::council::Shown;

/// So many probes are shown that are not plainly up.
const MAX_SHOWN: usize = 30;

pub(super) fn section(shown: &Shown, now: Timestamp) -> Markup {
    let plain = shown.verdicts.iter().filter(|verdict| is_plain(verdict)).count();
    let others: Vec<&Verdict> = shown
        .verdicts
        .iter()
        .filter(|verdict| !is_plain(verdict))
        .collect();
    html! {
        section.council {
            h2 { "The regions together" }
            p.note {
                "Down when " (shown.threshold) " regions say so; " (shown.counting()) " of them count now. "
                @if plain > 0 { (count(u64::try_from(plain).unwrap_or(u64::MAX), "probe")) " up as every region sees it." }
            }
            ul.episodes {
                @for verdict in others.iter().take(MAX_SHOWN) { (item(verdict, shown, now)) }
                @for (region, excluded) in &shown.regions {
                    @if let Some(why) = excluded { (missing(region.as_str(), &why.to_string())) }
                }
            }
            @if others.len() > MAX_SHOWN { p.note { (others.len() - MAX_SHOWN) " more are in " a href="/v1/verdict" { "the verdict" } "." } }
        }
    }
}

/// Up, and nothing to add.
fn is_plain(verdict: &Verdict) -> bool {
    verdict.word == Word::Up && !verdict.advisory && verdict.down_in().next().is_none()
}

fn item(verdict: &Verdict, shown: &Shown, now: Timestamp) -> Markup {
    let (class, sign) = match (verdict.word, verdict.advisory) {
        (_, true) | (Word::Unknown, _) => ("doubt", "?"),
        (Word::Down, false) => ("bad", "✕"),
        (Word::Up, false) => ("slow", "~"),
    };
    html! {
        li data-key={ "together " (verdict.probe) } {
            p.what {
                (pill(class, sign, verdict.word.as_str())) strong { (verdict.probe) }
                span.from { (remark(verdict)) " for " (since(verdict.since, now)) }
            }
            @for vote in verdict.regions.iter().filter(|vote| vote.says != "up" || !vote.counts) { (said(vote, shown)) }
        }
    }
}

/// What is to be known beside the word.
fn remark(verdict: &Verdict) -> &'static str {
    match (verdict.word, verdict.advisory) {
        (_, true) => "advisory: too few regions count",
        (Word::Up, _) if verdict.confirming => "a region says down; another must confirm it",
        (Word::Up, _) => "but not from everywhere",
        (Word::Down, _) => "confirmed",
        (Word::Unknown, _) => "nobody's word counts",
    }
}

fn said(vote: &Vote, shown: &Shown) -> Markup {
    let reason = vote
        .reason
        .map(|reason| format!(" ({reason})"))
        .unwrap_or_default();
    let is_excluded = shown.regions.get(&vote.region).is_some_and(Option::is_some);
    html! {
        p.message {
            (vote.region) " says " (vote.says) (reason)
            @if let Some(at) = vote.at { " at " (clock(at)) }
            @match &vote.why {
                None => {}
                // Why stands beside the region itself.
                Some(_) if is_excluded => { ", which does not count" }
                Some(why) => { ", which does not count: " (printable(why)) }
            }
        }
    }
}

fn missing(region: &str, why: &str) -> Markup {
    html! {
        li data-key={ "region " (region) } {
            p.what { (pill("doubt", "?", "excluded")) strong { (region) } }
            p.message { (printable(why)) }
        }
    }
}
