//! An outage from its page to its end.

use super::*;

#[test]
fn an_outage_pages_once_through_a_restart_and_is_resolved() {
    let sandbox = Sandbox::new();
    let broken = service(&sandbox);
    let fine = Arc::new(AtomicU16::new(202));
    let ((pagerduty, pages), (slack, messages), (hook, posts)) =
        (receiver(&fine), receiver(&fine), receiver(&fine));
    secret(&sandbox, "pagerduty.key", KEY);
    secret(
        &sandbox,
        "slack.url",
        &format!("http://{slack}/services/T0/B0/hush-hush"),
    );
    secret(&sandbox, "hook.token", TOKEN);
    sandbox.write(
        "prober.toml",
        &format!(
            "[notify.oncall]\nseverities = [\"page\"]\n\
             pagerduty = {{ routing_key = {{ file = \"pagerduty.key\" }}, url = \"http://{pagerduty}/v2/enqueue\" }}\n\
             [notify.team]\nslack = {{ url = {{ file = \"slack.url\" }} }}\n\
             [notify.hook]\nwebhook = {{ url = \"http://{hook}/\", token = {{ file = \"hook.token\" }} }}\n"
        ),
    );
    let first = prober(sandbox);
    first.reaches(
        "gameday_slo_objective_ratio{probe=\"web\",objective=\"success\",pool=\"all\"}",
        0.99,
    );
    assert_eq!(first.metric(&state("page", "inactive")), Some(1.0));
    broken.store(true, Ordering::Relaxed);

    let page = wait_for_body(&pages, "the page", |_| true);
    assert_eq!(
        (&page["event_action"], &page["routing_key"]),
        (&"trigger".into(), &KEY.into())
    );
    assert_eq!(page["dedup_key"], "gameday/web/success/page/eu-west");
    assert_eq!(
        (&page["payload"]["severity"], &page["payload"]["source"]),
        (&"critical".into(), &"web".into())
    );
    assert_eq!(page["links"][0]["href"], "https://runbooks.example/web");
    assert_eq!(page["client_url"], first.url);
    let message = wait_for_body(&messages, "the message", |_| true);
    let text = message["text"].as_str().unwrap();
    assert!(text.starts_with("[PAGE] web fails from eu-west"), "{text}");
    let shown = message["attachments"][0]["text"].as_str().unwrap();
    assert!(
        shown.contains("<https://runbooks.example/web|Runbook>"),
        "{shown}"
    );
    let post = wait_for_body(&posts, "the payload", |_| true);
    assert_eq!(
        (&post["version"], &post["status"]),
        (&"4".into(), &"firing".into())
    );
    let alert = &post["alerts"][0];
    assert_eq!(
        (&alert["labels"]["severity"], &alert["labels"]["probe"]),
        (&"page".into(), &"web".into())
    );
    assert_eq!(
        alert["annotations"]["runbook_url"],
        "https://runbooks.example/web"
    );
    assert!(
        posts.lock().unwrap()[0]
            .head
            .contains(&format!("authorization: Bearer {TOKEN}"))
    );
    first.reaches(&state("ticket", "firing"), 1.0);
    let ran = first.sandbox.run(["slo", "--prober", &first.url]);
    assert_eq!(ran.code, Some(1), "an alert fires: {}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("page is firing since"), "{}", ran.stdout);
    assert!(
        ran.stdout
            .contains("web success (all): 99% of looks are up, over 1h"),
        "{}",
        ran.stdout
    );

    // Killed in mid-outage, and started again: it knows what was spent, whom it told, and of what.
    let left = "gameday_slo_error_budget_remaining_ratio{probe=\"web\",objective=\"success\",pool=\"all\"}";
    let spent = wait_for("a quarter of the budget to be spent", PATIENCE, || {
        first.metric(left).filter(|left| *left < 0.75)
    });
    // What was counted is written down now and then; on a slow disk less often.
    let file = first
        .sandbox
        .path()
        .join("state/gameday/budgets/eu-west/budgets.json");
    let written = || std::fs::metadata(&file).and_then(|file| file.modified()).ok();
    let before = written();
    wait_for("two more writes", PATIENCE, || (written() > before).then_some(()));
    let before = written();
    wait_for("one more", PATIENCE, || (written() > before).then_some(()));
    first.signal(Signal::SIGKILL);
    let second = first.restart();
    assert!(second.metric(left).unwrap() <= spent, "{:?}", second.metric(left));
    second.reaches(&state("page", "firing"), 1.0);
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(pages.lock().unwrap().len(), 1, "it is still the same page");
    assert_eq!(
        messages.lock().unwrap().len(),
        1,
        "and a ticket of the same cause waits"
    );
    broken.store(false, Ordering::Relaxed);
    let over = wait_for_body(&pages, "the page's end", |event| {
        event["event_action"] == "resolve"
    });
    assert_eq!(over["dedup_key"], page["dedup_key"]);
    let post = wait_for_body(&posts, "its end", |post| post["status"] == "resolved");
    assert_eq!(post["alerts"][0]["startsAt"], alert["startsAt"]);
    assert_eq!(post["alerts"][0]["fingerprint"], alert["fingerprint"]);
    wait_for_body(&messages, "the message of its end", |message| {
        message["text"].as_str().unwrap().starts_with("[resolved] ")
    });
    // What was spent stays spent, and the ticket goes on.
    wait_for_body(&messages, "the ticket", |message| {
        message["text"].as_str().unwrap().starts_with("[ticket] ")
    });
    assert_eq!(bodies(&pages).len(), 2, "on-call takes no tickets");
    let log = second.log();
    for secret in [KEY, TOKEN, "hush-hush"] {
        assert!(!log.contains(secret), "{log}");
        for file in ["alerts.json", "budgets.json"] {
            let path = format!("state/gameday/budgets/eu-west/{file}");
            let text = std::fs::read_to_string(second.sandbox.path().join(path)).unwrap();
            assert!(!text.contains(secret), "{text}");
        }
    }
}
