//! Sources that are not there, or are not what they should be: each error is one line that says so.

use std::time::Duration;

use expect_test::{Expect, expect};
use gameday_alert::{AlertSource, Alertmanager, Prometheus};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::replay::{Replay, recorded};

/// What a server does after it has read a request.
enum Then {
    Say(&'static str),
    SayAndPad(&'static str, usize),
    Wait,
}

/// A server of raw bytes; stops when the set is dropped.
async fn server(then: Then) -> (String, JoinSet<()>) {
    rustls::crypto::ring::default_provider().install_default().ok();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let mut server = JoinSet::new();
    server.spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = [0; 4096];
            let read = stream.read(&mut head).await.unwrap();
            assert!(
                head[..read].starts_with(b"GET "),
                "nothing but GET leaves this crate"
            );
            match &then {
                Then::Say(text) => stream.write_all(text.as_bytes()).await.unwrap(),
                Then::SayAndPad(text, bytes) => {
                    stream.write_all(text.as_bytes()).await.unwrap();
                    // The reader hangs up in the middle: that is what is tested.
                    stream.write_all(&vec![b' '; *bytes]).await.ok();
                }
                Then::Wait => tokio::time::sleep(Duration::from_secs(60)).await,
            }
        }
    });
    (url, server)
}

/// Polls a Prometheus that does `then` and compares the error's line; `!` marks an unreachable one.
async fn check(then: Then, expect: Expect) {
    let (url, _server) = server(then).await;
    let error = Prometheus::new(&url).unwrap().poll().await.unwrap_err();
    let mark = if error.is_unreachable() { "! " } else { "" };
    expect.assert_eq(&format!("{mark}{error}").replace(&url, "URL"));
}

#[tokio::test]
async fn nobody_there() {
    rustls::crypto::ring::default_provider().install_default().ok();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    for (error, name) in [
        (
            Prometheus::new(&url).unwrap().check().await.map(drop),
            "prometheus",
        ),
        (
            Alertmanager::new(&url, Vec::new())
                .unwrap()
                .check()
                .await
                .map(drop),
            "alertmanager",
        ),
    ] {
        let error = error.unwrap_err();
        assert!(error.is_unreachable());
        assert_eq!(
            error.to_string(),
            format!("cannot reach {name} at {url}: connection refused")
        );
    }
}

#[tokio::test]
async fn one_that_never_answers_is_given_up_in_time() {
    let begun = std::time::Instant::now();
    check(
        Then::Wait,
        expect!["! cannot reach prometheus at URL: no whole answer within 5 s"],
    )
    .await;
    // Well under the 60 s that the server waits, and not before the limit.
    assert!((5..20).contains(&begun.elapsed().as_secs()));
}

#[tokio::test]
async fn one_that_hangs_up() {
    check(
        Then::Say(""),
        expect!["! cannot reach prometheus at URL: connection closed before message completed"],
    )
    .await;
    check(
        Then::Say("HTTP/1.1 200 OK\r\nContent-Length: 100\r\nConnection: close\r\n\r\n{\"status\""),
        expect!["! cannot reach prometheus at URL: end of file before message length reached"],
    )
    .await;
}

#[tokio::test]
async fn one_that_is_no_http_server() {
    check(
        Then::Say("SSH-2.0-OpenSSH_9.2\r\n"),
        expect!["! cannot reach prometheus at URL: invalid HTTP version parsed"],
    )
    .await;
}

#[tokio::test]
async fn one_that_is_no_prometheus() {
    check(
        Then::Say(
            "HTTP/1.1 200 OK\r\nContent-Length: 20\r\nConnection: close\r\n\r\n<html>\x1b[31mhi</html>",
        ),
        expect![
            "cannot use what prometheus at URL answered to /api/v1/alerts: expected value at line 1 column 1"
        ],
    )
    .await;
    check(
        Then::Say("HTTP/1.1 500 Oops\r\nContent-Length: 10\r\nConnection: close\r\n\r\nout of\tram"),
        expect!["prometheus at URL answered 500 to /api/v1/alerts: out of ram"],
    )
    .await;
    check(
        Then::Say("HTTP/1.1 503 Starting\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"),
        expect!["! prometheus at URL answered 503 to /api/v1/alerts: no reason given"],
    )
    .await;
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    check(
        Then::Say(
            "HTTP/1.1 302 Found\r\nLocation: http://login.test/?token=secret\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        ),
        expect!["prometheus at URL answered 302 to /api/v1/alerts: redirects are not followed (to http://login.test/?token=***); give the address that it leads to"],
    )
    .await;
}

#[tokio::test]
async fn an_answer_without_end_is_cut_off() {
    check(
        Then::SayAndPad("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", 17 * 1024 * 1024),
        expect!["prometheus at URL answered /api/v1/alerts with more than 16 MiB"],
    )
    .await;
}

#[tokio::test]
async fn a_clock_without_a_date_is_no_clock() {
    let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nOK";
    let (url, _server) = server(Then::Say(ok)).await;
    let error = Alertmanager::new(&url, Vec::new())
        .unwrap()
        .clock()
        .await
        .unwrap_err();
    expect![
        "cannot use what alertmanager at URL answered to /-/ready: no `Date` header to read its clock from"
    ]
    .assert_eq(&error.to_string().replace(&url, "URL"));
}

#[tokio::test]
async fn a_password_in_the_address_is_used_and_never_shown() {
    let replay = Replay::start().await;
    replay.set("/prom/api/v1/alerts", 200, recorded("prom_alerts_firing.json"));
    let base = replay.url.replace("http://", "http://user:hunter2@");
    let prometheus = Prometheus::new(&format!("{base}/prom/")).unwrap();
    assert_eq!(prometheus.alerts().await.unwrap().len(), 1);
    // "user:hunter2" in base64.
    expect!["GET /prom/api/v1/alerts Basic dXNlcjpodW50ZXIy"].assert_eq(&replay.asked()[0]);
    let error = prometheus.targets().await.unwrap_err();
    let shown = format!("{error} {error:?} {prometheus:?} {}", prometheus.address());
    assert!(!shown.contains("hunter2"), "{shown}");
    assert!(shown.contains("http://***@127.0.0.1"), "{shown}");
    let bad = Prometheus::new("http://user:hunter2@host?x=1").unwrap_err();
    assert!(!format!("{bad} {bad:?}").contains("hunter2"), "{bad:?}");
}

/// A server that tells the same page for ever does not keep us; the token it gave is what it is asked with.
#[tokio::test]
async fn pages_of_rules_that_never_end() {
    let replay = Replay::start().await;
    let page = r#"{"status":"success","data":{"groups":[],"groupNextToken":"abc"}}"#;
    replay.set("/api/v1/rules", 200, page);
    let error = Prometheus::new(&replay.url).unwrap().groups().await.unwrap_err();
    let told = error.to_string();
    assert!(
        told.contains("the next page of rules is the one before"),
        "{told}"
    );
    assert_eq!(
        replay.asked(),
        [
            "GET /api/v1/rules?group_limit=100",
            "GET /api/v1/rules?group_limit=100&group_next_token=abc"
        ]
    );
}

/// Rules that are loaded anew between two pages are read again from the first page on, and not for ever.
#[tokio::test]
async fn pages_of_rules_that_are_loaded_anew_meanwhile() {
    let replay = Replay::start().await;
    let first = "/api/v1/rules?group_limit=100";
    let second = "/api/v1/rules?group_limit=100&group_next_token=abc";
    let page = r#"{"status":"success","data":{"groups":[],"groupNextToken":"abc"}}"#;
    let gone = r#"{"status":"error","errorType":"bad_data","error":"invalid group_next_token 'abc'"}"#;
    let prometheus = Prometheus::new(&replay.url).unwrap();
    let both = [format!("GET {first}"), format!("GET {second}")];

    for _ in 0..3 {
        replay.once(first, 200, page);
        replay.once(second, 400, gone);
    }
    let error = prometheus.groups().await.unwrap_err().to_string();
    assert!(error.contains("invalid group_next_token"), "{error}");
    assert_eq!(replay.asked(), [both.clone(), both.clone(), both].concat());

    replay.set("/api/v1/rules", 200, recorded("prom_rules_all.json"));
    let whole = prometheus.groups().await.unwrap();
    replay.once(first, 200, page);
    replay.once(second, 400, gone);
    assert_eq!(
        prometheus.groups().await.unwrap(),
        whole,
        "the second reading is whole"
    );
    assert!(!whole.is_empty());
}
