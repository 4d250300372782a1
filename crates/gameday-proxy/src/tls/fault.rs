//! What is done to a TLS handshake.
//!
//! ```toml
//! fault.tls = { certificate = "expired" }     # not_yet_valid, wrong_host, self_signed, incomplete_chain
//! fault.tls = { stall = "30s" }               # after the ClientHello; "0s" for as long as the fault lasts
//! fault.tls = { alert = "internal_error" }    # in the place of a ServerHello
//! ```

use std::fmt;

use gameday_core::Span;
use serde::{Deserialize, Serialize};

/// What is done to handshakes that begin while it is attached: one of `certificate` and `alert`, after a `stall` if any.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TlsFault {
    /// The client is shown a bad certificate; only where the proxy terminates TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<CertificateFault>,
    /// Nothing is answered to the ClientHello for so long; 0 is for as long as the fault lasts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stall: Option<Span>,
    /// The ClientHello is answered with a fatal alert.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alert: Option<Alert>,
}

impl TlsFault {
    /// Refuses settings that say nothing, or two things.
    pub(crate) fn check(&self) -> Result<(), (&'static str, String)> {
        let problem = match (&self.certificate, &self.alert, &self.stall) {
            (None, None, None) => ("certificate", "it, `stall` or `alert` is needed"),
            (Some(_), Some(_), _) => ("alert", "it contradicts `certificate`"),
            _ => return Ok(()),
        };
        Err((problem.0, problem.1.to_owned()))
    }
}

impl fmt::Display for TlsFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stall = self.stall.map(|span| format!("stall {span}"));
        let certificate = self.certificate.map(|kind| format!("certificate {kind}"));
        let alert = self.alert.map(|alert| format!("alert {alert}"));
        let parts: Vec<String> = [stall, certificate, alert].into_iter().flatten().collect();
        f.write_str(&parts.join(", "))
    }
}

/// What is wrong with a certificate. Its subject and its names are those of the good one, but for `wrong_host`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CertificateFault {
    /// It was valid until an hour ago.
    Expired,
    /// It will be valid in a month.
    NotYetValid,
    /// It is for `wrong-host.invalid`.
    WrongHost,
    /// No authority has signed it.
    SelfSigned,
    /// The intermediate authority's certificate is not sent.
    IncompleteChain,
}

impl CertificateFault {
    /// All of them.
    pub(super) const ALL: [Self; 5] = [
        Self::Expired,
        Self::NotYetValid,
        Self::WrongHost,
        Self::SelfSigned,
        Self::IncompleteChain,
    ];

    /// Whether only the authority that signed the good certificate can make it.
    pub(super) const fn needs_authority(self) -> bool {
        matches!(
            self,
            Self::Expired | Self::NotYetValid | Self::WrongHost | Self::SelfSigned
        )
    }
}

impl fmt::Display for CertificateFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::WrongHost => "wrong_host",
            Self::SelfSigned => "self_signed",
            Self::IncompleteChain => "incomplete_chain",
        })
    }
}

/// A fatal alert, in RFC 8446's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
#[expect(missing_docs, reason = "the words are the standard's")]
pub enum Alert {
    CloseNotify = 0,
    UnexpectedMessage = 10,
    BadRecordMac = 20,
    RecordOverflow = 22,
    HandshakeFailure = 40,
    BadCertificate = 42,
    UnsupportedCertificate = 43,
    CertificateRevoked = 44,
    CertificateExpired = 45,
    CertificateUnknown = 46,
    IllegalParameter = 47,
    UnknownCa = 48,
    AccessDenied = 49,
    DecodeError = 50,
    DecryptError = 51,
    ProtocolVersion = 70,
    InsufficientSecurity = 71,
    InternalError = 80,
    InappropriateFallback = 86,
    UserCanceled = 90,
    MissingExtension = 109,
    UnsupportedExtension = 110,
    UnrecognizedName = 112,
    BadCertificateStatusResponse = 113,
    UnknownPskIdentity = 115,
    CertificateRequired = 116,
    NoApplicationProtocol = 120,
}

impl Alert {
    /// The record that says so.
    pub(crate) const fn record(self) -> [u8; 7] {
        const ALERT: u8 = 21;
        const FATAL: u8 = 2;
        [ALERT, 3, 3, 0, 2, FATAL, self as u8]
    }
}

impl fmt::Display for Alert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The word that serde knows it by.
        match serde_json::to_value(self) {
            Ok(serde_json::Value::String(word)) => f.write_str(&word),
            _ => Err(fmt::Error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_says_what_it_does_and_refuses_to_do_nothing_or_two_things() {
        for (text, said) in [
            ("certificate = \"expired\"", Ok("certificate expired")),
            ("stall = \"30s\"", Ok("stall 30s")),
            ("alert = \"internal_error\"", Ok("alert internal_error")),
            (
                "stall = \"1s\"\nalert = \"unknown_ca\"",
                Ok("stall 1s, alert unknown_ca"),
            ),
            ("", Err("certificate")),
            (
                "certificate = \"wrong_host\"\nalert = \"unknown_ca\"",
                Err("alert"),
            ),
        ] {
            let fault: TlsFault = toml::from_str(text).unwrap();
            let checked = fault.check().map(|()| fault.to_string());
            let checked = checked.as_deref().map_err(|(setting, _)| *setting);
            assert_eq!(checked, said, "{text}");
        }
        assert!(toml::from_str::<TlsFault>("certificate = \"old\"").is_err());
        assert_eq!(Alert::UnknownCa.record(), [21, 3, 3, 0, 2, 2, 48]);
    }
}
