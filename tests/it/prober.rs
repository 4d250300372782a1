//! `gameday probe --listen`: a region's prober as a server.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use nix::sys::signal::Signal;
use serde_json::Value;

use crate::support::http::{self, serve};
use crate::support::prober::Prober;
use crate::support::{Killed, Sandbox, wait_for};

/// A flow of one step against a service that can be broken, ten times a second.
fn web(sandbox: &Sandbox) -> Arc<AtomicBool> {
    let broken = Arc::new(AtomicBool::new(false));
    let switch = Arc::clone(&broken);
    let page = serve(move |_| match switch.load(Ordering::Relaxed) {
        true => (503, "{}".to_owned()),
        false => (200, "{}".to_owned()),
    });
    let step = format!(
        "every = \"100ms\"\n[[step]]\nname = \"home\"\nget = \"http://{page}/\"\nexpect = [\"status == 200\"]\n"
    );
    sandbox.write("probes/web.toml", &step);
    broken
}

fn events(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn metrics_count_looks_by_what_they_said() {
    let sandbox = Sandbox::new();
    let broken = web(&sandbox);
    let mut prober = Prober::start(&["probes", "--region", "eu-west"], sandbox);
    let labels = r#"probe="web",region="eu-west""#;
    let runs = |word: &str| format!("gameday_probe_runs_total{{{labels},outcome=\"{word}\"}}");
    prober.reaches(&runs("up"), 3.0);
    assert_eq!(prober.metric(&runs("down")), Some(0.0));
    assert_eq!(prober.metric(&format!("gameday_probe_up{{{labels}}}")), Some(1.0));
    broken.store(true, Ordering::Relaxed);
    prober.reaches(
        &format!("gameday_probe_failures_total{{{labels},reason=\"http_status\"}}"),
        2.0,
    );
    assert_eq!(prober.metric(&format!("gameday_probe_up{{{labels}}}")), Some(0.0));
    for histogram in [
        format!("gameday_probe_duration_seconds_count{{{labels}}}"),
        format!("gameday_probe_step_duration_seconds_count{{{labels},step=\"home\"}}"),
        format!("gameday_probe_phase_seconds_count{{{labels},step=\"home\",phase=\"wait\"}}"),
    ] {
        prober.reaches(&histogram, 5.0);
    }
    assert!(prober.terminate().success());
}

#[test]
fn a_journal_is_followed_line_by_line_and_a_follower_waits_for_the_next() {
    let sandbox = Sandbox::new();
    web(&sandbox);
    let prober = Prober::start(&["probes", "--region", "eu-west", "--region", "us-east"], sandbox);
    let about: Value = serde_json::from_str(&prober.get("/v1/region")).unwrap();
    assert_eq!(about["regions"], serde_json::json!(["eu-west", "us-east"]));
    let (mut next, mut regions) = (0, std::collections::BTreeSet::new());
    let began = Instant::now();
    while next < 12 && began.elapsed() < Duration::from_secs(20) {
        for event in events(&prober.get(&format!("/journal?from={next}&wait=5s"))) {
            assert_eq!(event["seq"], next);
            assert_eq!(event["kind"]["probe_done"]["probe"], "web");
            regions.insert(event["region"].as_str().unwrap().to_owned());
            next += 1;
        }
    }
    assert!(regions.iter().eq(["eu-west", "us-east"]), "{regions:?}");
    // Nobody has seen this line yet: the number is of another prober, or of this one before it was restarted.
    let beyond = prober.ask("GET", "/journal?from=1000000", &[]);
    assert_eq!((beyond.status, &beyond.json()["first"]), (410, &0.into()));
}

#[test]
fn a_foreign_name_or_page_is_refused() {
    let sandbox = Sandbox::new();
    web(&sandbox);
    let prober = Prober::start(&["probes"], sandbox);
    assert_eq!(
        prober.ask("GET", "/metrics", &[("Host", "evil.example")]).status,
        403
    );
    let foreign = [("Origin", "http://evil.example")];
    assert_eq!(prober.ask("POST", "/-/reload", &foreign).status, 403);
    assert_eq!(prober.ask("POST", "/-/reload", &[]).status, 200);
    assert_eq!(prober.ask("GET", "/-/reload", &[]).status, 405);
}

#[test]
fn probes_are_read_again_and_a_bad_file_changes_nothing() {
    let sandbox = Sandbox::new();
    web(&sandbox);
    let prober = Prober::start(&["probes"], sandbox);
    let up = |probe: &str| {
        format!("gameday_probe_runs_total{{probe=\"{probe}\",region=\"local\",outcome=\"up\"}}")
    };
    let good = "gameday_prober_config_last_reload_successful";
    prober.reaches(&up("web"), 2.0);
    let text = std::fs::read_to_string(prober.sandbox.path().join("probes/web.toml")).unwrap();

    // A new file is seen by itself.
    prober.sandbox.write("probes/second.toml", &text);
    prober.says("2 probes are loaded");
    prober.reaches(&up("second"), 1.0);

    let before = prober.metric(&up("web")).unwrap();
    prober
        .sandbox
        .write("probes/second.toml", &text.replace("get =", "git ="));
    prober.signal(Signal::SIGHUP);
    let said = prober.says("everything stays as it is");
    assert!(
        said.contains("second.toml:4:1") && said.contains("unknown key `git`"),
        "{said}"
    );
    assert_eq!(prober.metric(good), Some(0.0));
    let page = prober.get("/");
    assert!(page.contains("unknown key `git`"), "{page}");
    let asked = prober.ask("POST", "/-/reload", &[]);
    assert_eq!(asked.status, 422);
    assert!(asked.body.contains("did you mean `get`?"), "{}", asked.body);
    prober.reaches(&up("web"), before + 2.0);
    prober.reaches(&up("second"), 2.0);

    std::fs::remove_file(prober.sandbox.path().join("probes/second.toml")).unwrap();
    let asked = prober.ask("POST", "/-/reload", &[]);
    assert_eq!((asked.status, asked.body.as_str()), (200, "1 probe is loaded\n"));
    assert_eq!(prober.metric(good), Some(1.0));
    assert_eq!(prober.metric(&up("second")), None);
    // What was counted before stays counted.
    assert!(prober.metric(&up("web")).unwrap() >= before);
}

#[test]
fn a_failure_leaves_evidence_beside_the_last_good_look_and_no_secret() {
    let sandbox = Sandbox::new();
    let broken = Arc::new(AtomicBool::new(false));
    let switch = Arc::clone(&broken);
    // A service that shows everybody the password it was given, even in halves.
    // The login alone: a payment that has just begun goes through.
    let shop = serve(
        move |request| match switch.load(Ordering::Relaxed) && !request.body.is_empty() {
            true => {
                let said = format!("{} is what I got, ", request.body);
                // A body is shown up to its 2,048th byte.
                let fill = "x".repeat(2048 - 7 - said.len());
                (503, format!("{said}{fill}hunter2-hunter2"))
            }
            false => (200, "{}".to_owned()),
        },
    );
    let flow = format!(
        r#"
        every = "100ms"
        [secrets]
        password = {{ env = "SHOP_PASSWORD" }}
        [[step]]
        name = "login"
        post = "http://{shop}/login"
        form = {{ user = "canary", password = "{{{{secret.password}}}}" }}
        expect = ["status == 200"]
        [[step]]
        name = "pay"
        get = "http://{shop}/pay?key={{{{secret.password}}}}"
        "#
    );
    sandbox.write("probes/shop.toml", &flow);
    let prober = Prober::start_with(&["probes", "--region", "eu-west"], sandbox, |command| {
        command.env("SHOP_PASSWORD", "hunter2-hunter2");
    });
    let labels = r#"probe="shop",region="eu-west""#;
    prober.reaches(
        &format!("gameday_probe_runs_total{{{labels},outcome=\"up\"}}"),
        2.0,
    );
    let show = |args: &[&str]| {
        let ran = prober.sandbox.run(["probe", "show"].iter().chain(args));
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        ran.stdout
    };
    assert_eq!(show(&[]), "");
    broken.store(true, Ordering::Relaxed);
    let listed = wait_for("evidence", Duration::from_secs(20), || {
        Some(show(&[])).filter(|it| !it.is_empty())
    });
    assert!(
        listed.contains("shop from eu-west: down (http_status)"),
        "{listed}"
    );
    prober.reaches(
        &format!("gameday_probe_runs_total{{{labels},outcome=\"down\"}}"),
        10.0,
    );
    let list: Value = serde_json::from_str(&show(&["--output", "json"])).unwrap();
    assert_eq!(
        list.as_array().unwrap().len(),
        1,
        "an outage is kept at its begin: {list}"
    );

    let text = show(&["shop"]);
    for words in [
        "expected `status == 200`, found 503",
        "> POST /login host",
        "< HTTP/1.1 503",
        "what differs from the last good look at",
        "- step pay: up 200",
        "+ step login: down (http_status) 503",
        "the last good look: up at",
        "> GET /pay?key=*** host",
    ] {
        assert!(text.contains(words), "{words} is not in:\n{text}");
    }
    let bundles: Value = serde_json::from_str(&show(&["shop", "--output", "json"])).unwrap();
    let bundle = &bundles[0];
    assert_eq!(bundle["bad"]["reason"], "http_status");
    assert_eq!(bundle["bad"]["evidence"][0]["kind"], "connect");
    assert_eq!(bundle["last_good"]["verdict"], "up");

    let kept = list[0]["path"].as_str().unwrap();
    let kept = std::fs::read_to_string(kept).unwrap();
    let seen_elsewhere = [
        prober.get("/"),
        prober.get("/journal"),
        prober.get("/metrics"),
        text,
        kept,
    ];
    for said in seen_elsewhere {
        assert!(!said.contains("hunter"), "{said}");
    }

    let at = list[0]["at"].as_str().unwrap();
    assert!(show(&["shop", "--at", &at[..16]]).starts_with("shop from eu-west"));
    for (args, words) in [
        (["shop", "--at=1999"], "`gameday probe show` lists what there is"),
        (["shop", "--region=us"], "no such failure"),
        (["chop", "--region=eu-west"], "did you mean `shop`?"),
    ] {
        let ran = prober.sandbox.run(["probe", "show"].iter().chain(&args));
        assert_eq!(ran.code, Some(2));
        assert!(ran.stderr.contains(words), "{}", ran.stderr);
    }
}

#[test]
fn a_unit_holds_what_systemd_asks_of_it() {
    let sandbox = Sandbox::new();
    sandbox.write("token", "0123456789abcdef");
    sandbox.write(
        "probes/a.toml",
        "[secrets]\nkey = { env = \"SHOP_KEY\" }\n[[step]]\nname = \"a\"\nget = \"http://127.0.0.1/{{secret.key}}\"\n",
    );
    let words =
        "probe systemd-unit -- probes --region=eu-west --listen 0.0.0.0:9115 --token-file token --host";
    let ran = sandbox.run(words.split(' ').chain(["pro ber"]));
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let dir = sandbox.path().canonicalize().unwrap();
    let dir = dir.display();
    for line in [
        &format!("LoadCredential=token:{dir}/token"),
        &format!(
            "probe --quiet {dir}/probes --region eu-west --listen 0.0.0.0:9115 --token-file %d/token --host \"pro ber\""
        ),
        "# NAME=VALUE lines, for root only: SHOP_KEY",
        "EnvironmentFile=/etc/gameday/prober.env",
        "DynamicUser=yes",
        "ExecReload=/bin/kill -HUP $MAINPID",
    ] {
        assert!(ran.stdout.contains(line), "{line} is not in:\n{}", ran.stdout);
    }
    let unit = sandbox.write("gameday-prober.service", &ran.stdout);
    match std::process::Command::new("systemd-analyze")
        .arg("verify")
        .arg(&unit)
        .output()
    {
        Ok(verified) => assert!(
            verified.status.success() && verified.stderr.is_empty(),
            "{}",
            String::from_utf8_lossy(&verified.stderr)
        ),
        Err(_) => println!("systemd-analyze is not here: the unit was not verified"),
    }
    // What prober.toml takes from files is handed over as well, by names that its reader knows.
    sandbox.write("peers token", "0123456789abcdef");
    sandbox.write(
        "prober.toml",
        "[peers]\nus = { url = \"http://127.0.0.1:1\", token = { file = \"peers token\" } }\n[notify.team]\nslack = { url = { file = \"slack.url\" } }\n",
    );
    let words = "probe systemd-unit -- probes --region eu --listen 127.0.0.1:9115 --config prober.toml";
    let ran = sandbox.run(words.split(' '));
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let below = dir.to_string().trim_start_matches('/').replace('/', "-");
    for line in [
        format!("LoadCredential={below}-peers-token:{dir}/peers token\n"),
        format!("LoadCredential={below}-slack.url:{dir}/slack.url\n"),
        format!("--config {dir}/prober.toml\n"),
    ] {
        assert!(ran.stdout.contains(&line), "{line} is not in:\n{}", ran.stdout);
    }
    for (args, said) in [
        ("probe systemd-unit -- probes --once", "without `--once`"),
        (
            "probe systemd-unit -- probes --regon eu",
            "a similar argument exists: '--region'",
        ),
        ("probe systemd-unit -- nowhere", "nowhere"),
    ] {
        let ran = sandbox.run(args.split(' '));
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""));
        assert!(ran.stderr.contains(said), "{}", ran.stderr);
    }
}

#[test]
fn the_page_tells_what_fails_and_runs_nothing_that_a_service_says() {
    let sandbox = Sandbox::new();
    let hostile = "<script>alert(1)</script>\u{1b}[2J\"'&";
    let bad = serve(move |_| (200, serde_json::json!({ "state": hostile }).to_string()));
    let good = serve(|_| (200, "{}".to_owned()));
    let step = |at: std::net::SocketAddr, expect: &str| {
        format!(
            "every = \"100ms\"\n[[step]]\nname = \"home\"\nget = \"http://{at}/\"\nexpect = ['{expect}']\n"
        )
    };
    sandbox.write("probes/bad.toml", &step(bad, "json $.state == \"ok\""));
    sandbox.write("probes/good.toml", &step(good, "status == 200"));
    sandbox.write(
        "probes/late.toml",
        &format!("{}slo = \"1us\"\n", step(good, "status == 200")),
    );
    let prober = Prober::start(&["probes", "--region", "eu-west", "--region", "us-east"], sandbox);
    for region in ["eu-west", "us-east"] {
        for (probe, word) in [("bad", "down"), ("good", "up"), ("late", "slow")] {
            let runs = format!(
                "gameday_probe_runs_total{{probe=\"{probe}\",region=\"{region}\",outcome=\"{word}\"}}"
            );
            prober.reaches(&runs, 1.0);
        }
    }
    let page = prober.ask("GET", "/", &[]);
    let policy = page.header("content-security-policy").unwrap();
    assert!(
        policy.starts_with("default-src 'none'; style-src 'self'; script-src 'self';"),
        "{policy}"
    );
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
    let html = &page.body;
    for words in [
        "<title>2 of 6 down · eu-west, us-east · gameday</title>",
        "2 up, 2 slow, 2 down",
        "Failing now",
        "assert_failed",
        "&lt;script&gt;alert(1)&lt;/script&gt;",
        "its slo is 1us",
        "href=\"/evidence/bad/us-east\"",
        "aria-label=\"the last looks: ",
        "class=\"p-wait\"",
    ] {
        assert!(html.contains(words), "{words} is not in:\n{html}");
    }
    for never in [
        "<script>",
        "\u{1b}",
        " style=",
        " onerror=",
        "http://",
        "https://",
        "//cdn",
    ] {
        assert!(!html.contains(never), "{never} is in:\n{html}");
    }
    for (path, kind) in [
        ("/page/style.css", "text/css"),
        ("/page/refresh.js", "text/javascript"),
    ] {
        let part = prober.ask("GET", path, &[]);
        assert_eq!((part.status, part.header("content-type")), (200, Some(kind)));
    }
    let evidence = wait_for("evidence", Duration::from_secs(10), || {
        Some(prober.ask("GET", "/evidence/bad/eu-west", &[])).filter(|answer| answer.status == 200)
    });
    assert!(evidence.body.contains("&lt;script&gt;") && !evidence.body.contains("<script>"));
    assert_eq!(prober.ask("GET", "/evidence/good/eu-west", &[]).status, 404);
    assert_eq!(
        prober.ask("GET", "/evidence/..%2F..%2Fetc/passwd", &[]).status,
        400
    );

    let one = prober.get("/?probe=goo");
    assert!(one.contains("<th scope=\"row\">good</th>") && !one.contains("<th scope=\"row\">bad</th>"));
    let none = prober.get("/?probe=%3Cscript%3E");
    assert!(
        none.contains("No probe is named like this") && !none.contains("<script>"),
        "{none}"
    );
}

#[test]
fn beyond_loopback_a_token_is_asked_for_and_a_browser_may_give_it_as_a_password() {
    const TOKEN: &str = "correct-horse-battery-staple";
    let sandbox = Sandbox::new();
    web(&sandbox);
    let file = sandbox.write("token", TOKEN);
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let open = sandbox.run(["probe", "probes", "--listen", "0.0.0.0:0"]);
    assert_eq!(open.code, Some(2));
    assert!(
        open.stderr.contains("give --token-file FILE, or --insecure"),
        "{}",
        open.stderr
    );

    let prober = Prober::start(
        &["probes", "--listen", "0.0.0.0:0", "--token-file", "token"],
        sandbox,
    );
    let port = prober.url.rsplit(':').next().unwrap();
    let basic = |pair: &str| format!("Basic {}", BASE64_STANDARD.encode(pair));
    let ask = |path: &str, authorization: Option<&str>| {
        let headers: Vec<_> = authorization
            .map(|it| ("Authorization", it))
            .into_iter()
            .collect();
        let answer = http::ask("GET", &format!("http://127.0.0.1:{port}{path}"), &headers, "").unwrap();
        assert!(!answer.body.contains(TOKEN) && !answer.head.contains(TOKEN));
        answer
    };
    for path in [
        "/",
        "/metrics",
        "/journal",
        "/v1/region",
        "/-/healthy",
        "/evidence/web/local",
        "/page/refresh.js",
    ] {
        let refused = ask(path, None);
        assert_eq!(refused.status, 401, "{path}");
        assert!(
            refused
                .header("www-authenticate")
                .is_some_and(|ways| ways.contains("Basic")),
            "{path}"
        );
    }
    assert_eq!(ask("/metrics", Some(&format!("Bearer {TOKEN}"))).status, 200);
    assert_eq!(ask("/", Some(&basic(&format!("anybody:{TOKEN}")))).status, 200);
    for wrong in [
        "Bearer correct-horse-battery-stable",
        &basic("anybody:wrong"),
        "Basic ???",
        "Bearer",
    ] {
        assert_eq!(ask("/", Some(wrong)).status, 401, "{wrong}");
    }
}

#[test]
fn it_serves_over_tls_with_a_certificate() {
    let sandbox = Sandbox::new();
    web(&sandbox);
    let openssl = |args: &str| {
        let mut command = Command::new("openssl");
        command.args(args.split(' ')).current_dir(sandbox.path());
        command
    };
    let made = "req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost";
    assert!(
        openssl(made)
            .output()
            .expect("openssl is installed")
            .status
            .success()
    );
    let half = sandbox.run([
        "probe",
        "probes",
        "--listen",
        "127.0.0.1:0",
        "--tls-cert",
        "cert.pem",
    ]);
    assert!(
        half.code == Some(2) && half.stderr.contains("--tls-key"),
        "{}",
        half.stderr
    );
    let swapped = [
        "probe",
        "probes",
        "--listen",
        "127.0.0.1:0",
        "--tls-cert",
        "cert.pem",
        "--tls-key",
        "cert.pem",
    ];
    let swapped = sandbox.run(swapped);
    assert!(
        swapped.code == Some(2) && swapped.stderr.contains("error: cert.pem: "),
        "{}",
        swapped.stderr
    );

    let args = ["probes", "--tls-cert", "cert.pem", "--tls-key", "key.pem"];
    let prober = Prober::start(&args, sandbox);
    let at = prober.url.strip_prefix("https://").unwrap();
    let ask = format!(
        "s_client -connect {at} -servername localhost -verify_hostname localhost -CAfile cert.pem -verify_return_error -quiet"
    );
    let mut client = Command::new("openssl")
        .args(ask.split(' '))
        .current_dir(prober.sandbox.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let request = b"GET /-/healthy HTTP/1.0\r\nHost: localhost\r\n\r\n";
    client.stdin.as_mut().unwrap().write_all(request).unwrap();
    let said = client.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&said.stdout);
    assert!(
        said.starts_with("HTTP/1.0 200") && said.ends_with("healthy\n"),
        "{said}"
    );
    // Who does not speak TLS gets no answer.
    assert!(http::ask("GET", &format!("http://{at}/-/healthy"), &[], "").is_err());
}

#[test]
fn a_panel_has_a_cadence_and_a_verdict_of_its_own() {
    let sandbox = Sandbox::new();
    web(&sandbox);
    let flow = std::fs::read_to_string(sandbox.path().join("probes/web.toml")).unwrap();
    let panels = "[check.tls]\nat = \"127.0.0.1:1\"\nevery = \"400ms\"\n[check.dns]\nname = \"a.example.test\"\nask = [\"udp://127.0.0.1:1\"]\n";
    sandbox.write(
        "probes/web.toml",
        &flow.replace("[[step]]", &format!("{panels}[[step]]")),
    );
    let prober = Prober::start(&["probes"], sandbox);
    let runs = |probe: &str, word: &str| {
        format!("gameday_probe_runs_total{{probe=\"{probe}\",region=\"local\",outcome=\"{word}\"}}")
    };
    prober.reaches(&runs("web.tls", "down"), 5.0);
    let (flow, tls) = (
        prober.metric(&runs("web", "up")),
        prober.metric(&runs("web.tls", "down")),
    );
    // Four times as often, give or take what a busy machine missed.
    let ratio = flow.unwrap() / tls.unwrap();
    assert!((2.0..=6.0).contains(&ratio), "{ratio}");
    assert_eq!(prober.metric(&runs("web", "down")), Some(0.0));
    // Without `every` a panel looks once a minute: at most once by now.
    assert!(prober.metric(&runs("web.dns", "down")).unwrap() <= 1.0);
}

#[test]
fn quietly_only_changes_are_told() {
    let sandbox = Sandbox::new();
    let broken = web(&sandbox);
    let mut child = sandbox
        .gameday(["probe", "probes", "--quiet"])
        .stdout(Stdio::piped())
        .spawn()
        .map(Killed)
        .unwrap();
    let mut lines = BufReader::new(child.0.stdout.take().unwrap()).lines();
    let mut next = || lines.next().unwrap().unwrap();
    for (is_broken, words) in [
        (true, ["  down     web from local  ", "http_status", "found 503"]),
        (false, ["  up       web from local  ", "", ""]),
        (true, ["  down     web from local  ", "http_status", "found 503"]),
    ] {
        // Several looks, of which the first alone is news.
        std::thread::sleep(Duration::from_millis(400));
        broken.store(is_broken, Ordering::Relaxed);
        let line = next();
        assert!(words.iter().all(|word| line.contains(word)), "{line}");
    }
}

#[test]
fn completions_name_every_command_for_every_shell() {
    let sandbox = Sandbox::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ran = sandbox.run(["completions", shell]);
        assert_eq!(ran.code, Some(0));
        assert!(
            ran.stdout.contains("systemd-unit") && ran.stdout.contains("token-file"),
            "{shell}"
        );
    }
}
