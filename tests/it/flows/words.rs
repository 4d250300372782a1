//! Words of a step through the binary: `replay`, `poll`, `retry`, `always`, and what is otherwise in a region.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::support::Sandbox;
use crate::support::http::{Arrival, serve};

/// What was asked for, in order, and an answer for each.
fn server(
    answer: impl Fn(usize, &Arrival) -> (u16, String) + Send + Sync + 'static,
) -> (String, Arc<Mutex<Vec<String>>>) {
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let (log, count) = (Arc::clone(&asked), AtomicUsize::new(0));
    let address = serve(move |arrival| {
        log.lock().unwrap().push(arrival.path.clone());
        answer(count.fetch_add(1, Ordering::SeqCst), &arrival)
    });
    (format!("http://{address}"), asked)
}

fn once(text: &str, args: &[&str]) -> Value {
    let sandbox = Sandbox::new();
    sandbox.write("flow.toml", text);
    let ran = sandbox.run(
        ["probe", "flow.toml", "--once", "--output", "json"]
            .iter()
            .chain(args),
    );
    serde_json::from_str(ran.stdout.trim()).unwrap_or_else(|_| panic!("{}{}", ran.stdout, ran.stderr))
}

#[track_caller]
fn check(look: &Value, reason: &str, words: &str) {
    let said = look["reason"].as_str().unwrap_or("up");
    let message = look["message"].as_str().unwrap_or_default();
    assert!(
        said == reason && message.contains(words),
        "not {reason} ({words}): {look}"
    );
}

fn header(arrival: &Arrival, name: &str) -> String {
    let line = arrival
        .head
        .lines()
        .find_map(|line| line.strip_prefix(&format!("{name}:")));
    line.unwrap_or_default().trim().to_owned()
}

#[test]
fn the_same_request_twice_must_have_the_same_answer() {
    let pay = |base: &str, replay: &str| {
        format!(
            "[[step]]\nname = \"pay\"\npost = \"{base}/pay\"\nheaders = {{ Idempotency-Key = \"{{{{uuid}}}}\" }}\njson = {{ amount = 1 }}\nreplay = {replay}\n"
        )
    };
    let (base, asked) = server(|_, arrival| {
        (
            201,
            format!("{{\"id\": \"{}\"}}", header(arrival, "idempotency-key")),
        )
    });
    check(&once(&pay(&base, "true"), &[]), "up", "");
    assert_eq!(asked.lock().unwrap().len(), 2);
    // A shop that charges twice, and one that says so by its status alone.
    let (base, _) = server(|number, _| (201, format!("{{\"id\": \"pay_{number}\"}}")));
    let twice = once(&pay(&base, "{ same = [\"status\", \"json $.id\"] }"), &[]);
    check(
        &twice,
        "replay_mismatch",
        "`json $.id` was \"pay_0\", then \"pay_1\"",
    );
    check(&once(&pay(&base, "{ same = [\"status\"] }"), &[]), "up", "");
    let (base, _) = server(|number, _| (if number == 0 { 201 } else { 409 }, "{}".to_owned()));
    check(
        &once(&pay(&base, "true"), &[]),
        "replay_mismatch",
        "`status` was 201, then 409",
    );
}

#[test]
fn a_poll_asks_until_it_holds_or_its_time_is_over() {
    let wait = |base: &str, within: &str| {
        format!(
            "timeout = \"20s\"\n[[step]]\nname = \"settled\"\nget = \"{base}/payment\"\npoll = {{ until = 'json $.state == \"settled\"', every = \"20ms\", within = \"{within}\" }}\n"
        )
    };
    let (base, asked) = server(|number, _| {
        let state = if number < 3 { "pending" } else { "settled" };
        (200, format!("{{\"state\": \"{state}\"}}"))
    });
    check(&once(&wait(&base, "15s"), &[]), "up", "");
    assert_eq!(asked.lock().unwrap().len(), 4);
    let (base, asked) = server(|_, _| (200, "{\"state\": \"pending\"}".to_owned()));
    let look = once(&wait(&base, "2s"), &[]);
    check(
        &look,
        "poll_timeout",
        "did not come true within 2s; last: \"pending\"",
    );
    assert!(asked.lock().unwrap().len() > 1);
    // What the step must be beside it counts as well.
    let (base, _) = server(|_, _| (500, "{\"state\": \"settled\"}".to_owned()));
    check(&once(&wait(&base, "5s"), &[]), "http_status", "");
}

#[test]
fn a_step_that_failed_is_tried_again_as_often_as_is_said() {
    let flow = |base: &str, times: u32| {
        format!(
            "[[step]]\nname = \"home\"\nget = \"{base}/\"\nretry = {{ times = {times}, every = \"10ms\" }}\nexpect = [\"status == 200\"]\n"
        )
    };
    for (times, reason, asked_for) in [(2, "up", 3), (1, "http_status", 2)] {
        let (base, asked) = server(|number, _| (if number < 2 { 503 } else { 200 }, String::new()));
        check(&once(&flow(&base, times), &[]), reason, "");
        assert_eq!(asked.lock().unwrap().len(), asked_for);
    }
}

#[test]
fn what_tidies_up_runs_after_a_failure_and_has_no_say() {
    let (base, asked) = server(|_, arrival| {
        let status = match arrival.path.as_str() {
            "/orders" => 201,
            "/orders/o1/pay" => 500,
            "/orders/o1" => 503,
            _ => 200,
        };
        (status, "{\"id\": \"o1\"}".to_owned())
    });
    let flow = |pay: &str| {
        format!(
            r#"
[[step]]
name = "order"
post = "{base}/orders"
save = {{ id = {{ json = "$.id" }} }}
[[step]]
name = "pay"
post = "{base}{pay}"
[[step]]
name = "ship"
post = "{base}/ship"
[[step]]
name = "cancel"
delete = "{base}/orders/{{{{id}}}}"
always = true
"#
        )
    };
    let look = once(&flow("/orders/{{id}}/pay"), &[]);
    check(&look, "http_status", "pay");
    assert_eq!(
        *asked.lock().unwrap(),
        ["/orders", "/orders/o1/pay", "/orders/o1"]
    );
    // That it could not tidy up is no outage.
    check(&once(&flow("/paid"), &[]), "up", "");
}

#[test]
fn a_region_has_variables_and_an_objective_of_its_own() {
    let (base, asked) = server(|_, _| (200, String::new()));
    let text = format!(
        r#"
slo = {{ success = "99.9%" }}
[vars]
path = "everywhere"
[region.eu-west]
vars = {{ path = "europe" }}
slo = {{ success = "99%", p95 = "2s", window = "7d" }}
[[step]]
name = "home"
get = "{base}/{{{{path}}}}"
"#
    );
    for region in ["eu-west", "us-east"] {
        check(&once(&text, &["--region", region]), "up", "");
    }
    assert_eq!(*asked.lock().unwrap(), ["/europe", "/everywhere"]);
    let sandbox = Sandbox::new();
    sandbox.write("flow.toml", &text);
    let ran = sandbox.run(["slo", "flow.toml", "--region", "eu-west", "--region", "us-east"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    for words in ["99%", "99.9%", "7d", "30d"] {
        assert!(ran.stdout.contains(words), "{words} is not in {}", ran.stdout);
    }
}
