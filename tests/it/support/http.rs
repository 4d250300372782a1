//! A small HTTP client and server of the tests' own: what they say of gameday must not come from gameday.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

/// An answer; its body is text.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The first line and the headers.
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        let mut values = lines.filter(|(known, _)| known.eq_ignore_ascii_case(name));
        values.next().map(|(_, value)| value)
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

/// Asks `http://host:port/path`. HTTP/1.0, so that the body ends with the connection and has no chunks.
pub(crate) fn ask(method: &str, url: &str, headers: &[(&str, &str)], body: &str) -> std::io::Result<Answer> {
    let rest = url.strip_prefix("http://").expect("tests ask plain HTTP");
    let (host, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
    let mut stream = TcpStream::connect(host)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let length = body.len();
    let mut head = format!("{method} {path} HTTP/1.0\r\nHost: {host}\r\nContent-Length: {length}\r\n");
    headers
        .iter()
        .for_each(|(name, value)| head += &format!("{name}: {value}\r\n"));
    stream.write_all(format!("{head}\r\n{body}").as_bytes())?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    let (head, body) = text
        .split_once("\r\n\r\n")
        .ok_or(std::io::ErrorKind::UnexpectedEof)?;
    let status = head.split(' ').nth(1).and_then(|word| word.parse().ok());
    Ok(Answer {
        status: status.ok_or(std::io::ErrorKind::InvalidData)?,
        head: head.to_owned(),
        body: body.to_owned(),
    })
}

/// `GET` of something that must be there.
#[track_caller]
pub(crate) fn get(url: &str) -> Answer {
    ask("GET", url, &[], "").unwrap_or_else(|error| panic!("GET {url}: {error}"))
}

/// A request that has arrived, and when its last byte did.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) at: Timestamp,
    /// What was asked for, with its query.
    pub(crate) path: String,
    /// Its header fields, names in lower case.
    pub(crate) head: String,
    pub(crate) body: String,
}

/// Serves every request on a port of its own until the test's process ends; one thread a visitor.
pub(crate) fn serve(answer: impl Fn(Arrival) -> (u16, String) + Send + Sync + 'static) -> SocketAddr {
    serve_with_head(move |arrival| {
        let (status, body) = answer(arrival);
        (status, String::new(), body)
    })
}

/// The same, with header fields of its own between status and body, each ended by CR LF.
pub(crate) fn serve_with_head(
    answer: impl Fn(Arrival) -> (u16, String, String) + Send + Sync + 'static,
) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let answer = std::sync::Arc::new(answer);
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let answer = std::sync::Arc::clone(&answer);
            // A visitor who goes away in mid-request is nobody's failure.
            thread::spawn(move || drop(serve_one(&stream, &*answer)));
        }
    });
    address
}

fn serve_one(
    mut stream: &TcpStream,
    answer: &dyn Fn(Arrival) -> (u16, String, String),
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
    let (mut length, mut head) = (0, String::new());
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        if let Some((name, value)) = line.split_once(':') {
            head += &format!("{}:{value}", name.to_ascii_lowercase());
        }
        match line.trim_end().to_ascii_lowercase().split_once(':') {
            Some(("content-length", value)) => length = value.trim().parse().unwrap_or(0),
            _ if line.trim_end().is_empty() => break,
            _ => {}
        }
    }
    let mut bytes = vec![0; length];
    reader.read_exact(&mut bytes)?;
    let at = Timestamp::now();
    let (status, more, body) = answer(Arrival {
        at,
        path,
        head,
        body: String::from_utf8_lossy(&bytes).into_owned(),
    });
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status} -\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n{more}Connection: close\r\n\r\n{body}"
    )
}
