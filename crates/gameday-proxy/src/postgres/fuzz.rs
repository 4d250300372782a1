//! What must hold whatever bytes come from a client and a server of PostgreSQL.

use bytes::BytesMut;

use super::exchange::{Due, Exchange, MOST_BYTES};
use super::frames::{CAP, Frame, Frames, body, text};
use super::statement::{command, tables};

/// The first byte says into pieces of what size the rest is cut; as questions, as answers, and as a statement.
pub fn postgres(bytes: &[u8]) {
    let Some((cut, rest)) = bytes.split_first() else {
        return;
    };
    let cut = usize::from(*cut) + 1;
    for wanted in [&b"QPBECDSF"[..], b"123TntsCIEZ", b""] {
        follow(rest, cut, wanted);
    }
    let statement = String::from_utf8_lossy(rest);
    assert!(command(&statement).len() <= 4 * statement.len());
    assert!(tables(&statement).count() <= statement.len());
}

fn follow(stream: &[u8], cut: usize, wanted: &[u8]) {
    let (mut frames, mut buffer) = (Frames::default(), BytesMut::new());
    let (mut exchange, mut all) = (Exchange::default(), Vec::new());
    for piece in stream.chunks(cut) {
        buffer.extend_from_slice(piece);
        while let Some(frame) = frames.next(&mut buffer, |tag| wanted.contains(&tag)) {
            match frame {
                Frame::Pass(bytes) => all.extend_from_slice(&bytes),
                Frame::Message(tag, bytes) => {
                    assert!(bytes.len() <= CAP && wanted.contains(&tag));
                    learn(&mut exchange, tag, body(&bytes));
                    all.extend_from_slice(&bytes);
                }
            }
        }
        assert!(exchange.kept() <= 2 * MOST_BYTES);
        assert!(
            buffer.len() < CAP + cut,
            "no more is gathered than a message's cap"
        );
    }
    all.extend_from_slice(&buffer);
    assert!(all == stream, "every byte, in order");
}

fn learn(exchange: &mut Exchange, tag: u8, inside: &[u8]) {
    let (first, rest) = text(inside);
    match tag {
        b'P' => {
            exchange.prepare(first, text(rest).0);
            exchange.ask(Due::Parse(rest.len() % 2 == 0));
        }
        b'B' => {
            exchange.bind(first, text(rest).0);
            exchange.ask(Due::Bind(rest.len() % 2 == 0));
        }
        b'S' => exchange.ask(Due::Ready),
        b'D' => exchange.close(b'S', &first),
        b'F' => drop(exchange.executed(&first).map(str::to_owned)),
        tag => drop(exchange.answered(tag)),
    }
}
