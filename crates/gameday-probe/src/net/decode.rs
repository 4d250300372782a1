//! Content encodings (RFC 9110, 8.4.1; RFC 7932; RFC 8878), decoded as the bytes come.

mod zstd;

use std::io::{self, Write};

use brotli_decompressor::DecompressorWriter;
use flate2::write::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

use zstd::Zstd;

/// What is asked for when a probe wants its answers compressed.
pub(crate) const ACCEPTED: &str = "gzip, deflate, br, zstd";
const BROTLI_BUFFER_BYTES: usize = 4096;

/// Passes what it is given on, decoded.
pub(super) enum Decoder<W: Write> {
    Identity(W),
    Gzip(Box<MultiGzDecoder<W>>),
    /// `deflate` is zlib's format; its first byte tells those who send it bare.
    Undecided(W),
    Zlib(Box<ZlibDecoder<W>>),
    Deflate(Box<DeflateDecoder<W>>),
    Brotli(Box<DecompressorWriter<W>>),
    Zstd(Box<Zstd<W>>),
    /// Between two of the others.
    Moved,
}

impl<W: Write> Decoder<W> {
    /// A decoder for the value of `Content-Encoding`; `None` for one that is not known.
    pub(super) fn new(encoding: &str, out: W) -> Option<Self> {
        Some(match encoding {
            "" | "identity" => Self::Identity(out),
            "gzip" | "x-gzip" => Self::Gzip(Box::new(MultiGzDecoder::new(out))),
            "deflate" => Self::Undecided(out),
            "br" => Self::Brotli(Box::new(DecompressorWriter::new(out, BROTLI_BUFFER_BYTES))),
            "zstd" => Self::Zstd(Box::new(Zstd::new(out))),
            _ => return None,
        })
    }

    pub(super) fn push(&mut self, data: &[u8]) -> io::Result<()> {
        if let (Self::Undecided(_), Some(first)) = (&*self, data.first()) {
            let Self::Undecided(out) = std::mem::replace(self, Self::Moved) else {
                return Ok(());
            };
            // RFC 1950, 2.2: the method is in the low half of the first byte, and 8 is the only one.
            *self = match first & 0x0f == 8 {
                true => Self::Zlib(Box::new(ZlibDecoder::new(out))),
                false => Self::Deflate(Box::new(DeflateDecoder::new(out))),
            };
        }
        match self {
            Self::Identity(out) => out.write_all(data),
            Self::Gzip(decoder) => decoder.write_all(data),
            Self::Zlib(decoder) => decoder.write_all(data),
            Self::Deflate(decoder) => decoder.write_all(data),
            Self::Brotli(decoder) => decoder.write_all(data),
            Self::Zstd(decoder) => decoder.push(data),
            Self::Undecided(_) | Self::Moved => Ok(()),
        }
    }

    /// No more comes: what is cut off is an error.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        match self {
            Self::Gzip(decoder) => decoder.try_finish(),
            Self::Zlib(decoder) => decoder.try_finish(),
            Self::Deflate(decoder) => decoder.try_finish(),
            Self::Brotli(decoder) => decoder.close(),
            Self::Zstd(decoder) => decoder.finish(),
            Self::Identity(_) | Self::Undecided(_) | Self::Moved => Ok(()),
        }
    }

    /// What the decoded bytes were written to.
    pub(super) fn into_inner(self) -> W
    where
        W: Default,
    {
        match self {
            Self::Identity(out) | Self::Undecided(out) => out,
            Self::Gzip(mut decoder) => std::mem::take(decoder.get_mut()),
            Self::Zlib(mut decoder) => std::mem::take(decoder.get_mut()),
            Self::Deflate(mut decoder) => std::mem::take(decoder.get_mut()),
            Self::Brotli(mut decoder) => std::mem::take(decoder.get_mut()),
            Self::Zstd(decoder) => decoder.into_inner(),
            Self::Moved => W::default(),
        }
    }
}
