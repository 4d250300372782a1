//! Tests of the receiver over real sockets.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::*;

const PAYLOAD: &str = r#"{"version":"4","status":"firing","receiver":"oncall",
    "alerts":[{"status":"firing","labels":{"alertname":"X"}}]}"#;

/// What the head of a notification has, besides its length.
const HEAD: &str = "Host: x\r\nContent-Type: application/json\r\n";

struct Receiver {
    address: SocketAddr,
    counts: Arc<WebhookCounts>,
    inbox: mpsc::Receiver<Notification>,
    tasks: JoinSet<Result<(), SourceError>>,
}

async fn receiver(queue: usize) -> Receiver {
    let webhook = Webhook::bind("http://localhost:0/hook").await.unwrap();
    let (address, counts) = (webhook.address, webhook.counts());
    let (out, inbox) = mpsc::channel(queue);
    let mut tasks = JoinSet::new();
    tasks.spawn(webhook.serve(out));
    Receiver {
        address,
        counts,
        inbox,
        tasks,
    }
}

impl Receiver {
    /// Sends raw bytes and returns everything that comes back until the connection ends.
    async fn send(&self, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        // A refusal may come before all is written: what is left over need not be sent.
        stream.write_all(bytes).await.ok();
        let mut answer = Vec::new();
        let reading = stream.read_to_end(&mut answer);
        tokio::time::timeout(Duration::from_secs(9), reading)
            .await
            .expect("the receiver closes every connection")
            .ok();
        String::from_utf8(answer).unwrap()
    }

    async fn post(&self, path: &str, body: &str) -> String {
        let length = body.len();
        let request = format!("POST {path} HTTP/1.1\r\n{HEAD}Content-Length: {length}\r\n\r\n{body}");
        self.send(request.as_bytes()).await
    }

    /// The status of what is answered to a notification with these lines in its head.
    async fn post_with(&self, path: &str, lines: &str, body: &str) -> String {
        let length = body.len();
        let request = format!("POST {path} HTTP/1.1\r\n{lines}Content-Length: {length}\r\n\r\n{body}");
        let answer = self.send(request.as_bytes()).await;
        answer["HTTP/1.1 ".len()..][..3].to_owned()
    }
}

#[tokio::test]
async fn a_notification_is_passed_on_and_stamped_when_it_came_not_when_it_ended() {
    let mut receiver = receiver(4).await;
    let before = Timestamp::now();
    let mut stream = TcpStream::connect(receiver.address).await.unwrap();
    let head = format!(
        "POST /hook HTTP/1.1\r\n{HEAD}Content-Length: {}\r\n\r\n",
        PAYLOAD.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    stream.write_all(PAYLOAD.as_bytes()).await.unwrap();
    let notification = receiver.inbox.recv().await.unwrap();
    // 300 ms parted head and body: a stamp that late would be the body's.
    let late = notification.arrived.micros_since(before);
    assert!((0..250_000).contains(&late), "stamped after {late} µs");
    assert_eq!(notification.receiver, "oncall");
    assert_eq!(notification.alerts[0].alert, "X");
    assert_eq!(receiver.counts.accepted.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn anything_else_is_refused_with_a_reason_and_counted() {
    let receiver = receiver(4).await;
    let refused = || receiver.counts.refused.load(Ordering::Relaxed);

    let wrong = receiver.post("/other", PAYLOAD).await;
    assert!(
        wrong.starts_with("HTTP/1.1 404") && wrong.contains("/hook"),
        "{wrong}"
    );
    let get = receiver.send(b"GET /hook HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(get.starts_with("HTTP/1.1 405"), "{get}");
    assert_eq!(refused(), 0, "neither was meant for us");

    let garbage = receiver.post("/hook", "{\"version\":\"4\"").await;
    assert!(
        garbage.starts_with("HTTP/1.1 400") && garbage.contains("no notification"),
        "{garbage}"
    );
    let huge = format!(
        "POST /hook HTTP/1.1\r\n{HEAD}Content-Length: {}\r\n\r\n{}",
        BODY_LIMIT + 1,
        " ".repeat(BODY_LIMIT + 1)
    );
    receiver.send(huge.as_bytes()).await;
    assert_eq!(refused(), 2);
    assert_eq!(receiver.counts.accepted.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn what_a_web_page_sends_is_no_notification() {
    let receiver = receiver(9).await;
    let json = "Content-Type: application/json\r\n";
    let event = r#"{"routing_key":"0123456789abcdef","event_action":"trigger","payload":{"summary":"s","source":"x","severity":"info"}}"#;
    for (path, body) in [("/hook", PAYLOAD), ("/v2/enqueue", event)] {
        for page in [
            "Host: 127.0.0.1:9\r\nOrigin: https://evil.example\r\n",
            "Host: 127.0.0.1:9\r\nOrigin: null\r\n",
            "Host: 127.0.0.1:9\r\nSec-Fetch-Site: cross-site\r\n",
            "Host: 127.0.0.1:9\r\nSec-Fetch-Site: same-origin\r\n",
            "Host: evil.example:9\r\n",
        ] {
            let status = receiver.post_with(path, &format!("{page}{json}"), body).await;
            assert_eq!(status, "403", "{path} {page}");
        }
        for kind in [
            "",
            "Content-Type: text/plain;charset=UTF-8\r\n",
            "Content-Type: application/x-www-form-urlencoded\r\n",
            "Content-Type: application/json\r\nContent-Type: text/plain\r\n",
        ] {
            let head = format!("Host: 127.0.0.1:9\r\n{kind}");
            assert_eq!(
                receiver.post_with(path, &head, body).await,
                "415",
                "{path} {kind}"
            );
        }
    }
    assert_eq!(receiver.counts.accepted.load(Ordering::Relaxed), 0);
    assert_eq!(receiver.counts.refused.load(Ordering::Relaxed), 18);
    let reasons = receiver.counts.take_reasons();
    assert!(
        reasons[0].starts_with("/hook: ") && reasons[0].contains("`Origin`"),
        "{reasons:?}"
    );
    for program in [
        "Host: 127.0.0.1:9\r\nContent-Type: application/json; charset=utf-8\r\n",
        "Host: host.docker.internal:9\r\nSec-Fetch-Site: none\r\nContent-Type: application/json\r\n",
    ] {
        assert_eq!(
            receiver.post_with("/hook", program, PAYLOAD).await,
            "200",
            "{program}"
        );
    }
}

#[tokio::test]
async fn pagerdutys_events_are_answered_as_pagerduty_does() {
    let mut receiver = receiver(4).await;
    let event = |action: &str| {
        format!(
            r#"{{"routing_key":"sixteen-tons-of-routing-key-here","event_action":"{action}","dedup_key":"d1",
               "payload":{{"summary":"it is slow","source":"x","severity":"info"}}}}"#
        )
    };
    for (action, status) in [
        ("trigger", "firing"),
        ("acknowledge", "acknowledged"),
        ("resolve", "resolved"),
    ] {
        let answer = receiver.post("/v2/enqueue", &event(action)).await;
        assert!(
            answer.starts_with("HTTP/1.1 202") && answer.contains(r#""dedup_key":"d1""#),
            "{answer}"
        );
        let told = receiver.inbox.recv().await.unwrap();
        assert_eq!(
            (told.receiver.as_str(), told.status.as_str()),
            ("pagerduty", status)
        );
        assert!(!format!("{told:?}").contains("sixteen"), "{told:?}");
    }
    let answer = receiver.post("/v2/enqueue", "{}").await;
    assert!(
        answer.starts_with("HTTP/1.1 400") && answer.contains("Event object is invalid"),
        "{answer}"
    );
    let reasons = receiver.counts.take_reasons();
    assert!(
        reasons[0].starts_with("/v2/enqueue: ") && reasons[0].contains("routing_key"),
        "{reasons:?}"
    );
    assert_eq!(receiver.counts.take_reasons(), Vec::<String>::new());
}

#[tokio::test]
async fn a_full_queue_tells_the_sender_to_try_again_and_blocks_nobody() {
    let mut receiver = receiver(1).await;
    assert!(receiver.post("/hook", PAYLOAD).await.starts_with("HTTP/1.1 200"));
    assert!(receiver.post("/hook", PAYLOAD).await.starts_with("HTTP/1.1 503"));
    assert_eq!(receiver.counts.overflowed.load(Ordering::Relaxed), 1);
    receiver.inbox.recv().await.unwrap();
    assert!(receiver.post("/hook", PAYLOAD).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_body_that_never_ends_is_given_up() {
    let receiver = receiver(1).await;
    let answer = receiver
        .send(format!("POST /hook HTTP/1.1\r\n{HEAD}Content-Length: 100\r\n\r\n{{").as_bytes())
        .await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
}

#[tokio::test]
async fn silent_connections_do_not_keep_a_notification_waiting() {
    let mut receiver = receiver(1).await;
    let mut silent = Vec::new();
    for _ in 0..300 {
        silent.push(TcpStream::connect(receiver.address).await.unwrap());
    }
    let before = Timestamp::now();
    let answer = receiver.post("/hook", PAYLOAD).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    // A place is free after the second that a head may take; more is leave for a busy machine.
    let notification = receiver.inbox.recv().await.unwrap();
    let late = notification.arrived.micros_since(before);
    assert!((0..3_000_000).contains(&late), "stamped after {late} µs");
}

#[tokio::test]
async fn it_stops_when_nobody_listens_any_more() {
    let mut receiver = receiver(1).await;
    drop(receiver.inbox);
    let ended = tokio::time::timeout(Duration::from_secs(5), receiver.tasks.join_next()).await;
    ended.expect("it stops").unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn a_port_in_use_is_named_with_the_cause() {
    let taken = Webhook::bind("http://127.0.0.1:0/a").await.unwrap();
    let url = taken.url();
    let error = Webhook::bind(&url).await.unwrap_err();
    let address = url.trim_start_matches("http://").trim_end_matches("/a");
    let told = error.to_string();
    assert!(
        told.starts_with(&format!(
            "webhook cannot listen on {address}: the port is in use by `"
        )) && told.ends_with("give another with `webhook` in [observe]"),
        "{told}"
    );
}

#[test]
fn an_address_is_one_of_this_machine_and_nothing_else() {
    let read = |url| listen_on(url).map(|(address, path)| format!("{address}{path}"));
    assert_eq!(read("http://localhost:9095/hook").unwrap(), "127.0.0.1:9095/hook");
    assert_eq!(read("http://[::1]:9095").unwrap(), "[::1]:9095/");
    for (bad, word) in [
        ("localhost:9095", "http://"),
        ("https://127.0.0.1:1/", "http://"),
        ("http://example.test:80/", "`example.test`"),
        ("http://u@127.0.0.1:1/", "path"),
        ("http://127.0.0.1:1/?a", "path"),
        ("", "URL"),
    ] {
        let why = read(bad).unwrap_err();
        assert!(why.contains(word), "{bad}: {why}");
    }
}
