//! From the server's certificate towards a root, and why the way ends where it does.

use gameday_core::Reason;
use jiff::Timestamp;

use super::chain::Certificate;
use super::limits::allows;
use super::roots::Roots;
use crate::observation::Fault;

/// No honest path is longer.
const MAX_DEPTH: usize = 12;
/// So many certificates are tried as somebody's issuer: a chain of namesakes must not keep us busy.
const MAX_TRIES: usize = 256;
/// With more trusted roots than this, a shared word in a name tells nothing.
const FEW_ROOTS: usize = 8;

/// Beginnings of words in the names of authorities that sign for another one.
const INTERMEDIATE_WORDS: [&str; 8] = [
    "inter",
    "int",
    "issuing",
    "subordinate",
    "sub",
    "subca",
    "ica",
    "signing",
];
/// Words that names of authorities have without being related.
const COMMON_WORDS: [&str; 14] = [
    "root",
    "authority",
    "certificate",
    "certification",
    "certificates",
    "test",
    "example",
    "demo",
    "local",
    "the",
    "and",
    "inc",
    "ltd",
    "class",
];

/// The certificates that are used, the server's own first, and where they lead.
pub(super) struct Path<'c> {
    pub(super) used: Vec<&'c Certificate>,
    pub(super) end: End<'c>,
}

/// Where a path ends.
#[derive(Clone, Copy)]
pub(super) enum End<'c> {
    /// At a root that is trusted.
    Trusted(&'c Certificate),
    /// At a certificate that signed itself and is not trusted.
    SelfSigned,
    /// Whoever issued the last one was not sent.
    Missing,
}

/// The best path that can be made of what was sent: one that leads to a root, and at which time now is.
pub(super) fn find<'c>(chain: &'c [Certificate], roots: &'c Roots, now: Timestamp) -> Option<Path<'c>> {
    let leaf = chain.first()?;
    let mut search = Search {
        chain,
        roots,
        strict_at: Some(now),
        tries: 0,
    };
    let path = search.from(vec![leaf]);
    if matches!(path.end, End::Trusted(_)) {
        return Some(path);
    }
    search.strict_at = None;
    search.tries = 0;
    Some(search.from(vec![leaf]))
}

struct Search<'c> {
    chain: &'c [Certificate],
    roots: &'c Roots,
    /// Only issuers count that are valid then and do what they may.
    strict_at: Option<Timestamp>,
    tries: usize,
}

impl<'c> Search<'c> {
    fn from(&mut self, used: Vec<&'c Certificate>) -> Path<'c> {
        let Some(last) = used.last().copied() else {
            return Path {
                used,
                end: End::Missing,
            };
        };
        if let Some(root) = self.root(last, &used) {
            let end = End::Trusted(root);
            return Path { used, end };
        }
        if last.is_self_signed() {
            let end = End::SelfSigned;
            return Path { used, end };
        }
        let mut best = None;
        for next in self.chain {
            if used.len() >= MAX_DEPTH || self.tries >= MAX_TRIES {
                break;
            }
            if !last.names_issuer(next)
                || !self.counts(next, &used)
                || used.iter().any(|one| one.der == next.der)
            {
                continue;
            }
            self.tries += 1;
            if !last.is_signed_by(next) {
                continue;
            }
            let longer = used.iter().copied().chain([next]).collect();
            let path = self.from(longer);
            if matches!(path.end, End::Trusted(_)) {
                return path;
            }
            best = best.or(Some(path));
        }
        best.unwrap_or(Path {
            used,
            end: End::Missing,
        })
    }

    /// The root that `last` is, or that issued it and what it issued.
    fn root(&self, last: &Certificate, used: &[&Certificate]) -> Option<&'c Certificate> {
        let below = &used[..used.len().saturating_sub(1)];
        let may_be_one =
            |root: &&Certificate| below.is_empty() || self.strict_at.is_none() || allows(root, below);
        let itself = self.roots.same(last).filter(may_be_one);
        itself.or_else(|| self.roots.issuers(last).find(|root| self.counts(root, used)))
    }

    fn counts(&self, issuer: &Certificate, below: &[&Certificate]) -> bool {
        let is_valid = |now| issuer.not_before <= now && now <= issuer.not_after;
        self.strict_at
            .is_none_or(|now| is_valid(now) && allows(issuer, below))
    }
}

/// Of all paths that lead to a root, when the last one ends; each ends with its first certificate that does.
pub(super) fn last_end(chain: &[Certificate], roots: &Roots) -> Option<Timestamp> {
    let leaf = chain.first()?;
    latest(&[leaf], chain, roots, &mut 0)
}

fn latest(
    used: &[&Certificate],
    chain: &[Certificate],
    roots: &Roots,
    tries: &mut usize,
) -> Option<Timestamp> {
    let last = *used.last()?;
    if let Some(root) = roots.same(last) {
        return Some(root.not_after);
    }
    let mut found = roots.issuers(last).map(|root| root.not_after).max();
    for next in chain {
        if used.len() >= MAX_DEPTH || *tries >= MAX_TRIES {
            break;
        }
        if !last.names_issuer(next) || used.iter().any(|one| one.der == next.der) {
            continue;
        }
        *tries += 1;
        if last.is_signed_by(next) {
            let longer: Vec<_> = used.iter().copied().chain([next]).collect();
            found = found.max(latest(&longer, chain, roots, tries));
        }
    }
    found.map(|end| end.min(last.not_after))
}

/// Tells self-signed, untrusted and incomplete apart.
///
/// A server need not send the root, so a missing issuer is either a root that we do not trust or a
/// certificate that the server forgot; what is known of the issuer decides.
pub(super) fn explain(path: &Path<'_>, roots: &Roots, said: &str) -> Option<Fault> {
    let (leaf, last) = (*path.used.first()?, *path.used.last()?);
    let untrusted = |message: String| Fault::new(Reason::CertUntrusted, message);
    Some(match path.end {
        End::Trusted(root) => untrusted(format!("its chain leads to `{}`, and yet: {said}", root.subject)),
        End::SelfSigned if path.used.len() == 1 => {
            let message = format!("it is its own issuer (`{}`) and not trusted here", leaf.subject);
            Fault::new(Reason::CertSelfSigned, message)
        }
        End::SelfSigned => untrusted(format!(
            "its chain ends at `{}`, which is not trusted here",
            last.subject
        )),
        End::Missing => match roots.named_issuers(last).next() {
            Some(anchor) => untrusted(format!(
                "`{}` is not signed by the trusted `{}` of that name",
                last.subject, anchor.subject
            )),
            None => match was_forgotten(last, path.used.len() == 1, roots) {
                Some(why) => {
                    let message = format!(
                        "the server did not send `{}`, which issued `{}` ({why})",
                        last.issuer, last.subject
                    );
                    Fault::new(Reason::CertChainIncomplete, message)
                }
                None if path.used.len() == 1 => untrusted(format!(
                    "its issuer `{}` is not trusted here, and was not sent",
                    last.issuer
                )),
                None => untrusted(format!("its issuer `{}` is not trusted here", last.issuer)),
            },
        },
    })
}

/// What tells that the missing issuer is no root.
fn was_forgotten(last: &Certificate, is_leaf: bool, roots: &Roots) -> Option<String> {
    if let Some(issuer) = last.issuers_issuer.as_ref().filter(|name| **name != last.issuer) {
        return Some(format!("which `{issuer}` issued"));
    }
    let mut words = words(&last.issuer);
    if words
        .clone()
        .any(|word| INTERMEDIATE_WORDS.iter().any(|known| is_word(&word, known)))
    {
        return Some("by its name no root".to_owned());
    }
    // What issued an authority's certificate is a root as a rule, and roots need not be sent.
    if !is_leaf || words.clone().any(|word| word == "root") {
        return None;
    }
    if let Some(url) = &last.issuer_url {
        return Some(format!("it is at {url}"));
    }
    let are_few = roots.all().count() <= FEW_ROOTS;
    let related = |anchor: &&Certificate| {
        let organization = organization(&last.issuer);
        organization.is_some() && organization == self::organization(&anchor.subject)
            || are_few
                && words
                    .any(|word| is_telling(&word) && self::words(&anchor.subject).any(|other| other == word))
    };
    let root = roots.all().find(related)?;
    Some(format!("it is named like the trusted root `{}`", root.subject))
}

/// `inter` stands for `intermediate` and `intermed.` too; short words stand for themselves.
fn is_word(word: &str, known: &str) -> bool {
    word == known || known.len() > 4 && word.starts_with(known)
}

fn is_telling(word: &str) -> bool {
    word.len() >= 3 && !COMMON_WORDS.contains(&word)
}

/// The words of a name's values.
fn words(name: &str) -> impl Iterator<Item = String> + Clone {
    let values = name
        .split(", ")
        .filter_map(|part| part.split_once('='))
        .filter(|(key, _)| *key != "C");
    let words = values.flat_map(|(_, value)| value.split(|c: char| !c.is_alphanumeric()));
    let words: Vec<String> = words
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    words.into_iter()
}

/// The `O=` of a name as text.
fn organization(name: &str) -> Option<&str> {
    name.split(", ").find_map(|part| part.strip_prefix("O="))
}
