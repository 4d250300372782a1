//! A direction that no toxic acts on: read, write, nothing else.

use std::io::ErrorKind;

use bytes::Bytes;
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::buffers::{Buffers, LARGE, SMALL};
use crate::attached::{Flow, Toxics};
use crate::link::Ending;

/// After this many reads in a row the other direction gets its turn.
const READS_A_TURN: u32 = 16;

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

/// Copies until the source ends, the destination fails or the toxics change.
pub(crate) async fn pass(
    reader: &TcpStream,
    writer: &TcpStream,
    toxics: &mut watch::Receiver<Toxics>,
    buffers: &Buffers,
    flow: Flow<'_>,
) -> Passed {
    let mut large = false;
    loop {
        tokio::select! {
            biased;
            readable = reader.readable() => if readable.is_err() { return Passed::Ended(Ending::Reset) },
            () = changed(toxics) => return Passed::Changed(Bytes::new()),
        }
        // Lent only while bytes flow: ten thousand idle connections hold no buffer.
        if let Some(passed) = burst(reader, writer, toxics, buffers, flow, &mut large).await {
            return passed;
        }
    }
}

/// Copies until there is nothing to read at the moment.
async fn burst(
    reader: &TcpStream,
    writer: &TcpStream,
    toxics: &mut watch::Receiver<Toxics>,
    buffers: &Buffers,
    flow: Flow<'_>,
    large: &mut bool,
) -> Option<Passed> {
    let mut buffer = buffers.lend(*large);
    let mut reads = 0;
    loop {
        if toxics.has_changed().unwrap_or(false) {
            return Some(Passed::Changed(Bytes::new()));
        }
        let length = match reader.try_read(&mut buffer) {
            Ok(0) => return Some(Passed::Ended(Ending::Finish)),
            Ok(length) => length,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return None,
            // Whatever the error, the FIN never came, so passing one on would be a lie.
            Err(_) => return Some(Passed::Ended(Ending::Reset)),
        };
        flow.read(length);
        if let Some(passed) = write_all(writer, toxics, &buffer[..length], flow).await {
            return Some(passed);
        }
        let wanted = if length == buffer.len() {
            LARGE
        } else if length < SMALL / 4 {
            SMALL
        } else {
            buffer.len()
        };
        if wanted != buffer.len() {
            *large = wanted == LARGE;
            buffer = buffers.lend(*large);
        }
        reads += 1;
        if reads % READS_A_TURN == 0 {
            tokio::task::yield_now().await;
        }
    }
}

async fn write_all(
    writer: &TcpStream,
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
