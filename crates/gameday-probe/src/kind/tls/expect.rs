//! What a TLS panel may expect beyond a certificate that is trusted.
//!
//! `expires > 21d` · `chain complete` · `ocsp == good` · `ocsp != revoked` · `version >= 1.2` ·
//! `no version 1.0` · `alpn == "h2"` · `no cipher /RC4|3DES/` · `pinned`

use std::time::Duration;

use gameday_core::{Reason, Span};
use regex::Regex;

use super::Facts;
use crate::assertion::Wrong;
use crate::kind::panel::Found;
use crate::observation::Fault;
use crate::tls::hello::Version;
use crate::tls::trust::span;

/// One expectation.
#[derive(Debug, Clone)]
pub(crate) enum Check {
    ChainComplete,
    /// The certificate of the chain that ends first has more time left than this.
    Expires(Duration),
    Ocsp {
        word: String,
        is: bool,
    },
    /// The oldest version that the server speaks.
    OldestVersion(Version),
    NoVersion(Version),
    Alpn(String),
    NoCipher(Regex),
    Pinned,
}

const FIRST_WORDS: [&str; 7] = ["chain", "expires", "ocsp", "version", "no", "alpn", "pinned"];
const OCSP_WORDS: [&str; 4] = ["good", "revoked", "unknown", "none"];

pub(super) fn parse(text: &str) -> Result<Check, Wrong> {
    let words: Vec<&str> = text.split_whitespace().collect();
    match words.as_slice() {
        ["chain", "complete"] => Ok(Check::ChainComplete),
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
    pub(super) fn needs_scan(&self) -> bool {
        matches!(
            self,
            Self::OldestVersion(_) | Self::NoVersion(_) | Self::NoCipher(_)
        )
    }

    pub(super) fn needs_ciphers(&self) -> bool {
        matches!(self, Self::NoCipher(_))
    }

    pub(super) fn holds(&self, facts: &Facts<'_>) -> Found {
        let unmet = |message: String| Err(Fault::new(Reason::AssertFailed, message));
        match self {
            Self::ChainComplete => match facts.faults.iter().find(|fault| {
                matches!(
                    fault.reason,
                    Reason::CertChainIncomplete | Reason::CertUntrusted | Reason::CertSelfSigned
                )
            }) {
                Some(fault) => Err(fault.clone()),
                None if facts.chain.is_empty() => unmet("no certificate".to_owned()),
                None => Ok(format!("{} sent", facts.chain.len())),
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
                match Duration::try_from(left).is_ok_and(|left| left > *wanted) {
                    true => Ok(said),
                    false => Err(Fault::new(Reason::CertExpired, said)),
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
            Self::OldestVersion(_) | Self::NoVersion(_) | Self::NoCipher(_) => self.offered(facts),
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
    fn offered(&self, facts: &Facts<'_>) -> Found {
        let Some(offered) = &facts.offered else {
            return Err(Fault::new(
                Reason::CannotLook,
                "what else the server speaks cannot be asked after `starttls`",
            ));
        };
        let texts: Vec<&str> = offered.versions.iter().map(|version| version.text()).collect();
        let said = format!("the server speaks TLS {}", texts.join(", "));
        let bad = match self {
            Self::OldestVersion(oldest) => offered.versions.iter().any(|version| version < oldest),
            Self::NoVersion(unwanted) => offered.versions.contains(unwanted),
            Self::NoCipher(pattern) => {
                let found = offered
                    .ciphers
                    .iter()
                    .find(|(_, cipher)| pattern.is_match(cipher));
                return match found {
                    None => Ok(format!("{} ciphers, none of them", offered.ciphers.len())),
                    Some((version, cipher)) => Err(Fault::new(
                        Reason::AssertFailed,
                        format!("the server takes {cipher} over TLS {}", version.text()),
                    )),
                };
            }
            _ => false,
        };
        match bad {
            true => Err(Fault::new(Reason::AssertFailed, said)),
            false => Ok(said),
        }
    }
}
