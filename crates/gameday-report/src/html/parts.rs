//! Small pieces that every section uses.

use maud::{Markup, html};

use crate::score::Score;
use crate::words::{clean, spaced};
use crate::{AlertVerdict, Verdict};

/// What a colour means; each has a shape or a word beside it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    Good,
    Bad,
    Doubt,
    /// Neither: worth knowing.
    Note,
}

impl From<Score> for Tone {
    fn from(score: Score) -> Self {
        match score {
            Score::Good => Self::Good,
            Score::Doubt => Self::Doubt,
            Score::Bad => Self::Bad,
        }
    }
}

impl Tone {
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Bad => "bad",
            Self::Doubt => "doubt",
            Self::Note => "aside",
        }
    }

    pub(super) fn sign(self) -> &'static str {
        match self {
            Self::Good => "✓",
            Self::Bad => "✕",
            Self::Doubt => "?",
            Self::Note => "i",
        }
    }
}

pub(crate) fn tone(verdict: Verdict) -> Tone {
    match verdict {
        Verdict::Passed => Tone::Good,
        Verdict::Failed | Verdict::RollbackUnverified => Tone::Bad,
        Verdict::Inconclusive | Verdict::Aborted | Verdict::Refused => Tone::Doubt,
    }
}

pub(crate) fn verdict_word(verdict: Verdict) -> String {
    spaced(verdict.word())
}

/// A word with its sign in its colour.
pub(crate) fn pill(tone: Tone, word: &str) -> Markup {
    html! { span class={ "pill " (tone.class()) } { span.sign aria-hidden="true" { (tone.sign()) } (word) } }
}

pub(super) fn alert_pill(verdict: AlertVerdict) -> Markup {
    let tone = match verdict {
        AlertVerdict::Passed => Tone::Good,
        AlertVerdict::Unknown => Tone::Doubt,
        _ => Tone::Bad,
    };
    pill(tone, &spaced(verdict.word()))
}

/// Whether something holds, as a pill.
pub(super) fn holds(holds: Option<bool>) -> Markup {
    match holds {
        Some(true) => pill(Tone::Good, "holds"),
        Some(false) => pill(Tone::Bad, "does not hold"),
        None => pill(Tone::Doubt, "unknown"),
    }
}

/// Labels as `key="value"`.
pub(super) fn label_set(labels: &std::collections::BTreeMap<String, String>) -> Markup {
    html! {
        @for (key, value) in labels { code.label { (clean(key)) "=" (clean(value)) } " " }
    }
}

/// A section whose table may be wider than a phone.
pub(super) fn section(title: &str, content: Markup) -> Markup {
    html! { section { h2 { (title) } div.scroll tabindex="0" role="region" aria-label=(title) { (content) } } }
}

/// A link only where a link can do no harm; otherwise text.
pub(super) fn link(url: &str, text: &str) -> Markup {
    let (url, text) = (clean(url), clean(text));
    let safe = url.starts_with("https://") || url.starts_with("http://");
    html! {
        @if safe { a href=(url) rel="noreferrer noopener" { (text) } } @else { (text) }
    }
}

/// A sentence of ours, in which backticks stand around names.
pub(crate) fn prose(text: &str) -> Markup {
    let text = glued(&clean(text));
    // Names come from others: one with a backtick of its own must not turn the rest into code.
    let paired = text.matches('`').count().is_multiple_of(2);
    html! {
        @if paired {
            @for (index, part) in text.split('`').enumerate() {
                @if index % 2 == 1 { code { (part) } } @else { (part) }
            }
        } @else { (text) }
    }
}

/// With a number and its unit kept on one line.
fn glued(text: &str) -> String {
    let letters = text.chars();
    let before = std::iter::once(' ').chain(letters.clone());
    let after = letters.clone().skip(1).chain(std::iter::once(' '));
    let glue = |((before, letter), after): ((char, char), char)| {
        let in_number = letter == ' ' && before.is_ascii_digit() && after.is_ascii_lowercase();
        if in_number { '\u{a0}' } else { letter }
    };
    before.zip(letters).zip(after).map(glue).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_and_its_unit_stay_on_one_line() {
        assert_eq!(glued("after 3 min 05 s, é 9"), "after 3\u{a0}min 05\u{a0}s, é 9");
        assert_eq!(
            prose("to `a` in 1 s").into_string(),
            "to <code>a</code> in 1\u{a0}s"
        );
        assert_eq!(prose("odd ` tick").into_string(), "odd ` tick");
    }
}
