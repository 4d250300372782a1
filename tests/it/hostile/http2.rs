//! Servers of HTTP/2 that answer with frames of their own making (RFC 9113).

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::{TWO, hold, look, server};

const FILE: &str =
    "timeout = \"2s\"\n[http]\nversion = \"2\"\n[[step]]\nname = \"ask\"\nget = \"http://{}/\"\n";

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PUSH_PROMISE: u8 = 5;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
/// `:status 200`, from the static table (RFC 7541, appendix A).
const STATUS_200: [u8; 1] = [0x88];

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// A literal header field, never indexed (RFC 7541, 6.2.2).
fn field(name: &str, value: &str) -> Vec<u8> {
    let mut field = vec![0];
    for text in [name, value] {
        let length = u8::try_from(text.len()).unwrap();
        assert!(length < 127, "longer texts need more than a byte of length");
        field.push(length);
        field.extend(text.as_bytes());
    }
    field
}

/// Takes the preface and the request, sends its own settings, and then does as the caller likes.
fn h2(then: impl Fn(TcpStream) -> std::io::Result<()> + Send + Sync + 'static) -> SocketAddr {
    server(move |mut stream| {
        let mut preface = [0; 24];
        stream.read_exact(&mut preface)?;
        stream.write_all(&frame(SETTINGS, 0, 0, &[]))?;
        loop {
            let mut head = [0; 9];
            stream.read_exact(&mut head)?;
            let mut payload = vec![0; usize::from(head[1]) << 8 | usize::from(head[2])];
            stream.read_exact(&mut payload)?;
            match head[3] {
                SETTINGS if head[4] == 0 => stream.write_all(&frame(SETTINGS, 1, 0, &[]))?,
                HEADERS => return then(stream),
                _ => {}
            }
        }
    })
}

/// Sends these frames and then waits until the visitor is gone.
fn sending(frames: Vec<Vec<u8>>) -> SocketAddr {
    h2(move |mut stream| {
        stream.write_all(&frames.concat())?;
        hold(stream)
    })
}

/// Sends these frames again and again, while it listens: who does not read blocks who writes.
fn flooding(first: Vec<u8>, again: impl Fn(u32) -> Vec<u8> + Send + Sync + 'static) -> SocketAddr {
    h2(move |mut stream| {
        let listener = stream.try_clone()?;
        std::thread::spawn(move || hold(listener));
        stream.write_all(&first)?;
        for number in 0.. {
            stream.write_all(&again(number))?;
        }
        Ok(())
    })
}

fn head(flags: u8) -> Vec<u8> {
    frame(HEADERS, flags, 1, &STATUS_200)
}

#[test]
fn an_honest_answer_of_these_frames_is_up() {
    let file = format!("{FILE}expect = ['version == 2', 'body == \"ok\"']\n");
    let honest = sending(vec![head(END_HEADERS), frame(DATA, END_STREAM, 1, b"ok")]);
    look(honest, &file).is_up(TWO);
}

#[test]
fn silence_after_settings_is_a_header_timeout_and_within_the_body_a_body_timeout() {
    look(server(hold), FILE).is("header_timeout", &[], TWO);
    look(h2(hold), FILE).is("header_timeout", &[], TWO);
    let stopped = sending(vec![head(END_HEADERS), frame(DATA, 0, 1, b"ok")]);
    look(stopped, FILE).is("body_timeout", &[], TWO);
}

#[test]
fn continuations_without_end_are_too_large() {
    let fields = |number: u32| field(&format!("x-{number}"), &"v".repeat(100)).repeat(50);
    let endless = flooding(frame(HEADERS, 0, 1, &STATUS_200), move |number| {
        frame(CONTINUATION, 0, 1, &fields(number))
    });
    look(endless, FILE).is("header_too_large", &[], TWO);
    let empty = flooding(frame(HEADERS, 0, 1, &STATUS_200), |_| {
        frame(CONTINUATION, 0, 1, &[])
    });
    look(empty, FILE).is("header_too_large", &[], TWO);
}

#[test]
fn a_small_head_that_unpacks_to_a_large_one_is_too_large() {
    // A field of 100 bytes goes into the table, and is then named two thousand times by a byte each.
    let mut block = STATUS_200.to_vec();
    block.extend([0x40, 1, b'x', 100]);
    block.extend([b'v'; 100]);
    block.extend([0xbe; 2000]);
    let packed = sending(vec![
        frame(HEADERS, END_HEADERS, 1, &block),
        frame(DATA, END_STREAM, 1, b"ok"),
    ]);
    look(packed, FILE).is("header_too_large", &[], TWO);
}

#[test]
fn a_reset_and_a_goodbye_are_told_with_their_codes() {
    let reset = sending(vec![frame(RST_STREAM, 0, 1, &11_u32.to_be_bytes())]);
    look(reset, FILE).is("connection_reset", &["ended the HTTP/2 exchange"], TWO);
    let reset_in_body = sending(vec![
        head(END_HEADERS),
        frame(DATA, 0, 1, b"ok"),
        frame(RST_STREAM, 0, 1, &2_u32.to_be_bytes()),
    ]);
    look(reset_in_body, FILE).is("connection_reset", &[], TWO);
    let goodbye = sending(vec![frame(GOAWAY, 0, 0, &[0, 0, 0, 0, 0, 0, 0, 2])]);
    look(goodbye, FILE).is("connection_reset", &[], TWO);
}

#[test]
fn frames_without_end_that_say_nothing_are_a_header_timeout() {
    type Frames = fn(u32) -> Vec<u8>;
    let floods: [(&str, Frames); 4] = [
        ("settings", |_| frame(SETTINGS, 0, 0, &[])),
        ("pings", |number| {
            frame(PING, 0, 0, &u64::from(number).to_be_bytes())
        }),
        ("unknown frames", |_| frame(0x7f, 0, 0, b"whatever")),
        ("huge settings", |_| {
            frame(SETTINGS, 0, 0, &[0, 0x7f, 0, 0, 0, 1].repeat(2000))
        }),
    ];
    for (name, again) in floods {
        println!("{name}");
        look(flooding(Vec::new(), again), FILE).is("header_timeout", &[], TWO);
    }
}

#[test]
fn a_body_of_empty_frames_is_a_body_timeout() {
    let empty = flooding(head(END_HEADERS), |_| frame(DATA, 0, 1, &[]));
    let seen = look(empty, FILE);
    let reason = seen.said["reason"].as_str().unwrap();
    // The library gives up on a flood by itself before our deadline.
    assert!(
        ["body_timeout", "http_protocol"].contains(&reason),
        "{}",
        seen.said
    );
    seen.is_bounded(TWO);
}

#[test]
fn an_endless_body_is_too_large() {
    // The visitor opens its window as it reads; a server that ignores windows is cut off by the library.
    let obedient = flooding(head(END_HEADERS), |number| {
        std::thread::sleep(Duration::from_millis(u64::from(number / 40)));
        frame(DATA, 0, 1, &[b'a'; 16_384])
    });
    look(obedient, FILE).is("body_too_large", &["1048576"], TWO);
    let reckless = flooding(head(END_HEADERS), |_| frame(DATA, 0, 1, &[b'a'; 16_384]));
    let seen = look(reckless, FILE);
    let reason = seen.said["reason"].as_str().unwrap();
    assert!(
        ["body_too_large", "http_protocol"].contains(&reason),
        "{}",
        seen.said
    );
    seen.is_bounded(TWO);
}

#[test]
fn what_breaks_the_rules_of_http2_is_told_so() {
    let frame_size = vec![frame(PING, 0, 0, b"short")];
    let oversize = vec![frame(SETTINGS, 0, 0, &[0; 16_390])];
    let bad_table = vec![frame(
        HEADERS,
        END_HEADERS | END_STREAM,
        1,
        &[0xff, 0xff, 0xff, 0x7f],
    )];
    let pushed = vec![frame(PUSH_PROMISE, END_HEADERS, 1, &[0, 0, 0, 2, 0x82])];
    let unasked = vec![frame(HEADERS, END_HEADERS, 3, &STATUS_200)];
    let no_status = vec![frame(HEADERS, END_HEADERS | END_STREAM, 1, &field("x", "y"))];
    let upper_case = vec![frame(
        HEADERS,
        END_HEADERS | END_STREAM,
        1,
        &[STATUS_200.to_vec(), field("Bad", "y")].concat(),
    )];
    let window = vec![frame(WINDOW_UPDATE, 0, 0, &[0x7f, 0xff, 0xff, 0xff])];
    let data_first = vec![frame(DATA, 0, 1, b"ok")];
    for (name, frames) in [
        ("frame size", frame_size),
        ("oversize", oversize),
        ("table", bad_table),
        ("pushed", pushed),
        ("unasked", unasked),
        ("no status", no_status),
        ("upper case", upper_case),
        ("window", window),
        ("data first", data_first),
    ] {
        println!("{name}");
        look(sending(frames), FILE).is("http_protocol", &[], TWO);
    }
}

#[test]
fn a_length_that_is_a_lie_is_told() {
    let file = format!("{FILE}expect = ['status == 200']\n");
    let answer = |length: &str, body: &[u8]| {
        let block = [STATUS_200.to_vec(), field("content-length", length)].concat();
        sending(vec![
            frame(HEADERS, END_HEADERS, 1, &block),
            frame(DATA, END_STREAM, 1, body),
        ])
    };
    look(answer("2", b"ok"), &file).is_up(TWO);
    look(answer("5", b"ok"), &file).is("http_protocol", &[], TWO);
    look(answer("1", b"ok"), &file).is("http_protocol", &[], TWO);
}

#[test]
fn resets_of_streams_that_nobody_opened_do_no_harm() {
    let resets = flooding(Vec::new(), |number| {
        let promised = frame(RST_STREAM, 0, (number % 1000) * 2 + 3, &8_u32.to_be_bytes());
        promised.repeat(20)
    });
    let seen = look(resets, FILE);
    let reason = seen.said["reason"].as_str().unwrap();
    assert!(
        ["header_timeout", "http_protocol", "connection_reset"].contains(&reason),
        "{}",
        seen.said
    );
    seen.is_bounded(TWO);
}
