//! `origin`: who has the truth that the edges are compared with.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use gameday_core::Table;
use toml::Spanned;
use toml::de::DeValue;

use super::Cdn;
use super::visit::Target;
use crate::file::{Scope, read_tls};
use crate::kind::{Means, host_and_port};
use crate::net::{OwnTls, Route, Trail, Url};

/// Where the origin is, and how it is asked if not like the edges.
#[derive(Debug, Clone)]
pub(super) struct Origin {
    /// `HOST:PORT`.
    at: String,
    /// Whether it is asked over TLS; as the edges are, unless `at` has a scheme.
    tls: Option<bool>,
    /// Asked for instead of the URL's host, in `Host` and SNI.
    host: Option<String>,
    own: Option<Arc<OwnTls>>,
}

/// Takes `origin`: an address, or a table with one.
pub(super) fn read_origin(table: &mut Table<'_, '_>, scope: &Scope<'_, '_>) -> Option<Origin> {
    let is_table = matches!(
        table.entries_mut().get("origin").map(Spanned::get_ref),
        Some(DeValue::Table(_))
    );
    if !is_table {
        let typed: Spanned<String> = table.spanned("origin")?;
        return read_at(&typed, scope, None, None);
    }
    let mut table = table.table("origin")?;
    let own = read_tls(&mut table, scope);
    let host: Option<Spanned<String>> = table.spanned("host");
    let host = host.and_then(|host| scope.now(&host));
    let at: Option<Spanned<String>> = table.need_spanned("at");
    table.finish();
    read_at(&at?, scope, host, own)
}

fn read_at(
    typed: &Spanned<String>,
    scope: &Scope<'_, '_>,
    host: Option<String>,
    own: Option<Arc<OwnTls>>,
) -> Option<Origin> {
    let text = scope.now(typed)?;
    let (tls, at) = match text.split_once("://") {
        Some(("https", at)) => (Some(true), at),
        Some(("http", at)) => (Some(false), at),
        _ => (None, text.as_str()),
    };
    let at = at.trim_end_matches('/');
    if let Err(wrong) = host_and_port(at, 443) {
        let problem = scope.problems().source().problem(typed.span(), wrong.message);
        scope
            .problems()
            .push(problem.hint("`IP:PORT`, or `http://IP:PORT` when it is asked without TLS"));
        return None;
    }
    Some(Origin {
        at: at.to_owned(),
        tls,
        host,
        own,
    })
}

impl Origin {
    /// The origin as one more place to ask.
    pub(super) async fn target(
        &self,
        url: &Url,
        panel: &Cdn,
        means: &Means<'_>,
        deadline: Instant,
        trail: &mut Trail,
    ) -> Target {
        let mut url = url.clone();
        if let Some(tls) = self.tls.filter(|tls| *tls != url.tls) {
            url.tls = tls;
            url.port = if tls { 443 } else { 80 };
        }
        if let Some(host) = &self.host {
            url.host.clone_from(host);
            url.authority.clone_from(host);
        }
        let address = async {
            let (host, port) = host_and_port(&self.at, url.port)?;
            let addresses = means
                .connector
                .resolve(&host, &Route::default(), deadline, trail)
                .await?;
            Ok(SocketAddr::new(addresses[0], port))
        };
        let at = address.await;
        Target {
            label: format!("the origin {}", self.at),
            at,
            route: Arc::new(Route {
                tls: self.own.clone().or_else(|| panel.route.tls.clone()),
                ..Route::clone(&panel.route)
            }),
            url,
            is_origin: true,
        }
    }
}
