//! A follower beside servers that say what a prober would, or what it would not.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use gameday_core::{Event, EventKind, Offset, Outcome, Phases, ProbeDone, Reason, Table, Timestamp};
use gameday_core::{Problem, Problems, Source};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::*;
use crate::net::Connector;
use crate::net::testing::Server;

const TOKEN: &str = "0123456789abcdef";

/// What the prober there has and says.
#[derive(Clone)]
struct Fake {
    said: Arc<Mutex<Said>>,
}

struct Said {
    started: i64,
    /// Its clock less ours, in microseconds.
    offset_us: i64,
    first: u64,
    lines: Vec<String>,
    broken: bool,
}

#[derive(Deserialize)]
struct From {
    from: u64,
}

impl Fake {
    fn new() -> Self {
        let said = Said {
            started: 1,
            offset_us: 0,
            first: 0,
            lines: Vec::new(),
            broken: false,
        };
        Self {
            said: Arc::new(Mutex::new(said)),
        }
    }

    fn change(&self, change: impl FnOnce(&mut Said)) {
        change(&mut self.said.lock().unwrap());
    }

    /// A look in a region, 300 ms of work that ended 50 ms before it was written down.
    fn look(&self, region: &str, time: Timestamp) {
        self.change(|said| {
            let event = Event {
                seq: said.first + said.lines.len() as u64,
                at: Offset::from_micros(90_350_000),
                time,
                region: region.parse().unwrap(),
                kind: EventKind::ProbeDone(Box::new(ProbeDone {
                    probe: "checkout".parse().unwrap(),
                    intended: Offset::from_micros(90_000_000),
                    outcome: Outcome::Down(Reason::HttpStatus),
                    total_us: 300_000,
                    phases: Phases::default(),
                    steps: Vec::new(),
                    message: None,
                    region_time: None,
                    trace_id: None,
                })),
            };
            said.lines.push(serde_json::to_string(&event).unwrap());
        });
    }

    async fn serve(&self) -> Server {
        let router = Router::new()
            .route("/eu/v1/region", get(region))
            .route("/eu/v1/probes", get(|| async { Json(json!([{ "name": "checkout", "every_ms": 1000, "timeout_ms": 500, "definition": "d" }])) }))
            .route("/eu/journal", get(lines))
            .with_state(self.clone());
        Server::app(router).await
    }
}

fn may(headers: &HeaderMap) -> bool {
    headers
        .get("authorization")
        .is_some_and(|value| value == &format!("Bearer {TOKEN}"))
}

async fn region(State(fake): State<Fake>, headers: HeaderMap) -> Response {
    if !may(&headers) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let said = fake.said.lock().unwrap();
    Json(RegionAnswer {
        regions: vec!["eu".parse().unwrap()],
        version: "9.9.9".to_owned(),
        started: Timestamp::from_micros(said.started),
        time: Timestamp::now().plus_micros(said.offset_us),
        first: said.first,
        next: said.first + said.lines.len() as u64,
        control: None,
        probes: "1".to_owned(),
        notices: Vec::new(),
    })
    .into_response()
}

async fn lines(State(fake): State<Fake>, Query(asked): Query<From>) -> Response {
    for _ in 0..100 {
        {
            let said = fake.said.lock().unwrap();
            let (first, next) = (said.first, said.first + said.lines.len() as u64);
            let started = [(
                "gameday-started",
                Timestamp::from_micros(said.started).to_string(),
            )];
            if said.broken {
                return (started, "this is no event\n").into_response();
            }
            if !(first..=next).contains(&asked.from) {
                return (
                    StatusCode::GONE,
                    started,
                    Json(json!({ "first": first, "next": next })),
                )
                    .into_response();
            }
            let new = &said.lines[usize::try_from(asked.from - first).unwrap()..];
            if !new.is_empty() {
                // The last line is cut off, as an answer that grew too long would be.
                let whole = new.join("\n");
                return (started, format!("{whole}\n{{\"seq\":")).into_response();
            }
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    String::new().into_response()
}

struct Following {
    told: mpsc::Receiver<Told>,
    _tasks: JoinSet<()>,
}

fn peer(server: &Server, token: &str) -> Remote {
    let peer = Peer {
        region: "eu".parse().unwrap(),
        url: format!("http://{}/eu/", server.address),
        token: Some(gameday_core::TokenFrom::Env("PEER_TOKEN".to_owned())),
        ca: None,
    };
    let connector = Connector::default();
    Remote::new(&peer, &connector, |_| Some(token.to_owned())).unwrap()
}

impl Following {
    fn start(remote: Remote, from: u64) -> Self {
        let (out, told) = mpsc::channel(100);
        let mut tasks = JoinSet::new();
        tasks.spawn(follow(remote, "eu".parse().unwrap(), from, out));
        Self { told, _tasks: tasks }
    }

    /// The first that is what is wanted.
    async fn until<T>(&mut self, want: impl Fn(&Told) -> Option<T>) -> T {
        let wanted = async {
            loop {
                let told = self.told.recv().await.expect("a follower follows");
                if let Some(found) = want(&told) {
                    return found;
                }
            }
        };
        timeout(Duration::from_secs(20), wanted)
            .await
            .expect("it came within 20 s")
    }

    async fn look(&mut self) -> Box<RemoteLook> {
        self.until(|told| match told {
            Told::Seen(Seen::Done(look)) => Some(look.clone()),
            _ => None,
        })
        .await
    }
}

#[tokio::test]
async fn a_region_is_followed_with_its_clock_and_its_own_looks_only() {
    let fake = Fake::new();
    fake.change(|said| said.offset_us = 3_600_000_000);
    let server = fake.serve().await;
    let mut following = Following::start(peer(&server, TOKEN), 0);
    let (answer, clock) = following
        .until(|told| match told {
            Told::Region(answer, clock) => Some((answer.clone(), *clock)),
            _ => None,
        })
        .await;
    assert_eq!(answer.version, "9.9.9");
    assert!(
        (clock.offset_us - 3_600_000_000).abs() <= clock.error_us && clock.error_us < 1_000_000,
        "{clock:?}"
    );

    let written = Timestamp::parse("2026-11-22T10:00:00.350Z").unwrap();
    fake.look("us", written);
    fake.look("eu", written);
    let look = following.look().await;
    assert_eq!(look.intended, Timestamp::parse("2026-11-22T10:00:00Z").unwrap());
    assert_eq!(look.ended, Timestamp::parse("2026-11-22T10:00:00.300Z").unwrap());
    assert_eq!(look.done.probe.as_str(), "checkout");
}

#[tokio::test]
async fn a_prober_that_began_anew_is_read_from_its_beginning_and_lost_lines_are_counted() {
    let fake = Fake::new();
    for _ in 0..3 {
        fake.look("eu", Timestamp::from_micros(0));
    }
    let server = fake.serve().await;
    let mut following = Following::start(peer(&server, TOKEN), 2);
    assert_eq!(
        following.look().await.ended,
        Timestamp::from_micros(-50_000),
        "the third alone"
    );

    fake.change(|said| {
        said.first = 10;
        said.lines.clear();
    });
    let gap = following
        .until(|told| {
            if let Told::Gap(gap) = told {
                Some(*gap)
            } else {
                None
            }
        })
        .await;
    assert_eq!(gap, 7, "lines 3 to 9");

    fake.change(|said| {
        said.started = 2;
        said.first = 0;
    });
    let after = Timestamp::from_micros(1_000_000);
    fake.look("eu", after);
    assert_eq!(following.look().await.ended, after.plus_micros(-50_000));
}

#[tokio::test]
async fn a_wrong_token_and_a_journal_that_cannot_be_read_are_troubles() {
    let fake = Fake::new();
    let server = fake.serve().await;
    let trouble = |told: &Told| match told {
        Told::Trouble(why) => Some(why.clone()),
        _ => None,
    };
    let refused = Following::start(peer(&server, "fedcba9876543210"), 0)
        .until(trouble)
        .await;
    assert!(refused.contains("401") && refused.contains("token"), "{refused}");
    assert!(!refused.contains("fedcba"), "{refused}");

    fake.change(|said| said.broken = true);
    let mut following = Following::start(peer(&server, TOKEN), 0);
    let unread = following.until(trouble).await;
    assert!(unread.contains("journal cannot be read"), "{unread}");
    fake.change(|said| said.broken = false);
    following
        .until(|told| matches!(told, Told::Region(..)).then_some(()))
        .await;

    drop(server);
    let gone = following.until(trouble).await;
    assert!(
        gone.contains("connect_refused") || gone.contains("connection_reset"),
        "{gone}"
    );
}

#[test]
fn a_peer_is_read_strictly() {
    let read = |text: &str| {
        let source = Source {
            path: "/etc/gameday/prober.toml".into(),
            text: text.to_owned(),
        };
        let problems = Problems::new(&source);
        let mut root = Table::parse(&problems);
        let peers: Vec<_> = root
            .tables("peers")
            .into_iter()
            .filter_map(|(name, table)| Peer::read(&name, table))
            .collect();
        problems
            .into_result(Some(peers))
            .map_err(|problems| Problem::draw_all(&problems))
    };
    let good =
        "[peers]\nus = { url = \"https://10.0.0.2:9116\", token = { file = \"t\" }, ca = \"ca.pem\" }\n";
    let peers = read(good).unwrap();
    assert_eq!(
        peers[0].ca.as_deref(),
        Some(std::path::Path::new("/etc/gameday/ca.pem"))
    );
    for (bad, words) in [
        ("us = { }", "`url` is missing"),
        ("us = { url = \"10.0.0.2:9116\" }", "begins with `http://`"),
        (
            "us = { url = \"https://u:p@10.0.0.2\" }",
            "a URL with a user in it",
        ),
        ("us = { url = \"https://a/?token=x\" }", "no `?` or `#`"),
        (
            "us = { url = \"https://a\", token = \"secret-secret\" }",
            "`token` says where",
        ),
        ("us = { url = \"https://a\", cs = \"x\" }", "did you mean `ca`"),
        ("\"u s\" = { url = \"https://a\" }", "is not a name"),
    ] {
        let told = read(&format!("[peers]\n{bad}\n")).unwrap_err();
        assert!(told.contains(words), "{bad}: {told}");
        assert!(!told.contains("secret-secret") && !told.contains("u:p"), "{told}");
    }
}
