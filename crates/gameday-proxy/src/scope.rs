//! Which connections a toxic may act on, beside its toxicity.

use std::net::IpAddr;

use crate::pattern::Pattern;

use serde::{Deserialize, Serialize};

/// Limits a toxic to some connections; the default is all of them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scope {
    /// Server names that the ClientHello asks for, in lower case, e.g. `*.example.test`; needs a proxy with `tls`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sni: Vec<Pattern>,
}

impl Scope {
    /// Whether a connection is meant by the server name in its ClientHello.
    #[must_use]
    pub(crate) fn admits_name(&self, name: Option<&str>) -> bool {
        self.sni.is_empty() || name.is_some_and(|name| self.sni.iter().any(|pattern| pattern.matches(name)))
    }

    /// Whether a connection is meant: by its client's address, and by its number counted from when the toxic was
    /// attached (1 is the first new one; connections that were open then have numbers of 0 and below).
    #[must_use]
    pub fn admits(&self, _client: Option<IpAddr>, _number: i64) -> bool {
        true
    }
}
