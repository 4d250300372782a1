//! What the server answers: passed on, but for answers to our own messages, and cut where a fault says so.

use std::io::{self, ErrorKind};

use bytes::{BufMut, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::Talk;
use super::frames::{Frame, Frames, body, text};

/// The most that is read at once.
const CHUNK: usize = 32 * 1024;

impl Talk<'_> {
    /// Passes everything that the server answers, until it ends or is cut.
    pub(super) async fn pass_answers(
        &self,
        mut server: impl AsyncRead + Unpin,
        mut client: impl AsyncWrite + Unpin,
    ) -> io::Result<()> {
        let (mut frames, mut stream, mut out) = (Frames::default(), BytesMut::new(), BytesMut::new());
        loop {
            while let Some(frame) = frames.next(&mut stream, |tag| b"123TnCsIEZ".contains(&tag)) {
                match frame {
                    Frame::Pass(bytes) => out.put(bytes),
                    Frame::Message(tag, bytes) => {
                        if self.is_lost_commit(tag, body(&bytes)) {
                            // Nothing of it may be heard, not even what came with it.
                            self.session.reset();
                            return Err(ErrorKind::ConnectionReset.into());
                        }
                        if self.exchange().answered(tag) {
                            out.put(bytes);
                        }
                    }
                }
            }
            let cut = self.cut(&mut out);
            if !out.is_empty() {
                client.write_all(&out).await?;
                client.flush().await?;
                out.clear();
            }
            if cut {
                return Err(ErrorKind::ConnectionAborted.into());
            }
            stream.reserve(CHUNK);
            if server.read_buf(&mut stream).await? == 0 {
                client.write_all(&stream).await?;
                return client.shutdown().await;
            }
        }
    }

    fn is_lost_commit(&self, tag: u8, inside: &[u8]) -> bool {
        tag == b'C' && self.exchange().lose_commit && text(inside).0 == "COMMIT"
    }

    /// Whether the connection is to be cut after what is left in `out`.
    fn cut(&self, out: &mut BytesMut) -> bool {
        let mut exchange = self.exchange();
        let Some(left) = &mut exchange.cut_after else {
            return false;
        };
        let fits = usize::try_from(*left).unwrap_or(usize::MAX);
        let cut = out.len() >= fits;
        out.truncate(fits);
        *left -= out.len() as u64;
        cut
    }
}
