//! One server for the whole run, in threads beside the fuzzer's.

use std::collections::HashMap;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, mpsc};
use std::thread;

use gameday_core::Source;
use gameday_proxy::{Settings, load_config, serve};

use crate::LIMIT;

pub(crate) struct Live {
    api: SocketAddr,
    proxies: HashMap<String, SocketAddr>,
    /// What the upstream says to whoever connects.
    answer: Arc<Mutex<Vec<u8>>>,
    runs: AtomicU64,
}

pub(crate) fn live() -> &'static Live {
    static LIVE: OnceLock<Live> = OnceLock::new();
    LIVE.get_or_init(Live::start)
}

impl Live {
    fn start() -> Self {
        rustls::crypto::ring::default_provider().install_default().ok();
        let answer = Arc::<Mutex<Vec<u8>>>::default();
        let upstream = upstream(Arc::clone(&answer));
        let text = PROXIES.replace("UPSTREAM", &upstream.to_string());
        let source = Source { path: "proxy.toml".into(), text };
        let config = load_config(&source).unwrap_or_else(|problems| panic!("{}", problems[0]));
        let (ready, started) = mpsc::channel();
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
            let settings = Settings::new(config, "127.0.0.1:0".parse().expect("an address"));
            let told = |api| ready.send(api).expect("awaited");
            runtime.expect("a runtime").block_on(serve(settings, told, std::future::pending())).expect("serves");
        });
        let api = started.recv().expect("it starts");
        let mut live = Self { api, proxies: HashMap::new(), answer, runs: AtomicU64::new(0) };
        let list = live.request("GET /proxies", b"").1;
        for part in list.split("\"listen\":\"").skip(1) {
            let address = part.split('"').next().and_then(|text| text.parse().ok()).expect("an address");
            let before = &list[..list.find(part).expect("a part of it")];
            let name = before.rsplit("\"name\":\"").next().and_then(|text| text.split('"').next());
            live.proxies.insert(name.expect("a name").to_owned(), address);
        }
        live
    }

    /// Sends bytes through a proxy, answers with others, and reads to the end.
    pub(crate) fn exchange(&self, proxy: &str, client: &[u8], server: &[u8]) {
        *self.answer.lock().expect("no panic") = server.to_vec();
        let mut socket = TcpStream::connect(self.proxies[proxy]).expect("it listens");
        socket.set_read_timeout(Some(LIMIT)).expect("a live socket");
        // The proxy may have closed already.
        socket.write_all(client).ok();
        socket.shutdown(Shutdown::Write).ok();
        let mut buffer = [0; 16 * 1024];
        loop {
            match socket.read(&mut buffer) {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::ConnectionReset => break,
                // The fuzzer's own alarm.
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => panic!("{proxy}: {error}"),
            }
        }
        if self.every(500) {
            assert_eq!(self.ask("GET /version", b""), 200);
        }
    }

    pub(crate) fn every(&self, runs: u64) -> bool {
        self.runs.fetch_add(1, Ordering::Relaxed).is_multiple_of(runs)
    }

    pub(crate) fn ask(&self, what: &str, body: &[u8]) -> u16 {
        self.request(what, body).0
    }

    /// Takes back what requests have made.
    pub(crate) fn tidy_up(&self) {
        assert_eq!(self.ask("POST /reset", b""), 204);
        let list = self.request("GET /proxies", b"").1;
        for part in list.split("\"name\":\"").skip(1) {
            let name = part.split('"').next().unwrap_or_default();
            let is_plain = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
            if is_plain && !self.proxies.contains_key(name) {
                self.ask(&format!("DELETE /proxies/{name}"), b"");
            }
        }
    }

    fn request(&self, what: &str, body: &[u8]) -> (u16, String) {
        let mut socket = TcpStream::connect(self.api).expect("the API listens");
        socket.set_read_timeout(Some(LIMIT)).expect("a live socket");
        let head = format!(
            "{what} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            self.api, body.len()
        );
        socket.write_all(&[head.as_bytes(), body].concat()).expect("it listens");
        let mut answer = Vec::new();
        socket.read_to_end(&mut answer).expect("an answer");
        let answer = String::from_utf8(answer).expect("text");
        let status = answer.split(' ').nth(1).and_then(|word| word.parse().ok()).expect("a status");
        (status, answer)
    }
}

/// Says the answer of the moment to everybody, and reads what they say.
fn upstream(answer: Arc<Mutex<Vec<u8>>>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound");
    thread::spawn(move || {
        for mut client in listener.incoming().map_while(Result::ok) {
            let answer = answer.lock().expect("no panic").clone();
            thread::spawn(move || {
                client.set_read_timeout(Some(LIMIT)).ok();
                client.write_all(&answer).ok();
                client.shutdown(Shutdown::Write).ok();
                let mut buffer = [0; 4096];
                while client.read(&mut buffer).is_ok_and(|length| length > 0) {}
            });
        }
    });
    address
}

const PROXIES: &str = r#"
[proxy.http]
listen = "127.0.0.1:0"
upstream = "UPSTREAM"
protocol = "http"
toxic.answers = { http = { path = "/answer", status = 503, body = "no", retry_after = "1s" } }
toxic.edits = { http = { path = "/edit*", truncate = "4B", set_headers = { Age = "1" }, remove_headers = ["ETag"] } }
toxic.lies = { http = { path = "/lie*", content_length = 7, corrupt = "10%" } }
toxic.aborts = { http = { method = "PUT", abort = "reset" } }
toxic.grpc = { http = { grpc = "pay.*/*", grpc_status = 14 } }

[proxy.postgres]
listen = "127.0.0.1:0"
upstream = "UPSTREAM"
protocol = "postgres"
toxic.fails = { postgres = { statement = "/(?i)update/", error = "40P01" } }
toxic.cuts = { postgres = { table = "ledger", cut = "20B" } }
toxic.loses = { postgres = { command = "COMMIT", commit_lost = true } }

[proxy.redis]
listen = "127.0.0.1:0"
upstream = "UPSTREAM"
protocol = "redis"
toxic.misses = { redis = { command = "GET", key = "a*", nil = true } }
toxic.fails = { redis = { command = "SET", error = "OOM", share = "50%" } }

[proxy.dns]
listen = "127.0.0.1:0"
upstream = "UPSTREAM"
protocol = "dns"
toxic.lies = { dns = { name = "*.test", answer = ["192.0.2.1"], ttl = "5s" } }
toxic.fails = { dns = { rcode = "servfail", share = "50%" } }

[proxy.tls]
listen = "127.0.0.1:0"
upstream = "UPSTREAM"
tls.terminate = { names = ["pay.example.test"] }
"#;
