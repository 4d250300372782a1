//! The two labs, and the choice between them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::LabError;

/// What a lab's ledger and alerting are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LabKind {
    /// PostgreSQL, Redis, Prometheus and Alertmanager.
    Real,
    /// gameday's own small ledger, cache and alerting pipeline: needs nothing installed.
    Embedded,
}

/// What was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum LabChoice {
    /// Real when everything it needs is there, embedded otherwise.
    #[default]
    Auto,
    /// Real or nothing.
    Real,
    /// Embedded, whatever is installed.
    Embedded,
}

impl fmt::Display for LabKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            LabKind::Real => "real",
            LabKind::Embedded => "embedded",
        })
    }
}

impl FromStr for LabKind {
    type Err = LabError;

    fn from_str(word: &str) -> Result<Self, LabError> {
        match word {
            "real" => Ok(LabKind::Real),
            "embedded" => Ok(LabKind::Embedded),
            other => Err(LabError::UnknownKind(other.to_owned())),
        }
    }
}

impl FromStr for LabChoice {
    type Err = LabError;

    fn from_str(word: &str) -> Result<Self, LabError> {
        match word {
            "auto" => Ok(LabChoice::Auto),
            "real" => Ok(LabChoice::Real),
            "embedded" => Ok(LabChoice::Embedded),
            other => Err(LabError::UnknownChoice(other.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_reads_what_it_prints() {
        for kind in [LabKind::Real, LabKind::Embedded] {
            assert_eq!(kind, kind.to_string().parse().unwrap());
            assert_eq!(serde_json::to_string(&kind).unwrap(), format!("\"{kind}\""));
        }
    }

    #[test]
    fn an_unknown_word_is_told_with_the_known_ones() {
        let error = "reel".parse::<LabKind>().unwrap_err().to_string();
        assert_eq!(error, "no lab is named `reel`; there are `real` and `embedded`");
    }
}
