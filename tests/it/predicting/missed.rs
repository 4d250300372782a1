//! Alerts that do not fire: the report says how near their rules came, which is what Prometheus itself evaluated.

use super::*;
use crate::support::rig::at_once;

/// Half as long as the window of the rules below: they see about half of their requests fail.
const SHORT: &str = r#"down = { hold = "5s", on = "web", fault.down = {} }"#;
const EXPECT: &str =
    r#"ShopErrors = { firing = "12s", notified = "15s", during = { bad = "60%", traffic = "40%" } }"#;

#[test]
fn a_missed_alert_tells_how_near_it_came() {
    let _turn = crate::support::turn();
    at_once![
        a_share_that_stays_under_its_limit,
        of_two_comparisons_the_one_that_failed,
        a_rule_that_sees_nothing_and_one_that_cannot_be_told,
    ];
}

const SHARE: &str = "sum(rate(shop_errors_total[10s])) / sum(rate(shop_requests_total[10s]))";

fn stand(rules: &str) -> Stand {
    let stand = Stand::new(&Plan {
        groups: &format!("- name: shop\n  rules:\n{rules}"),
        global: "scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 2s",
        ..Plan::default()
    });
    stand.alerting.wait_for_history(10);
    stand
}

/// How near the rule came, and the verdict's sentence.
#[track_caller]
fn missed(stand: &Stand, expect: &str) -> (Value, String) {
    let (ended, report) = stand.run(SHORT, expect);
    ended.assert(1, "failed");
    let alert = alert(&report);
    assert_eq!(alert["verdict"], "missed", "{alert:#}");
    let detail = alert["detail"].as_str().unwrap().to_owned();
    let told = report["trials"][0]["findings"].to_string();
    assert!(
        told.contains(serde_json::to_string(&detail).unwrap().trim_matches('"')),
        "{told}"
    );
    (alert["approach"].clone(), detail)
}

fn a_share_that_stays_under_its_limit() {
    // What is recorded beside the alert, at the same tick, is the truth of what it compares.
    let stand = stand(&format!(
        "  - {{record: 'shop:errors:share', expr: '{SHARE}'}}\n  \
           - {{alert: ShopErrors, expr: '{SHARE} > 0.97'}}\n"
    ));
    let (approach, detail) = missed(&stand, EXPECT);
    let nearest = &approach["ways"][0][0];
    let peak = nearest["value"].as_f64().unwrap();
    let truth = stand.alerting.query("max_over_time(shop:errors:share[2m])");
    let truth: f64 = truth[0]["value"][1].as_str().unwrap().parse().unwrap();
    // A scrape that ends at the very tick may or may not have been seen by it: that is one of ten in the window.
    assert!((peak - truth).abs() < 0.12, "{peak} is not {truth}");
    assert!((0.2..0.8).contains(&peak), "{approach:#}");
    let ticks = stand.alerting.samples("shop:errors:share[2m]");
    let tick = at(&nearest["at"]);
    assert!(
        ticks.iter().any(|one| (one - tick).abs() <= BUSY_TICK_MS),
        "{tick} is none of {ticks:?}"
    );
    assert_eq!(nearest["held"], 0);
    assert!(detail.contains(" of 0.97 at "), "{detail}");
    let requests = &approach["requests"];
    assert_eq!(
        (&requests["assumed_bad"], &requests["assumed_traffic"]),
        (&0.6.into(), &0.4.into())
    );
    // Every request fails while it is down, but the window's edges are scrapes; the customers keep their pace.
    assert!(requests["bad"].as_f64().unwrap() > 0.7, "{requests}");
    assert!(
        (0.7..1.4).contains(&requests["traffic"].as_f64().unwrap()),
        "{requests}"
    );
    assert!(
        detail.contains("the prediction took 60 % of the requests to be bad: ")
            && detail.contains("and the traffic to be 40 % of before: it was "),
        "{detail}"
    );
}

fn of_two_comparisons_the_one_that_failed() {
    let stand = stand(&format!(
        "  - {{alert: ShopErrors, expr: '{SHARE} > 0.01 and sum(rate(shop_requests_total[10s])) > 1000'}}\n"
    ));
    let (approach, detail) = missed(&stand, EXPECT);
    let way = approach["ways"][0].as_array().unwrap();
    assert!(
        way[0]["held"].as_u64() > Some(0) && way[1]["held"] == 0,
        "{approach:#}"
    );
    // 50 customers a second.
    let peak = way[1]["value"].as_f64().unwrap();
    assert!((30.0..70.0).contains(&peak), "{approach:#}");
    assert!(
        detail.contains("`sum(rate(shop_requests_total[10s]))` peaked at ") && !detail.contains("0.01"),
        "{detail}"
    );
}

fn a_rule_that_sees_nothing_and_one_that_cannot_be_told() {
    let stand = stand(
        "  - {alert: ShopErrors, expr: 'shop_failures > 0'}\n  - {alert: ShopGone, expr: absent(shop_failing)}\n",
    );
    let (_, detail) = missed(&stand, EXPECT);
    assert!(detail.ends_with("; `shop_failures` yielded nothing"), "{detail}");
    let (_, detail) = missed(&stand, &EXPECT.replace("ShopErrors", "ShopGone"));
    assert!(
        detail.contains("how near it came cannot be said: it does not compare with a number"),
        "{detail}"
    );
}
