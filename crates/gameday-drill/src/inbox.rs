//! The way in for people: a socket in the folder of a drill that runs, for its own user alone.
//!
//! One line of JSON goes in ([`Said`]), one comes back. Whoever may write the drill's journal could do
//! worse than this, so the rights of the folder's user are all that is asked for.

use std::fs::{File, Permissions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::engine::Answer;
use crate::said::Said;

const NAME: &str = "inbox.sock";
/// The longest note, escaped, and its frame.
const MOST_BYTES: u64 = 32 * 1024;
/// Nobody needs this long to say or to answer a line.
const PATIENCE: Duration = Duration::from_secs(10);
/// More wait until one of these is heard.
const MOST_TALKING: usize = 16;

/// Why nobody answered.
#[derive(Debug, thiserror::Error)]
pub enum Unheard {
    /// There is nobody.
    #[error("nobody listens in {folder}: the drill has ended, or is still in its pre-flight ({source})")]
    Nobody {
        /// The drill's folder.
        folder: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// There is somebody, who does not answer.
    #[error("the drill in {0} does not answer")]
    Silent(PathBuf),
    /// It was heard and is not taken.
    #[error("{0}")]
    Refused(String),
}

/// Says something to the drill in a folder; what it answers is for people.
///
/// # Errors
/// [`Unheard`], when it was not taken.
pub async fn say(folder: &Path, said: Said) -> Result<String, Unheard> {
    let said = said.checked().map_err(Unheard::Refused)?;
    let silent = || Unheard::Silent(folder.to_owned());
    let mut stream = connect(folder).await.map_err(|source| Unheard::Nobody {
        folder: folder.to_owned(),
        source,
    })?;
    let talk = async {
        stream.write_all(&line(&said)?).await?;
        let mut answer = String::new();
        BufReader::new(&mut stream)
            .take(MOST_BYTES)
            .read_line(&mut answer)
            .await?;
        Ok::<Answer, io::Error>(serde_json::from_str(&answer)?)
    };
    match timeout(PATIENCE, talk).await {
        Ok(Ok(answer)) => answer.map_err(Unheard::Refused),
        Ok(Err(_)) | Err(_) => Err(silent()),
    }
}

fn line(value: &impl serde::Serialize) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    Ok(line)
}

/// A socket's path may have 107 bytes and a drill's folder more, so it is reached through an open folder.
fn short(folder: &Path) -> io::Result<(File, PathBuf)> {
    let open = File::open(folder)?;
    let path = PathBuf::from(format!("/proc/self/fd/{}/{NAME}", open.as_raw_fd()));
    Ok((open, path))
}

async fn connect(folder: &Path) -> io::Result<UnixStream> {
    let (_open, path) = short(folder)?;
    UnixStream::connect(path).await
}

/// The drill's end of it; the socket goes when this is dropped.
pub(crate) struct Inbox {
    listener: UnixListener,
    path: PathBuf,
}

impl Inbox {
    /// Begins to listen in a drill's folder.
    pub(crate) fn open(folder: &Path) -> io::Result<Self> {
        let (_open, short) = short(folder)?;
        let listener = UnixListener::bind(short)?;
        let path = folder.join(NAME);
        std::fs::set_permissions(&path, Permissions::from_mode(0o600))?;
        Ok(Self { listener, path })
    }

    /// Takes what is said to `hear`, for ever.
    pub(crate) async fn run<F, H>(self, hear: H)
    where
        F: Future<Output = Answer> + Send + 'static,
        H: Fn(Said) -> F + Clone + Send + 'static,
    {
        let mut talking = JoinSet::new();
        loop {
            if talking.len() >= MOST_TALKING {
                talking.join_next().await;
            }
            match self.listener.accept().await {
                Ok((stream, _)) if is_ours(&stream) => {
                    let hear = hear.clone();
                    talking.spawn(async move {
                        // Who goes away or talks nonsense for too long is not answered.
                        let _ = timeout(PATIENCE, answer(stream, hear)).await;
                    });
                }
                Ok(_) => {}
                // Out of descriptors, for example: looking again at once would only burn a core.
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
            while talking.try_join_next().is_some() {}
        }
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Between `bind` and `chmod` somebody else may have come in; root may anyway.
fn is_ours(stream: &UnixStream) -> bool {
    let ours = nix::unistd::Uid::effective().as_raw();
    stream
        .peer_cred()
        .is_ok_and(|peer| peer.uid() == ours || peer.uid() == 0)
}

async fn answer<F, H>(mut stream: UnixStream, hear: H) -> io::Result<()>
where
    F: Future<Output = Answer>,
    H: Fn(Said) -> F,
{
    let mut text = String::new();
    BufReader::new(&mut stream)
        .take(MOST_BYTES)
        .read_line(&mut text)
        .await?;
    let said = serde_json::from_str::<Said>(&text)
        .map_err(|error| format!("this cannot be understood: {error}"))
        .and_then(Said::checked);
    let answer = match said {
        Ok(said) => hear(said).await,
        Err(why) => Err(why),
    };
    stream.write_all(&line(&answer)?).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::said::Word;

    fn note(text: &str) -> Said {
        Said {
            who: "mo".into(),
            word: Word::Note(text.into()),
        }
    }

    #[tokio::test]
    async fn what_is_said_is_answered_however_long_the_folders_path_is() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("a".repeat(100)).join("b".repeat(100));
        std::fs::create_dir_all(&folder).unwrap();
        assert!(matches!(
            say(&folder, note("x")).await,
            Err(Unheard::Nobody { .. })
        ));

        let inbox = Inbox::open(&folder).unwrap();
        let mode = std::fs::metadata(folder.join(NAME)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let mut tasks = JoinSet::new();
        tasks.spawn(inbox.run(|said| async move {
            match said.word {
                Word::Note(text) => Ok(format!("{} said {text}", said.who)),
                _ => Err("no".to_owned()),
            }
        }));
        assert_eq!(say(&folder, note("hi")).await.unwrap(), "mo said hi");
        let refused = say(
            &folder,
            Said {
                word: Word::Stop,
                ..note("")
            },
        )
        .await;
        assert_eq!(refused.unwrap_err().to_string(), "no");

        let mut nonsense = connect(&folder).await.unwrap();
        nonsense.write_all(b"{\"who\":1}\n").await.unwrap();
        let mut answer = String::new();
        nonsense.read_to_string(&mut answer).await.unwrap();
        assert!(
            answer.starts_with("{\"Err\":\"this cannot be understood"),
            "{answer}"
        );

        tasks.shutdown().await;
        assert!(!folder.join(NAME).exists(), "the socket goes with its drill");
    }
}
