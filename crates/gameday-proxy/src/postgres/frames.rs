//! Messages of PostgreSQL's protocol 3.0 in a stream of bytes (PostgreSQL's manual, 55.7): a type, a length, a body.
//!
//! Bodies that nobody wants pass through as they come; of those that are wanted, [`CAP`] bytes are gathered at most.

use bytes::{Bytes, BytesMut};

/// The most of a message that is gathered.
pub(super) const CAP: usize = 64 * 1024;

/// A type and a length.
const HEAD: usize = 5;

/// What comes next in a stream.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Frame {
    /// Bytes of a message that is not wanted, or of one of which the beginning was given before.
    Pass(Bytes),
    /// A wanted message, or its first [`CAP`] bytes: its type, and all of it with its head.
    Message(u8, Bytes),
}

/// Cuts a stream into frames.
#[derive(Debug, Default)]
pub(super) struct Frames {
    /// Bytes of the current message that are still to pass.
    left: usize,
    /// The stream made no sense: everything passes from here on.
    lost: bool,
}

impl Frames {
    /// Whether the stream stopped making sense.
    pub(super) fn is_lost(&self) -> bool {
        self.lost
    }

    /// The next frame of what is there; nothing when more is needed. What is given is taken out of `stream`.
    pub(super) fn next(&mut self, stream: &mut BytesMut, wanted: impl Fn(u8) -> bool) -> Option<Frame> {
        if stream.is_empty() {
            return None;
        }
        if self.lost {
            return Some(Frame::Pass(stream.split().freeze()));
        }
        if self.left > 0 {
            let length = self.left.min(stream.len());
            self.left -= length;
            return Some(Frame::Pass(stream.split_to(length).freeze()));
        }
        let head: [u8; HEAD] = stream.get(..HEAD)?.try_into().ok()?;
        let [tag, length @ ..] = head;
        // The length counts itself and not the type.
        let Some(whole) = usize::try_from(i32::from_be_bytes(length))
            .ok()
            .filter(|length| *length >= 4)
        else {
            self.lost = true;
            return self.next(stream, wanted);
        };
        let whole = whole + 1;
        if !wanted(tag) {
            self.left = whole;
            return self.next(stream, wanted);
        }
        let gathered = whole.min(CAP);
        if stream.len() < gathered {
            return None;
        }
        self.left = whole - gathered;
        Some(Frame::Message(tag, stream.split_to(gathered).freeze()))
    }
}

/// The text at the beginning of some bytes, up to a zero; what is no UTF-8 is replaced.
pub(super) fn text(bytes: &[u8]) -> (String, &[u8]) {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    let rest = bytes.get(end + 1..).unwrap_or_default();
    (String::from_utf8_lossy(&bytes[..end]).into_owned(), rest)
}

/// A message with its head.
pub(super) fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).expect("our messages are short");
    [&[tag][..], &length.to_be_bytes(), body].concat()
}

/// Just the body of a message.
pub(super) fn body(message: &[u8]) -> &[u8] {
    message.get(HEAD..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(stream: &[u8], at_a_time: usize) -> (Vec<(u8, usize)>, Vec<u8>) {
        let (mut frames, mut buffer) = (Frames::default(), BytesMut::new());
        let (mut messages, mut all) = (Vec::new(), Vec::new());
        for piece in stream.chunks(at_a_time) {
            buffer.extend_from_slice(piece);
            while let Some(frame) = frames.next(&mut buffer, |tag| tag == b'Q') {
                match frame {
                    Frame::Pass(bytes) => all.extend_from_slice(&bytes),
                    Frame::Message(tag, bytes) => {
                        messages.push((tag, bytes.len()));
                        all.extend_from_slice(&bytes);
                    }
                }
            }
        }
        all.extend_from_slice(&buffer);
        (messages, all)
    }

    #[test]
    fn however_a_stream_is_cut_it_comes_out_whole_and_wanted_messages_are_found() {
        let long = vec![b'x'; CAP + 100];
        let stream = [
            message(b'S', b""),
            message(b'Q', b"select 1\0"),
            message(b'd', &long),
            message(b'Q', &long),
        ]
        .concat();
        for at_a_time in [1, 3, 1000, stream.len()] {
            let (messages, all) = cut(&stream, at_a_time);
            assert_eq!(messages, [(b'Q', 14), (b'Q', CAP)], "{at_a_time}");
            assert!(all == stream);
        }
        // A length that cannot be: everything passes.
        for nonsense in [&b"Q\0\0\0\x03rest"[..], b"Q\xff\xff\xff\xffrest", b"X\0\0\0\0"] {
            assert_eq!(cut(nonsense, 2), (vec![], nonsense.to_vec()));
        }
    }
}
