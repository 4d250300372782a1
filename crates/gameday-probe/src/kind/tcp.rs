//! `[tcp]`: a connection, and what is said over it.

use std::time::Instant;

use gameday_core::{Reason, Table};
use toml::Spanned;

use super::Means;
use crate::file::{Scope, Times};
use crate::net::{Place, Route, Trail};
use crate::observation::{Fault, Observation};
use crate::template::Template;
use crate::values::Values;

/// A TCP connection that must come about.
#[derive(Debug, Clone)]
pub(crate) struct Tcp {
    /// `host:port`.
    address: Template,
}

impl Tcp {
    pub(crate) fn read(mut table: Table<'_, '_>, scope: &Scope<'_, '_>, _times: &Times) -> Option<Self> {
        let address: Option<Spanned<String>> = table.need_spanned("address");
        let address = address.and_then(|address| scope.template(&address));
        table.finish();
        Some(Self { address: address? })
    }

    pub(crate) async fn look(&self, means: &Means<'_>, values: &mut Values<'_>) -> Observation {
        let began = Instant::now();
        let mut trail = Trail::start();
        let fault = self.connect(means, values, &mut trail).await.err();
        let mut observation = Observation::of(fault, trail.laps.phases(), began.elapsed());
        observation.evidence = trail.evidence;
        observation
    }

    async fn connect(&self, means: &Means<'_>, values: &Values<'_>, trail: &mut Trail) -> Result<(), Fault> {
        let missing = |missing: crate::values::Missing| {
            Fault::new(Reason::CannotLook, format!("`{}` has no value", missing.0))
        };
        let address = self.address.render(values).map_err(missing)?;
        let wrong = || Fault::new(Reason::CannotLook, format!("`{address}` is not HOST:PORT"));
        let (host, port) = address.rsplit_once(':').ok_or_else(wrong)?;
        let port: u16 = port.parse().map_err(|_| wrong())?;
        let place = Place {
            host,
            port,
            tls: None,
        };
        let connector = means.connector;
        connector
            .open(place, &Route::default(), means.deadline, trail)
            .await?;
        Ok(())
    }
}
