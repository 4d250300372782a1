//! When nobody is told, or not yet.

use super::*;

#[test]
fn tickets_wait_in_quiet_hours_and_pages_pass() {
    let sandbox = Sandbox::new();
    let broken = service(&sandbox);
    let (hook, posts) = receiver(&Arc::new(AtomicU16::new(200)));
    let clock = |hours: i64| {
        let zoned = (Timestamp::now() + hours.hours()).to_zoned(jiff::tz::TimeZone::UTC);
        zoned.strftime("%H:%M").to_string()
    };
    sandbox.write(
        "prober.toml",
        &format!(
            "[notify.hook]\nwebhook = {{ url = \"http://{hook}/\" }}\n[quiet]\ntickets = \"{}-{} UTC\"\n",
            clock(-2),
            clock(2)
        ),
    );
    let prober = prober(sandbox);
    broken.store(true, Ordering::Relaxed);
    wait_for_body(&posts, "the page", |post| {
        post["commonLabels"]["severity"] == "page"
    });
    prober.reaches(&state("ticket", "firing"), 1.0);
    broken.store(false, Ordering::Relaxed);
    wait_for_body(&posts, "the page's end", |post| post["status"] == "resolved");
    prober.reaches("gameday_notifications_waiting{receiver=\"hook\"}", 0.0);
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(prober.metric(&state("ticket", "firing")), Some(1.0));
    let tickets = bodies(&posts)
        .iter()
        .filter(|post| post["commonLabels"]["severity"] == "ticket")
        .count();
    assert_eq!(tickets, 0, "it is quiet");
}

#[test]
fn a_region_that_is_cut_off_pages_nobody() {
    let sandbox = Sandbox::new();
    let broken = service(&sandbox);
    let (hook, posts) = receiver(&Arc::new(AtomicU16::new(200)));
    let outside = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let at = outside.local_addr().unwrap();
    sandbox.write(
        "prober.toml",
        &format!(
            "[control]\ntcp = \"{at}\"\nevery = \"200ms\"\ntimeout = \"1s\"\n\
             [notify.hook]\nwebhook = {{ url = \"http://{hook}/\" }}\n"
        ),
    );
    let prober = prober(sandbox);
    let excluded = "gameday_region_excluded{region=\"eu-west\",reason=\"control\"}";
    wait_for("the region to count", PATIENCE, || {
        (prober.metric(excluded) == Some(0.0)).then_some(())
    });
    let left = "gameday_slo_error_budget_remaining_ratio{probe=\"web\",objective=\"success\",pool=\"all\"}";
    prober.reaches(left, 1.0);
    // The network of the prober fails: with it the service, as far as can be seen from here.
    drop(outside);
    broken.store(true, Ordering::Relaxed);
    prober.reaches(excluded, 1.0);
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(bodies(&posts), Vec::<Value>::new());
    assert_eq!(prober.metric(left), Some(1.0), "nothing is spent");
    prober.reaches(
        "gameday_slo_unseen_ratio{probe=\"web\",objective=\"success\",pool=\"all\"}",
        0.01,
    );
    // The network is back, and the service is not.
    let _outside = std::net::TcpListener::bind(at).unwrap();
    wait_for_body(&posts, "the page", |post| {
        post["commonLabels"]["severity"] == "page"
    });
}
