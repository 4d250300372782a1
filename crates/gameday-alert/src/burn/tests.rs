//! Burn rates against the workbook's numbers, by looks that are really counted.

use std::time::Duration;

use expect_test::{Expect, expect};
use gameday_core::{Span, Timestamp};

use super::*;

const SECOND: i64 = 1_000_000;
const DAY: u64 = 86_400;
const MONTH: Duration = Duration::from_hours(30 * 24);

/// Looks at a steady pace, of which some fail.
struct Rig {
    objective: Objective,
    history: History,
    alerts: [BurnAlert; 2],
    now: Timestamp,
    owed: f64,
}

impl Rig {
    fn new(target: f64, window: Duration, looks_per_second: Option<f64>) -> Self {
        let now = Timestamp::from_micros(1_700_000_000 * SECOND);
        Self {
            objective: Objective {
                target,
                window,
                looks_per_second,
            },
            history: History::new(window),
            alerts: [Severity::Page, Severity::Ticket].map(|severity| BurnAlert::new(severity, now)),
            now,
            owed: 0.0,
        }
    }

    /// Looks `looks` times each `step`, of which the share `errors` fails, evenly spread.
    fn look(&mut self, step: Duration, looks: u32, errors: f64) {
        self.now = self.now.plus_micros(i64::try_from(step.as_micros()).unwrap());
        self.owed += f64::from(looks) * errors;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a few looks"
        )]
        let bad = (self.owed + 1e-9).floor() as u32;
        self.owed -= f64::from(bad);
        let good = looks - bad;
        self.history.add(self.now, Tally { good, bad, unseen: 0 });
    }

    fn see(&mut self, tally: Tally) {
        self.now = self.now.plus_micros(SECOND);
        self.history.add(self.now, tally);
    }

    fn measure(&self) -> Measure {
        self.objective.measure(&self.history, self.now)
    }

    fn stages(&mut self) -> [Stage; 2] {
        let burns = self.measure().burns;
        for alert in &mut self.alerts {
            alert.observe(self.now, &burns);
        }
        self.alerts.map(|alert| alert.stage)
    }

    /// A month without an error, in coarse steps; then the steps that follow may be fine.
    fn quiet_month(&mut self, looks_per_second: u32) {
        for _ in 0..30 * DAY / 10 {
            self.look(Duration::from_secs(10), 10 * looks_per_second, 0.0);
        }
    }
}

fn shown(after: Option<u64>) -> String {
    after.map_or_else(
        || "-".to_owned(),
        |seconds| Span::from_value(Duration::from_secs(seconds)).to_string(),
    )
}

/// When each pair fires, in seconds from the first error, at one look a second for a day.
fn fires_after(target: f64, errors: f64, until: u64) -> [Option<u64>; 4] {
    let mut rig = Rig::new(target, MONTH, Some(1.0));
    rig.quiet_month(1);
    let mut found = [None; 4];
    let step = if errors < 0.02 { 10 } else { 1 };
    for second in (step..=until).step_by(usize::try_from(step).unwrap()) {
        rig.look(Duration::from_secs(step), u32::try_from(step).unwrap(), errors);
        for (burn, found) in rig.measure().burns.iter().zip(&mut found) {
            if burn.fires() {
                found.get_or_insert(second);
            }
        }
    }
    found
}

/// The table of the times to alert for 99.9 %: what is counted, beside what the formula says.
#[test]
fn an_outage_fires_when_the_formula_says() {
    let mut table = String::new();
    for (errors, until) in [(1.0, 300), (0.5, 600), (0.1, 2700), (0.05, 5400)] {
        let counted = fires_after(0.999, errors, until).map(shown);
        let formula = PAIRS.map(|pair| {
            pair.detects(0.999, errors)
                .map(|after| after.as_secs_f64().ceil())
        });
        table.push_str(&format!("{errors}: counted {counted:?}, formula {formula:?}\n"));
    }
    expect![[r#"
        1: counted ["52s", "130s", "260s", "260s"], formula [Some(52.0), Some(130.0), Some(260.0), Some(260.0)]
        0.5: counted ["104s", "260s", "520s", "520s"], formula [Some(104.0), Some(260.0), Some(519.0), Some(519.0)]
        0.1: counted ["520s", "1300s", "2600s", "2600s"], formula [Some(519.0), Some(1296.0), Some(2592.0), Some(2592.0)]
        0.05: counted ["1040s", "2600s", "5200s", "5200s"], formula [Some(1037.0), Some(2592.0), Some(5184.0), Some(5184.0)]
    "#]].assert_eq(&table);
}

fn check(target: f64, errors: f64, expect: Expect) {
    let after = PAIRS.map(|pair| {
        let after = pair.detects(target, errors)?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a few days"
        )]
        Some(after.as_secs_f64().round() as u64)
    });
    expect.assert_eq(&after.map(shown).join(" "));
}

/// Errors of 99.9 %, rounded to seconds: 52 s, 2 min 10 and 4 min 19 stand in the workbook's graphs.
#[test]
fn the_times_to_alert_are_those_of_the_workbook() {
    check(0.999, 1.0, expect!["52s 130s 259s 259s"]);
    check(0.999, 0.5, expect!["104s 259s 518s 518s"]);
    check(0.999, 0.1, expect!["518s 1296s 2592s 2592s"]);
    check(0.999, 0.05, expect!["1037s 2592s 5184s 5184s"]);
    check(0.999, 0.02, expect!["2592s 108m 216m 216m"]);
    check(0.999, 0.01, expect!["- 216m 432m 432m"]);
    check(0.999, 0.005, expect!["- - 864m 864m"]);
    check(0.999, 0.002, expect!["- - - 36h"]);
    check(0.999, 0.001, expect!["- - - -"]);
    // An objective that promises little has no page: 14.4 times its budget is more than everything.
    check(0.9, 1.0, expect!["- 216m 432m 432m"]);
}

/// With l requests a second and e errors, before (0) and during (1) the outage, a window of W is over a share θ after
/// W l0 (θ-e0) / (l1 (e1-θ) + l0 (θ-e0)).
#[test]
fn an_outage_that_takes_the_traffic_with_it_is_found_later() {
    // 100 requests a second before; a total outage of 1h/14.4 at 99.9 %.
    for (requests, formula) in [(100, 52.0), (10, 458.0), (1, 2137.0)] {
        let mut rig = Rig::new(0.999, MONTH, None);
        for _ in 0..7200 {
            rig.look(Duration::from_secs(1), 100, 0.0);
        }
        let found = (1_u32..3600).find(|_| {
            rig.look(Duration::from_secs(1), requests, 1.0);
            rig.measure().burns[0].fires()
        });
        let found = f64::from(found.unwrap());
        // The oldest bucket of a window is counted in part, as if its looks were evenly spread: they are.
        assert!(
            (found - formula).abs() <= 3.0,
            "{requests}: {found} is not {formula}"
        );
    }
}

#[test]
fn it_is_over_when_the_short_window_has_forgotten_enough() {
    // Twenty minutes, longer than the short window of 5.
    for errors in [1.0, 0.5, 0.1] {
        let mut rig = Rig::new(0.999, MONTH, Some(1.0));
        rig.quiet_month(1);
        for _ in 0..1200 {
            rig.look(Duration::from_secs(1), 1, errors);
        }
        assert!(rig.measure().burns[0].fires(), "{errors}");
        let over = (1_u32..600).find(|_| {
            rig.look(Duration::from_secs(1), 1, 0.0);
            !rig.measure().burns[0].fires()
        });
        let (over, formula) = (
            f64::from(over.unwrap()),
            PAIRS[0].resets(0.999, errors).as_secs_f64(),
        );
        assert!(
            (over - formula).abs() <= 15.0,
            "{errors}: {over} is not {formula}"
        );
    }
}

#[test]
fn a_budget_is_spent_by_what_failed() {
    let mut rig = Rig::new(0.999, MONTH, Some(1.0));
    rig.quiet_month(1);
    assert!((rig.measure().budget_left - 1.0).abs() < 1e-9);
    // 10 % for 10 minutes cost 2.3 % of the budget.
    for _ in 0..600 {
        rig.look(Duration::from_secs(1), 1, 0.1);
    }
    let spent = 1.0 - rig.measure().budget_left;
    assert!((spent - 0.0231).abs() < 0.0003, "{spent}");
    // 43 minutes and 12 seconds of nothing are all of it, and an hour is more.
    for _ in 0..3600 {
        rig.look(Duration::from_secs(1), 1, 1.0);
    }
    assert!(rig.measure().budget_left < -0.4, "{}", rig.measure().budget_left);
    // A month later it is forgotten.
    rig.quiet_month(1);
    rig.look(Duration::from_hours(6), 1, 0.0);
    assert!((rig.measure().budget_left - 1.0).abs() < 1e-9);
}

#[test]
fn the_first_failure_of_a_new_prober_is_no_page() {
    let mut rig = Rig::new(0.999, MONTH, Some(1.0));
    for _ in 0..60 {
        rig.look(Duration::from_secs(1), 1, 0.0);
    }
    rig.look(Duration::from_secs(1), 1, 1.0);
    assert_eq!(rig.stages(), [Stage::Inactive, Stage::Inactive]);
    // It has been up for a minute of its hour, and still finds an outage when one that ran for long does.
    let found = (2_u32..120).find(|_| {
        rig.look(Duration::from_secs(1), 1, 1.0);
        rig.stages()[0] == Stage::Firing
    });
    assert_eq!(found, Some(52));
}

#[test]
fn few_looks_need_three_failures() {
    // One look a minute: one failure is 1.7 % of an hour, over the 1.44 % that page.
    let minute = Duration::from_mins(1);
    let mut rig = Rig::new(0.999, MONTH, Some(1.0 / 60.0));
    for _ in 0..3 * 24 * 60 {
        rig.look(minute, 1, 0.0);
    }
    let stages: Vec<Stage> = (0..3)
        .map(|_| {
            rig.look(minute, 1, 1.0);
            rig.stages()[0]
        })
        .collect();
    assert_eq!(stages, [Stage::Pending, Stage::Pending, Stage::Firing]);
}

#[test]
fn what_was_not_seen_is_no_error_and_ends_no_alert() {
    let (bad, good) = (
        Tally {
            bad: 1,
            ..Tally::default()
        },
        Tally {
            good: 1,
            ..Tally::default()
        },
    );
    let unseen = Tally {
        unseen: 1,
        ..Tally::default()
    };
    let mut rig = Rig::new(0.999, MONTH, Some(1.0));
    rig.quiet_month(1);
    for _ in 0..1200 {
        rig.see(unseen);
        assert_eq!(rig.stages(), [Stage::Inactive, Stage::Inactive]);
    }
    assert!((rig.measure().budget_left - 1.0).abs() < 1e-9);
    assert!((rig.measure().unseen - 1200.0 / (30.0 * 86_400.0)).abs() < 1e-5);
    for _ in 0..60 {
        rig.see(bad);
    }
    assert_eq!(rig.stages()[0], Stage::Firing);
    // Nobody sees anything for two hours: nobody knows that it is over.
    for _ in 0..7200 {
        rig.see(unseen);
        assert_eq!(rig.stages()[0], Stage::Firing);
    }
    rig.see(good);
    assert_eq!(rig.stages()[0], Stage::Resolved);
}

#[test]
fn half_of_the_looks_say_what_all_would_have_said() {
    let mut rig = Rig::new(0.999, MONTH, Some(1.0));
    rig.quiet_month(1);
    for second in 0..600 {
        let unseen = Tally {
            unseen: 1,
            ..Tally::default()
        };
        rig.see(if second % 2 == 0 {
            Tally {
                bad: 1,
                ..Tally::default()
            }
        } else {
            unseen
        });
    }
    // All that was seen of the last five minutes failed: 1000 times the budget, not 500.
    let short = rig.measure().burns[0].short.unwrap();
    assert!((short - 1000.0).abs() < 1.0, "{short}");
}

#[test]
fn an_alert_lives_from_pending_to_inactive() {
    // Windows of 5 s and 417 ms, 30 s and 2.5 s, 2 min and 10 s, 6 min and 30 s.
    let step = Duration::from_millis(100);
    let mut rig = Rig::new(0.99, Duration::from_hours(1), Some(10.0));
    let mut told = String::new();
    let mut last = [Stage::Inactive; 2];
    for look in 0..2400 {
        rig.look(step, 1, if (600..700).contains(&look) { 1.0 } else { 0.0 });
        let stages = rig.stages();
        if stages != last {
            let after = f64::from(look - 599) / 10.0;
            told.push_str(&format!("{after} s: page {}, ticket {}\n", stages[0], stages[1]));
            last = stages;
        }
    }
    expect![[r#"
        0.1 s: page pending, ticket inactive
        0.4 s: page pending, ticket pending
        0.8 s: page firing, ticket pending
        3.7 s: page firing, ticket firing
        12.5 s: page resolved, ticket firing
        13 s: page inactive, ticket firing
        39.8 s: page inactive, ticket resolved
        49.8 s: page inactive, ticket inactive
    "#]]
    .assert_eq(&told);
}

#[test]
fn memory_does_not_grow_with_looks_and_survives_writing() {
    let mut rig = Rig::new(0.999, MONTH, Some(1.0));
    rig.quiet_month(1);
    rig.quiet_month(1);
    let text = serde_json::to_string(&rig.history).unwrap();
    assert!(text.len() < 16_000, "{}", text.len());
    let read: History = serde_json::from_str(&text).unwrap();
    assert_eq!(read, rig.history);
    assert!(read.fits(MONTH) && !read.fits(Duration::from_hours(24 * 7)));
    let bucket = "[30,0,0]";
    assert!(text.contains(bucket));
    let swollen = text.replacen(bucket, &[bucket; 200].join(","), 1);
    let swollen: History = serde_json::from_str(&swollen).unwrap();
    assert!(!swollen.fits(MONTH), "more buckets than there are");
    let late = text.replacen("\"first\":", "\"first\":9999999999", 1);
    let late: History = serde_json::from_str(&late).unwrap();
    assert!(!late.fits(MONTH), "of a time that never comes");
}

#[test]
fn a_clock_that_is_put_back_forgets_the_future() {
    let mut rig = Rig::new(0.999, MONTH, None);
    let begin = rig.now;
    let year = 365 * 86_400 * SECOND;
    let bad = Tally {
        bad: 100,
        ..Tally::default()
    };
    rig.history.add(
        begin,
        Tally {
            good: 1000,
            ..Tally::default()
        },
    );
    rig.history.add(begin.plus_micros(year), bad);
    rig.history.add(
        begin.plus_micros(SECOND),
        Tally {
            good: 10,
            ..Tally::default()
        },
    );
    rig.now = begin.plus_micros(2 * SECOND);
    assert!((rig.measure().budget_left - 1.0).abs() < 1e-9);
    // A step of a moment across a bucket's edge loses nothing.
    let edge = Timestamp::from_micros((begin.as_micros() / 30_000_000 + 10) * 30_000_000);
    let mut history = History::new(MONTH);
    history.add(edge, bad);
    history.add(edge.plus_micros(-1), bad);
    let sum = history.sum(0, edge, Duration::from_mins(5));
    assert!((sum.bad - 200.0).abs() < 1e-9);
}
