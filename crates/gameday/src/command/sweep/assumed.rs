//! What a sweep's prediction takes for granted at every point, although the fault differs from point to point.

use gameday_drill::{During, Expectation, Plan};

/// A line for each expectation whose `during` is the same at all points and whose fault is not.
pub(super) fn constant(plans: &[Plan]) -> Vec<String> {
    let Some((first, others)) = plans.split_first() else {
        return Vec::new();
    };
    let constant = first.expect.iter().filter_map(|expect| {
        let said = said(&expect.during)?;
        let varies = |other: &Plan| fault(other, expect) != fault(first, expect);
        let same = |other: &Plan| {
            let mut theirs = other.expect.iter();
            theirs.any(|theirs| theirs.label == expect.label && theirs.during == expect.during)
        };
        (others.iter().any(varies) && others.iter().all(same)).then(|| {
            format!(
                "beware: `during` of {} says the same {said} at each point, and its fault {} differs: what is predicted \
                 does not follow the dose; write it with the variable, or leave it out",
                expect.label, expect.of
            )
        })
    });
    constant.collect()
}

fn fault<'p>(plan: &'p Plan, expect: &Expectation) -> Option<&'p gameday_drill::FaultKind> {
    let mut timeline = plan.timeline.iter();
    timeline
        .find(|entry| entry.name == expect.of)
        .map(|entry| &entry.fault)
}

/// The keys that are given; none when nothing is.
fn said(during: &During) -> Option<String> {
    let keys = [
        during.bad.map(|_| "`bad`"),
        during.traffic.map(|_| "`traffic`"),
        during.lag.map(|_| "`lag`"),
    ];
    let keys: Vec<&str> = keys.into_iter().flatten().collect();
    (!keys.is_empty()).then(|| keys.join(", "))
}
