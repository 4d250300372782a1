//! `gameday probe`: what it says of services that are up, down, slow and badly described.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::support::http::serve;
use crate::support::lab::Lab;
use crate::support::{Killed, Ran, Sandbox, root, wait_for};

/// The shipped flow, looking at `base`.
fn checkout(sandbox: &Sandbox, base: &str) -> PathBuf {
    let text = std::fs::read_to_string(root().join("probes/checkout.toml")).unwrap();
    let shipped = "http://127.0.0.1:8080";
    assert!(text.contains(shipped), "the shipped flow has another base now");
    sandbox.write("checkout.toml", &text.replace(shipped, base))
}

fn lines_of(ran: &Ran) -> Vec<Value> {
    ran.stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// An address where nobody listens.
fn nobody() -> String {
    format!("http://{}", crate::support::ports::free_address())
}

#[test]
fn a_flow_through_a_whole_purchase_is_up_and_shows_no_secret() {
    let _turn = crate::support::turn();
    let sandbox = Sandbox::new();
    let lab = Lab::up(&sandbox, "embedded");
    let file = checkout(&sandbox, &lab.exports.api);
    let probe = |args: &[&str]| {
        let mut command = sandbox.gameday(["probe", "checkout.toml", "--once"]);
        command
            .args(args)
            .env("CHECKOUT_PASSWORD", lab.exports.password());
        Ran::from(command.output().unwrap())
    };
    assert!(file.exists());

    let text = probe(&[]);
    assert_eq!(text.code, Some(0), "{}{}", text.stdout, text.stderr);
    assert!(
        text.stdout.starts_with("checkout from local: up in "),
        "{}",
        text.stdout
    );
    let steps = ["login", "pay", "settled", "cleanup"];
    let shown: Vec<&str> = text
        .stdout
        .lines()
        .skip(1)
        .map(|line| line.split_whitespace().next().unwrap())
        .collect();
    assert_eq!(shown, steps, "{}", text.stdout);

    let json = probe(&["--region", "eu", "--region", "us", "--output", "json"]);
    assert_eq!(json.code, Some(0), "{}{}", json.stdout, json.stderr);
    let results = lines_of(&json);
    assert_eq!(
        results
            .iter()
            .map(|r| r["region"].as_str().unwrap())
            .collect::<Vec<_>>(),
        ["eu", "us"]
    );
    for result in &results {
        assert_eq!(
            (&result["probe"], &result["verdict"]),
            (&"checkout".into(), &"up".into())
        );
        check_spans(result, &steps);
    }
    for said in [&text.stdout, &text.stderr, &json.stdout, &json.stderr] {
        assert!(
            !said.contains(lab.exports.password()) && !said.contains("tok_"),
            "{said}"
        );
    }

    let wrong = sandbox
        .gameday(["probe", "checkout.toml", "--once"])
        .env("CHECKOUT_PASSWORD", "nope-nope")
        .output();
    let wrong = Ran::from(wrong.unwrap());
    assert_eq!(wrong.code, Some(1));
    assert!(
        wrong.stdout.contains("down (http_status)") && wrong.stdout.contains("401"),
        "{}",
        wrong.stdout
    );
    assert!(!wrong.stdout.contains("nope-nope"), "{}", wrong.stdout);
}

/// Phases lie within their step; steps fill the whole, but for what is tidied up after the verdict.
#[track_caller]
fn check_spans(result: &Value, names: &[&str]) {
    let sum = |value: &Value| {
        value
            .as_object()
            .unwrap()
            .values()
            .map(|us| us.as_u64().unwrap())
            .sum::<u64>()
    };
    let steps = result["steps"].as_array().unwrap();
    assert_eq!(
        steps
            .iter()
            .map(|step| step["name"].as_str().unwrap())
            .collect::<Vec<_>>(),
        names
    );
    let mut all = 0;
    for step in steps {
        let total = step["total_us"].as_u64().unwrap();
        assert!(sum(&step["phases"]) <= total, "{step}");
        assert!(
            step["phases"]["wait_us"].as_u64().unwrap() > 0,
            "a server needs time to answer: {step}"
        );
        all += if step["name"] == "cleanup" { 0 } else { total };
    }
    let total = result["total_us"].as_u64().unwrap();
    assert!(
        all <= total && total - all < 50_000,
        "steps took {all} of {total} us"
    );
    assert!(sum(&result["phases"]) <= total, "{result}");
}

#[test]
fn a_probe_that_is_down_says_why_and_exits_1() {
    let sandbox = Sandbox::new();
    let page = serve(|_| (200, r#"{"state":"closed"}"#.to_owned()));
    let step = |url: &str, expect: &str| {
        format!("[[step]]\nname = \"home\"\nget = \"{url}\"\nexpect = ['{expect}']\n")
    };
    let check = |url: &str, expect: &str, code: i32, words: &[&str]| {
        sandbox.write("web.toml", &step(url, expect));
        let ran = sandbox.run(["probe", "web.toml", "--once"]);
        assert_eq!(ran.code, Some(code), "{}{}", ran.stdout, ran.stderr);
        for word in words {
            assert!(ran.stdout.contains(word), "{word} is not in:\n{}", ran.stdout);
        }
    };
    let url = format!("http://{page}/");
    check(&url, "status == 200", 0, &["web from local: up in"]);
    check(&url, "status == 204", 1, &["down (http_status)", "200"]);
    check(
        &url,
        "json $.state == \"open\"",
        1,
        &["down (assert_failed)", "closed"],
    );
    check(
        &nobody(),
        "status == 200",
        1,
        &["down (connect_refused)", "127.0.0.1"],
    );
}

#[test]
fn one_probe_of_a_folder_that_is_down_is_enough_for_exit_1() {
    let sandbox = Sandbox::new();
    let page = serve(|_| (200, String::new()));
    let step = |url: &str| format!("[[step]]\nname = \"home\"\nget = \"{url}\"\n");
    sandbox.write("probes/a.toml", &step(&format!("http://{page}/")));
    sandbox.write("probes/b.toml", &step(&nobody()));
    let ran = sandbox.run(["probe", "probes", "--once", "--output", "json"]);
    let verdicts: Vec<_> = lines_of(&ran)
        .iter()
        .map(|line| (line["probe"].clone(), line["verdict"].clone()))
        .collect();
    assert_eq!(verdicts, [("a".into(), "up".into()), ("b".into(), "down".into())]);
    assert_eq!(ran.code, Some(1));
}

#[test]
fn what_cannot_be_run_is_told_with_exit_2_and_asks_nobody() {
    let sandbox = Sandbox::new();
    checkout(&sandbox, &nobody());
    let without = sandbox
        .gameday(["probe", "checkout.toml", "--once"])
        .env_remove("CHECKOUT_PASSWORD")
        .output();
    let without = Ran::from(without.unwrap());
    assert_eq!((without.code, without.stdout.as_str()), (Some(2), ""));
    for word in ["CHECKOUT_PASSWORD", "password", "checkout.toml"] {
        assert!(
            without.stderr.contains(word),
            "{word} is not in:\n{}",
            without.stderr
        );
    }

    sandbox.write(
        "bad.toml",
        "every = \"1 fortnight\"\n[[step]]\nname = \"a\"\ngit = \"http://a/\"\n",
    );
    let bad = sandbox.run(["probe", "bad.toml", "--once"]);
    assert_eq!((bad.code, bad.stdout.as_str()), (Some(2), ""));
    for word in ["bad.toml:1:9", "unknown key `git`", "hint: did you mean `get`?"] {
        assert!(bad.stderr.contains(word), "{word} is not in:\n{}", bad.stderr);
    }

    let gone = sandbox.run(["probe", "gone.toml", "--once"]);
    assert_eq!(gone.code, Some(2));
    assert!(gone.stderr.contains("gone.toml"), "{}", gone.stderr);
}

/// A prober on a schedule, and its lines as they come.
fn on_schedule(sandbox: &Sandbox) -> (Killed, impl Iterator<Item = (Instant, Value)>) {
    let mut child = sandbox
        .gameday(["probe", "web.toml", "--output", "json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map_while(Result::ok);
    (
        Killed(child),
        lines.map(|line| (Instant::now(), serde_json::from_str(&line).unwrap())),
    )
}

fn interrupt(child: &mut Child) -> Option<i32> {
    kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGINT).unwrap();
    wait_for("the prober to end", Duration::from_secs(3), || {
        child.try_wait().unwrap()
    })
    .code()
}

#[test]
fn a_schedule_is_kept_although_the_service_is_slow_until_ctrl_c() {
    let sandbox = Sandbox::new();
    let page = serve(|_| {
        // The service's own slowness: looks overlap.
        std::thread::sleep(Duration::from_millis(500));
        (200, String::new())
    });
    let step = format!("every = \"200ms\"\n[[step]]\nname = \"home\"\nget = \"http://{page}/\"\n");
    sandbox.write("web.toml", &step);
    let (mut prober, lines) = on_schedule(&sandbox);
    let results: Vec<_> = lines.take(11).collect();
    assert!(
        results.iter().all(|(_, line)| line["verdict"] == "up"),
        "{results:?}"
    );
    let elapsed = results[10].0 - results[0].0;
    // Ten steps are 2 s; a prober that waits for each answer would need 5 s.
    let kept = Duration::from_millis(1700)..Duration::from_millis(2800);
    assert!(kept.contains(&elapsed), "ten ticks took {elapsed:?}");
    assert_eq!(interrupt(&mut prober.0), Some(0));
}

#[test]
fn ticks_that_found_no_place_are_told() {
    let sandbox = Sandbox::new();
    let page = serve(|_| {
        // At ten looks a second, 16 places are taken after 1.6 s.
        std::thread::sleep(Duration::from_millis(2500));
        (200, String::new())
    });
    let step = format!("every = \"100ms\"\n[[step]]\nname = \"home\"\nget = \"http://{page}/\"\n");
    sandbox.write("web.toml", &step);
    let (mut prober, mut lines) = on_schedule(&sandbox);
    let missed = lines
        .by_ref()
        .take(40)
        .find_map(|(_, line)| line["missed"].as_u64());
    assert!(
        missed.is_some_and(|missed| (1..=20).contains(&missed)),
        "told to be missed: {missed:?}"
    );
    assert_eq!(
        interrupt(&mut prober.0),
        Some(0),
        "Ctrl-C does not wait for an answer"
    );
}
