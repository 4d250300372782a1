//! Where the server's replies end: RESP2 and RESP3 in a stream, without gathering them.

/// Follows a stream of replies.
#[derive(Debug, Default)]
pub(super) struct Replies {
    /// Elements of the current reply that are still to come.
    pending: u64,
    /// Bytes of a bulk that are still to come, its line end counted.
    skip: u64,
    /// The line that is being read.
    line: Vec<u8>,
    /// Whether the current reply answers no command (a push of RESP3).
    is_push: bool,
    lost: bool,
}

/// A line is a sign and a number, or a simple text of which only the sign matters.
const LONGEST_HEAD: usize = 32;
/// More elements than this in one reply make no sense.
const MOST: u64 = 1 << 40;

impl Replies {
    /// Whether the stream stopped making sense.
    pub(super) fn is_lost(&self) -> bool {
        self.lost
    }

    /// How many of these bytes belong to the current reply, and whether it ends with them and answers a command.
    pub(super) fn take(&mut self, bytes: &[u8]) -> (usize, bool) {
        let mut at = 0;
        while at < bytes.len() && !self.lost {
            if self.skip > 0 {
                let length = usize::try_from(self.skip)
                    .unwrap_or(usize::MAX)
                    .min(bytes.len() - at);
                self.skip -= length as u64;
                at += length;
            } else {
                let byte = bytes[at];
                at += 1;
                if byte != b'\n' {
                    // Of a long simple text nothing but the beginning is kept.
                    if self.line.len() < LONGEST_HEAD {
                        self.line.push(byte);
                    }
                    continue;
                }
                self.line_ended();
            }
            if self.pending == 0 && self.skip == 0 && !self.lost {
                let answers = !std::mem::take(&mut self.is_push);
                return (at, answers);
            }
        }
        (bytes.len(), false)
    }

    fn line_ended(&mut self) {
        let line = std::mem::take(&mut self.line);
        let Some((sign, rest)) = line.split_first() else {
            self.lost = true;
            return;
        };
        if self.pending == 0 {
            self.pending = 1;
            self.is_push = *sign == b'>';
        }
        let number = || {
            std::str::from_utf8(rest)
                .ok()?
                .trim_end_matches('\r')
                .parse::<i64>()
                .ok()
        };
        let more = match sign {
            b'+' | b'-' | b':' | b',' | b'#' | b'_' | b'(' => Some(0),
            b'$' | b'=' | b'!' => number().map(|length| {
                if let Ok(length) = u64::try_from(length) {
                    self.skip = length + 2;
                }
                0
            }),
            b'*' | b'~' | b'>' => number().map(|count| u64::try_from(count).unwrap_or(0)),
            b'%' => number().map(|count| u64::try_from(count).unwrap_or(0).saturating_mul(2)),
            // An attribute stands before what it is about, and is no element itself.
            b'|' => number().map(|count| u64::try_from(count).unwrap_or(0).saturating_mul(2) + 1),
            _ => None,
        };
        match more.filter(|more| *more < MOST && self.pending < MOST) {
            Some(more) => self.pending = self.pending - 1 + more,
            None => self.lost = true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where replies that answer commands end.
    fn ends(stream: &[u8], at_a_time: usize) -> Vec<usize> {
        let (mut replies, mut ends, mut at) = (Replies::default(), Vec::new(), 0);
        for mut piece in stream.chunks(at_a_time) {
            while !piece.is_empty() && !replies.is_lost() {
                let (length, answers) = replies.take(piece);
                at += length;
                ends.extend(answers.then_some(at));
                piece = &piece[length..];
            }
        }
        ends
    }

    #[test]
    fn replies_end_where_they_end_however_the_stream_is_cut() {
        let replies = [
            "+OK\r\n",
            "-ERR no\r\n",
            ":5\r\n",
            "$-1\r\n",
            "$2\r\n\r\n\r\n",
            "*-1\r\n",
            "*0\r\n",
            "*2\r\n*2\r\n:1\r\n$1\r\na\r\n$3\r\n*2\r\r\n",
            "%1\r\n+k\r\n,1.5\r\n",
            "_\r\n",
            "#t\r\n",
            "|1\r\n+ttl\r\n:3\r\n*1\r\n:2\r\n",
            "=7\r\ntxt:abc\r\n",
            "~1\r\n+x\r\n",
        ];
        let stream = replies.concat();
        let mut at = 0;
        let wanted: Vec<usize> = replies
            .iter()
            .map(|reply| {
                at += reply.len();
                at
            })
            .collect();
        for at_a_time in [1, 2, 5, stream.len()] {
            assert_eq!(ends(stream.as_bytes(), at_a_time), wanted, "{at_a_time}");
        }
        // A push answers nothing.
        assert_eq!(ends(b">2\r\n+message\r\n+x\r\n+OK\r\n", 3), [23]);
        for nonsense in [&b"hello\r\n"[..], b"\n", b"*x\r\n", b"*99999999999999999\r\n"] {
            assert!(ends(nonsense, 1).is_empty());
        }
    }
}
