//! Listening on a unix socket: a file that is ours, and goes when we stop.

use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::task::{Context, Poll};

use socket2::{Domain, SockAddr, Socket, Type};
use tokio::net::{UnixListener, UnixStream};

/// A listening unix socket, for one runtime; its file goes with the last one.
pub(super) struct Listener {
    listener: UnixListener,
    _file: Arc<File>,
}

/// A bound and listening socket that no runtime knows yet.
pub(super) struct Bound {
    socket: std::os::unix::net::UnixListener,
    file: Arc<File>,
}

/// Listens at a path; a socket there that nobody answers any more is replaced, anything else is in the way.
pub(super) fn listen(path: &Path, backlog: u32) -> io::Result<Bound> {
    if is_left_over(path) {
        std::fs::remove_file(path)?;
    }
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SockAddr::unix(path)?)?;
    let file = Arc::new(File::at(path));
    socket.listen(i32::try_from(backlog).unwrap_or(i32::MAX))?;
    Ok(Bound {
        socket: socket.into(),
        file,
    })
}

impl Bound {
    /// One of several that accept from the same socket.
    pub(super) fn for_current_runtime(&self) -> io::Result<Listener> {
        Ok(Listener {
            listener: UnixListener::from_std(self.socket.try_clone()?)?,
            _file: Arc::clone(&self.file),
        })
    }
}

impl Listener {
    pub(super) fn poll_accept(&self, context: &mut Context<'_>) -> Poll<io::Result<UnixStream>> {
        self.listener.poll_accept(context).map_ok(|(client, _)| client)
    }
}

/// The socket's file, which is removed with this value, unless another has taken its place.
struct File {
    path: PathBuf,
    inode: Option<u64>,
}

impl File {
    fn at(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            inode: inode(path),
        }
    }
}

impl Drop for File {
    fn drop(&mut self) {
        if self.inode.is_some() && inode(&self.path) == self.inode {
            // If it cannot be removed, the next one to listen here will find that nobody answers.
            std::fs::remove_file(&self.path).ok();
        }
    }
}

fn is_left_over(path: &Path) -> bool {
    let is_socket = std::fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket());
    let connect = || std::os::unix::net::UnixStream::connect(path);
    is_socket && connect().is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused)
}

fn inode(path: &Path) -> Option<u64> {
    std::fs::symlink_metadata(path).ok().map(|file| file.ino())
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::task::JoinSet;

    use super::*;
    use crate::control::{NewProxy, ProxyEdit};
    use crate::options::{Options, Protocol};
    use crate::refusal::Refusal;
    use crate::testing::{Rig, soon};

    fn new(name: &str, listen: &str, upstream: &str) -> NewProxy {
        NewProxy {
            name: name.to_owned(),
            listen: listen.to_owned(),
            upstream: upstream.to_owned(),
            enabled: true,
            ..NewProxy::default()
        }
    }

    fn at(path: &Path) -> String {
        format!("unix:{}", path.display())
    }

    /// Answers a whole question, once it has ended, with the same in capitals.
    fn shouter(path: &Path, tasks: &mut JoinSet<()>) {
        let listener = UnixListener::bind(path).unwrap();
        tasks.spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let mut question = String::new();
                client.read_to_string(&mut question).await.unwrap();
                client
                    .write_all(question.to_uppercase().as_bytes())
                    .await
                    .unwrap();
            }
        });
    }

    #[tokio::test]
    async fn unix_sockets_on_both_sides_carry_a_half_closed_question_and_its_answer() {
        let folder = tempfile::tempdir().unwrap();
        let [server, proxy] = ["server", "proxy"].map(|name| folder.path().join(name));
        let mut tasks = JoinSet::new();
        shouter(&server, &mut tasks);
        let rig = Rig::start();
        let made = rig
            .control
            .create_proxy(new("p", &at(&proxy), &at(&server)))
            .await
            .unwrap();
        assert_eq!(made.listen, at(&proxy));
        for latency in [0, 60] {
            if latency > 0 {
                rig.add("slow", "latency", "downstream", &[("latency", latency)]);
            }
            let began = std::time::Instant::now();
            let mut client = UnixStream::connect(&proxy).await.unwrap();
            client.write_all(b"question").await.unwrap();
            client.shutdown().await.unwrap();
            let mut answer = String::new();
            soon(client.read_to_string(&mut answer)).await.unwrap();
            assert_eq!(answer, "QUESTION");
            assert!(began.elapsed().as_millis() >= u128::from(latency));
        }
        let lossy = crate::control::NewToxic {
            kind: "packet_loss".to_owned(),
            stream: "downstream".to_owned(),
            attributes: serde_json::Map::from_iter([("share".to_owned(), "1%".into())]),
            ..crate::control::NewToxic::default()
        };
        let refused = rig.control.add_toxic("p", lossy);
        assert!(
            matches!(&refused, Err(Refusal::Bad(why)) if why.contains("a unix socket has no packets")),
            "{refused:?}"
        );
        let off = ProxyEdit {
            enabled: Some(false),
            ..ProxyEdit::default()
        };
        rig.control.edit_proxy("p", off).await.unwrap();
        assert!(!proxy.exists(), "its file goes when it stops");
    }

    #[tokio::test]
    async fn protocols_are_understood_behind_a_unix_socket() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("proxy");
        let rig = Rig::start();
        let mut http = new("p", &at(&path), "127.0.0.1:9");
        http.options = Options {
            protocol: Protocol::Http,
            ..Options::default()
        };
        rig.control.create_proxy(http).await.unwrap();
        rig.add("refused", "http", "downstream", &[("status", 503)]);
        let mut client = UnixStream::connect(&path).await.unwrap();
        client
            .write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            .await
            .unwrap();
        let mut answer = String::new();
        soon(client.read_to_string(&mut answer)).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    }

    #[tokio::test]
    async fn a_file_that_nobody_answers_at_is_replaced_and_any_other_is_in_the_way() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let rig = Rig::start();
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert!(path.exists(), "a killed server leaves its file");
        rig.control
            .create_proxy(new("p", &at(&path), "127.0.0.1:9"))
            .await
            .unwrap();

        let file = folder.path().join("file");
        std::fs::write(&file, "precious").unwrap();
        for taken in [&path, &file] {
            let refused = rig
                .control
                .create_proxy(new("q", &at(taken), "127.0.0.1:9"))
                .await;
            let Err(Refusal::Listen(why)) = refused else {
                panic!("{refused:?}")
            };
            assert_eq!(
                why,
                format!("listen unix {}: bind: address already in use", taken.display())
            );
        }
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "precious");
        let mut datagrams = new("u", &at(&folder.path().join("u")), "127.0.0.1:9");
        datagrams.options.protocol = Protocol::Udp;
        let refused = rig.control.create_proxy(datagrams).await;
        assert!(
            matches!(&refused, Err(Refusal::Listen(why)) if why.contains("a host and a port")),
            "{refused:?}"
        );
    }
}
