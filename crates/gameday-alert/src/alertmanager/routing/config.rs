//! Reads the routing out of `config.original`.

use std::collections::{BTreeMap, BTreeSet};

use saphyr::Yaml;

use super::{Calendar, GroupBy, Inhibition, MatchOp, Matcher, Receiver, Route, Routing};
use crate::error::{Unreadable, one_line};
use crate::promql::length;
use crate::yaml::{self, get, list, pairs, text_at, texts};

/// What a root route has that does not say otherwise.
const GROUP_WAIT_US: i64 = 30_000_000;
const GROUP_INTERVAL_US: i64 = 300_000_000;
const REPEAT_INTERVAL_US: i64 = 4 * 3_600_000_000;

impl Routing {
    /// Reads the configuration that Alertmanager tells in `/api/v2/status`.
    ///
    /// # Errors
    /// [`Unreadable`] when it is none.
    pub(crate) fn read(config: &str) -> Result<Self, Unreadable> {
        let yaml = yaml::read(config)?;
        let root =
            get(&yaml, "route").ok_or_else(|| Unreadable("its configuration has no route".to_owned()))?;
        let calendars = ["time_intervals", "mute_time_intervals"]
            .into_iter()
            .flat_map(|key| list(&yaml, key));
        Ok(Self {
            root: route(root, &above_the_root())?,
            receivers: list(&yaml, "receivers").iter().filter_map(receiver).collect(),
            calendars: calendars
                .filter_map(|one| Some((text_at(one, "name")?, Calendar::read(list(one, "time_intervals")))))
                .collect(),
            inhibitions: list(&yaml, "inhibit_rules")
                .iter()
                .map(inhibition)
                .collect::<Result<_, _>>()?,
        })
    }
}

fn above_the_root() -> Route {
    Route {
        receiver: String::new(),
        group_by: GroupBy::Labels(BTreeSet::new()),
        group_wait_us: GROUP_WAIT_US,
        group_interval_us: GROUP_INTERVAL_US,
        repeat_interval_us: REPEAT_INTERVAL_US,
        matchers: Vec::new(),
        goes_on: false,
        mute: Vec::new(),
        active: Vec::new(),
        routes: Vec::new(),
    }
}

/// A route with what it does not say taken from its parent; its time intervals are its own.
fn route(yaml: &Yaml<'_>, parent: &Route) -> Result<Route, Unreadable> {
    let mut own = Route {
        receiver: text_at(yaml, "receiver").unwrap_or_else(|| parent.receiver.clone()),
        group_by: group_by(yaml).unwrap_or_else(|| parent.group_by.clone()),
        group_wait_us: span(yaml, "group_wait")?.unwrap_or(parent.group_wait_us),
        group_interval_us: span(yaml, "group_interval")?.unwrap_or(parent.group_interval_us),
        repeat_interval_us: span(yaml, "repeat_interval")?.unwrap_or(parent.repeat_interval_us),
        matchers: matchers(yaml, ["match", "match_re", "matchers"])?,
        goes_on: text_at(yaml, "continue").is_some_and(|text| text == "true"),
        mute: texts(yaml, "mute_time_intervals"),
        active: texts(yaml, "active_time_intervals"),
        routes: Vec::new(),
    };
    for child in list(yaml, "routes") {
        let child = route(child, &own)?;
        own.routes.push(child);
    }
    Ok(own)
}

fn group_by(yaml: &Yaml<'_>) -> Option<GroupBy> {
    get(yaml, "group_by")?;
    let labels = texts(yaml, "group_by");
    Some(match labels.iter().any(|label| label == "...") {
        true => GroupBy::All,
        false => GroupBy::Labels(labels.into_iter().collect()),
    })
}

fn span(yaml: &Yaml<'_>, key: &str) -> Result<Option<i64>, Unreadable> {
    let Some(text) = text_at(yaml, key) else {
        return Ok(None);
    };
    let micros = length(&text);
    micros.map(Some).ok_or_else(|| {
        Unreadable(format!(
            "`{key}` of a route is no length of time: `{}`",
            one_line(&text)
        ))
    })
}

/// Matchers of the three forms: a mapping of values, a mapping of expressions, a list of texts.
fn matchers(yaml: &Yaml<'_>, [equal, matches, texts_key]: [&str; 3]) -> Result<Vec<Matcher>, Unreadable> {
    let bad = |why: String| Unreadable(one_line(&why));
    let mut all = Vec::new();
    for (key, op) in [(equal, MatchOp::Equal), (matches, MatchOp::Matches)] {
        for (label, value) in pairs(yaml, key) {
            all.push(Matcher::new(&label, op, &value).map_err(bad)?);
        }
    }
    for text in texts(yaml, texts_key) {
        all.extend(Matcher::read_all(&text).map_err(bad)?);
    }
    Ok(all)
}

fn receiver(yaml: &Yaml<'_>) -> Option<(String, Receiver)> {
    let name = text_at(yaml, "name")?;
    let mut receiver = Receiver::default();
    for (key, configs) in yaml.as_mapping()? {
        let Some(kind) = key.as_str().and_then(|key| key.strip_suffix("_configs")) else {
            continue;
        };
        for config in configs.as_sequence()? {
            receiver.integrations.push(kind.to_owned());
            let url = text_at(config, "url").filter(|url| !url.contains("<secret>"));
            match kind {
                "webhook" => receiver.webhooks.extend(url),
                "pagerduty" => receiver.pagers.extend(url),
                _ => {}
            }
        }
    }
    Some((name, receiver))
}

fn inhibition(yaml: &Yaml<'_>) -> Result<Inhibition, Unreadable> {
    Ok(Inhibition {
        source: matchers(yaml, ["source_match", "source_match_re", "source_matchers"])?,
        target: matchers(yaml, ["target_match", "target_match_re", "target_matchers"])?,
        equal: texts(yaml, "equal"),
    })
}

impl Routing {
    /// Every receiver that a webhook at this URL belongs to, where Alertmanager shows it.
    #[must_use]
    pub fn receivers_at(&self, url: &str) -> BTreeMap<String, Receiver> {
        let at = |receiver: &Receiver| receiver.webhooks.iter().any(|theirs| theirs == url);
        let ours = self.receivers.iter().filter(|(_, receiver)| at(receiver));
        ours.map(|(name, receiver)| (name.clone(), receiver.clone()))
            .collect()
    }
}
