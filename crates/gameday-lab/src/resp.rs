//! The little of RESP2 (the Redis serialization protocol) that the lab's API and its embedded cache need.

use std::io::{self, ErrorKind};

use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _};

/// Nothing here is longer than a payment's few words.
const MAX_BULK_BYTES: usize = 64 << 10;
const MAX_LINE_BYTES: u64 = 1 << 10;
const MAX_WORDS: usize = 64;

/// What a server answers to one command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reply {
    Simple(String),
    Error(String),
    Number(i64),
    Bulk(Vec<u8>),
    Nil,
}

/// A command as an array of bulk strings.
pub(crate) fn command(words: &[&[u8]]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        bytes.extend_from_slice(word);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

/// A reply's bytes.
pub(crate) fn reply(reply: &Reply) -> Vec<u8> {
    match reply {
        Reply::Simple(text) => format!("+{text}\r\n").into_bytes(),
        Reply::Error(text) => format!("-{text}\r\n").into_bytes(),
        Reply::Number(number) => format!(":{number}\r\n").into_bytes(),
        Reply::Bulk(bytes) => [format!("${}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat(),
        Reply::Nil => b"$-1\r\n".to_vec(),
    }
}

/// Reads one reply that is no array.
pub(crate) async fn read_reply(stream: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Reply> {
    let line = read_line(stream).await?.ok_or(ErrorKind::UnexpectedEof)?;
    let (sign, rest) = line.split_at_checked(1).ok_or(ErrorKind::InvalidData)?;
    Ok(match sign {
        "+" => Reply::Simple(rest.to_owned()),
        "-" => Reply::Error(rest.to_owned()),
        ":" => Reply::Number(rest.parse().map_err(|_| ErrorKind::InvalidData)?),
        "$" if rest == "-1" => Reply::Nil,
        "$" => Reply::Bulk(read_bulk(stream, rest).await?),
        _ => return Err(ErrorKind::InvalidData.into()),
    })
}

/// Reads one command; nothing at the end of the stream.
pub(crate) async fn read_command(
    stream: &mut (impl AsyncBufRead + Unpin),
) -> io::Result<Option<Vec<Vec<u8>>>> {
    let Some(line) = read_line(stream).await? else {
        return Ok(None);
    };
    let Some(count) = line.strip_prefix('*') else {
        return Ok(Some(
            line.split_whitespace()
                .map(|word| word.as_bytes().to_vec())
                .collect(),
        ));
    };
    let count: usize = count.parse().map_err(|_| ErrorKind::InvalidData)?;
    if count > MAX_WORDS {
        return Err(ErrorKind::InvalidData.into());
    }
    let mut words = Vec::new();
    for _ in 0..count {
        let line = read_line(stream).await?.ok_or(ErrorKind::UnexpectedEof)?;
        let length = line.strip_prefix('$').ok_or(ErrorKind::InvalidData)?;
        words.push(read_bulk(stream, length).await?);
    }
    Ok(Some(words))
}

async fn read_bulk(stream: &mut (impl AsyncBufRead + Unpin), length: &str) -> io::Result<Vec<u8>> {
    let length: usize = length.parse().map_err(|_| ErrorKind::InvalidData)?;
    if length > MAX_BULK_BYTES {
        return Err(ErrorKind::InvalidData.into());
    }
    let mut bytes = vec![0; length + 2];
    stream.read_exact(&mut bytes).await?;
    bytes.truncate(length);
    Ok(bytes)
}

async fn read_line(stream: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    stream.take(MAX_LINE_BYTES).read_until(b'\n', &mut line).await?;
    if line.is_empty() {
        return Ok(None);
    }
    let text = line.strip_suffix(b"\r\n").ok_or(ErrorKind::InvalidData)?;
    let text = std::str::from_utf8(text).map_err(|_| ErrorKind::InvalidData)?;
    Ok(Some(text.to_owned()))
}
