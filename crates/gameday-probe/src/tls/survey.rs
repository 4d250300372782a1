//! What else a server would speak: every version and suite asked for over a connection of its own.
//!
//! The answer is read and the connection dropped: nothing is completed, so nothing need be implemented.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use regex::Regex;
use rustls::pki_types::CertificateDer;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout_at;

use super::ciphers::{CIPHERS, name};
use super::flight::{Flight, Refusal, read};
use super::hello::{Version, client_hello};
use super::words::alert;
use crate::kind::Dialogue;

/// One question's limit: who is silent for so long does not speak that.
const ASK_LIMIT: Duration = Duration::from_secs(3);

/// Where the server is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Door<'a> {
    pub(crate) address: SocketAddr,
    pub(crate) server_name: &'a str,
    /// What is said before TLS.
    pub(crate) dialogue: Option<&'a Dialogue>,
    pub(crate) deadline: Instant,
}

/// What is wanted to be known beyond the versions.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wants {
    /// Every suite that the server takes.
    pub(crate) every_cipher: bool,
    /// Whether it takes one that matches.
    pub(crate) ciphers: Vec<Regex>,
}

/// What a server says to one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It chose this suite.
    Speaks(String),
    /// It does not, and how it said so.
    Refuses(String),
    /// It could not be asked.
    Untold(String),
}

/// What was found.
#[derive(Debug, Clone, Default)]
pub(crate) struct Survey {
    pub(crate) versions: Vec<(Version, Answer)>,
    /// Suites that it takes, each with the version, in the server's order of preference.
    pub(crate) ciphers: Vec<(Version, String)>,
    /// Why the suites are not all known.
    pub(crate) unsure: Option<String>,
    /// What it says instead of TLS.
    pub(crate) stranger: Option<String>,
    /// What it shows when it is asked in plain text, i.e. below TLS 1.3.
    pub(crate) chain: Vec<CertificateDer<'static>>,
}

impl Survey {
    /// The versions that the server speaks.
    pub(crate) fn spoken(&self) -> impl Iterator<Item = Version> {
        let speaks =
            |(version, answer): &(Version, Answer)| matches!(answer, Answer::Speaks(_)).then_some(*version);
        self.versions.iter().filter_map(speaks)
    }
}

/// Asks for each version, then for suites.
pub(crate) async fn survey(door: Door<'_>, wants: &Wants) -> Survey {
    let asking = Version::ALL.map(|version| async move {
        let suites: Vec<u16> = suites_of(version).collect();
        (
            version,
            door.ask(version, &suites, version < Version::Tls13).await,
        )
    });
    let mut survey = Survey::default();
    for (version, told) in join_all(asking).await {
        let answer = match told {
            Told::Flight(flight) => {
                survey.chain = if flight.chain.is_empty() {
                    survey.chain
                } else {
                    flight.chain
                };
                Answer::Speaks(name(flight.suite))
            }
            Told::Refused(why) => Answer::Refuses(why),
            Told::Stranger(bytes) => {
                survey.stranger = Some(shown(&bytes));
                Answer::Refuses("its answer is no TLS".to_owned())
            }
            Told::Untold(why) => Answer::Untold(why),
        };
        survey.versions.push((version, answer));
    }
    let spoken: Vec<Version> = survey.spoken().collect();
    let asking = spoken.into_iter().map(|version| door.ciphers(version, wants));
    for (ciphers, unsure) in join_all(asking).await {
        survey.ciphers.extend(ciphers);
        survey.unsure = survey.unsure.or(unsure);
    }
    survey
}

fn suites_of(version: Version) -> impl Iterator<Item = u16> {
    let is_13 = version == Version::Tls13;
    let all = CIPHERS.iter().map(|(number, _)| *number);
    all.filter(move |number| (number >> 8 == 0x13) == is_13)
}

/// What came of one question.
enum Told {
    Flight(Flight),
    Refused(String),
    /// What came is no TLS.
    Stranger(Vec<u8>),
    Untold(String),
}

/// The beginning of a first line.
fn shown(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    format!("{:?}", text.lines().next().unwrap_or_default())
}

impl Door<'_> {
    async fn ask(&self, version: Version, suites: &[u16], certificates: bool) -> Told {
        let deadline = self.deadline.min(Instant::now() + ASK_LIMIT);
        let mut stream = match self.open(deadline).await {
            Ok(stream) => stream,
            Err(why) => return Told::Untold(why),
        };
        let hello = client_hello(self.server_name, version, suites);
        let talk = async {
            if stream.write_all(&hello).await.is_err() {
                return Err(Refusal::Closed);
            }
            read(&mut stream, certificates).await
        };
        match timeout_at(deadline.into(), talk).await {
            Err(_) if Instant::now() >= self.deadline => Told::Untold("no time was left to ask".to_owned()),
            Err(_) => Told::Refused("no answer".to_owned()),
            Ok(Ok(flight)) if flight.version == version as u16 => Told::Flight(flight),
            Ok(Ok(flight)) => Told::Refused(format!("it chose version 0x{:04x}", flight.version)),
            Ok(Err(Refusal::Alert(number))) => Told::Refused(alert(number)),
            Ok(Err(Refusal::Closed)) => Told::Refused("it closed the connection".to_owned()),
            Ok(Err(Refusal::Stranger(bytes))) => Told::Stranger(bytes),
        }
    }

    async fn open(&self, deadline: Instant) -> Result<TcpStream, String> {
        let connected = timeout_at(deadline.into(), TcpStream::connect(self.address)).await;
        let mut stream = connected
            .map_err(|_| "no connection in time".to_owned())?
            .map_err(|error| format!("no connection: {error}"))?;
        if let Some(dialogue) = self.dialogue {
            let held = dialogue.hold(&mut stream, deadline).await;
            held.map_err(|fault| fault.message)?;
        }
        Ok(stream)
    }

    /// The suites that the server takes over a version, as far as they are wanted; or why they are not known.
    async fn ciphers(&self, version: Version, wants: &Wants) -> (Vec<(Version, String)>, Option<String>) {
        let mut questions: Vec<Vec<u16>> = Vec::new();
        if wants.every_cipher {
            questions.push(suites_of(version).collect());
        } else {
            // Only those are offered that must not be taken: one question tells.
            questions.extend(wants.ciphers.iter().map(|pattern| {
                let matching = suites_of(version).filter(|suite| pattern.is_match(&name(*suite)));
                matching.collect()
            }));
        }
        let mut taken = Vec::new();
        for mut suites in questions {
            // Each answer takes one suite away, so there is an end.
            while !suites.is_empty() {
                let chosen = match self.ask(version, &suites, false).await {
                    Told::Flight(flight) => flight.suite,
                    Told::Refused(_) | Told::Stranger(_) => break,
                    Told::Untold(why) => return (taken, Some(why)),
                };
                let Some(at) = suites.iter().position(|suite| *suite == chosen) else {
                    break;
                };
                suites.remove(at);
                taken.push((version, name(chosen)));
                if !wants.every_cipher {
                    break;
                }
            }
        }
        (taken, None)
    }
}
