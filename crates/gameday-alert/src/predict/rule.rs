//! An alert rule over its evaluations: inactive, pending for as long as `for` says, firing, inactive again.

use super::climb::ReadyCondition;
use super::phase::Phase;
use super::rules::RuleAt;
use super::scene::Scene;

/// A rule's own times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Timing {
    pub(super) phase: Phase,
    pub(super) for_us: i64,
    pub(super) keep_firing_us: i64,
}

/// What becomes of a rule, at ticks in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Course {
    /// The tick from which it was active until it fired, or from which it was first active.
    pub(super) active_us: Option<i64>,
    /// The tick at which it fired.
    pub(super) firing_us: Option<i64>,
    /// The tick at which it was inactive again after it had fired.
    pub(super) inactive_us: Option<i64>,
}

/// A rule is followed this many ticks at most: a day of a rule that is evaluated each second.
const MOST_TICKS: usize = 86_400;

/// Follows a rule from the fault on; `horizon_us` is when nothing of the fault is left in any window.
pub(super) fn follow(
    condition: &ReadyCondition<'_>,
    scene: &Scene<'_>,
    rule: RuleAt,
    timing: Timing,
    horizon_us: i64,
) -> Course {
    let mut course = Course::default();
    let mut active: Option<i64> = None;
    let mut false_since: Option<i64> = None;
    let mut tick = timing.phase.at_or_after(scene.impact.from_us);
    for _ in 0..MOST_TICKS {
        let holds = condition.holds(scene, rule, tick);
        let fires = course.firing_us.is_some();
        match (holds, active) {
            (true, None) => active = Some(tick),
            (false, Some(_)) if !fires => active = None,
            (false, Some(_)) if tick - *false_since.get_or_insert(tick) >= timing.keep_firing_us => {
                course.inactive_us = Some(tick);
                return course;
            }
            _ => {}
        }
        if holds {
            false_since = None;
        }
        if let Some(since) = active {
            course.active_us = course.active_us.or(Some(since));
            if !fires && holds && tick - since >= timing.for_us {
                (course.active_us, course.firing_us) = (Some(since), Some(tick));
            }
        }
        if tick > horizon_us && active.is_none() {
            return course;
        }
        tick += timing.phase.every_us;
    }
    course
}
