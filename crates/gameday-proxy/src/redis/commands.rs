//! Commands in what a client sends (RESP, the Redis serialization protocol): a name, a first argument, and the rest.
//!
//! Name and first argument are gathered, up to [`CAP`] bytes; what comes after them passes as it comes.

use bytes::{Bytes, BytesMut};

/// The most of a command that is gathered.
pub(super) const CAP: usize = 64 * 1024;

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// A command begins; the bytes are what was gathered of it. Ask [`Commands::settle`] what becomes of the rest.
    Command {
        name: String,
        key: Option<String>,
        bytes: Bytes,
    },
    /// The rest of a command that passes.
    Rest(Bytes),
}

/// Cuts a stream into commands.
#[derive(Debug, Default)]
pub(super) struct Commands {
    /// Arguments of the current command that are still to come.
    arguments: u64,
    /// Bytes of the current argument that are still to come, its line end counted.
    bytes: u64,
    /// What is still to come is not for the server.
    dropping: bool,
    lost: bool,
}

impl Commands {
    /// Whether the stream stopped making sense: everything passes from there on.
    pub(super) fn is_lost(&self) -> bool {
        self.lost
    }

    /// What becomes of the rest of the command that was given last.
    pub(super) fn settle(&mut self, dropped: bool) {
        self.dropping = dropped;
    }

    /// The next piece of what is there; nothing when more is needed.
    pub(super) fn next(&mut self, stream: &mut BytesMut) -> Option<Piece> {
        loop {
            if stream.is_empty() {
                return None;
            }
            if self.lost {
                return Some(Piece::Rest(stream.split().freeze()));
            }
            let rest = if self.bytes > 0 {
                let length = usize::try_from(self.bytes)
                    .unwrap_or(usize::MAX)
                    .min(stream.len());
                self.bytes -= length as u64;
                length
            } else if self.arguments > 0 {
                let Some((length, head)) = bulk(stream) else {
                    let is_nonsense = is_no_number(stream, b'$');
                    return self.wait_or_give_up(stream, is_nonsense);
                };
                self.arguments -= 1;
                self.bytes = length;
                head
            } else {
                return self.command(stream);
            };
            let rest = stream.split_to(rest).freeze();
            if !self.dropping {
                return Some(Piece::Rest(rest));
            }
        }
    }

    fn command(&mut self, stream: &mut BytesMut) -> Option<Piece> {
        self.dropping = false;
        if stream[0] != b'*' {
            return self.inline(stream);
        }
        let Some((count, mut at)) = number(stream, b'*') else {
            let is_nonsense = is_no_number(stream, b'*');
            return self.wait_or_give_up(stream, is_nonsense);
        };
        let mut words = Vec::new();
        for _ in 0..count.min(2) {
            let Some((length, head)) = bulk(&stream[at..]) else {
                let is_nonsense = is_no_number(&stream[at..], b'$');
                return self.wait_or_give_up(stream, is_nonsense);
            };
            // Too long for a name or a key that anybody wrote: it is passed and not looked at.
            if length > CAP as u64 {
                break;
            }
            let (begin, end) = (
                at + head,
                at + head + usize::try_from(length).unwrap_or(usize::MAX),
            );
            let Some(word) = stream.get(begin..end) else {
                return self.wait_or_give_up(stream, false);
            };
            words.push(String::from_utf8_lossy(&word[..word.len() - 2]).into_owned());
            at = end;
        }
        self.arguments = count - words.len() as u64;
        Some(given(words, stream.split_to(at).freeze()))
    }

    /// A command as a person types it: words on a line, which the server takes no longer than [`CAP`] either.
    fn inline(&mut self, stream: &mut BytesMut) -> Option<Piece> {
        let Some(end) = stream.iter().take(CAP).position(|byte| *byte == b'\n') else {
            self.lost = stream.len() >= CAP;
            return self.lost.then(|| Piece::Rest(stream.split().freeze()));
        };
        let line = stream.split_to(end + 1).freeze();
        let words = String::from_utf8_lossy(&line)
            .split_whitespace()
            .take(2)
            .map(str::to_owned)
            .collect();
        Some(given(words, line))
    }

    /// More may make sense of it, unless there is more than enough already.
    fn wait_or_give_up(&mut self, stream: &mut BytesMut, is_nonsense: bool) -> Option<Piece> {
        if stream.len() <= 3 * CAP && !is_nonsense {
            return None;
        }
        self.lost = true;
        self.next(stream)
    }
}

fn given(words: Vec<String>, bytes: Bytes) -> Piece {
    let mut words = words.into_iter();
    Piece::Command {
        name: words.next().unwrap_or_default().to_ascii_uppercase(),
        key: words.next(),
        bytes,
    }
}

/// The number on a line that begins with a sign, and the length of the line.
fn number(stream: &[u8], sign: u8) -> Option<(u64, usize)> {
    let end = stream.iter().take(32).position(|byte| *byte == b'\n')?;
    let digits = stream.get(1..end)?.strip_suffix(b"\r")?;
    let number: u64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    (stream[0] == sign && number <= u64::from(u32::MAX)).then_some((number, end + 1))
}

/// The length of an argument with its line end, and of the line that tells it.
fn bulk(stream: &[u8]) -> Option<(u64, usize)> {
    number(stream, b'$').map(|(length, head)| (length + 2, head))
}

/// Whether no more bytes could make it a line that begins with this sign and holds a number.
fn is_no_number(line: &[u8], sign: u8) -> bool {
    line.first().is_some_and(|first| *first != sign)
        || (line.len() >= 32 || line.contains(&b'\n')) && number(line, sign).is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(stream: &[u8], at_a_time: usize) -> (Vec<(String, Option<String>)>, Vec<u8>) {
        let (mut commands, mut buffer) = (Commands::default(), BytesMut::new());
        let (mut found, mut all) = (Vec::new(), Vec::new());
        for piece in stream.chunks(at_a_time) {
            buffer.extend_from_slice(piece);
            while let Some(piece) = commands.next(&mut buffer) {
                match piece {
                    Piece::Command { name, key, bytes } => {
                        let dropped = name == "DROP";
                        commands.settle(dropped);
                        found.push((name, key));
                        if !dropped {
                            all.extend_from_slice(&bytes);
                        }
                    }
                    Piece::Rest(bytes) => all.extend_from_slice(&bytes),
                }
            }
        }
        all.extend_from_slice(&buffer);
        (found, all)
    }

    #[test]
    fn commands_are_found_however_the_stream_is_cut_and_dropped_ones_leave_nothing() {
        let big = format!(
            "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$200000\r\n{}\r\n",
            "x".repeat(200_000)
        );
        let kept = [big.as_bytes(), b"ping\r\n", b"*1\r\n$4\r\nPING\r\n"].concat();
        let stream = [b"*3\r\n$4\r\ndrop\r\n$1\r\na\r\n$5\r\nhello\r\n", &kept[..]].concat();
        let name = |name: &str, key: Option<&str>| (name.to_owned(), key.map(str::to_owned));
        for at_a_time in [1, 7, 4096, stream.len()] {
            let (found, all) = cut(&stream, at_a_time);
            let wanted = [
                name("DROP", Some("a")),
                name("SET", Some("k")),
                name("PING", None),
                name("PING", None),
            ];
            assert_eq!(found, wanted, "{at_a_time}");
            assert!(all == kept, "{at_a_time}");
        }
    }

    #[test]
    fn nonsense_passes_as_it_is() {
        for nonsense in [
            &b"*x\r\nabc"[..],
            b"*2\r\n+OK\r\n",
            b"*1\r\n$-5\r\n",
            b"*99999999999999999999\r\n",
            b"$5\r\nhello\r\n",
        ] {
            assert_eq!(cut(nonsense, 3).1, nonsense);
        }
    }
}
