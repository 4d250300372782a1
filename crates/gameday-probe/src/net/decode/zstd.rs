//! Zstandard, a block at a time: a few bytes can stand for gigabytes, so no block is decoded before the
//! one before it was passed on.

use std::io::{self, Write};

use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

/// RFC 8878, 3.1.1.1.2: a decoder may refuse windows over 8 MiB.
const MAX_WINDOW_BYTES: u64 = 8 * 1024 * 1024;
/// RFC 8878, 3.1.1.1: magic number and frame header.
const MAX_FRAME_HEADER_BYTES: usize = 18;
const BLOCK_HEADER_BYTES: usize = 3;
const CHECKSUM_BYTES: usize = 4;

/// Decodes frames.
pub(in crate::net) struct Zstd<W: Write> {
    out: W,
    frame: FrameDecoder,
    within_frame: bool,
    /// Came, and is not yet decoded.
    pending: Vec<u8>,
}

impl<W: Write> Zstd<W> {
    pub(super) fn new(out: W) -> Self {
        let mut frame = FrameDecoder::new();
        frame.set_max_window_size(MAX_WINDOW_BYTES);
        Self {
            out,
            frame,
            within_frame: false,
            pending: Vec::new(),
        }
    }

    pub(super) fn push(&mut self, data: &[u8]) -> io::Result<()> {
        self.pending.extend_from_slice(data);
        while self.advance(false)? {}
        Ok(())
    }

    pub(super) fn finish(&mut self) -> io::Result<()> {
        while self.advance(true)? {}
        match self.within_frame || !self.pending.is_empty() {
            true => Err(io::ErrorKind::UnexpectedEof.into()),
            false => Ok(()),
        }
    }

    pub(super) fn into_inner(self) -> W {
        self.out
    }

    /// Takes one frame header or one block; false when more must come first.
    fn advance(&mut self, last: bool) -> io::Result<bool> {
        let there = self.pending.len();
        let needed = match self.within_frame {
            false => MAX_FRAME_HEADER_BYTES,
            true => self
                .block_bytes()
                .map_or(usize::MAX, |block| block + CHECKSUM_BYTES),
        };
        // At the end, what is there must do; the decoder says so if it does not.
        if there == 0 || there < needed && !last {
            return Ok(false);
        }
        let mut source = self.pending.as_slice();
        if self.within_frame {
            let strategy = BlockDecodingStrategy::UptoBlocks(1);
            let over = self
                .frame
                .decode_blocks(&mut source, strategy)
                .map_err(io::Error::other)?;
            self.within_frame = !over;
        } else {
            self.frame.reset(&mut source).map_err(io::Error::other)?;
            self.within_frame = true;
        }
        let used = there - source.len();
        self.pending.drain(..used);
        self.frame.collect_to_writer(&mut self.out)?;
        Ok(true)
    }

    /// The next block's size with its header (RFC 8878, 3.1.1.2), once the header is there.
    fn block_bytes(&self) -> Option<usize> {
        let [a, b, c, ..] = self.pending[..] else {
            return None;
        };
        let header = usize::from(a) | usize::from(b) << 8 | usize::from(c) << 16;
        // A block of one repeated byte holds that byte, however large it says it is.
        let is_run = header >> 1 & 3 == 1;
        Some(BLOCK_HEADER_BYTES + if is_run { 1 } else { header >> 3 })
    }
}
