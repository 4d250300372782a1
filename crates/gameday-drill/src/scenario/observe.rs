//! `[observe]`: the alerting that is read, and what of it is asked for beyond the expected alerts.

use std::path::Path;

use gameday_core::{Problems, Table, TokenFrom, redact_url};
use serde::Deserialize;
use toml::Spanned;
use toml::de::DeValue;

use super::hooks::{self, Paths};
use super::recorder;
use crate::plan::{GrafanaAt, Observe, Required, Shows};

/// What links are called in rules that most teams start from.
const LINKS: [&str; 2] = ["runbook_url", "dashboard_url"];

/// What becomes of an alert that is neither expected nor forbidden.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Unexpected {
    /// It is listed.
    List,
    /// It fails the drill.
    Fail,
}

pub(super) fn read(root: &mut Table<'_, '_>, scenario: &Path) -> Observe {
    let Some(mut table) = root.table("observe") else {
        return Observe::default();
    };
    let problems = table.problems();
    let mut url = |key: &'static str| {
        let url = table.spanned::<String>(key)?;
        check_url(problems, &url);
        Some(url.into_inner())
    };
    let (prometheus, webhook) = (url("prometheus"), url("webhook"));
    let mut paths = Paths::of(webhook.as_deref());
    let events = recorder::read(&mut table, webhook.as_deref(), scenario, &mut paths);
    let observe = Observe {
        prometheus,
        grafana: read_grafana(&mut table),
        hooks: hooks::read(&mut table, webhook.as_deref(), &mut paths),
        event_files: events.files,
        event_path: events.path,
        webhook,
        alertmanager: read_alertmanagers(&mut table, problems),
        links: table
            .get("links")
            .unwrap_or_else(|| LINKS.map(str::to_owned).to_vec()),
        unexpected_fails: table.get("unexpected") == Some(Unexpected::Fail),
        required: read_required(&mut table),
    };
    table.finish();
    observe
}

/// `required_labels` and `required_annotations`.
pub(super) fn read_required(table: &mut Table<'_, '_>) -> Required {
    Required {
        labels: table.get("required_labels").unwrap_or_default(),
        annotations: table.get("required_annotations").unwrap_or_default(),
    }
}

/// `grafana = { url, token }`, or `basic = { user, password }` instead of the token.
fn read_grafana(observe: &mut Table<'_, '_>) -> Option<GrafanaAt> {
    let mut table = observe.table("grafana")?;
    let problems = table.problems();
    let url: Option<Spanned<String>> = table.need_spanned("url");
    if let Some(url) = &url {
        check_url(problems, url);
    }
    let place = table.key_span("basic");
    let token = TokenFrom::take(&mut table);
    let basic = table.table("basic").and_then(|mut basic| {
        let user = basic.need("user");
        let password = TokenFrom::need(&mut basic, "password", "the password");
        basic.finish();
        Some(Shows::Basic {
            user: user?,
            password: password?,
        })
    });
    table.finish();
    if let (Some(_), Some(place)) = (&token, place) {
        problems.add(place, "one of `token` and `basic` is enough");
    }
    Some(GrafanaAt {
        url: url?.into_inner(),
        shows: token.map(Shows::Token).or(basic).unwrap_or(Shows::Nothing),
    })
}

/// One Alertmanager, or a list: the peers of a cluster.
fn read_alertmanagers(table: &mut Table<'_, '_>, problems: &Problems<'_>) -> Vec<String> {
    let key = "alertmanager";
    let listed = matches!(
        table.entries_mut().get(key).map(Spanned::get_ref),
        Some(DeValue::Array(_))
    );
    let urls: Vec<Spanned<String>> = match listed {
        true => table.get(key).unwrap_or_default(),
        false => table.spanned(key).into_iter().collect(),
    };
    for url in &urls {
        check_url(problems, url);
    }
    urls.into_iter().map(Spanned::into_inner).collect()
}

/// A base URL of ours is `http://` or `https://` with a host; anything else is told now, not at run time.
pub(super) fn check_url(problems: &Problems<'_>, url: &Spanned<String>) {
    let fine = reqwest::Url::parse(url.get_ref())
        .is_ok_and(|parsed| matches!(parsed.scheme(), "http" | "https") && parsed.has_host());
    if !fine {
        let shown = redact_url(url.get_ref());
        let mut problem = problems
            .source()
            .problem(url.span(), format!("`{shown}` is not a URL"));
        if shown != *url.get_ref() {
            problem = problem.hiding_the_line();
        }
        problems.push(problem.hint("write it with its scheme, such as `http://127.0.0.1:9090`"));
    } else if redact_url(url.get_ref()) != *url.get_ref() {
        // The journal keeps addresses, and a journal must hold no secret.
        let problem = problems
            .source()
            .problem(url.span(), "an address holds no user, password or query");
        problems.push(problem.hiding_the_line());
    }
}
