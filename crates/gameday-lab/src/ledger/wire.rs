//! The messages of PostgreSQL's protocol, version 3.0, as far as simple queries need them.
//!
//! ```text
//! at first:  length:i32 code:i32 …           then:  type:u8 length:i32 …    (length counts itself)
//! ```

use std::borrow::Cow;
use std::io;

use bytes::{BufMut as _, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// Longer messages are refused before a byte of them is kept.
pub(super) const MAX_MESSAGE: usize = 64 << 10;

/// What a client says first.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Opening {
    /// Wants to speak TLS or GSSAPI: answered with a plain `N`.
    Encryption,
    /// Wants a session of protocol 3.0.
    Startup,
    /// Wants to cancel another session's query, which is never running long enough.
    Cancel,
    /// Something else.
    Unknown(i32),
}

/// What a client says later.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Request {
    /// A simple query.
    Query(String),
    /// The end of a series of messages of the extended protocol.
    Sync,
    /// Asks for what is buffered; nothing is.
    Flush,
    /// Good-bye.
    Terminate,
    /// Any other message, by its type.
    Other(u8),
}

/// Why no message could be read.
#[derive(Debug)]
pub(super) enum ReadError {
    /// The client has gone.
    Gone,
    /// What it sent is no message, or one that is too long.
    Malformed(&'static str),
}

impl From<io::Error> for ReadError {
    fn from(_: io::Error) -> Self {
        ReadError::Gone
    }
}

/// Reads the first message of a session.
pub(super) async fn read_opening(stream: &mut (impl AsyncRead + Unpin)) -> Result<Opening, ReadError> {
    let body = read_body(stream).await?;
    let Some(code) = body.first_chunk::<4>() else {
        return Err(ReadError::Malformed("a startup message without a version"));
    };
    Ok(match i32::from_be_bytes(*code) {
        80_877_103 | 80_877_104 => Opening::Encryption,
        80_877_102 => Opening::Cancel,
        196_608 => Opening::Startup,
        other => Opening::Unknown(other),
    })
}

/// Reads one later message.
pub(super) async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> Result<Request, ReadError> {
    let kind = stream.read_u8().await?;
    let body = read_body(stream).await?;
    Ok(match kind {
        b'Q' => Request::Query(query_text(&body)?),
        b'S' => Request::Sync,
        b'H' => Request::Flush,
        b'X' => Request::Terminate,
        other => Request::Other(other),
    })
}

async fn read_body(stream: &mut (impl AsyncRead + Unpin)) -> Result<Vec<u8>, ReadError> {
    let length = stream.read_i32().await?;
    match usize::try_from(length)
        .ok()
        .and_then(|length| length.checked_sub(4))
    {
        None => Err(ReadError::Malformed("invalid message length")),
        Some(length) if length > MAX_MESSAGE => Err(ReadError::Malformed("message too long")),
        Some(length) => {
            // Grows with what really arrives; a length alone reserves nothing.
            let mut body = Vec::new();
            stream.take(length as u64).read_to_end(&mut body).await?;
            if body.len() == length {
                Ok(body)
            } else {
                Err(ReadError::Gone)
            }
        }
    }
}

fn query_text(body: &[u8]) -> Result<String, ReadError> {
    let text = body
        .strip_suffix(&[0])
        .ok_or(ReadError::Malformed("a query without its end"))?;
    String::from_utf8(text.to_vec()).map_err(|_| ReadError::Malformed("a query that is not UTF-8"))
}

/// What is answered to one command.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Rows of text columns, and the command's tag.
    Rows {
        tag: String,
        columns: Vec<&'static str>,
        rows: Vec<Vec<String>>,
    },
    /// A command without rows, by its tag.
    Done(String),
    /// An error that ends the query but not the session.
    Refused {
        sqlstate: Cow<'static, str>,
        message: String,
    },
}

impl Answer {
    /// Rows with the tag of the command that gave them.
    pub(super) fn rows(tag: &str, columns: &[&'static str], rows: Vec<Vec<String>>) -> Self {
        Answer::Rows {
            tag: tag.to_owned(),
            columns: columns.to_vec(),
            rows,
        }
    }

    /// The rows of a `SELECT`.
    pub(super) fn select(columns: &[&'static str], rows: impl IntoIterator<Item = Vec<String>>) -> Self {
        let rows: Vec<_> = rows.into_iter().collect();
        Self::rows(&format!("SELECT {}", rows.len()), columns, rows)
    }

    /// A command without rows.
    pub(super) fn done(tag: String) -> Self {
        Answer::Done(tag)
    }

    /// An error.
    pub(super) fn refused(sqlstate: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Answer::Refused {
            sqlstate: sqlstate.into(),
            message: message.into(),
        }
    }

    /// A value of its first row.
    #[cfg(test)]
    pub(super) fn cell(&self, column: usize) -> Option<&str> {
        match self {
            Answer::Rows { rows, .. } => rows.first()?.get(column).map(String::as_str),
            _ => None,
        }
    }

    /// Writes the answer's messages.
    pub(super) fn write(&self, out: &mut BytesMut) {
        match self {
            Answer::Rows { tag, columns, rows } => {
                write_columns(out, columns);
                rows.iter().for_each(|row| write_row(out, row));
                message(out, b'C', |out| text(out, tag));
            }
            Answer::Done(tag) => message(out, b'C', |out| text(out, tag)),
            Answer::Refused { sqlstate, message } => write_error(out, "ERROR", sqlstate, message),
        }
    }
}

/// Writes what follows a startup: trusted, a few parameters, ready.
pub(super) fn write_welcome(out: &mut BytesMut) {
    message(out, b'R', |out| out.put_i32(0));
    for (name, value) in [
        ("server_version", "15.0"),
        ("server_encoding", "UTF8"),
        ("client_encoding", "UTF8"),
        ("DateStyle", "ISO, MDY"),
        ("TimeZone", "UTC"),
        ("integer_datetimes", "on"),
        ("standard_conforming_strings", "on"),
    ] {
        message(out, b'S', |out| {
            text(out, name);
            text(out, value);
        });
    }
    // A process and a key to cancel queries with; cancelling is accepted and does nothing.
    message(out, b'K', |out| out.put_i64(0));
    write_ready(out);
}

/// Writes that the next query may come.
pub(super) fn write_ready(out: &mut BytesMut) {
    message(out, b'Z', |out| out.put_u8(b'I'));
}

/// Writes that a query was empty.
pub(super) fn write_empty(out: &mut BytesMut) {
    message(out, b'I', |_| {});
}

/// Writes an error; severity `FATAL` tells that the session ends.
pub(super) fn write_error(out: &mut BytesMut, severity: &str, sqlstate: &str, told: &str) {
    message(out, b'E', |out| {
        for (field, value) in [(b'S', severity), (b'V', severity), (b'C', sqlstate), (b'M', told)] {
            out.put_u8(field);
            text(out, value);
        }
        out.put_u8(0);
    });
}

fn write_columns(out: &mut BytesMut, columns: &[&str]) {
    message(out, b'T', |out| {
        out.put_i16(i16::try_from(columns.len()).expect("a handful of columns"));
        for column in columns {
            text(out, column);
            out.put_i32(0); // of no table
            out.put_i16(0);
            out.put_i32(25); // text
            out.put_i16(-1);
            out.put_i32(-1);
            out.put_i16(0); // as text
        }
    });
}

fn write_row(out: &mut BytesMut, row: &[String]) {
    message(out, b'D', |out| {
        out.put_i16(i16::try_from(row.len()).expect("a handful of columns"));
        for value in row {
            out.put_i32(i32::try_from(value.len()).expect("a short value"));
            out.put_slice(value.as_bytes());
        }
    });
}

/// Writes a message and, once it is known, its length.
fn message(out: &mut BytesMut, kind: u8, fill: impl FnOnce(&mut BytesMut)) {
    out.put_u8(kind);
    let at = out.len();
    out.put_i32(0);
    fill(out);
    let length = i32::try_from(out.len() - at).expect("answers are short");
    out[at..at + 4].copy_from_slice(&length.to_be_bytes());
}

fn text(out: &mut BytesMut, text: &str) {
    out.put_slice(text.as_bytes());
    out.put_u8(0);
}
