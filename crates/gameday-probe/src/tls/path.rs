//! Why a chain does not lead to a root that is trusted.

use gameday_core::Reason;

use super::chain::Certificate;
use crate::observation::Fault;

/// Words in the names of authorities that sign for another one.
const INTERMEDIATE_WORDS: [&str; 5] = ["intermediate", "issuing", "subordinate", "sub ca", "sub-ca"];

/// Tells self-signed, untrusted and incomplete apart.
///
/// A server need not send the root, so a missing issuer is either a root that we do not trust or a
/// certificate that the server forgot; what is known of the issuer decides.
pub(super) fn explain(chain: &[Certificate], anchors: &[Certificate], said: &str) -> Fault {
    let Some(leaf) = chain.first() else {
        return Fault::new(Reason::TlsHandshake, "the server showed no certificate");
    };
    if leaf.is_self_signed() {
        let message = format!("it is its own issuer (`{}`) and not trusted here", leaf.subject);
        return Fault::new(Reason::CertSelfSigned, message);
    }
    let last = last_of_path(leaf, chain);
    if last.is_self_signed() {
        let message = format!("its chain ends at `{}`, which is not trusted here", last.subject);
        return Fault::new(Reason::CertUntrusted, message);
    }
    if let Some(anchor) = anchors.iter().find(|anchor| last.names_issuer(anchor)) {
        let message = match last.is_signed_by(anchor) {
            true => format!("its chain leads to `{}`, and yet: {said}", anchor.subject),
            false => format!(
                "`{}` is not signed by the trusted `{}` of that name",
                last.subject, anchor.subject
            ),
        };
        return Fault::new(Reason::CertUntrusted, message);
    }
    let missing = &last.issuer;
    match was_forgotten(last, anchors) {
        Some(why) => {
            let message = format!(
                "the server did not send `{missing}`, which issued `{}` ({why})",
                last.subject
            );
            Fault::new(Reason::CertChainIncomplete, message)
        }
        None => {
            let message = format!("its issuer `{missing}` is not trusted here");
            Fault::new(Reason::CertUntrusted, message)
        }
    }
}

/// The end of the path that begins with the leaf, as far as it was sent.
fn last_of_path<'c>(leaf: &'c Certificate, chain: &'c [Certificate]) -> &'c Certificate {
    let mut last = leaf;
    // No path is longer than what was sent, not even one that goes round.
    for _ in chain {
        if last.is_self_signed() {
            break;
        }
        match chain.iter().find(|next| last.is_issued_by(next)) {
            Some(next) => last = next,
            None => break,
        }
    }
    last
}

/// What tells that the missing issuer is no root.
fn was_forgotten(last: &Certificate, anchors: &[Certificate]) -> Option<String> {
    if let Some(url) = &last.issuer_url {
        return Some(format!("it is at {url}"));
    }
    if let Some(root) = last.issuers_issuer.as_ref().filter(|name| **name != last.issuer) {
        return Some(format!("which `{root}` issued"));
    }
    let issuer = last.issuer.to_lowercase();
    if INTERMEDIATE_WORDS.iter().any(|word| issuer.contains(word)) {
        return Some("by its name no root".to_owned());
    }
    let organization = organization(&last.issuer)?;
    let root = anchors
        .iter()
        .find(|anchor| self::organization(&anchor.subject) == Some(organization))?;
    Some(format!(
        "its organization has the trusted root `{}`",
        root.subject
    ))
}

/// The `O=` of a name as text.
fn organization(name: &str) -> Option<&str> {
    name.split(", ").find_map(|part| part.strip_prefix("O="))
}
