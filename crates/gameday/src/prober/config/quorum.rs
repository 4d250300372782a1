//! `[quorum]`: how the regions decide.
//!
//! ```text
//! down = "2 of 3"           more than half of the regions without it
//! confirm_within = "10s"    clock_within = "1s"     unseen_after = "10s"
//! ```

use std::ops::Range;
use std::time::Duration;

use gameday_core::{RegionName, Span, Table};
use gameday_probe::{HEARTBEAT, Peer, Rules, Threshold};

/// Reads the rules; `here` are the regions of this prober, if they are known.
pub(super) fn read(
    root: &mut Table<'_, '_>,
    here: Option<&[RegionName]>,
    peers: &[(Range<usize>, Peer)],
) -> Rules {
    let names: Vec<&str> = here
        .unwrap_or_default()
        .iter()
        .chain(peers.iter().map(|(_, peer)| &peer.region))
        .map(RegionName::as_str)
        .collect();
    let of = u32::try_from(names.len().max(1)).unwrap_or(u32::MAX);
    let mut rules = Rules::usual(of);
    let Some(mut table) = root.table("quorum") else {
        return rules;
    };
    let problems = table.problems();
    if let Some(down) = table.spanned::<String>("down") {
        match down.get_ref().parse::<Threshold>() {
            Ok(threshold) if here.is_some() && threshold.of != of => {
                let message = format!("`{threshold}`, but there are {of} regions: {}", names.join(", "));
                let majority = Threshold::majority(of);
                let problem = problems.source().problem(down.span(), message);
                problems.push(problem.hint(format!(
                    "e.g. `down = \"{majority}\"`; every other region is in [peers]"
                )));
            }
            Ok(threshold) => rules.threshold = threshold,
            Err(why) => problems.add(down.span(), why),
        }
    }
    for (key, least, value) in [
        (
            "confirm_within",
            Duration::from_secs(3),
            &mut rules.confirm_within,
        ),
        ("clock_within", Duration::from_millis(1), &mut rules.clock_within),
        ("unseen_after", HEARTBEAT * 3, &mut rules.unseen_after),
    ] {
        let Some(span) = table.spanned::<Span>(key) else {
            continue;
        };
        *value = span.get_ref().get();
        if *value < least {
            problems.add(
                span.span(),
                format!("`{key}` is at least {}", Span::from_value(least)),
            );
        }
    }
    table.finish();
    rules
}
