//! Small parts: pills, times, bars and strips.

use gameday_core::{Outcome, Phases, Timestamp};
use maud::{Markup, html};

use crate::prober::book::{MAX_RECENT, WORDS};
use crate::prober::describe::ms;

/// Class and sign of each of the book's words; the sign says it without colour.
pub(super) const LOOKS: [(&str, &str); 4] = [("good", "✓"), ("slow", "~"), ("bad", "✕"), ("doubt", "?")];

/// A bar's width in its own units.
const WIDTH: u64 = 1000;

/// A coloured word.
pub(super) fn pill(class: &str, sign: &str, word: &str) -> Markup {
    html! { span.pill.(class) { span.sign aria-hidden="true" { (sign) } (word) } }
}

/// What a look said.
pub(super) fn verdict(outcome: &Outcome) -> Markup {
    let word = outcome.word();
    let at = WORDS.iter().position(|known| *known == word).unwrap_or(3);
    let (class, sign) = LOOKS[at];
    pill(class, sign, word)
}

/// Hours, minutes and seconds; the day too, for machines and for what is not of today.
pub(super) fn clock(time: Timestamp) -> Markup {
    let text = time.to_ms_string();
    let (day, clock) = text.split_once('T').unwrap_or(("", &text));
    let clock = clock.split('.').next().unwrap_or(clock);
    let is_today = Timestamp::now().to_ms_string().starts_with(day);
    html! {
        time datetime=(text) { @if !is_today { (day) " " } (clock) }
    }
}

/// From one time to another, in its largest unit.
pub(super) fn since(from: Timestamp, to: Timestamp) -> String {
    let seconds = to.micros_since(from).max(0) / 1_000_000;
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// `1 look`, `2 looks`.
pub(super) fn count(number: u64, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// The phases of a look, as long as it took beside the longest of its row.
pub(super) fn bar(phases: &Phases, total_us: u64, longest_us: u64) -> Markup {
    let longest = longest_us.max(1);
    let mut from = 0;
    let parts: Vec<_> = phases
        .named()
        .into_iter()
        .filter(|(_, us)| *us > 0)
        .map(|(name, us)| {
            let (x, end) = (from * WIDTH / longest, (from + us) * WIDTH / longest);
            from += us;
            (name, x, end.saturating_sub(x).max(4))
        })
        .collect();
    let rest = from * WIDTH / longest;
    let whole = total_us.max(from) * WIDTH / longest;
    html! {
        svg.bar viewBox=(format!("0 0 {WIDTH} 10")) preserveAspectRatio="none" role="img" aria-label=(said(phases)) {
            title { (said(phases)) }
            rect.rail width=(WIDTH) height="10" {}
            // What is no phase: pauses between polls, a late start, our own work.
            rect.other x=(rest) width=(whole.saturating_sub(rest)) height="10" {}
            @for (name, x, width) in parts { rect.{"p-" (name)} x=(x) width=(width) height="10" {} }
        }
    }
}

/// Each phase in words.
pub(super) fn said(phases: &Phases) -> String {
    let spent = phases.named().into_iter().filter(|(_, us)| *us > 0);
    let words: Vec<String> = spent.map(|(name, us)| format!("{name} {}", ms(us))).collect();
    match words.is_empty() {
        true => "no phase".to_owned(),
        false => words.join(", "),
    }
}

/// The last looks, the oldest on the left; a bad one is tall.
pub(super) fn strip(recent: impl ExactSizeIterator<Item = u8>) -> Markup {
    let heights = [6, 10, 16, 12];
    let (mut counts, mut ticks) = ([0_usize; 4], Vec::new());
    for (index, word) in recent.enumerate() {
        let word = usize::from(word).min(3);
        counts[word] += 1;
        ticks.push((MAX_RECENT - 1 - index, LOOKS[word].0, heights[word]));
    }
    let words = counts.iter().zip(WORDS).filter(|(count, _)| **count > 0);
    let words: Vec<String> = words.map(|(count, word)| format!("{count} {word}")).collect();
    let label = format!("the last looks: {}", words.join(", "));
    html! {
        svg.strip viewBox=(format!("0 0 {} 16", MAX_RECENT * 5)) preserveAspectRatio="none" role="img" aria-label=(label) {
            title { (label) }
            @for (place, class, height) in ticks {
                rect.(class) x=(place * 5) y=(16 - height) width="4" height=(height) {}
            }
        }
    }
}
