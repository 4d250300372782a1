//! Bytes as they are, with TLS on either side or none.

use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::task::{Poll, ready};

use tokio::io::{AsyncRead, AsyncWriteExt, ReadBuf, ReadHalf, WriteHalf, split};

use super::{BoxIo, Session};
use crate::wire::{Buffers, Lent};

impl Session<'_> {
    /// Carries bytes as they are: a FIN is passed on as a FIN, a reset as a reset.
    pub(crate) async fn pass(&self, client: BoxIo) {
        let server = match self.dial().await {
            Ok(server) => server,
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return self.reset(),
            Err(_) => return,
        };
        // They outlive the copying: what is to be reset must still be open.
        let ((mut client_in, mut client_out), (mut server_in, mut server_out)) =
            (split(client), split(server));
        let buffers = &self.route.buffers;
        let upstream = copy(&mut client_in, &mut server_out, buffers);
        let downstream = copy(&mut server_in, &mut client_out, buffers);
        let passed = tokio::try_join!(upstream, downstream);
        if passed.is_err_and(|error| is_reset(&error)) {
            self.reset();
        }
    }
}

async fn copy(from: &mut ReadHalf<BoxIo>, to: &mut WriteHalf<BoxIo>, buffers: &Buffers) -> io::Result<()> {
    loop {
        let (lent, length) = match read(from, buffers).await {
            // A peer that ends without TLS's farewell has sent a FIN all the same.
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => break,
            Ok((_, 0)) => break,
            result => result?,
        };
        to.write_all(&lent[..length]).await?;
        drop(lent);
        to.flush().await?;
    }
    to.shutdown().await.ok();
    Ok(())
}

/// Reads into a buffer that is lent only when there is something to read: an idle session holds none.
async fn read<'a>(from: &mut ReadHalf<BoxIo>, buffers: &'a Buffers) -> io::Result<(Lent<'a>, usize)> {
    poll_fn(|context| {
        let mut lent = buffers.lend(false);
        let mut into = ReadBuf::new(&mut lent);
        ready!(Pin::new(&mut *from).poll_read(context, &mut into))?;
        let length = into.filled().len();
        Poll::Ready(Ok((lent, length)))
    })
    .await
}

fn is_reset(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe)
}
