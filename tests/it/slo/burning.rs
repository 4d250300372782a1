//! A service that fails, looked at by a real prober whose windows are those of an objective of an hour: the shortest
//! is half a second. Receivers of the three kinds take down what they are told.

use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gameday_alert::Webhook;
use gameday_core::Notification;
use jiff::{Timestamp, ToSpan};
use nix::sys::signal::Signal;
use serde_json::Value;

use crate::support::http::{Arrival, serve};
use crate::support::prober::Prober;
use crate::support::{Ran, Sandbox, wait_for};

const PATIENCE: Duration = Duration::from_secs(20);
const KEY: &str = "0123456789abcdef0123456789abcdef";
const TOKEN: &str = "a-token-of-the-webhook";
/// An hour of 99 % looked at ten times a second: a total outage pages after 0.7 s and is over 5 s after its end.
const PROBE: &str = "every = \"100ms\"\ntimeout = \"2s\"\n\
    slo = { success = \"99%\", p95 = \"1s\", window = \"1h\", runbook = \"https://runbooks.example/web\" }\n";

/// What a receiver was sent.
type Inbox = Arc<Mutex<Vec<Arrival>>>;

/// A receiver that answers with a status that may be changed.
fn receiver(status: &Arc<AtomicU16>) -> (String, Inbox) {
    let (inbox, status) = (Inbox::default(), Arc::clone(status));
    let taken = Arc::clone(&inbox);
    let at = serve(move |arrival| {
        taken.lock().unwrap().push(arrival);
        (status.load(Ordering::Relaxed), "{}".to_owned())
    });
    (at.to_string(), inbox)
}

fn bodies(inbox: &Inbox) -> Vec<Value> {
    let arrivals = inbox.lock().unwrap();
    arrivals
        .iter()
        .map(|arrival| serde_json::from_str(&arrival.body).unwrap())
        .collect()
}

#[track_caller]
fn wait_for_body(inbox: &Inbox, what: &str, good: impl Fn(&Value) -> bool) -> Value {
    wait_for(what, PATIENCE, || bodies(inbox).into_iter().find(&good))
}

/// A probe of a service that can be broken.
fn service(sandbox: &Sandbox) -> Arc<AtomicBool> {
    let broken = Arc::new(AtomicBool::new(false));
    let switch = Arc::clone(&broken);
    let page = serve(move |_| {
        (
            if switch.load(Ordering::Relaxed) { 503 } else { 200 },
            "{}".to_owned(),
        )
    });
    let step = format!("{PROBE}[[step]]\nname = \"home\"\nget = \"http://{page}/\"\n");
    sandbox.write("probes/web.toml", &step);
    broken
}

fn secret(sandbox: &Sandbox, name: &str, text: &str) {
    let path = sandbox.write(name, text);
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

fn prober(sandbox: Sandbox) -> Prober {
    Prober::start(
        &[
            "probes",
            "--region",
            "eu-west",
            "--config",
            "prober.toml",
            "--quiet",
        ],
        sandbox,
    )
}

fn state(severity: &str, state: &str) -> String {
    format!(
        "gameday_slo_alert_state{{probe=\"web\",objective=\"success\",pool=\"all\",severity=\"{severity}\",state=\"{state}\"}}"
    )
}

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

#[test]
fn our_own_receiver_of_a_drill_takes_it() {
    let sandbox = Sandbox::new();
    let broken = service(&sandbox);
    let (at, arrived) = drill_receiver();
    sandbox.write(
        "prober.toml",
        &format!("[notify.drill]\nwebhook = {{ url = \"{at}\" }}\n"),
    );
    let _prober = prober(sandbox);
    broken.store(true, Ordering::Relaxed);
    let firing = wait_for("the notification", PATIENCE, || {
        arrived.lock().unwrap().first().cloned()
    });
    assert_eq!(
        (firing.receiver.as_str(), firing.status.as_str()),
        ("drill", "firing")
    );
    let alert = &firing.alerts[0];
    assert_eq!(
        (alert.alert.as_str(), &*alert.labels["severity"]),
        ("SLOBurnRate", "page")
    );
    assert!(alert.starts_at.is_some() && alert.ends_at.is_none());
    broken.store(false, Ordering::Relaxed);
    let over = wait_for("its end", PATIENCE, || {
        arrived
            .lock()
            .unwrap()
            .iter()
            .find(|one| one.status == "resolved")
            .cloned()
    });
    assert!(over.alerts[0].ends_at > alert.starts_at);
}

/// The receiver that drills listen with.
fn drill_receiver() -> (String, Arc<Mutex<Vec<Notification>>>) {
    let arrived = Arc::new(Mutex::new(Vec::new()));
    let (taken, (tell, told)) = (Arc::clone(&arrived), std::sync::mpsc::channel());
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let webhook = Webhook::bind("http://127.0.0.1:0/webhook").await.unwrap();
            tell.send(webhook.url()).unwrap();
            let (out, mut notifications) = tokio::sync::mpsc::channel(8);
            let keep = async {
                while let Some(notification) = notifications.recv().await {
                    taken.lock().unwrap().push(notification);
                }
            };
            let (served, ()) = tokio::join!(webhook.serve(out), keep);
            served.unwrap();
        });
    });
    (told.recv().unwrap(), arrived)
}

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
fn a_receiver_that_is_away_is_told_later_and_one_that_refuses_is_given_up() {
    let sandbox = Sandbox::new();
    let broken = service(&sandbox);
    let away = Arc::new(AtomicU16::new(503));
    let ((late, posts), (never, _)) = (receiver(&away), receiver(&Arc::new(AtomicU16::new(404))));
    sandbox.write(
        "prober.toml",
        &format!(
            "[notify.late]\nwebhook = {{ url = \"http://{late}/\" }}\nseverities = [\"page\"]\n\
             [notify.never]\nwebhook = {{ url = \"http://{never}/\" }}\nseverities = [\"page\"]\n"
        ),
    );
    let prober = prober(sandbox);
    broken.store(true, Ordering::Relaxed);
    prober.reaches("gameday_notification_failures_total{receiver=\"late\"}", 2.0);
    prober.reaches("gameday_notifications_given_up_total{receiver=\"never\"}", 1.0);
    assert_eq!(
        prober.metric("gameday_notification_failures_total{receiver=\"never\"}"),
        Some(1.0),
        "no more is tried"
    );
    away.store(200, Ordering::Relaxed);
    prober.reaches(
        "gameday_notifications_total{receiver=\"late\",status=\"firing\"}",
        1.0,
    );
    let (first, last) = (bodies(&posts)[0].clone(), bodies(&posts).pop().unwrap());
    assert_eq!(first, last, "it is the same message");
    assert!(
        prober.log().contains("never could not be told"),
        "{}",
        prober.log()
    );
}

#[test]
fn what_was_kept_and_cannot_be_read_is_said_and_put_aside() {
    let sandbox = Sandbox::new();
    service(&sandbox);
    sandbox.write("state/gameday/budgets/eu-west/budgets.json", "{\"budgets\": [[7");
    sandbox.write("prober.toml", "");
    let prober = prober(sandbox);
    assert!(
        prober.log().contains("The budgets begin anew"),
        "{}",
        prober.log()
    );
    assert!(
        prober
            .sandbox
            .path()
            .join("state/gameday/budgets/eu-west/budgets.bad")
            .exists()
    );
    prober.reaches(
        "gameday_slo_error_budget_remaining_ratio{probe=\"web\",objective=\"success\",pool=\"all\"}",
        1.0,
    );
    // Another prober of the same region does not write into the same files.
    let mut other =
        prober
            .sandbox
            .gameday(["probe", "probes", "--region", "eu-west", "--quiet", "--budgets"]);
    let ran = Ran::from(other.arg("state/gameday/budgets/eu-west").output().unwrap());
    assert_eq!(ran.code, Some(2));
    assert!(
        ran.stderr.contains("another prober keeps its own"),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_receiver_whose_secret_is_missing_ends_the_prober_at_once() {
    let sandbox = Sandbox::new();
    service(&sandbox);
    sandbox.write(
        "prober.toml",
        "[notify.oncall]\npagerduty = { routing_key = { env = \"NO_SUCH_KEY\" } }\n",
    );
    let ran = sandbox.run(["probe", "probes", "--config", "prober.toml"]);
    assert_eq!(ran.code, Some(2));
    assert!(
        ran.stderr
            .contains("[notify.oncall]: the environment variable `NO_SUCH_KEY` is not set"),
        "{}",
        ran.stderr
    );
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
