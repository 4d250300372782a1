//! What a look at a service said, and how long each part of it took.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::StepName;

/// What one run of a probe said. A probe cannot fail: it says one of these.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It works; the named steps were over their `slo`, which counts against latency, not success.
    Up {
        /// Steps that were slower than their `slo`.
        slow: Vec<StepName>,
    },
    /// It does not work for its users.
    Down(Reason),
    /// We could not look; never counted as an outage.
    Unknown(Reason),
}

impl Outcome {
    /// The word for people: `up`, `slow`, `down` or `unknown`.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Up { slow } if slow.is_empty() => "up",
            Self::Up { .. } => "slow",
            Self::Down(_) => "down",
            Self::Unknown(_) => "unknown",
        }
    }

    /// Why, when it is not up.
    #[must_use]
    pub fn reason(&self) -> Option<Reason> {
        match self {
            Self::Up { .. } => None,
            Self::Down(reason) | Self::Unknown(reason) => Some(*reason),
        }
    }
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident = $word:literal,)*) => {
        /// Why a probe says down or unknown: one closed list, the same word everywhere.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Reason {
            $($(#[$doc])* #[serde(rename = $word)] $variant,)*
        }

        impl Reason {
            /// The word that files, metrics and reports use.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }
    };
}

reasons! {
    /// The name does not exist (RFC 1035, RCODE 3).
    DnsNxdomain = "dns_nxdomain",
    /// The resolver could not answer (RFC 1035, RCODE 2 and other refusals).
    DnsServfail = "dns_servfail",
    /// No resolver answered in time.
    DnsTimeout = "dns_timeout",
    /// The name exists but has no address.
    DnsNoAddress = "dns_no_address",
    /// The answer's DNSSEC signatures do not hold (RFC 4035, 4.3).
    DnssecBogus = "dnssec_bogus",
    /// Resolvers, or the zone's own servers, tell different things.
    ResolverDisagree = "resolver_disagree",
    /// Nothing listens there.
    ConnectRefused = "connect_refused",
    /// No answer to the connection attempt.
    ConnectTimeout = "connect_timeout",
    /// No route to the host or network.
    ConnectUnreachable = "connect_unreachable",
    /// The connection was reset or closed in mid-request.
    ConnectionReset = "connection_reset",
    /// The TLS handshake failed.
    TlsHandshake = "tls_handshake",
    /// The certificate's time is over.
    CertExpired = "cert_expired",
    /// The certificate's time has not begun.
    CertNotYetValid = "cert_not_yet_valid",
    /// The certificate is for other names.
    CertNameMismatch = "cert_name_mismatch",
    /// A certificate between the server's own and a trusted root was not sent.
    CertChainIncomplete = "cert_chain_incomplete",
    /// The certificate is its own issuer.
    CertSelfSigned = "cert_self_signed",
    /// The stapled OCSP answer says revoked (RFC 6960).
    CertRevoked = "cert_revoked",
    /// A signature in the chain is of a kind that is no longer safe.
    CertWeakSignature = "cert_weak_signature",
    /// The public key is none of those that are pinned.
    CertPinMismatch = "cert_pin_mismatch",
    /// The certificate's issuer is not trusted here.
    CertUntrusted = "cert_untrusted",
    /// The response head did not come in time.
    HeaderTimeout = "header_timeout",
    /// The response head has more bytes or headers than anybody wants.
    HeaderTooLarge = "header_too_large",
    /// The response body did not end in time.
    BodyTimeout = "body_timeout",
    /// The response body is over the cap.
    BodyTooLarge = "body_too_large",
    /// The response body is not what its `Content-Encoding` says.
    BodyEncoding = "body_encoding",
    /// A redirect led to where it had been before.
    RedirectLoop = "redirect_loop",
    /// More redirects than allowed.
    TooManyRedirects = "too_many_redirects",
    /// What came is not HTTP.
    HttpProtocol = "http_protocol",
    /// The status was not the expected one.
    HttpStatus = "http_status",
    /// An assertion other than the status's did not hold.
    AssertFailed = "assert_failed",
    /// What came is not what the protocol or the probe expects.
    UnexpectedReply = "unexpected_reply",
    /// The service says itself that it does not serve.
    NotServing = "not_serving",
    /// No token or login was to be had.
    AuthFailed = "auth_failed",
    /// The same request with the same idempotency key had another answer.
    ReplayMismatch = "replay_mismatch",
    /// The edges of a CDN serve different things.
    EdgeDisagree = "edge_disagree",
    /// A cache serves what is older than it may be.
    CacheStale = "cache_stale",
    /// A value that later steps need was not in the answer.
    SaveFailed = "save_failed",
    /// A poll's condition did not come true in time.
    PollTimeout = "poll_timeout",
    /// The probe's whole time was used up.
    Timeout = "timeout",
    /// We ran out of file descriptors or memory: says nothing about the service.
    NoDescriptors = "no_descriptors",
    /// We could not even begin: a bad address, no local resolver.
    CannotLook = "cannot_look",
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// How long each phase took, in microseconds; they add up to the total.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phases {
    /// Name to addresses.
    pub resolve_us: u64,
    /// TCP handshake.
    pub connect_us: u64,
    /// TLS handshake.
    pub tls_us: u64,
    /// Writing the request.
    pub send_us: u64,
    /// From the request written to the first byte of the response.
    pub wait_us: u64,
    /// From the first byte of the response to its last.
    pub transfer_us: u64,
}

impl Phases {
    /// All phases together.
    #[must_use]
    pub fn total_us(&self) -> u64 {
        self.named().iter().map(|(_, us)| us).sum()
    }

    /// Each phase with its name, in order.
    #[must_use]
    pub fn named(&self) -> [(&'static str, u64); 6] {
        [
            ("resolve", self.resolve_us),
            ("connect", self.connect_us),
            ("tls", self.tls_us),
            ("send", self.send_us),
            ("wait", self.wait_us),
            ("transfer", self.transfer_us),
        ]
    }

    /// Adds another request's phases to these.
    pub fn add(&mut self, other: &Self) {
        self.resolve_us += other.resolve_us;
        self.connect_us += other.connect_us;
        self.tls_us += other.tls_us;
        self.send_us += other.send_us;
        self.wait_us += other.wait_us;
        self.transfer_us += other.transfer_us;
    }
}
