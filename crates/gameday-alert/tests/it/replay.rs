//! Serves recorded answers on a free port and remembers what was asked.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// A server that answers each path with a text; stops when it is dropped.
pub(crate) struct Replay {
    pub(crate) url: String,
    shared: Arc<Mutex<Shared>>,
    _server: JoinSet<()>,
}

#[derive(Default)]
struct Shared {
    answers: BTreeMap<String, (u16, String)>,
    asked: Vec<String>,
    /// Answers that are given once, before those.
    once: Vec<(String, u16, String)>,
}

impl Replay {
    pub(crate) async fn start() -> Self {
        rustls::crypto::ring::default_provider().install_default().ok();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::<Mutex<Shared>>::default();
        let app = Router::new().fallback(answer).with_state(Arc::clone(&shared));
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self {
            url,
            shared,
            _server: server,
        }
    }

    /// Answers `path` with `status` and `text` from now on.
    pub(crate) fn set(&self, path: &str, status: u16, text: impl Into<String>) {
        let mut shared = self.shared.lock().unwrap();
        shared.answers.insert(path.to_owned(), (status, text.into()));
    }

    /// Answers the next request for `path_and_query` otherwise; each time that this is said, one more.
    pub(crate) fn once(&self, path_and_query: &str, status: u16, text: impl Into<String>) {
        let mut shared = self.shared.lock().unwrap();
        shared.once.push((path_and_query.to_owned(), status, text.into()));
    }

    /// Everything that was asked so far, as `METHOD path?query authorization`.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.shared.lock().unwrap().asked.clone()
    }
}

async fn answer(State(shared): State<Arc<Mutex<Shared>>>, request: Request) -> (StatusCode, String) {
    let mut shared = shared.lock().unwrap();
    let authorization = request.headers().get("authorization");
    let authorization = authorization.map_or("", |value| value.to_str().unwrap());
    let line = format!("{} {} {authorization}", request.method(), request.uri());
    shared.asked.push(line.trim_end().to_owned());
    let asked = request.uri().path_and_query().unwrap().as_str();
    if let Some(place) = shared.once.iter().position(|(path, ..)| path == asked) {
        let (_, status, text) = shared.once.remove(place);
        return (StatusCode::from_u16(status).unwrap(), text);
    }
    match shared.answers.get(request.uri().path()) {
        Some((status, text)) => (StatusCode::from_u16(*status).unwrap(), text.clone()),
        None => (StatusCode::NOT_FOUND, "404 page not found\n".to_owned()),
    }
}

/// A recorded answer.
pub(crate) fn recorded(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/recorded")
        .join(file);
    std::fs::read_to_string(path).unwrap()
}
