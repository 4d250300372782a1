//! Bodies that do not end, lie about their length, or unpack to more than anybody wants.

use std::io::Write;
use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};

use super::{PLAIN, TWO, answering, drip, flood, hear, hold, look, server};

const MIB: usize = 1024 * 1024;

fn after_head(
    head: &'static str,
    then: impl Fn(std::net::TcpStream) -> std::io::Result<()> + Send + Sync + 'static,
) -> SocketAddr {
    server(move |mut stream| {
        hear(&mut stream)?;
        stream.write_all(head.as_bytes())?;
        then(stream)
    })
}

#[test]
fn an_endless_body_is_too_large_however_it_comes() {
    let chunked = after_head(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        |stream| {
            flood(
                stream,
                b"1000\r\n"
                    .iter()
                    .chain(&[b'a'; 4096])
                    .chain(b"\r\n")
                    .copied()
                    .collect::<Vec<_>>()
                    .as_slice(),
            )
        },
    );
    look(chunked, PLAIN).is("body_too_large", &["1048576 bytes"], TWO);
    let until_close = after_head("HTTP/1.1 200 OK\r\n\r\n", |stream| flood(stream, &[b'a'; 4096]));
    look(until_close, PLAIN).is("body_too_large", &[], TWO);
    let declared = after_head(
        "HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n",
        |stream| flood(stream, &[b'a'; 4096]),
    );
    look(declared, PLAIN).is("body_too_large", &[], TWO);
}

#[test]
fn a_body_that_stops_or_drips_is_a_body_timeout() {
    let stopped = after_head("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", hold);
    look(stopped, PLAIN).is("body_timeout", &["did not end in time"], TWO);
    let dripping = after_head("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", |stream| {
        drip(stream, std::iter::repeat(b'a'), Duration::from_secs(1))
    });
    look(dripping, PLAIN).is("body_timeout", &[], TWO);
    let chunk_by_chunk = after_head(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        |mut stream| {
            loop {
                stream.write_all(b"1\r\na\r\n")?;
                thread::sleep(Duration::from_millis(50));
            }
        },
    );
    look(chunk_by_chunk, PLAIN).is("body_timeout", &[], TWO);
}

#[test]
fn a_connection_that_ends_in_mid_body_is_a_reset() {
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n",
    ] {
        look(answering(answer), PLAIN).is("connection_reset", &["before the answer was whole"], TWO);
    }
}

#[test]
fn a_body_longer_than_it_says_ends_where_it_says() {
    let step = format!("{PLAIN}expect = ['body == \"abc\"', 'bytes == 3']\n");
    let longer = answering("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcdefgh");
    look(longer, &step).is_up(TWO);
}

#[test]
fn chunks_that_make_no_sense_are_no_http() {
    for chunks in [
        "zz\r\nab\r\n0\r\n\r\n",
        "-1\r\nab\r\n",
        "2\r\nabXX0\r\n\r\n",
        "fffffffffffffffffff\r\nab\r\n",
        "2;ext=\"\n\"\r\nab\r\n",
    ] {
        let answer = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}");
        look(answering(answer), PLAIN).is("http_protocol", &[], TWO);
    }
    let extension = after_head(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;x=",
        |stream| flood(stream, &[b'y'; 4096]),
    );
    look(extension, PLAIN).is("http_protocol", &[], TWO);
    let trailers = after_head(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
        |stream| flood(stream, b"X-Trailer: more\r\n"),
    );
    look(trailers, PLAIN).is("http_protocol", &[], TWO);
}

/// Zeros, packed: a gigabyte, or 64 MiB where packing more would take too long.
fn bomb(encoding: &str) -> Vec<u8> {
    let zeros = vec![0; MIB];
    match encoding {
        // Members may follow one another (RFC 1952, 2.2).
        "gzip" => {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
            encoder.write_all(&zeros).unwrap();
            encoder.finish().unwrap().repeat(1024)
        }
        "deflate" => {
            let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
            (0..64).for_each(|_| encoder.write_all(&zeros).unwrap());
            encoder.finish().unwrap()
        }
        // `head -c 1G /dev/zero | brotli -q 5 -w 24`
        "br" => include_bytes!("zeros.br").to_vec(),
        _ => zstd_of_zeros(),
    }
}

/// RFC 8878: a frame of blocks that each say `128 KiB of this byte`.
fn zstd_of_zeros() -> Vec<u8> {
    // Magic number; a descriptor without content size or checksum; a window of 8 MiB (2^(10+13)).
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, 13 << 3];
    let header = |last: u32| ((128 * 1024) << 3 | 1 << 1 | last).to_le_bytes();
    for at in 0..8192 {
        frame.extend_from_slice(&header(u32::from(at == 8191))[..3]);
        frame.push(0);
    }
    frame
}

#[test]
fn a_small_answer_that_unpacks_to_a_large_one_is_too_large() {
    for encoding in ["gzip", "deflate", "br", "zstd"] {
        let packed = bomb(encoding);
        assert!(packed.len() < 8 * MIB, "{encoding}: {} bytes", packed.len());
        let length = packed.len();
        let mut answer =
            format!("HTTP/1.1 200 OK\r\nContent-Encoding: {encoding}\r\nContent-Length: {length}\r\n\r\n")
                .into_bytes();
        answer.extend(packed);
        let mut seen = look(answering(answer), PLAIN);
        if encoding == "br" {
            // A decoder must remember what the window says, 16 MiB here (RFC 7932, 9.1).
            seen.peak_kib -= 16 * 1024;
        }
        seen.is("body_too_large", &["1048576"], TWO);
    }
}

#[test]
fn what_is_not_encoded_as_it_says_has_its_own_reason() {
    for encoding in ["gzip", "deflate", "br", "zstd", "compress", "gzip, gzip"] {
        let answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Encoding: {encoding}\r\nContent-Length: 11\r\n\r\nhello world"
        );
        look(answering(answer), PLAIN).is("body_encoding", &[encoding], TWO);
    }
}

/// A body of 300 MB whose last bytes are `last`.
fn huge(last: &'static str) -> SocketAddr {
    const SIZE: usize = 300 * 1_000_000;
    server(move |mut stream| {
        hear(&mut stream)?;
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {SIZE}\r\n\r\n")?;
        let piece = [b'.'; 50_000];
        for _ in 0..SIZE / piece.len() - 1 {
            stream.write_all(&piece)?;
        }
        stream.write_all(&piece[last.len()..])?;
        stream.write_all(last.as_bytes())
    })
}

#[test]
fn a_pattern_is_looked_for_in_300_mb_without_keeping_them() {
    // A build without optimisation on a busy machine looks through a few megabytes a second.
    let minutes = Duration::from_secs(300);
    let file = |expect: &str| {
        format!(
            "timeout = \"300s\"\n[http]\nmax_body = \"400MB\"\n[[step]]\nname = \"ask\"\nget = \"http://{{}}/\"\nexpect = ['bytes == 300000000', {expect}]\n"
        )
    };
    // The first assertion that does not hold is told: all before the last one did.
    let expect = r#"'body matches /version=\d+\.\d+ done$/', 'body not contains "panic"',
        'regex /version=(\S+)/ == "4.2"', 'body matches /\bdone\b/', 'body matches /version=5/'"#;
    let seen = look(huge("version=4.2 done"), &file(expect));
    seen.is("assert_failed", &["version=5", "300000000 bytes"], minutes);
    println!(
        "{} KiB, {} more than a small body",
        seen.peak_kib,
        seen.extra_kib()
    );
    assert!(seen.extra_kib() < 6 * 1024, "{} KiB", seen.extra_kib());
    if !cfg!(debug_assertions) {
        assert!(seen.peak_kib < 32 * 1024, "{} KiB", seen.peak_kib);
    }
}
