//! Bytes as they are, with TLS on either side or none.

use std::io::{self, ErrorKind};

use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf, split};

use super::{BoxIo, Session};

/// What a direction reads at once.
const CHUNK: usize = 64 * 1024;

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
        let upstream = copy(&mut client_in, &mut server_out);
        let downstream = copy(&mut server_in, &mut client_out);
        let passed = tokio::try_join!(upstream, downstream);
        if passed.is_err_and(|error| is_reset(&error)) {
            self.reset();
        }
    }
}

async fn copy(from: &mut ReadHalf<BoxIo>, to: &mut WriteHalf<BoxIo>) -> io::Result<()> {
    let mut buffer = vec![0; CHUNK];
    loop {
        let length = match from.read(&mut buffer).await {
            Ok(length) => length,
            // A peer that ends without TLS's farewell has sent a FIN all the same.
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => 0,
            Err(error) => return Err(error),
        };
        if length == 0 {
            to.shutdown().await.ok();
            return Ok(());
        }
        to.write_all(&buffer[..length]).await?;
        to.flush().await?;
    }
}

fn is_reset(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe)
}
