//! Answers that are compressed when the asker takes it.

use std::cell::RefCell;
use std::convert::Infallible;
use std::io::{self, Write};

use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use flate2::write::GzEncoder;
use flate2::{Compress, Compression, Crc, FlushCompress, Status};
use futures_util::stream::iter;

/// Smaller answers are not worth it.
const MIN_BYTES: usize = 1400;
/// RFC 1952, 2.3: gzip, deflate, nothing else said; the system is not known.
const HEAD: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

thread_local! {
    /// Its tables are a third of a megabyte: made once for each thread, not for each answer.
    static COMPRESSOR: RefCell<Compress> = RefCell::new(Compress::new(Compression::fast(), false));
}

/// The body as an answer of a type, compressed if `headers` allow it.
pub(crate) fn maybe(headers: &HeaderMap, media_type: &'static str, body: Vec<u8>) -> Response {
    let content_type = (CONTENT_TYPE, media_type);
    if !takes_gzip(headers) || body.len() < MIN_BYTES {
        return ([content_type], body).into_response();
    }
    match pack(&body) {
        Some(packed) => ([content_type, (CONTENT_ENCODING, "gzip")], packed).into_response(),
        None => ([content_type], body).into_response(),
    }
}

/// An answer that is made while it is sent, compressed if `headers` allow it.
pub(crate) fn stream(
    headers: &HeaderMap,
    media_type: &'static str,
    pieces: impl Iterator<Item = String> + Send + 'static,
) -> Response {
    let content_type = (CONTENT_TYPE, media_type);
    if !takes_gzip(headers) {
        let body = Body::from_stream(iter(pieces.map(Ok::<_, Infallible>)));
        return ([content_type], body).into_response();
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    let packed = pieces.map(Some).chain([None]).map(move |piece| {
        match piece {
            Some(piece) => encoder.write_all(piece.as_bytes())?,
            None => encoder.try_finish()?,
        }
        Ok::<_, io::Error>(std::mem::take(encoder.get_mut()))
    });
    (
        [content_type, (CONTENT_ENCODING, "gzip")],
        Body::from_stream(iter(packed)),
    )
        .into_response()
}

fn takes_gzip(headers: &HeaderMap) -> bool {
    let accepted = headers.get(ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
    let mut ways = accepted.unwrap_or_default().split(',');
    ways.any(|one| one.split(';').next().unwrap_or_default().trim() == "gzip")
}

fn pack(body: &[u8]) -> Option<Vec<u8>> {
    let mut packed = Vec::with_capacity(HEAD.len() + body.len() / 3 + 1024);
    packed.extend(HEAD);
    COMPRESSOR.with_borrow_mut(|compressor| {
        compressor.reset();
        loop {
            let taken = usize::try_from(compressor.total_in()).ok()?;
            let status = compressor.compress_vec(&body[taken..], &mut packed, FlushCompress::Finish);
            match status.ok()? {
                Status::StreamEnd => return Some(()),
                Status::Ok | Status::BufError => packed.reserve(packed.capacity()),
            }
        }
    })?;
    let mut crc = Crc::new();
    crc.update(body);
    packed.extend(crc.sum().to_le_bytes());
    packed.extend(crc.amount().to_le_bytes());
    Some(packed)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use axum::http::{HeaderMap, HeaderValue, header};
    use flate2::read::GzDecoder;

    use super::{pack, stream};

    #[tokio::test]
    async fn a_stream_is_the_same_text_packed_or_not() {
        let pieces = || (0..500).map(|n| format!("gameday_probe_up{{probe=\"p{n}\"}} 1\n"));
        let plain = stream(&HeaderMap::new(), "text/plain", pieces());
        let plain = axum::body::to_bytes(plain.into_body(), 1 << 20).await.unwrap();
        let asks = HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip"))]);
        let packed = stream(&asks, "text/plain", pieces());
        assert_eq!(packed.headers()[header::CONTENT_ENCODING], "gzip");
        let packed = axum::body::to_bytes(packed.into_body(), 1 << 20).await.unwrap();
        let mut read = String::new();
        GzDecoder::new(&packed[..]).read_to_string(&mut read).unwrap();
        assert!(packed.len() < read.len() / 5);
        assert_eq!(read, pieces().collect::<String>());
        assert_eq!(plain, read.as_bytes());
    }

    #[test]
    fn what_is_packed_is_read_again_whatever_was_packed_before() {
        let noise: Vec<u8> = (0..200_000_u32)
            .flat_map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes())
            .collect();
        let text = "# HELP probe_success Displays whether or not the probe was a success\n".repeat(60);
        for body in [text.as_bytes(), &noise, b"", text.as_bytes()] {
            let mut read = Vec::new();
            GzDecoder::new(&pack(body).unwrap()[..])
                .read_to_end(&mut read)
                .unwrap();
            assert!(read == body, "{} bytes became {}", body.len(), read.len());
        }
    }
}
