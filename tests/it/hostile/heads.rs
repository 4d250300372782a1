//! Heads of answers that do not come, do not end, or are no heads.

use std::io::Write;
use std::thread;
use std::time::Duration;

use super::{PLAIN, TWO, answering, drip, flood, hear, hold, look, server};

#[test]
fn a_server_that_accepts_and_says_nothing_is_a_header_timeout() {
    let silent = server(hold);
    look(silent, PLAIN).is("header_timeout", &["no response head"], TWO);
}

#[test]
fn a_head_that_comes_a_byte_a_second_is_a_header_timeout() {
    let slow = server(|mut stream| {
        hear(&mut stream)?;
        let head = b"HTTP/1.1 200 OK\r\nX-Slow: ".iter().copied();
        drip(
            stream,
            head.chain(std::iter::repeat(b'a')),
            Duration::from_millis(100),
        )
    });
    look(slow, PLAIN).is("header_timeout", &[], TWO);
}

#[test]
fn a_head_without_end_is_too_large() {
    let endless = |beginning: &'static str, more: &'static [u8]| {
        server(move |mut stream| {
            hear(&mut stream)?;
            stream.write_all(beginning.as_bytes())?;
            flood(stream, more)
        })
    };
    let one_header = endless("HTTP/1.1 200 OK\r\nX: ", &[b'a'; 65_536]);
    look(one_header, PLAIN).is("header_too_large", &["64 KiB"], TWO);
    let many_headers = endless("HTTP/1.1 200 OK\r\n", b"X-More: 1\r\n");
    look(many_headers, PLAIN).is("header_too_large", &[], TWO);
    let reason_phrase = endless("HTTP/1.1 200 ", &[b'a'; 65_536]);
    look(reason_phrase, PLAIN).is("header_too_large", &[], TWO);
}

#[test]
fn ten_thousand_headers_are_too_large() {
    let head: String = (0..10_000).map(|n| format!("X-{n}: {n}\r\n")).collect();
    let many = answering(format!("HTTP/1.1 200 OK\r\n{head}\r\n"));
    look(many, PLAIN).is("header_too_large", &[], TWO);
    // Short ones, so that their number and not their size is too large.
    let many = answering(format!("HTTP/1.1 200 OK\r\n{}\r\n", "A:\r\n".repeat(3000)));
    look(many, PLAIN).is("header_too_large", &[], TWO);
}

#[test]
fn many_headers_of_a_large_but_honest_site_are_read() {
    let head: String = (0..200)
        .map(|n| format!("X-{n}: {}\r\n", "v".repeat(200)))
        .collect();
    let many = answering(format!("HTTP/1.1 200 OK\r\n{head}Content-Length: 0\r\n\r\n"));
    look(many, PLAIN).is_up(TWO);
}

#[test]
fn informational_answers_without_end_are_a_header_timeout() {
    let hints = server(|mut stream| {
        hear(&mut stream)?;
        flood(stream, b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n")
    });
    look(hints, PLAIN).is("header_timeout", &[], TWO);
}

#[test]
fn some_informational_answers_are_passed_over() {
    let hints = answering(
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    );
    look(hints, PLAIN).is_up(TWO);
}

#[test]
fn what_is_no_http_is_told_so() {
    for nonsense in [
        "SSH-2.0-OpenSSH_9.2\r\n",
        "220 mail.example.test ESMTP\r\n",
        "HTTP/1.1 2OO OK\r\n\r\n",
        "HTTP/9.9 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nBad Name: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: \x01\r\n\r\n",
        "\x15\x03\x03\x00\x02\x02\x28",
        "<html>hello</html>\n",
    ] {
        look(answering(nonsense), PLAIN).is("http_protocol", &["is not HTTP"], TWO);
    }
}

#[test]
fn lengths_that_contradict_each_other_are_no_http() {
    for lengths in [
        "Content-Length: 5\r\nContent-Length: 6",
        "Content-Length: -1",
        "Content-Length: five",
        "Content-Length: 99999999999999999999999",
    ] {
        let answer = format!("HTTP/1.1 200 OK\r\n{lengths}\r\n\r\nhello");
        look(answering(answer), PLAIN).is("http_protocol", &[], TWO);
    }
}

#[test]
fn a_connection_that_ends_before_the_head_is_a_reset() {
    for beginning in ["", "HTTP/1.1 200 OK\r\nServer: x"] {
        look(answering(beginning), PLAIN).is("connection_reset", &["before the answer was whole"], TWO);
    }
}

#[test]
fn phases_add_up_when_a_status_line_drips() {
    let dripping = server(|mut stream| {
        hear(&mut stream)?;
        thread::sleep(Duration::from_millis(200));
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
        drip(stream, answer.iter().copied(), Duration::from_millis(15))
    });
    let seen = look(dripping, PLAIN);
    seen.is_up(TWO);
    let phase = |name: &str| seen.said["phases"][name].as_u64().unwrap();
    // The first byte came after 215 ms; the other 39 took 15 ms each.
    assert!((200_000..400_000).contains(&phase("wait_us")), "{}", seen.said);
    assert!(phase("transfer_us") > 550_000, "{}", seen.said);
}
