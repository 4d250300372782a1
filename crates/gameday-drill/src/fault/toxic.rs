//! A toxic on a proxy, or a proxy switched off: under a lease that the proxy itself watches.

use std::time::Duration;

use futures_util::future::BoxFuture;
use gameday_core::{ClockSample, FaultName, SourceName, Timestamp, TokenFrom, redact_url};
use gameday_proxy::{Fault as Row, FaultState, Lease, NewFault, ProxyClient, Stream};
use tokio::sync::Mutex;

use super::{Effect, Fault, FaultError, Undo};

/// A fault of a proxy under a lease.
#[derive(Debug)]
pub struct ToxicFault {
    place: Place,
    owner: String,
    fault: NewFault,
    expected: Expected,
    clock: SourceName,
    lease: Mutex<Option<Duration>>,
}

/// The API of a proxy, and how it is reached again from another process.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) client: ProxyClient,
    pub(super) api: String,
    pub(super) token: Option<TokenFrom>,
}

/// What the scenario states about the proxy.
#[derive(Debug, Clone, Default)]
pub(super) struct Expected {
    pub(super) listen: Option<String>,
    pub(super) upstream: Option<String>,
}

pub(super) fn stream(word: &str) -> Stream {
    if word == "upstream" {
        Stream::Upstream
    } else {
        Stream::Downstream
    }
}

pub(super) fn switch_off(proxy: &str) -> NewFault {
    NewFault::down("", proxy)
}

/// How long bytes are watched for being touched, after the rollback.
const STILL: Duration = Duration::from_secs(2);

impl ToxicFault {
    pub(super) fn new(
        place: Place,
        drill: &str,
        entry: &FaultName,
        mut fault: NewFault,
        expected: Expected,
        clock: SourceName,
    ) -> Self {
        fault.name = format!("{drill}.{entry}");
        Self {
            place,
            owner: drill.to_owned(),
            fault,
            expected,
            clock,
            lease: Mutex::new(None),
        }
    }

    /// What is left to undo, as a journal has it: for `heal`.
    ///
    /// # Errors
    /// When the API's URL cannot be used, or its token cannot be had.
    pub fn from_undo(
        api: &str,
        token: Option<&TokenFrom>,
        owner: &str,
        name: &str,
        proxy: &str,
    ) -> Result<Self, FaultError> {
        let mut fault = switch_off(proxy);
        name.clone_into(&mut fault.name);
        let place = Place {
            client: client(api, token, |name| std::env::var(name).ok())?,
            api: api.to_owned(),
            token: token.cloned(),
        };
        Ok(Self {
            place,
            owner: owner.to_owned(),
            fault,
            expected: Expected::default(),
            clock: SourceName::new("proxy").expect("a name"),
            lease: Mutex::new(None),
        })
    }

    async fn checked(&self) -> Result<String, FaultError> {
        let proxies = self.place.client.proxies().await?;
        let api = redact_url(&self.place.api);
        let name = &self.fault.proxy;
        let Some(proxy) = proxies.get(name) else {
            let known: Vec<&str> = proxies.keys().map(String::as_str).collect();
            return Err(FaultError::Refused(format!(
                "no proxy is named `{name}` at {api}; there are: `{}`",
                known.join("`, `")
            )));
        };
        for (what, stated, found) in [
            ("listens on", &self.expected.listen, &proxy.listen),
            ("has the upstream", &self.expected.upstream, &proxy.upstream),
        ] {
            if let Some(stated) = stated.as_ref().filter(|stated| *stated != found) {
                return Err(FaultError::Refused(format!(
                    "`{name}` {what} {found}, not {stated} as the scenario states"
                )));
            }
        }
        if !proxy.enabled {
            return Err(FaultError::Refused(format!("`{name}` is switched off already")));
        }
        if !self.place.client.has_leases().await? {
            return Err(FaultError::Refused(format!(
                "the proxy at {api} has no /v1/leases (plain Toxiproxy?): its faults would outlive us; use `gameday proxy`"
            )));
        }
        for lease in self.place.client.leases().await?.leases {
            if let Some(other) = lease
                .faults
                .iter()
                .find(|row| row.proxy == *name && row.state == FaultState::Active)
            {
                return Err(FaultError::Refused(format!(
                    "`{name}` has the fault `{}` of `{}`; if that drill is dead: gameday heal",
                    other.name, lease.owner
                )));
            }
        }
        if let Some(toxic) = proxy.toxics.first() {
            return Err(FaultError::Refused(format!(
                "`{name}` has the toxic `{}` already: take it away first, or tell whoever set it",
                toxic.name
            )));
        }
        Ok(format!(
            "`{name}` at {api}: {} → {}",
            proxy.listen, proxy.upstream
        ))
    }

    fn row<'l>(&self, lease: &'l Lease) -> Option<&'l Row> {
        lease.faults.iter().rev().find(|row| row.name == self.fault.name)
    }

    async fn look(&self) -> Result<Option<Row>, FaultError> {
        let lease = self.place.client.lease(&self.owner).await?;
        Ok(lease.as_ref().and_then(|lease| self.row(lease)).cloned())
    }

    async fn verified(&self) -> Result<String, FaultError> {
        let name = &self.fault.proxy;
        self.place.client.drop_lease(&self.owner).await?;
        let Some(before) = self.look().await? else {
            return Ok(format!("`{name}`: the proxy knows nothing of the fault"));
        };
        tokio::time::sleep(STILL).await;
        let after = self.look().await?.unwrap_or_else(|| before.clone());
        let proxies = self.place.client.proxies().await?;
        let enabled = proxies.get(name).is_some_and(|proxy| proxy.enabled);
        if after.state == FaultState::Active {
            return Err(FaultError::Refused(format!(
                "`{name}`: the fault is still in place"
            )));
        }
        if after.touched != before.touched {
            let more = after.touched - before.touched;
            return Err(FaultError::Refused(format!(
                "`{name}`: {more} more were touched after the removal"
            )));
        }
        if !enabled {
            return Err(FaultError::Refused(format!("`{name}` is switched off")));
        }
        let passed = match after.proxy_bytes.saturating_sub(before.proxy_bytes) {
            0 => "it was idle for 2 s".to_owned(),
            bytes => format!("{bytes} bytes passed in 2 s and none was touched"),
        };
        let toxics = proxies.get(name).into_iter().flat_map(|proxy| &proxy.toxics);
        let foreign: String = toxics
            .map(|toxic| format!("; the toxic `{}` is there, not ours", toxic.name))
            .collect();
        Ok(format!("`{name}`: no fault left; {passed}{foreign}"))
    }
}

fn effect_of(row: Option<&Row>) -> Effect {
    let lost = match row.map(|row| row.state) {
        Some(FaultState::Active) => None,
        Some(FaultState::Expired) => Some("its lease ran out: the runner did not renew it in time"),
        Some(FaultState::Removed) => Some("somebody else removed it"),
        None => Some("the proxy no longer knows it: was it restarted?"),
    };
    Effect {
        touched: row.map(|row| row.touched).unwrap_or_default(),
        first_touched: row.and_then(|row| row.first_touched_at),
        lost: lost.map(str::to_owned),
        over: None,
        clock: None,
    }
}

impl Fault for ToxicFault {
    fn check(&self) -> BoxFuture<'_, Result<String, FaultError>> {
        Box::pin(self.checked())
    }

    fn inject(&self, lease: Duration) -> BoxFuture<'_, Result<(), FaultError>> {
        Box::pin(async move {
            *self.lease.lock().await = Some(lease);
            self.place.client.renew_lease(&self.owner, lease).await?;
            self.place.client.add_fault(&self.owner, &self.fault).await?;
            Ok(())
        })
    }

    fn renew(&self) -> BoxFuture<'_, Result<Effect, FaultError>> {
        Box::pin(async {
            let Some(ttl) = *self.lease.lock().await else {
                return Ok(Effect::default());
            };
            let sent = Timestamp::now();
            let lease = self.place.client.renew_lease(&self.owner, ttl).await?;
            let received = Timestamp::now();
            let mut effect = effect_of(self.row(&lease));
            effect.clock = Some(ClockSample {
                sent,
                received,
                theirs_low: lease.now,
                theirs_high: lease.now,
            });
            Ok(effect)
        })
    }

    fn remove(&self) -> BoxFuture<'_, Result<Effect, FaultError>> {
        Box::pin(async {
            match self
                .place
                .client
                .remove_fault(&self.owner, &self.fault.name)
                .await
            {
                Ok(row) => {
                    let mut effect = effect_of(Some(&row));
                    // One that is removed now was in place until now; one that expired was not.
                    effect.lost = effect.lost.filter(|_| row.state != FaultState::Removed);
                    Ok(effect)
                }
                // Never injected, or a proxy that was restarted: there is nothing to remove.
                Err(error) if error.status() == Some(404) => Ok(effect_of(None)),
                Err(error) => Err(error.into()),
            }
        })
    }

    fn verify(&self) -> BoxFuture<'_, Result<String, FaultError>> {
        Box::pin(self.verified())
    }

    fn undo(&self) -> Undo {
        Undo::Lease {
            api: self.place.api.clone(),
            token: self.place.token.clone(),
            owner: self.owner.clone(),
            name: self.fault.name.clone(),
            proxy: self.fault.proxy.clone(),
        }
    }

    fn clock(&self) -> SourceName {
        self.clock.clone()
    }
}

/// A client of a proxy's API with its token, if it needs one.
///
/// # Errors
/// When the address cannot be used, or the token cannot be had.
pub(super) fn client(
    api: &str,
    token: Option<&TokenFrom>,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<ProxyClient, FaultError> {
    let token = token.map(|token| token.read(variable)).transpose();
    let token =
        token.map_err(|why| FaultError::Refused(format!("the token of the proxy at {api}: {why}")))?;
    Ok(ProxyClient::new(api)?.with_token(token))
}
