//! A direction that no toxic acts on: read, write, nothing else.

use std::future::poll_fn;
use std::io::ErrorKind;
use std::ops::Range;
use std::pin::pin;
use std::task::Poll;

use bytes::Bytes;
use tokio::sync::watch;

use super::buffers::{Buffers, LARGE, Lent, SMALL};
use super::socket::Socket;
use crate::attached::{Flow, Toxics};
use crate::link::Ending;

/// After this many reads in a row the other direction gets its turn.
const READS_A_TURN: u32 = 16;
/// A read that brings less than this has emptied the socket; more may have come while it was copied.
const LITTLE: usize = SMALL / 4;

/// Why bytes no longer just pass.
#[derive(Debug)]
pub(crate) enum Passed {
    /// The source sends no more.
    Ended(Ending),
    /// The destination takes no more.
    Broken,
    /// The toxics have changed; these bytes were read and not yet written.
    Changed(Bytes),
}

/// Why reading and writing in turn has paused.
enum Pause<'a> {
    /// There is nothing to read.
    Empty,
    /// There may be more, but others are to have their turn.
    Turn,
    /// The destination is full; this part of the buffer is not written yet.
    Full(Lent<'a>, Range<usize>),
    /// It is over.
    Over(Passed),
}

/// Copies until the source ends, the destination fails or the toxics change.
pub(crate) async fn pass(
    reader: &Socket,
    writer: &Socket,
    toxics: &mut watch::Receiver<Toxics>,
    buffers: &Buffers,
    flow: Flow<'_>,
) -> Passed {
    let mut large = false;
    // Waited for once, not anew for each message.
    let mut watched = toxics.clone();
    let mut change = pin!(changed(&mut watched));
    loop {
        let come = poll_fn(|context| match reader.poll_read_ready(context) {
            Poll::Ready(ready) => Poll::Ready(Some(ready)),
            Poll::Pending => change.as_mut().poll(context).map(|()| None),
        });
        match come.await {
            Some(Ok(())) => {}
            Some(Err(_)) => return Passed::Ended(Ending::Reset),
            None => return Passed::Changed(Bytes::new()),
        }
        // Lent only while bytes flow: ten thousand idle connections hold no buffer.
        match burst(reader, writer, toxics, buffers, flow, &mut large) {
            Pause::Empty => {}
            Pause::Turn => tokio::task::yield_now().await,
            Pause::Over(passed) => return passed,
            Pause::Full(buffer, rest) => {
                // Boxed, since idle connections would hold its room too.
                let written = Box::pin(write_all(writer, toxics, &buffer[rest], flow)).await;
                if let Some(passed) = written {
                    return passed;
                }
            }
        }
    }
}

/// Copies for as long as nothing has to be waited for.
fn burst<'a>(
    reader: &Socket,
    writer: &Socket,
    toxics: &watch::Receiver<Toxics>,
    buffers: &'a Buffers,
    flow: Flow<'_>,
    large: &mut bool,
) -> Pause<'a> {
    let mut buffer = buffers.lend(*large);
    for _ in 0..READS_A_TURN {
        if toxics.has_changed().unwrap_or(false) {
            return Pause::Over(Passed::Changed(Bytes::new()));
        }
        let length = match reader.try_read_out(&mut buffer, LITTLE) {
            Ok(0) => return Pause::Over(Passed::Ended(Ending::Finish)),
            Ok(length) => length,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Pause::Empty,
            // Whatever the error, the FIN never came, so passing one on would be a lie.
            Err(_) => return Pause::Over(Passed::Ended(Ending::Reset)),
        };
        flow.read(length);
        match writer.try_write(&buffer[..length]) {
            Ok(written) => {
                flow.wrote(written);
                if written < length {
                    return Pause::Full(buffer, written..length);
                }
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Pause::Full(buffer, 0..length),
            Err(_) => return Pause::Over(Passed::Broken),
        }
        if length < LITTLE {
            *large = false;
            return Pause::Empty;
        }
        if length == buffer.len() && length < LARGE {
            *large = true;
            buffer = buffers.lend(true);
        }
    }
    Pause::Turn
}

async fn write_all(
    writer: &Socket,
    toxics: &mut watch::Receiver<Toxics>,
    mut bytes: &[u8],
    flow: Flow<'_>,
) -> Option<Passed> {
    while !bytes.is_empty() {
        match writer.try_write(bytes) {
            Ok(written) => {
                flow.wrote(written);
                bytes = &bytes[written..];
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                // A reset must reach a connection that is stuck, so a change is not kept waiting by a full socket.
                tokio::select! {
                    biased;
                    writable = writer.writable() => if writable.is_err() { return Some(Passed::Broken) },
                    () = changed(toxics) => return Some(Passed::Changed(Bytes::copy_from_slice(bytes))),
                }
            }
            Err(_) => return Some(Passed::Broken),
        }
    }
    None
}

/// Waits for another set of toxics without taking note of it; a proxy that is gone never changes again.
pub(crate) async fn changed(toxics: &mut watch::Receiver<Toxics>) {
    match toxics.changed().await {
        // The link reads the value itself, and must still find it new.
        Ok(()) => toxics.mark_changed(),
        Err(_) => std::future::pending().await,
    }
}
