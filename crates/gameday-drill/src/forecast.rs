//! What the expected alerts will do: the plan's faults as the alerting sees them, and the questions asked
//! for that. Nothing is touched.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use gameday_alert::{
    Alertmanager, Asked, ExpectedFault, Prometheus, ScrapeEffect, ScrapeFault, Spread, Survey, phases,
    predict, spread, survey,
};
use gameday_core::{FaultName, PlanRecord, Prediction, TargetName, Timestamp};
use gameday_proxy::ProxyClient;

use crate::plan::{Entry, Expectation, Plan, RuleOf, Target};

mod effect;

/// What an expected alert would do if its fault took effect now, and how long that takes whenever it does.
#[derive(Debug, Clone)]
pub struct Forecast {
    /// If it took effect now.
    pub now: Prediction,
    /// The time from the fault to firing, over all phases in which it may begin; none if it is not always reached.
    pub firing: Option<Spread>,
    /// The time from the fault to the notification.
    pub notified: Option<Spread>,
    /// Why its expectation cannot be met, whenever the fault begins.
    pub unmet: Option<String>,
}

/// A proxy is asked where it listens; one that does not answer soon is left out.
const PATIENCE: Duration = Duration::from_secs(2);

/// Predicts every expected alert of a plan from the alerting that it observes.
///
/// # Errors
/// A line that says why nothing can be predicted.
pub async fn forecast(plan: &Plan) -> Result<Vec<Forecast>, String> {
    let asked = Asking::new(plan).await;
    let survey = asked.survey().await?;
    let now = Timestamp::now();
    let record = plan.record();
    let one = |alert: &Asked| Forecast {
        now: asked.predict(&survey, alert, now),
        firing: spread(&survey, alert, now, "T3"),
        notified: spread(&survey, alert, now, "T5"),
        unmet: asked.unmet(&survey, alert, (&record, now)),
    };
    Ok(asked.alerts.iter().map(one).collect())
}

/// What is asked about the expected alerts of a plan, and whom.
pub(crate) struct Asking {
    prometheus: Result<Prometheus, String>,
    alertmanagers: Vec<Alertmanager>,
    /// In the order of the plan's expectations.
    pub(crate) alerts: Vec<Asked>,
    /// Faults whose end nobody knows before a person says so.
    open_ended: BTreeSet<FaultName>,
}

impl Asking {
    pub(crate) async fn new(plan: &Plan) -> Self {
        let listens = listens(plan).await;
        let prometheus = match &plan.observe.prometheus {
            Some(url) => Prometheus::new(url).map_err(|error| error.to_string()),
            None => Err("no Prometheus is observed, so no rule is known".to_owned()),
        };
        let alertmanagers = plan.observe.alertmanager.iter();
        Self {
            prometheus,
            alertmanagers: alertmanagers
                .filter_map(|url| Alertmanager::new(url, Vec::new()).ok())
                .collect(),
            alerts: plan
                .expect
                .iter()
                .filter_map(|expect| asked(plan, expect, &listens))
                .collect(),
            open_ended: plan
                .timeline
                .iter()
                .filter(|entry| entry.until_mitigated)
                .map(|entry| entry.name.clone())
                .collect(),
        }
    }

    /// Asks everything.
    pub(crate) async fn survey(&self) -> Result<Survey, String> {
        let prometheus = self.prometheus.as_ref().map_err(Clone::clone)?;
        let alertmanagers: Vec<&Alertmanager> = self.alertmanagers.iter().collect();
        let survey = survey(prometheus, &alertmanagers, &self.alerts).await;
        survey.map_err(|error| error.to_string())
    }

    /// Predicts an alert; of one that lasts until a person acts, no end.
    pub(crate) fn predict(&self, survey: &Survey, asked: &Asked, effective: Timestamp) -> Prediction {
        let mut prediction = predict(survey, asked, effective);
        if self.open_ended.contains(&asked.fault.name) {
            for mark in ["T9", "T10"] {
                if prediction.marks.remove(mark).is_some() {
                    let why = "the fault is held until somebody says that it is mitigated";
                    prediction.why.insert(mark.to_owned(), why.to_owned());
                }
            }
        }
        prediction
    }

    /// Why an expectation cannot be met, if that is so at whatever phase of the alerting its fault begins.
    fn unmet(
        &self,
        survey: &Survey,
        asked: &Asked,
        (record, now): (&PlanRecord, Timestamp),
    ) -> Option<String> {
        let expect = record.expect.iter().find(|expect| expect.label == asked.label)?;
        let unmet = |at: Timestamp| self.predict(survey, asked, at).unmet(expect, &record.observe);
        let why = unmet(now)?;
        let mut others = phases(survey, now).into_iter().flatten();
        others.all(|at| unmet(at).is_some()).then_some(why)
    }

    /// Asks again what changes from second to second: the groups of Alertmanager.
    pub(crate) async fn look_again(&self, survey: &mut Survey) {
        for (alertmanager, known) in self.alertmanagers.iter().zip(&mut survey.alertmanagers) {
            if let Ok(found) = alertmanager.survey().await {
                let fired_lately = std::mem::take(&mut known.fired_lately);
                *known = gameday_alert::AlertmanagerSurvey {
                    fired_lately,
                    ..found
                };
            }
        }
    }
}

fn asked(plan: &Plan, expect: &Expectation, listens: &BTreeMap<TargetName, String>) -> Option<Asked> {
    // A rule that nobody shows cannot be computed.
    if expect.source != RuleOf::Prometheus {
        return None;
    }
    let entry = plan.timeline.iter().find(|entry| entry.name == expect.of)?;
    Some(Asked {
        label: expect.label.clone(),
        alert: expect.alert.clone(),
        labels: expect.labels.clone(),
        receiver: expect.receiver.clone(),
        webhook: plan.observe.webhook.clone(),
        limits: [expect.firing, expect.notified],
        fault: expected_fault(expect, entry, listens.get(&entry.on)),
    })
}

fn expected_fault(expect: &Expectation, entry: &Entry, listen: Option<&String>) -> ExpectedFault {
    let effect = effect::of(&entry.fault);
    let scrape = listen.zip(effect.on_scrape);
    ExpectedFault {
        name: entry.name.clone(),
        hold: entry.hold,
        bad: expect.during.bad,
        share: effect.share,
        traffic: expect.during.traffic,
        lag: expect.during.lag,
        least_lag: effect.lag,
        stops_traffic: effect.stops_traffic,
        scrape: scrape.map(|(address, effect): (&String, ScrapeEffect)| ScrapeFault {
            address: address.clone(),
            effect,
        }),
    }
}

/// Where the proxies of a plan listen: Prometheus may scrape through one of them.
async fn listens(plan: &Plan) -> BTreeMap<TargetName, String> {
    let mut listens = BTreeMap::new();
    for (name, target) in &plan.targets {
        let Target::Proxy {
            proxy,
            api,
            token,
            listen,
            ..
        } = target
        else {
            continue;
        };
        let listen = match listen {
            Some(listen) => Some(listen.clone()),
            None => {
                let secret = match token {
                    Some(token) => match token.read(|name| std::env::var(name).ok()) {
                        Ok(secret) => Some(secret),
                        Err(_) => continue,
                    },
                    None => None,
                };
                told(api, secret, proxy).await
            }
        };
        listens.extend(listen.map(|listen| (name.clone(), listen)));
    }
    listens
}

async fn told(api: &str, token: Option<gameday_core::Secret>, proxy: &str) -> Option<String> {
    let client = ProxyClient::new(api).ok()?.with_token(token);
    let proxies = tokio::time::timeout(PATIENCE, client.proxies())
        .await
        .ok()?
        .ok()?;
    Some(proxies.get(proxy)?.listen.clone())
}
