//! The API's client of the payment service provider.

use std::net::SocketAddr;
use std::time::Duration;

use reqwest::StatusCode;

use crate::psp::{CHARGES, Charge};
use crate::{LabError, http};

/// The provider has this long for one charge. There is no second try: it could charge twice.
const LIMIT: Duration = Duration::from_secs(2);

/// Why a charge was not made.
#[derive(Debug, thiserror::Error)]
pub(super) enum PspError {
    #[error("the payment service provider did not answer within 2 s")]
    Slow,
    #[error("the payment service provider could not be reached")]
    Unreachable,
    #[error("the payment service provider answered {0}")]
    Refused(u16),
}

impl PspError {
    /// The outcome's word in metrics.
    pub(super) const fn word(&self) -> &'static str {
        match self {
            Self::Slow => "timeout",
            Self::Unreachable => "unreachable",
            Self::Refused(_) => "refused",
        }
    }
}

/// The provider, as the API reaches it.
#[derive(Debug)]
pub(super) struct Psp {
    http: reqwest::Client,
    url: String,
}

impl Psp {
    pub(super) fn at(address: SocketAddr) -> Result<Self, LabError> {
        Ok(Self {
            http: http::client(LIMIT)?,
            url: format!("http://{address}{CHARGES}"),
        })
    }

    /// Takes the money.
    pub(super) async fn charge(&self, charge: &Charge) -> Result<(), PspError> {
        let answer = self.http.post(&self.url).json(charge).send().await;
        match answer {
            Ok(answer) if answer.status() == StatusCode::CREATED => Ok(()),
            Ok(answer) => Err(PspError::Refused(answer.status().as_u16())),
            Err(error) if error.is_timeout() => Err(PspError::Slow),
            Err(_) => Err(PspError::Unreachable),
        }
    }
}
