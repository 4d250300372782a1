//! `[cdn]` and `[check.cdn]`: what every edge of a CDN serves of one resource, beside what its origin has.
//!
//! ```text
//! url = "https://static.example/app.js", edges = "every-ip" | ["every-ip", "IP", "IP:PORT"],
//! ask = ["udp://…", "system"], origin = "IP:PORT" | { at = "IP:PORT", host = "…", roots = "…", insecure = false },
//! method = "GET|HEAD", headers = { … }, version = "auto|1.1|2", family = "any|ip4|ip6", max_body = "1MiB",
//! roots = "ca.pem", server_name = "…", insecure = false, cache_header = "X-My-Cache",
//! expect = ["cache in [HIT, REVALIDATED]", "age <= max-age", "edges agree etag",
//!           "edge.etag == origin.etag within 60s"]
//! ```
//!
//! ```text
//!  resolvers ─┐ union                       ┌─► 203.0.113.1 ─┐  same SNI, same Host
//!  edges ─────┴──────► addresses ── GET ────┼─► 203.0.113.2 ─┼─► copies ──► findings ──► verdict
//!  origin ─────────────────────────────────-┴─► 198.51.100.9 ┘
//!                                    ▲ again each second, while `within` lasts and something differs
//! ```

mod attribute;
mod edges;
mod expect;
mod facts;
mod origin;
#[cfg(test)]
mod tests;
mod visit;

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use gameday_core::{Reason, Table};
use hyper::Method;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use toml::Spanned;

use super::Means;
use super::panel::{Expectation, conclude, read_expect};
use super::whom::{Whom, read_ask};
use crate::file::{Scope, Times, read_family, read_headers, read_max_body, read_tls, read_url, read_version};
use crate::net::{BodyPlan, DEFAULT_MAX_BODY, HttpVersion, Route, Trail, Url};
use crate::observation::{Fault, Observation};
use crate::template::Template;
use crate::values::Values;
use edges::{Place, read_edges};
use expect::Check;
use facts::Facts;
use origin::{Origin, read_origin};
use visit::{Target, Visit};

/// So many edges are asked at once.
const AT_ONCE: usize = 16;
/// How often an edge that is behind is asked again.
const AGAIN: Duration = Duration::from_secs(1);

/// What is asked for, and of whom.
#[derive(Debug, Clone)]
pub(crate) struct Cdn {
    url: Template,
    method: Method,
    headers: Vec<(HeaderName, Template)>,
    edges: Vec<Place>,
    ask: Vec<Whom>,
    origin: Option<Origin>,
    route: Arc<Route>,
    reading: Arc<BodyPlan>,
    /// A header whose word tells what the cache did, instead of the known ones.
    cache_header: Option<HeaderName>,
    expect: Vec<Expectation<Check>>,
    /// One request's limit.
    timeout: Duration,
}

impl Cdn {
    pub(crate) fn read(mut table: Table<'_, '_>, scope: &Scope<'_, '_>, times: &Times) -> Option<Self> {
        let url: Option<Spanned<String>> = table.need_spanned("url");
        let url = url.and_then(|url| read_url(&url, scope));
        let route = Route {
            version: read_version(&mut table, scope).unwrap_or(HttpVersion::Auto),
            family: read_family(&mut table, scope),
            tls: read_tls(&mut table, scope),
            ..Route::default()
        };
        let origin = read_origin(&mut table, scope);
        let method = read_method(&mut table, scope);
        let mut expect = read_expect(&mut table, scope, |text| {
            let check = expect::parse(text)?;
            check.lacks(origin.is_some(), &method).map_or(Ok(check), Err)
        });
        if expect.is_empty() {
            expect = expect::usual();
        }
        let panel = Self {
            url: url?,
            method,
            headers: read_headers(&mut table, scope),
            edges: read_edges(&mut table, scope),
            ask: read_ask(&mut table, scope),
            origin,
            route: Arc::new(route),
            reading: Arc::new(BodyPlan {
                max_bytes: read_max_body(&mut table, scope).unwrap_or(DEFAULT_MAX_BODY),
                sha256: true,
                ..BodyPlan::default()
            }),
            cache_header: read_cache_header(&mut table, scope),
            expect,
            timeout: times.timeout,
        };
        table.finish();
        Some(panel)
    }

    pub(crate) fn uses_tls(&self) -> bool {
        !self
            .url
            .beginning()
            .is_some_and(|start| start.starts_with("http://"))
    }

    /// The longest `within`: so much longer may a look take.
    pub(crate) fn patience(&self) -> Duration {
        let longest = self.expect.iter().filter_map(|one| one.check.within()).max();
        longest.unwrap_or_default()
    }

    pub(crate) async fn look(&self, means: &Means<'_>, values: &mut Values<'_>) -> Observation {
        let began = Instant::now();
        let mut trail = Trail::start();
        let facts = self.visit(means, values, &mut trail).await;
        let mut phases = trail.laps.phases();
        let mut readings = Vec::new();
        let fault = match facts {
            Err(fault) => Some(fault),
            Ok(facts) => {
                // They are asked side by side: the slowest one is what the look took.
                let slowest = facts.visits().max_by_key(|visit| visit.phases.total_us());
                slowest.inspect(|visit| phases.add(&visit.phases));
                facts.read_into(&mut readings);
                facts.show(&mut trail.evidence);
                conclude(facts.findings(), &mut trail.evidence)
            }
        };
        let mut observation = Observation::of(fault, phases, began.elapsed());
        observation.evidence = trail.evidence;
        observation.readings = readings;
        observation
    }

    /// Asks every edge and the origin; those that are behind again and again, while the file lets them be.
    async fn visit<'c>(
        &'c self,
        means: &Means<'_>,
        values: &'c Values<'_>,
        trail: &mut Trail,
    ) -> Result<Facts<'c>, Fault> {
        let deadline = || means.deadline.min(Instant::now() + self.timeout);
        let url = self.url.render(values).map_err(super::missing)?;
        let url = Url::parse(&url).map_err(|wrong| Fault::new(Reason::CannotLook, wrong))?;
        let headers = self.headers(values)?;
        let mut targets = self.targets(&url, means, deadline(), trail).await?;
        if let Some(origin) = &self.origin {
            targets.push(origin.target(&url, self, means, deadline(), trail).await);
        }
        trail.laps.end(|phases| &mut phases.resolve_us);
        let began = Instant::now();
        let mut facts = Facts {
            panel: self,
            visits: self.ask(targets, &headers, means, values, deadline()).await,
            waited: Duration::ZERO,
            was_behind: false,
        };
        loop {
            let behind = facts.behind();
            if behind.is_empty() || Instant::now() + AGAIN >= means.deadline {
                return Ok(facts);
            }
            tokio::time::sleep(AGAIN).await;
            let targets = behind.iter().map(|index| facts.visits[*index].target.clone());
            let again = self
                .ask(targets.collect(), &headers, means, values, deadline())
                .await;
            for (index, visit) in behind.into_iter().zip(again) {
                facts.visits[index] = visit;
            }
            facts.was_behind = true;
            facts.waited = began.elapsed();
        }
    }

    async fn ask(
        &self,
        targets: Vec<Target>,
        headers: &HeaderMap,
        means: &Means<'_>,
        values: &Values<'_>,
        deadline: Instant,
    ) -> Vec<Visit> {
        let visits = targets
            .into_iter()
            .map(|target| target.visit(self, headers, means, values, deadline));
        futures_util::stream::iter(visits)
            .buffered(AT_ONCE)
            .collect()
            .await
    }

    fn headers(&self, values: &Values<'_>) -> Result<HeaderMap, Fault> {
        let mut headers = HeaderMap::new();
        for (name, template) in &self.headers {
            let text = template.render(values).map_err(super::missing)?;
            let value = HeaderValue::from_str(&text).map_err(|_| {
                let message = format!("the header `{name}` would not be one printable line");
                Fault::new(Reason::CannotLook, message)
            })?;
            headers.append(name, value);
        }
        Ok(headers)
    }
}

fn read_method(table: &mut Table<'_, '_>, scope: &Scope<'_, '_>) -> Method {
    let Some(typed) = table.spanned::<String>("method") else {
        return Method::GET;
    };
    match typed.get_ref().to_ascii_uppercase().as_str() {
        "GET" => Method::GET,
        "HEAD" => Method::HEAD,
        _ => {
            let message = format!("`{}` is not a method for a cache", typed.get_ref());
            let problem = scope.problems().source().problem(typed.span(), message);
            scope
                .problems()
                .push(problem.hint("`GET`, or `HEAD` to leave bodies out"));
            Method::GET
        }
    }
}

fn read_cache_header(table: &mut Table<'_, '_>, scope: &Scope<'_, '_>) -> Option<HeaderName> {
    let typed: Spanned<String> = table.spanned("cache_header")?;
    let name = scope.now(&typed)?;
    let header = name.parse();
    if header.is_err() {
        let message = format!("`{name}` is not the name of a header");
        scope.problems().add(typed.span(), message);
    }
    header.ok()
}
