//! A shop to buy from: a login, orders that ship after a while, and a memory of what it was asked.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value, json};

pub(super) const PASSWORD: &str = "open/sesame&1";

/// A request as it came; names of headers are in lower case.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) method: String,
    /// With its query.
    pub(super) path: String,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: String,
}

impl Asked {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// A shop that is open until the test's process ends.
pub(super) struct Shop {
    pub(super) address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
}

#[derive(Default)]
struct Book {
    /// By idempotency key.
    orders: BTreeMap<String, String>,
    /// How often each was looked at; none once it is gone.
    looks: BTreeMap<String, usize>,
}

impl Shop {
    pub(super) fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&asked);
        thread::spawn(move || {
            let mut book = Book::default();
            for stream in listener.incoming().map_while(Result::ok) {
                let Ok(one) = hear(&stream) else { continue };
                let answer = book.answer(&one);
                heard.lock().unwrap().push(one);
                drop((&stream).write_all(answer.as_bytes()));
            }
        });
        Self { address, asked }
    }

    pub(super) fn base(&self) -> String {
        format!("http://{}", self.address)
    }

    /// All that it was asked so far.
    pub(super) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

fn hear(stream: &TcpStream) -> std::io::Result<Asked> {
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        match line.trim_end().split_once(':') {
            Some((name, value)) => headers.insert(name.to_ascii_lowercase(), value.trim().to_owned()),
            None => break,
        };
    }
    let length = headers
        .get("content-length")
        .and_then(|length| length.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body)?;
    let mut words = first.split_whitespace().map(str::to_owned);
    Ok(Asked {
        method: words.next().unwrap_or_default(),
        path: words.next().unwrap_or_default(),
        headers,
        body: String::from_utf8_lossy(&body).into_owned(),
    })
}

fn answer(status: u16, headers: &str, body: &Value) -> String {
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    let length = body.len();
    format!(
        "HTTP/1.1 {status} -\r\nContent-Type: application/json\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
    )
}

impl Book {
    fn answer(&mut self, asked: &Asked) -> String {
        let path = asked.path.split('?').next().unwrap_or_default();
        match (
            asked.method.as_str(),
            path.trim_matches('/').split('/').collect::<Vec<_>>().as_slice(),
        ) {
            ("POST", ["api", "login"]) => login(asked),
            ("GET", ["health"]) => answer(200, "", &json!({ "status": "UP", "checks": { "db": "UP" } })),
            (_, ["api", "orders", ..]) if asked.header("authorization") != "Bearer eyJ-token" => answer(
                401,
                "WWW-Authenticate: Bearer\r\n",
                &json!({ "error": "who are you?" }),
            ),
            ("POST", ["api", "orders"]) => self.order(asked),
            (method, ["api", "orders", id]) => self.of(method, id),
            _ => answer(404, "", &json!({ "error": "no such page" })),
        }
    }

    fn order(&mut self, asked: &Asked) -> String {
        let number = self.orders.len() + 1;
        let key = asked.header("idempotency-key").to_owned();
        let id = self.orders.entry(key).or_insert(format!("ord{number}")).clone();
        self.looks.insert(id.clone(), 0);
        answer(
            201,
            &format!("Location: /api/orders/{id}\r\n"),
            &json!({ "order id": 7, "id": id, "state": "PLACED" }),
        )
    }

    fn of(&mut self, method: &str, id: &str) -> String {
        let Some(looks) = self.looks.get_mut(id) else {
            return answer(404, "", &json!({ "error": "no such order" }));
        };
        *looks += 1;
        let state = if *looks > 2 { "SHIPPED" } else { "PLACED" };
        if method == "DELETE" {
            self.looks.remove(id);
            return answer(204, "", &Value::Null);
        }
        answer(
            200,
            "",
            &json!({ "id": id, "state": state, "items": [{ "id": 1, "name": "tea" }, { "id": 2, "name": "milk" }] }),
        )
    }
}

fn login(asked: &Asked) -> String {
    let body: Value = serde_json::from_str(&asked.body).unwrap_or_default();
    if body["password"] != PASSWORD {
        return answer(401, "", &json!({ "error": "no" }));
    }
    let headers = "Set-Cookie: SID=s3ss10n; Path=/; HttpOnly\r\nCache-Control: no-store\r\n";
    answer(
        200,
        headers,
        &json!({ "token": "eyJ-token", "roles": ["buyer", "reader"] }),
    )
}
