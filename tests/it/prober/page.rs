//! The page that a person looks at.

use std::time::Duration;

use crate::support::http::serve;
use crate::support::prober::Prober;
use crate::support::{Sandbox, wait_for};

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
