//! `[journal]`: how much of what is frequent and says nothing new is written whole.

use std::time::Duration;

use gameday_core::{ByteSize, Sampling, Span, Table};
use toml::Spanned;

/// A drill of one probe from two regions is whole for twelve minutes, one of twenty probes for its first.
const WHOLE: u64 = 2_000_000;
const EVERY: Duration = Duration::from_secs(60);

const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(3600);

/// How the journal is kept small; none when it is not to be.
pub(super) fn read(root: &mut Table<'_, '_>) -> Option<Sampling> {
    let usual = Sampling {
        whole_bytes: WHOLE,
        every: EVERY,
    };
    let Some(mut table) = root.table("journal") else {
        return Some(usual);
    };
    let problems = table.problems();
    let sample: Option<Spanned<bool>> = table.spanned("sample");
    let whole: Option<Spanned<ByteSize>> = table.spanned("whole");
    let every: Option<Spanned<Span>> = table.spanned("every");
    table.finish();
    if sample.is_some_and(|sample| !sample.into_inner()) {
        let idle = [
            ("whole", whole.as_ref().map(Spanned::span)),
            ("every", every.as_ref().map(Spanned::span)),
        ];
        for (key, span) in idle {
            let Some(span) = span else { continue };
            let message = format!("`{key}` says nothing when `sample = false`");
            let problem = problems.source().problem(span, message);
            problems.push(problem.hint(format!(
                "delete `{key}`, or `sample = false` if the journal is to be kept small"
            )));
        }
        return None;
    }
    if let Some(every) = &every
        && !(SHORTEST..=LONGEST).contains(&every.get_ref().get())
    {
        let problem = problems
            .source()
            .problem(every.span(), "`every` must be between 1s and 1h");
        problems.push(problem.hint("write `sample = false` if all of the journal is to be written whole"));
    }
    Some(Sampling {
        whole_bytes: whole.map_or(WHOLE, |whole| whole.get_ref().get()),
        every: every.map_or(EVERY, |every| every.get_ref().get()),
    })
}
