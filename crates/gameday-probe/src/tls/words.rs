//! Why a handshake failed, in words for people.

use std::io;

use rustls::{AlertDescription, CertificateError, Error, InvalidMessage};

/// What an error during or after a handshake means.
pub(crate) fn handshake_words(error: &io::Error) -> String {
    let said = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    match (said, error.kind()) {
        (Some(error), _) => tls_words(error),
        (None, io::ErrorKind::UnexpectedEof) => "the server closed the connection".to_owned(),
        (None, io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe) => {
            "the server reset the connection".to_owned()
        }
        (None, _) => error.to_string(),
    }
}

/// Whether an error is the other side's refusal.
pub(crate) fn is_alert(error: &io::Error) -> bool {
    let said = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    matches!(said, Some(Error::AlertReceived(_)))
}

fn tls_words(error: &Error) -> String {
    match error {
        Error::AlertReceived(description) => format!("the server refuses with {}", described(*description)),
        Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
            "what the server answers is no TLS".to_owned()
        }
        Error::InvalidMessage(
            InvalidMessage::CertificatePayloadTooLarge | InvalidMessage::HandshakePayloadTooLarge,
        ) => "the server's certificates are too large (over 64 KiB)".to_owned(),
        Error::InvalidCertificate(CertificateError::BadSignature) => {
            "the server's signature does not fit the certificate that it shows".to_owned()
        }
        Error::NoCertificatesPresented => "the server shows no certificate".to_owned(),
        Error::PeerIncompatible(why) => format!("nothing in common ({why:?})"),
        Error::PeerMisbehaved(why) => format!("the server breaks the protocol ({why:?})"),
        other => other.to_string(),
    }
}

/// An alert by its number (RFC 8446, 6).
pub(super) fn alert(number: u8) -> String {
    described(AlertDescription::from(number))
}

fn described(description: AlertDescription) -> String {
    use AlertDescription as A;
    let meaning = match description {
        A::HandshakeFailure => "handshake_failure: no cipher or key exchange in common",
        A::ProtocolVersion => "protocol_version: no version in common",
        A::InsufficientSecurity => "insufficient_security: what we offer is too weak for it",
        A::UnrecognisedName => "unrecognized_name: it does not know this name",
        A::NoApplicationProtocol => "no_application_protocol: no ALPN in common",
        A::CertificateRequired => "certificate_required: it wants a client certificate",
        A::BadCertificate => "bad_certificate: it does not take our certificate",
        A::UnknownCA => "unknown_ca: it does not know who issued our certificate",
        A::CertificateExpired => "certificate_expired: our certificate is over",
        A::CertificateUnknown => "certificate_unknown: it does not take our certificate",
        A::AccessDenied => "access_denied: our certificate is good but not welcome",
        A::InternalError => "internal_error: it failed itself",
        A::CloseNotify => "close_notify: it ended the connection",
        other => return format!("the alert {other:?}"),
    };
    format!("the alert {meaning}")
}
