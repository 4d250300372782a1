//! What keeps an alert from being told: silences with who made them, alerts that inhibit, time intervals.

use std::collections::BTreeMap;

use gameday_core::{AlertSeen, AlertState, SourceName, Suppressor, SuppressorKind, Timestamp};
use serde::Deserialize;

use super::{Alertmanager, KnownLabels, Routing, survey};
use crate::SourceError;
use crate::error::{Unreadable, one_line};
use crate::lenient::{moment, or_default};

impl Alertmanager {
    /// Describes what an alert that was just listed is suppressed by.
    ///
    /// Alertmanager lists an alert as active whose route is muted by a time interval, 0.33 too (only its list of groups
    /// tells since 0.28): whether it is, is read from the routes, and noted in `suppressed_by`. The state stays as it
    /// was listed.
    ///
    /// # Errors
    /// [`SourceError`] when it does not say.
    pub(super) async fn describe(&self, seen: &mut AlertSeen) -> Result<Vec<Suppressor>, SourceError> {
        if seen.state == AlertState::Gone {
            return Ok(Vec::new());
        }
        if seen.state == AlertState::Firing && seen.suppressed_by.is_empty() {
            let status = self.client.get("/api/v2/status", &[]).await?;
            let (routing, ..) = self.client.read_with(&status, survey::status)?;
            seen.suppressed_by = intervals(&routing, &seen.labels, Timestamp::now());
        }
        let mut found = Vec::new();
        let entries = seen.suppressed_by.iter();
        let named: Vec<(SuppressorKind, &str)> =
            entries.filter_map(|entry| SuppressorKind::split(entry)).collect();
        let has = |kind| named.iter().any(|(theirs, _)| *theirs == kind);
        if has(SuppressorKind::Silence) {
            let answer = self.client.get("/api/v2/silences", &[]).await?;
            let all = self
                .client
                .read_with(&answer, |body| silences(body, &self.client.name))?;
            found.extend(all);
        }
        if has(SuppressorKind::Alert) {
            found.extend(self.list(&[]).await?.into_iter().filter_map(inhibiting));
        }
        found.retain(|one| named.contains(&(one.kind, one.id.as_str())));
        Ok(found)
    }
}

/// The time intervals that mute an alert: of each route at which it stops, or none when one of them is not muted.
fn intervals(routing: &Routing, labels: &BTreeMap<String, String>, at: Timestamp) -> Vec<String> {
    let known = KnownLabels {
        labels: labels.clone(),
        complete: true,
    };
    let stops = routing.walk(&known).stops;
    let muting: Option<Vec<&str>> = stops
        .iter()
        .map(|stop| routing.muting_interval(stop.route, at))
        .collect();
    let mut names = muting.unwrap_or_default();
    names.sort_unstable();
    names.dedup();
    let word = SuppressorKind::TimeInterval.word();
    names.into_iter().map(|name| format!("{word} {name}")).collect()
}

/// An alert as one that inhibits others.
fn inhibiting(alert: crate::Alert) -> Option<Suppressor> {
    let seen = AlertSeen::from(alert);
    Some(Suppressor {
        source: seen.source,
        kind: SuppressorKind::Alert,
        id: seen.fingerprint?,
        author: None,
        comment: None,
        until: None,
        labels: seen.labels,
    })
}

/// All of `/api/v2/silences`.
fn silences(body: &[u8], source: &SourceName) -> Result<Vec<Suppressor>, Unreadable> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Wire {
        id: String,
        #[serde(default, deserialize_with = "or_default")]
        created_by: String,
        #[serde(default, deserialize_with = "or_default")]
        comment: String,
        #[serde(default, deserialize_with = "moment")]
        ends_at: Option<Timestamp>,
    }
    let said = |text: &str| Some(one_line(text)).filter(|text| !text.is_empty());
    let wires: Vec<Wire> = serde_json::from_slice(body)?;
    let silence = |wire: Wire| Suppressor {
        source: source.clone(),
        kind: SuppressorKind::Silence,
        author: said(&wire.created_by),
        comment: said(&wire.comment),
        until: wire.ends_at,
        id: wire.id,
        labels: BTreeMap::new(),
    };
    Ok(wires.into_iter().map(silence).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routing(text: &str) -> Routing {
        Routing::read(text).unwrap()
    }

    const NIGHTS: &str = "route:\n  receiver: oncall\n  routes:\n  \
         - {matchers: [team=db], receiver: db, mute_time_intervals: [nights], continue: true}\n  \
         - {matchers: [severity=page], receiver: oncall}\n\
         receivers: [{name: oncall}, {name: db}]\n\
         time_intervals: [{name: nights, time_intervals: [{times: [{start_time: '00:00', end_time: '24:00'}]}]}]\n";

    #[track_caller]
    fn check(labels: &[(&str, &str)], muted: &[&str]) {
        let labels = labels
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        let at = Timestamp::parse("2026-11-23T03:00:00Z").unwrap();
        assert_eq!(intervals(&routing(NIGHTS), &labels.collect(), at), muted);
    }

    #[test]
    fn an_alert_is_muted_when_each_of_its_routes_is() {
        check(&[("team", "db")], &["time interval nights"]);
        check(&[("team", "db"), ("severity", "page")], &[]);
        check(&[("team", "web")], &[]);
    }

    #[test]
    fn a_silence_says_who_made_it_and_why() {
        let body = br#"[{"id":"7b3e","createdBy":"ana","comment":"disk is\nbeing swapped","endsAt":"2026-11-28T20:00:00.000Z",
            "matchers":[],"status":{"state":"active"}},{"id":"9","comment":null}]"#;
        let source = SourceName::new("alertmanager").unwrap();
        let read = silences(body, &source).unwrap();
        assert_eq!(read[0].author.as_deref(), Some("ana"));
        assert_eq!(read[0].comment.as_deref(), Some("disk is being swapped"));
        assert_eq!(read[0].until.unwrap().to_string(), "2026-11-28T20:00:00.000000Z");
        assert_eq!(
            (&read[1].author, &read[1].comment, read[1].until),
            (&None, &None, None)
        );
    }
}
