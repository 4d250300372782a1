//! Redirects that lead nowhere.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;

use super::{TWO, look, server};

const FOLLOW: &str =
    "timeout = \"2s\"\n[http]\nfollow = 10\n[[step]]\nname = \"ask\"\nget = \"http://{}/a\"\n";

/// Answers each path with the head that is made of it.
fn pages(answer: impl Fn(&str, &str) -> String + Send + Sync + 'static) -> SocketAddr {
    server(move |mut stream| {
        let mut reader = BufReader::new(stream.try_clone()?);
        let (mut head, mut line) = (String::new(), String::new());
        while reader.read_line(&mut line)? > 2 {
            head.push_str(&std::mem::take(&mut line));
        }
        let path = head.split(' ').nth(1).unwrap_or("/").to_owned();
        let answer = answer(&path, &head);
        write!(stream, "HTTP/1.1 {answer}\r\nContent-Length: 0\r\n\r\n")
    })
}

#[test]
fn a_loop_is_named_with_its_stations() {
    let round = pages(|path, _| match path {
        "/a" => "302 Found\r\nLocation: /b".to_owned(),
        "/b" => "301 Moved Permanently\r\nLocation: /c?x=1".to_owned(),
        _ => "307 Temporary Redirect\r\nLocation: /a".to_owned(),
    });
    look(round, FOLLOW).is("redirect_loop", &["/a → ", "/b → ", "/c?x=1 → "], TWO);
    let itself = pages(|_, _| "302 Found\r\nLocation: /a".to_owned());
    look(itself, FOLLOW).is("redirect_loop", &[], TWO);
}

#[test]
fn a_way_back_with_a_cookie_is_no_loop() {
    let wall = pages(|_, head| match head.contains("cookie: seen=1") {
        true => "200 OK".to_owned(),
        false => "302 Found\r\nSet-Cookie: seen=1\r\nLocation: /a".to_owned(),
    });
    look(wall, FOLLOW).is_up(TWO);
}

#[test]
fn a_way_without_end_is_too_many() {
    let on = pages(|path, _| format!("302 Found\r\nLocation: {path}x"));
    look(on, FOLLOW).is("too_many_redirects", &["redirect 11"], TWO);
    let counted = pages(|_, head| {
        let visits = head
            .split("visits=")
            .nth(1)
            .and_then(|rest| rest.split_whitespace().next()?.parse().ok());
        format!(
            "302 Found\r\nSet-Cookie: visits={}\r\nLocation: /a",
            visits.unwrap_or(0) + 1
        )
    });
    look(counted, FOLLOW).is("too_many_redirects", &[], TWO);
}

#[test]
fn a_location_that_is_no_place_is_told() {
    let far = format!("302 Found\r\nLocation: /{}", "x".repeat(20_000));
    let far = pages(move |_, _| far.clone());
    look(far, FOLLOW).is("http_protocol", &["longer than 8192"], TWO);
    let script = pages(|_, _| "302 Found\r\nLocation: javascript:alert(1)".to_owned());
    look(script, FOLLOW).is("http_protocol", &["http://"], TWO);
    let file = pages(|_, _| "302 Found\r\nLocation: file:///etc/passwd".to_owned());
    look(file, FOLLOW).is("http_protocol", &["http://"], TWO);
    let nowhere = pages(|_, _| "302 Found\r\nLocation: http://127.0.0.1:1/".to_owned());
    look(nowhere, FOLLOW).is("connect_refused", &["127.0.0.1:1"], TWO);
}
