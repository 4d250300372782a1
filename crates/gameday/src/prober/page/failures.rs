//! What fails and what has failed lately, each with its reason; what several regions say of a probe stands together.

use std::collections::BTreeSet;

use gameday_core::{Timestamp, printable};
use maud::{Markup, html};

use super::marks::{clock, count, since, verdict};
use crate::prober::episode::{Episode, Episodes};

/// So many are shown of what goes on.
const MAX_OPEN: usize = 30;
/// So many are shown of what is over.
const MAX_OVER: usize = 20;
/// Regions that began to fail within a minute, and for the same reason, saw the same.
const TOGETHER_US: i64 = 60_000_000;

/// The same failure, as regions saw it.
type Group<'e> = Vec<&'e Episode>;

/// What fails now.
pub(super) fn now(episodes: &Episodes, now: Timestamp) -> Markup {
    let open = episodes.all().filter(|episode| episode.ended.is_none());
    let open = groups(open, |a, b| a.began.micros_since(b.began).abs() < TOGETHER_US);
    html! {
        @if !open.is_empty() {
            section {
                h2 { "Failing now" }
                ul.episodes { @for group in open.iter().take(MAX_OPEN) { (item(group, now)) } }
                @if open.len() > MAX_OPEN { p.note { (open.len() - MAX_OPEN) " more are among the probes below." } }
            }
        }
    }
}

/// What failed before.
pub(super) fn lately(episodes: &Episodes, now: Timestamp) -> Markup {
    // One that fails again and again is one line, so that it hides no other.
    let over = episodes.all().filter(|episode| episode.ended.is_some());
    let mut over = groups(over, |_, _| true);
    over.truncate(MAX_OVER);
    html! {
        @if !over.is_empty() {
            section { h2 { "Failed lately" } ul.episodes { @for group in &over { (item(group, now)) } } }
        }
    }
}

/// Those of one probe that fail for one reason, and are together; the newest first.
fn groups<'e>(
    episodes: impl Iterator<Item = &'e Episode>,
    are_together: impl Fn(&Episode, &Episode) -> bool,
) -> Vec<Group<'e>> {
    let mut groups: Vec<Group<'e>> = Vec::new();
    for episode in episodes {
        let same = groups.iter_mut().find(|group| {
            let one = group[0];
            one.probe == episode.probe && one.outcome == episode.outcome && are_together(one, episode)
        });
        match same {
            Some(group) => group.push(episode),
            None => groups.push(vec![episode]),
        }
    }
    groups
}

fn item(group: &Group<'_>, now: Timestamp) -> Markup {
    let one = group[0];
    let regions: BTreeSet<&str> = group.iter().map(|episode| episode.region.as_str()).collect();
    let from: Vec<&str> = regions.iter().copied().collect();
    let looks: u64 = group.iter().map(|episode| episode.looks).sum();
    let first = group
        .iter()
        .map(|episode| episode.began)
        .min()
        .unwrap_or(one.began);
    let times = regions.iter().map(|region| {
        let of_region = group.iter().filter(|episode| episode.region.as_str() == *region);
        of_region.count()
    });
    let times = times.max().unwrap_or(1);
    let reason = one.outcome.reason().map(|reason| reason.to_string());
    html! {
        li data-key=(format!("{}/{}", one.probe, first.as_micros())) {
            p.what {
                (verdict(&one.outcome)) " "
                strong { (one.probe) } " " span.from { "from " (from.join(", ")) }
                code.reason { (reason.as_deref().unwrap_or_default()) }
            }
            @if !one.message.is_empty() { p.message { (printable(&one.message)) } }
            p.meta {
                @match one.ended {
                    None => span { "for " (since(first, now)) ", since " (clock(first)) },
                    Some(ended) => span { (clock(one.began)) " to " (clock(ended)) ", " (since(one.began, ended)) },
                }
                @if times > 1 { span { (times) " times since " (clock(first)) } }
                span { (count(looks, "look")) }
                span {
                    "evidence: "
                    @for region in &regions { a href={ "/evidence/" (one.probe) "/" (region) } { (region) } " " }
                }
            }
        }
    }
}
