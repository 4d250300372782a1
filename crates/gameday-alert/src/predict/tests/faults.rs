//! Faults that stand between Prometheus and what it scrapes, and faults that hit only a share.

use super::*;

const UP: &str = "up{job=\"api\"} == 0";

fn scraped_through(effect: ScrapeEffect) -> World {
    let mut world = World::new(UP, r#""duration":0"#, 1.0, 0.22).scraped(5.0, 4.69);
    world.survey.targets[0].scrape_timeout_ms = Some(3000);
    world.asked.fault.scrape = Some(ScrapeFault {
        address: "127.0.0.1:8000".to_owned(),
        effect,
    });
    world
}

#[test]
fn a_scrape_that_fails_at_once_is_seen_at_the_next_tick() {
    scraped_through(ScrapeEffect::Fails).check(&[("T1", 4.69), ("T2", 5.22)]);
}

#[test]
fn a_scrape_that_hangs_is_dated_back_and_seen_when_its_time_is_over() {
    let prediction = scraped_through(ScrapeEffect::Hangs).check(&[("T1", 4.69), ("T2", 8.22)]);
    check_assumed(&prediction, "dated back to its start and seen 3.0 s later");
}

#[test]
fn a_scrape_whose_answer_alone_is_lost_fails_at_once_or_when_its_time_is_over() {
    let mark = scraped_through(ScrapeEffect::Silent).predict().marks["T2"];
    assert_eq!((mark.at, mark.latest), (at(5.22), Some(at(8.22))));
}

#[test]
fn a_scrape_that_is_slower_is_seen_later_and_fails_when_its_time_is_over() {
    let slower = |seconds| ScrapeEffect::Slower(Duration::from_secs(seconds));
    scraped_through(slower(4)).check(&[("T2", 8.22)]);
    let mut gauge = World::new("pay_bad > 0", r#""duration":0"#, 1.0, 0.22).scraped(5.0, 4.69);
    gauge.survey.targets[0].scrape_timeout_ms = Some(3000);
    gauge.asked.fault.scrape = scraped_through(slower(2)).asked.fault.scrape;
    gauge.check(&[("T1", 4.69), ("T2", 7.22)]);
}

#[test]
fn bad_requests_that_nobody_scrapes_fire_no_alert() {
    let query = r#"sum(rate(bad_total[10s])) / sum(rate(all_total[10s])) > 0.05"#;
    let mut world = World::new(query, r#""duration":0"#, 1.0, 0.22)
        .scraped(1.0, 0.69)
        .grouped(1, 1);
    world.asked.fault.scrape = Some(ScrapeFault {
        address: "127.0.0.1:8000".to_owned(),
        effect: ScrapeEffect::Fails,
    });
    let prediction = world.check_never("sees nothing of it");
    check_warned(&prediction, "also cuts what Prometheus scrapes");
    // A gauge of that target ends with it.
    let mut gauge = World::new("pay_bad > 0", r#""duration":0"#, 1.0, 0.22)
        .scraped(1.0, 0.69)
        .grouped(1, 1);
    gauge.asked.fault.scrape = world.asked.fault.scrape;
    gauge.check_never("does not become true");
    gauge.asked.fault.scrape.as_mut().unwrap().address = "127.0.0.1:9".to_owned();
    gauge.check(&[("T2", 1.22)]);
}

#[test]
fn series_that_a_failing_scrape_ends_are_absent() {
    let mut world =
        World::new("absent(pay_total{job=\"api\"})", r#""duration":0"#, 1.0, 0.22).scraped(5.0, 4.69);
    world.asked.fault.scrape = scraped_through(ScrapeEffect::Fails).asked.fault.scrape;
    world.check(&[("T2", 5.22)]);
}

#[test]
fn a_share_of_drops_and_a_long_for_never_meet() {
    let mut world = World::new("probe_success == 0", r#""duration":300"#, 30.0, 20.0)
        .scraped(30.0, 5.0)
        .grouped(30, 300)
        .hold(3600.0);
    (world.asked.fault.share, world.asked.fault.bad) = (0.01, None);
    let prediction = world.predict();
    let odds = prediction.odds.unwrap();
    assert_eq!(odds.row, 11);
    assert!((119..=121).contains(&odds.ticks), "{odds:?}");
    assert!(odds.fires < 1e-15);
    check_warned(&prediction, "it fires with a probability of 0 %");
    (world.asked.fault.share, world.asked.fault.bad) = (0.9, None);
    let odds = world.predict().odds.unwrap();
    assert_eq!(odds.expected_ticks.unwrap().round(), 22.0);
    assert!(odds.fires > 0.9, "{odds:?}");
    assert_eq!(world.predict().marks["T3"].at, at(320.0));
    assert_eq!(world.predict().marks["T3"].latest, None);
}
