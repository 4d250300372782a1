//! What a TLS panel may expect beyond a certificate that is trusted.
//!
//! `expires > 21d` · `chain complete` · `chain in order` · `issuer contains "Let's Encrypt"` ·
//! `ocsp == good` · `ocsp != revoked` · `version >= 1.2` · `version 1.3` · `no version 1.0` ·
//! `alpn == "h2"` · `no cipher /RC4|3DES/` · `pinned`

use std::time::Duration;

use gameday_core::{Reason, Span};
use regex::Regex;

use super::Facts;
use crate::assertion::Wrong;
use crate::kind::panel::Found;
use crate::observation::Fault;
use crate::tls::hello::Version;
use crate::tls::survey::Answer;
use crate::tls::trust::span;

/// One expectation.
#[derive(Debug, Clone)]
pub(crate) enum Check {
    ChainComplete,
    /// Each certificate is followed by its issuer's, and there is no other (RFC 5246, 7.4.2).
    ChainInOrder,
    /// The issuer of the server's own certificate has this in its name.
    Issuer(String),
    /// The certificate of the chain that ends first has more time left than this.
    Expires(Duration),
    Ocsp {
        word: String,
        is: bool,
    },
    /// The oldest version that the server speaks.
    OldestVersion(Version),
    NoVersion(Version),
    Version(Version),
    Alpn(String),
    NoCipher(Regex),
    Pinned,
}

const FIRST_WORDS: [&str; 8] = [
    "chain", "expires", "ocsp", "version", "no", "alpn", "pinned", "issuer",
];
const OCSP_WORDS: [&str; 4] = ["good", "revoked", "unknown", "none"];

pub(super) fn parse(text: &str) -> Result<Check, Wrong> {
    let words: Vec<&str> = text.split_whitespace().collect();
    match words.as_slice() {
        ["chain", "complete"] => Ok(Check::ChainComplete),
        ["chain", "in", "order"] => Ok(Check::ChainInOrder),
        ["issuer", "contains", ..] => {
            let (_, wanted) = text.split_once("contains").unwrap_or_default();
            Ok(Check::Issuer(wanted.trim().trim_matches('"').to_owned()))
        }
        ["pinned"] => Ok(Check::Pinned),
        ["expires", ">" | ">=", left] => {
            let span = left.parse::<Span>();
            Ok(Check::Expires(
                span.map_err(|error| Wrong::new(error.to_string()))?.get(),
            ))
        }
        ["ocsp", operator @ ("==" | "!="), word] if OCSP_WORDS.contains(word) => Ok(Check::Ocsp {
            word: (*word).to_owned(),
            is: *operator == "==",
        }),
        ["ocsp", ..] => Err(Wrong::new(format!("`{text}` is not an expectation"))
            .hint(format!("`ocsp ==` or `!=` one of `{}`", OCSP_WORDS.join("`, `")))),
        ["version", ">=", version] => Ok(Check::OldestVersion(read_version(version)?)),
        ["version", version] => Ok(Check::Version(read_version(version)?)),
        ["no", "version", version] => Ok(Check::NoVersion(read_version(version)?)),
        ["alpn", "==", alpn] => Ok(Check::Alpn(alpn.trim_matches('"').to_owned())),
        ["no", "cipher", pattern] => {
            let pattern = pattern.strip_prefix('/').and_then(|rest| rest.strip_suffix('/'));
            let pattern = pattern.ok_or_else(|| Wrong::new("`no cipher` wants a pattern between slashes"))?;
            Ok(Check::NoCipher(
                Regex::new(pattern).map_err(|error| Wrong::new(error.to_string()))?,
            ))
        }
        [first, ..] => Err(
            Wrong::new(format!("`{text}` is not an expectation of a TLS panel")).near(first, &FIRST_WORDS),
        ),
        [] => Err(Wrong::new("the expectation is empty").hint("for example `expires > 21d`")),
    }
}

fn read_version(text: &str) -> Result<Version, Wrong> {
    Version::parse(text).ok_or_else(|| {
        Wrong::new(format!("`{text}` is not a version of TLS")).hint("one of 1.0, 1.1, 1.2, 1.3")
    })
}

impl Check {
    /// Whether other handshakes must be tried.
    pub(super) fn needs_survey(&self) -> bool {
        matches!(
            self,
            Self::OldestVersion(_) | Self::NoVersion(_) | Self::Version(_) | Self::NoCipher(_)
        )
    }

    pub(super) fn holds(&self, facts: &Facts<'_>) -> Found {
        let unmet = |message: String| Err(Fault::new(Reason::AssertFailed, message));
        match self {
            Self::ChainComplete => {
                let is_about = |fault: &&Fault| {
                    matches!(
                        fault.reason,
                        Reason::CertChainIncomplete | Reason::CertUntrusted | Reason::CertSelfSigned
                    )
                };
                match facts.faults.iter().find(is_about).or(facts.incomplete.as_ref()) {
                    Some(fault) => Err(fault.clone()),
                    None if facts.chain.is_empty() => unmet("no certificate".to_owned()),
                    None => Ok(format!("{} sent", facts.chain.len())),
                }
            }
            Self::ChainInOrder => {
                let in_order = facts.used.iter().copied().eq(0..facts.chain.len());
                match in_order {
                    true => Ok(format!("{} sent", facts.chain.len())),
                    false => {
                        let sent: Vec<_> = facts.chain.iter().map(|one| one.subject.as_str()).collect();
                        unmet(format!("sent were `{}`", sent.join("`, `")))
                    }
                }
            }
            Self::Issuer(wanted) => match facts.chain.first() {
                Some(leaf) if leaf.issuer.contains(wanted.as_str()) => Ok(leaf.issuer.clone()),
                Some(leaf) => unmet(format!("it was issued by `{}`", leaf.issuer)),
                None => unmet("no certificate".to_owned()),
            },
            Self::Expires(wanted) => {
                let Some(first) = facts.first_to_end() else {
                    return unmet("no certificate".to_owned());
                };
                let left = first.not_after.duration_since(facts.now);
                let said = match left.is_negative() {
                    true => format!(
                        "`{}` expired {} ago",
                        first.subject,
                        span(first.not_after, facts.now)
                    ),
                    false => format!(
                        "`{}` expires in {}, on {}",
                        first.subject,
                        span(facts.now, first.not_after),
                        first.not_after
                    ),
                };
                match Duration::try_from(left) {
                    Ok(left) if left > *wanted => Ok(said),
                    Ok(_) => unmet(said),
                    Err(_) => Err(Fault::new(Reason::CertExpired, said)),
                }
            }
            Self::Ocsp { word, is } => {
                let found = match &facts.staple {
                    None => "none",
                    Some(Ok(staple)) => staple.word(),
                    Some(Err(_)) => "doubtful",
                };
                match (found == word) == *is {
                    true => Ok(found.to_owned()),
                    false if found == "revoked" => Err(Fault::new(
                        Reason::CertRevoked,
                        "the stapled OCSP answer says revoked",
                    )),
                    false => unmet(format!("the stapled OCSP answer is `{found}`")),
                }
            }
            Self::OldestVersion(_) | Self::NoVersion(_) | Self::Version(_) => self.versions(facts),
            Self::NoCipher(pattern) => no_cipher(pattern, facts),
            Self::Alpn(wanted) => match facts.seen.alpn.as_deref() {
                Some(found) if found == wanted => Ok(found.to_owned()),
                found => unmet(format!(
                    "the server chose {}",
                    found.map_or("no protocol".to_owned(), |found| format!("`{found}`"))
                )),
            },
            Self::Pinned => match facts.is_pinned() {
                true => Ok("pinned".to_owned()),
                false => Err(Fault::new(
                    Reason::CertPinMismatch,
                    "no key of the chain is among `pins`",
                )),
            },
        }
    }

    /// What the other handshakes say.
    fn versions(&self, facts: &Facts<'_>) -> Found {
        let Some(offered) = &facts.offered else {
            return Err(Fault::new(
                Reason::CannotLook,
                "other versions were not asked for",
            ));
        };
        let is_about = |version: &Version| match self {
            Self::OldestVersion(oldest) => version < oldest,
            Self::NoVersion(one) | Self::Version(one) => version == one,
            _ => false,
        };
        let spoken: Vec<Version> = offered.spoken().collect();
        let texts: Vec<&str> = spoken.iter().map(|version| version.text()).collect();
        let said = match texts.is_empty() {
            true => "the server speaks no version of TLS".to_owned(),
            false => format!("the server speaks TLS {}", texts.join(", ")),
        };
        let speaks = spoken.iter().any(is_about);
        let wants = matches!(self, Self::Version(_));
        // One that could not be asked for may be spoken or not.
        let untold = offered
            .versions
            .iter()
            .find_map(|(version, answer)| match answer {
                Answer::Untold(why) if is_about(version) => Some((version.text(), why)),
                _ => None,
            });
        match (speaks == wants && !spoken.is_empty(), untold) {
            (_, Some((version, why))) if !speaks => Err(Fault::new(
                Reason::CannotLook,
                format!("TLS {version} could not be asked for: {why}"),
            )),
            (true, _) => Ok(said),
            (false, _) => Err(Fault::new(Reason::AssertFailed, said)),
        }
    }
}

fn no_cipher(pattern: &Regex, facts: &Facts<'_>) -> Found {
    let cannot = |why: &str| {
        Err(Fault::new(
            Reason::CannotLook,
            format!("ciphers could not be asked for: {why}"),
        ))
    };
    let Some(offered) = &facts.offered else {
        return cannot("no time was left");
    };
    let mut taken = offered.ciphers.iter();
    if let Some((version, cipher)) = taken.find(|(_, cipher)| pattern.is_match(cipher)) {
        let message = format!("the server takes {cipher} over TLS {}", version.text());
        return Err(Fault::new(Reason::AssertFailed, message));
    }
    let untold = offered.versions.iter().find_map(|(_, answer)| match answer {
        Answer::Untold(why) => Some(why),
        _ => None,
    });
    match offered.unsure.as_ref().or(untold) {
        Some(why) => cannot(why),
        None => Ok("it takes none of them".to_owned()),
    }
}
