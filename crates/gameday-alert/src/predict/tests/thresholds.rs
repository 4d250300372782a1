//! Rules with a threshold.

use super::*;

const GAUGE: &str = "pay_bad > 0";

#[test]
fn a_gauge_is_seen_at_its_scrape_and_fires_at_ticks() {
    World::new(GAUGE, r#""duration":2"#, 1.0, 0.225)
        .scraped(1.0, 0.782)
        .grouped(1, 1)
        .hold(8.049)
        .check(&[
            ("T1", 0.782),
            ("T2", 1.226),
            ("T3", 3.225),
            ("T4", 3.230),
            ("T5", 4.238),
            ("T9", 9.225),
            ("T10", 9.236),
        ]);
}

#[test]
fn for_is_rounded_up_to_ticks_and_the_end_waits_for_the_group_interval() {
    World::new(GAUGE, r#""duration":7"#, 5.0, 2.469)
        .scraped(5.0, 2.73)
        .grouped(3, 10)
        .hold(25.040)
        .check(&[
            ("T1", 2.73),
            ("T2", 7.469),
            ("T3", 17.468),
            ("T5", 20.476),
            ("T9", 32.468),
            ("T10", 40.473),
        ]);
}

#[test]
fn without_for_it_fires_at_the_tick_that_sees_it() {
    World::new(GAUGE, r#""duration":0"#, 5.0, 3.0)
        .scraped(5.0, 2.0)
        .check(&[("T2", 3.0), ("T3", 3.0)]);
}

#[test]
fn keep_firing_for_moves_the_end_alone() {
    World::new(GAUGE, r#""duration":2,"keepFiringFor":5"#, 1.0, 0.225)
        .scraped(1.0, 0.782)
        .hold(8.049)
        .check(&[("T3", 3.225), ("T9", 14.225)]);
}

#[test]
fn a_fault_shorter_than_for_is_pending_only() {
    let prediction = World::new(GAUGE, r#""duration":60"#, 1.0, 0.2)
        .scraped(1.0, 0.7)
        .grouped(1, 1)
        .hold(30.0)
        .check_never("pending only");
    assert!(prediction.marks.contains_key("T2"));
    assert!(!prediction.marks.contains_key("T3"));
}

#[test]
fn a_tick_right_at_a_scrape_may_see_it_or_not() {
    let prediction = World::new(GAUGE, r#""duration":0"#, 5.0, 2.001)
        .scraped(5.0, 2.0)
        .predict();
    // The scrape takes 2 ms, so the tick 1 ms after its start cannot see it.
    assert_eq!(prediction.marks["T2"].at, at(7.001));
    let prediction = World::new(GAUGE, r#""duration":0"#, 5.0, 2.003)
        .scraped(5.0, 2.0)
        .predict();
    assert_eq!(prediction.marks["T2"].at, at(2.003));
    assert_eq!(prediction.marks["T2"].latest, Some(at(7.003)));
}

#[test]
fn a_scrape_right_after_the_fault_may_see_it_or_not() {
    let prediction = World::new(GAUGE, r#""duration":0"#, 5.0, 3.0)
        .scraped(5.0, 0.05)
        .predict();
    let mark = prediction.marks["T1"];
    assert_eq!((mark.at, mark.latest), (at(0.05), Some(at(5.05))));
    let mark = prediction.marks["T2"];
    assert_eq!((mark.at, mark.latest), (at(3.0), Some(at(8.0))));
}

#[test]
fn a_scrape_right_after_the_end_may_still_see_the_fault() {
    let prediction = World::new(GAUGE, r#""duration":0"#, 5.0, 3.0)
        .scraped(5.0, 0.05)
        .hold(10.0)
        .predict();
    let mark = prediction.marks["T9"];
    assert_eq!((mark.at, mark.latest), (at(13.0), Some(at(18.0))));
}

#[test]
fn rules_look_as_far_back_as_prometheus_is_told() {
    let mut world = World::new(GAUGE, r#""duration":0"#, 5.0, 3.0).scraped(5.0, 2.0);
    world.survey.settings.query_offset_us = 2_000_000;
    world.check(&[("T2", 8.0)]);
    World::new("pay_bad offset 10s > 0", r#""duration":0"#, 5.0, 3.0)
        .scraped(5.0, 2.0)
        .check(&[("T2", 13.0)]);
}

#[test]
fn a_clock_that_is_off_is_corrected_beyond_its_error() {
    let mut world = World::new(GAUGE, r#""duration":0"#, 5.0, 3.0).scraped(5.0, 2.0);
    world.survey.clock = Some(ClockReading {
        offset_us: 1_500_000,
        error_us: 1_000,
        stepped: false,
    });
    world.check(&[("T1", 0.5), ("T2", 1.5)]);
}

const RATIO: &str =
    r#"sum(rate(http_requests_total{code=~"5.."}[10s])) / sum(rate(http_requests_total[10s])) > 0.5"#;

#[test]
fn a_ratio_climbs_through_its_window() {
    // Scrapes at .5, 1.5, …; the window of 10 s holds ten samples, 9 s. All requests are bad, so half of
    // what it holds is bad 4.5 s after the fault: the scrape at 5.5 is the first over it.
    let prediction = World::new(RATIO, r#""duration":0"#, 1.0, 0.8)
        .scraped(1.0, 0.5)
        .check(&[("T1", 0.5), ("T2", 5.8)]);
    check_assumed(&prediction, "100 % of the requests are bad");
    check_assumed(&prediction, "traffic stays");
    // Six in ten are bad: 7.5 s, so 8.5.
    let mut world = World::new(RATIO, r#""duration":0"#, 1.0, 0.8).scraped(1.0, 0.5);
    world.asked.fault.bad = Some(0.6);
    world.check(&[("T2", 8.8)]);
}

#[test]
fn a_ratio_that_cannot_be_reached_never_fires() {
    let mut world = World::new(RATIO, r#""duration":0"#, 1.0, 0.8)
        .scraped(1.0, 0.5)
        .grouped(1, 1);
    (world.asked.fault.share, world.asked.fault.bad) = (0.3, None);
    let prediction = world.check_never("30 % of bad requests is never over the 50 %");
    check_assumed(&prediction, "the fault's own share");
    let world = World::new(RATIO, r#""duration":0"#, 1.0, 0.8)
        .scraped(1.0, 0.5)
        .grouped(1, 1)
        .hold(3.0);
    world.check_never("is held 3.0 s");
}

#[test]
fn a_counter_is_extended_back_to_its_zero_and_no_further() {
    let query =
        r#"sum(rate(http_requests_total{code=~"5.."}[10s])) / sum(rate(http_requests_total[10s])) > 0.3"#;
    let counted = |errors: f64| {
        World::new(query, r#""duration":0"#, 2.0, 1.175)
            .scraped(1.0, 0.806)
            .answer("sum(rate(http_requests_total[10s]))", &[("", 50.0)])
            .answer(r#"sum(http_requests_total{code=~"5.."})"#, &[("", errors)])
    };
    // 2.8 s of errors in the 9 s from the first sample to the last, but no error before: measured a tick later.
    counted(0.0).check(&[("T1", 0.806), ("T2", 5.175)]);
    counted(1.0).check(&[("T2", 5.175)]);
    // A counter that has come far is extended as the requests are.
    counted(10_000.0).check(&[("T2", 3.175)]);
}

#[test]
fn errors_that_are_not_counted_yet_are_seen_one_scrape_later() {
    let part = r#"sum(rate(http_requests_total{code=~"5.."}[10s]))"#;
    let query =
        r#"sum(rate(http_requests_total{code=~"5.."}[10s])) / sum(rate(http_requests_total[10s])) > 0.03"#;
    let world = || World::new(query, r#""duration":0"#, 1.0, 0.8).scraped(1.0, 0.5);
    world().answer(part, &[("", 0.0)]).check(&[("T2", 0.8)]);
    world().answer(part, &[]).check(&[("T2", 1.8)]);
    // Two samples 5 s apart fill the window: the first shows nothing, the second all.
    let slow = World::new(query, r#""duration":0"#, 5.0, 3.0).scraped(5.0, 2.0);
    let slow_query = |world: World| world.check(&[("T1", 2.0)]).marks["T2"].at;
    assert_eq!(slow_query(slow.answer(part, &[])), at(8.0));
}

#[test]
fn a_share_of_good_requests_falls_below_its_limit() {
    let query = r#"sum(rate(ok_total[10s])) / sum(rate(all_total[10s])) < 0.5"#;
    World::new(query, r#""duration":0"#, 1.0, 0.8)
        .scraped(1.0, 0.5)
        .check(&[("T2", 5.8)]);
    let query = r#"1 - sum(rate(ok_total[10s])) / sum(rate(all_total[10s])) > 0.5"#;
    World::new(query, r#""duration":0"#, 1.0, 0.8)
        .scraped(1.0, 0.5)
        .check(&[("T2", 5.8)]);
    let query =
        r#"100 * (sum(rate(all_total[10s])) - sum(rate(ok_total[10s]))) / sum(rate(all_total[10s])) > 50"#;
    World::new(query, r#""duration":0"#, 1.0, 0.8)
        .scraped(1.0, 0.5)
        .check(&[("T2", 5.8)]);
}

#[test]
fn a_quantile_is_crossed_when_more_requests_than_it_leaves_are_slow() {
    let query = "histogram_quantile(0.5, sum by (job, le) (rate(latency_bucket[10s]))) > 0.25";
    let buckets = "sum by (job, le) (rate(latency_bucket[10s]))";
    let world = || World::new(query, r#""duration":0"#, 1.0, 0.8).scraped(1.0, 0.5);
    world().check(&[("T2", 5.8)]);
    // A third is slow already: half of 9 s is reached after 2.25 s.
    let with = world().answer(
        buckets,
        &[
            ("job=api le=0.1", 5.0),
            ("job=api le=0.25", 20.0),
            ("job=api le=+Inf", 30.0),
        ],
    );
    with.check(&[("T2", 2.8)]);
    // What is slowed down is counted when it ends: 2 s later, and 2 s of the window hold nothing.
    let mut late = world();
    late.asked.fault.lag = Some(Duration::from_secs(2));
    late.check(&[("T2", 6.8)]);
    late.asked.fault.lag = Some(Duration::from_secs(4));
    late.check(&[("T2", 7.8)]);
}

#[test]
fn what_a_window_will_hold_is_an_interval_when_it_is_not_known() {
    let prediction = World::new("rate(errors_total[10s]) > 3", r#""duration":5"#, 1.0, 0.8)
        .scraped(1.0, 0.5)
        .predict();
    let mark = prediction.marks["T3"];
    assert_eq!((mark.at, mark.latest), (at(5.8), Some(at(14.8))));
    check_assumed(&prediction, "holds nothing else");
}

#[test]
fn functions_over_time_say_when_one_sample_is_enough() {
    let world = |query: &str| World::new(query, r#""duration":0"#, 1.0, 0.8).scraped(1.0, 0.5);
    world("max_over_time(depth[10s]) > 3").check(&[("T2", 0.8)]);
    world("min_over_time(depth[10s]) < 3").check(&[("T2", 0.8)]);
    world("min_over_time(depth[10s]) > 3").check(&[("T2", 9.8)]);
    // Nine tenths of the time up are missed when two samples of ten are down.
    let share = "avg_over_time(up{job=\"api\"}[10s]) < 0.85";
    let mut down = world(share).answer("avg_over_time(up{job=\"api\"}[10s])", &[("job=api", 1.0)]);
    down.asked.fault.scrape = Some(ScrapeFault {
        address: "127.0.0.1:8000".to_owned(),
        effect: ScrapeEffect::Fails,
    });
    down.check(&[("T2", 1.8)]);
}

#[test]
fn what_holds_already_is_taken_to_stay() {
    let query = "pay_bad > 0 and on() traffic > 100";
    let world = World::new(query, r#""duration":0"#, 1.0, 0.8).scraped(1.0, 0.5);
    let world = world.answer("traffic > 100", &[("", 120.0)]);
    world.check(&[("T2", 0.8)]);
    // Traffic that the fault takes away is a guard that falls.
    let query = r#"sum(rate(bad[10s])) / sum(rate(all[10s])) > 0.01 and sum(rate(all[10s])) > 5"#;
    let mut world = World::new(query, r#""duration":5"#, 1.0, 0.8)
        .scraped(1.0, 0.5)
        .grouped(1, 1)
        .answer("sum(rate(all[10s]))", &[("", 6.0)]);
    world.asked.fault.traffic = Some(1.0);
    world.check(&[("T2", 0.8)]);
    world.asked.fault.traffic = Some(0.1);
    world.check_never("pending only");
}

#[test]
fn several_targets_make_an_interval_for_a_gauge_and_add_up_for_a_share() {
    let world = |query: &str| {
        World::new(query, r#""duration":0"#, 1.0, 0.8)
            .scraped(10.0, 0.5)
            .scraped(10.0, 5.5)
    };
    let mark = world(GAUGE).predict().marks["T2"];
    assert_eq!((mark.at, mark.latest), (at(0.8), Some(at(5.8))));
    let query = "sum(rate(bad[40s])) / sum(rate(all[40s])) > 0.04";
    // After .8 s one of the targets has shown half a second of 30 s, the other nothing of 30 s.
    world(query).check(&[("T1", 0.5), ("T2", 5.8)]);
}

#[test]
fn a_rule_that_cannot_be_followed_says_why() {
    let why = |world: World| world.predict().why["prediction"].clone();
    let broken = World::new("pay_bad >", r#""duration":0"#, 1.0, 0.0);
    assert!(why(broken).contains("cannot be read"));
    let mut unknown = World::new(GAUGE, r#""duration":0"#, 1.0, 0.0);
    unknown.survey.groups[0].last_evaluation = None;
    assert!(why(unknown).contains("not evaluated yet"));
    let mut other = World::new(GAUGE, r#""duration":0"#, 1.0, 0.0);
    other.asked.alert = "Y".to_owned();
    assert_eq!(why(other), "no alert rule is named `Y`; did you mean `X`?");
    let lonely = World::new(GAUGE, r#""duration":0"#, 1.0, 0.0).predict();
    check_warned(&lonely, "no target");
}

#[test]
fn over_all_phases_it_is_what_the_formula_says() {
    let world = World::new(GAUGE, r#""duration":4"#, 3.0, 1.0)
        .scraped(2.0, 0.3)
        .grouped(2, 10);
    let spread = spread(&world.survey, &world.asked, FAULT, "T5").unwrap();
    // Best ceil(for/E)E + GW, worst S + E more; scrape and evaluation are not independent of each other.
    assert!(spread.min >= Duration::from_secs_f64(8.0), "{spread:?}");
    assert!(spread.max <= Duration::from_secs_f64(8.0 + 5.1), "{spread:?}");
    assert!(spread.min < spread.mean && spread.mean < spread.max, "{spread:?}");
}

#[test]
fn what_nobody_said_is_taken_at_its_most_so_the_time_is_the_least() {
    let mut world = World::new(RATIO, r#""duration":0"#, 1.0, 0.8).scraped(1.0, 0.5);
    world.asked.fault.bad = None;
    let prediction = world.predict();
    let mark = prediction.marks["T2"];
    assert_eq!((mark.at, mark.latest), (at(5.8), None));
    assert_eq!(prediction.marks["T1"].latest, Some(at(0.5)));
    check_assumed(&prediction, "with fewer it is later");
    world.asked.fault.bad = Some(1.0);
    world.asked.fault.least_lag = Duration::from_millis(200);
    let prediction = world.predict();
    assert_eq!(prediction.marks["T2"].latest, None);
    check_assumed(&prediction, "its own delay; it may be later");
    world.asked.fault.lag = Some(Duration::from_millis(600));
    check_assumed(
        &world.check(&[("T2", 5.8)]),
        "0.6 s after the fault, as the scenario says",
    );
}

#[test]
fn a_range_that_leaves_its_first_moment_out_holds_one_sample_less() {
    // Samples at 0, 1, 2 … and evaluations a quarter later, which look back by that: the window begins at a sample.
    let world = || {
        World::new(
            "min_over_time(pay_bad[4s] offset 250ms) > 0",
            r#""duration":0"#,
            1.0,
            0.25,
        )
        .scraped(1.0, 0.0)
    };
    // Closed, it holds five samples; all are bad at the fifth scrape, 4 s after the first bad one.
    let closed = world().predict();
    let mut open = world();
    open.survey.settings.left_open = true;
    let open = open.predict();
    let seconds = |prediction: &Prediction| prediction.marks["T2"].at.micros_since(FAULT) / 1000;
    assert_eq!((seconds(&closed), seconds(&open)), (4250, 3250));
}

#[test]
fn a_target_that_cannot_be_scraped_is_warned_of() {
    let mut world = World::new(GAUGE, r#""duration":2"#, 1.0, 0.225).scraped(1.0, 0.782);
    world.survey.targets[0].health = "down".to_owned();
    world.survey.targets[0].last_error = Some("received unsupported Content-Type".to_owned());
    check_warned(&world.predict(), "127.0.0.1:8000 of api cannot be scraped now");
}
