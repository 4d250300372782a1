//! Looks at the parts of a starting lab.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use tokio::io::{AsyncWriteExt as _, BufReader};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;
use tokio_postgres::NoTls;

use crate::resp::{self, Reply};
use crate::rules::JOB;
use crate::{LabError, api, dns, http};

/// A datagram that came before the server did is lost; another is sent then.
const DATAGRAM_LIMIT: Duration = Duration::from_millis(200);
const LOOK_LIMIT: Duration = Duration::from_secs(2);
const MAX_BODY_BYTES: usize = 1 << 20;
/// Good scrapes under load before the lab counts as steady: nearly the rules' whole window.
const SCRAPES: usize = 4;
/// Payments made before the lab counts as steady: two seconds of load.
const PAYMENTS: u64 = 30;

/// Asks the parts that speak HTTP.
#[derive(Debug)]
pub(super) struct Looker(reqwest::Client);

/// What it takes for the whole lab to be steady.
#[derive(Debug)]
pub(super) struct Steady {
    api: SocketAddr,
    prometheus: SocketAddr,
    since: Timestamp,
}

impl Steady {
    /// Counts what happens from now on.
    pub(super) fn from_now(api: SocketAddr, prometheus: SocketAddr) -> Self {
        Steady {
            api,
            prometheus,
            since: Timestamp::now(),
        }
    }
}

impl Looker {
    /// With a limit on each look.
    pub(super) fn new() -> Result<Self, LabError> {
        http::client(LOOK_LIMIT).map(Looker)
    }

    /// Does this URL answer with success?
    pub(super) async fn answers(&self, url: &str) -> Result<(), String> {
        self.get(url, &[]).await.map(drop)
    }

    /// What this URL answers with success.
    pub(super) async fn text(&self, url: &str) -> Result<String, String> {
        self.get(url, &[]).await
    }

    /// Are payments being made, is the alerting watching, and is it quiet?
    pub(super) async fn is_steady(&self, steady: &Steady) -> Result<(), String> {
        let metrics = self.get(&format!("http://{}/metrics", steady.api), &[]).await?;
        let paid = payments(&metrics);
        if paid < PAYMENTS {
            return Err(format!("{paid} of {PAYMENTS} payments made"));
        }
        let base = format!("http://{}/api/v1", steady.prometheus);
        let up = [("query", format!("up{{job=\"{JOB}\"}}[30m]"))];
        let scrapes = good_scrapes(
            &json(&self.get(&format!("{base}/query"), &up).await?)?,
            steady.since,
        );
        if scrapes < SCRAPES {
            return Err(format!("{scrapes} of {SCRAPES} scrapes made"));
        }
        all_quiet(&json(
            &self
                .get(&format!("{base}/rules"), &[("type", "alert".into())])
                .await?,
        )?)
    }

    async fn get(&self, url: &str, query: &[(&str, String)]) -> Result<String, String> {
        let response = self
            .0
            .get(url)
            .query(query)
            .send()
            .await
            .map_err(|error| told(&error))?;
        let status = response.status();
        let body = http::body(response, MAX_BODY_BYTES).await?;
        if status.is_success() {
            Ok(body)
        } else {
            Err(format!("{url} answers {status}"))
        }
    }
}

/// Does a ledger accept a session?
pub(super) async fn ledger_answers(address: SocketAddr) -> Result<(), String> {
    let open = async {
        let stream = TcpStream::connect(address)
            .await
            .map_err(|error| error.to_string())?;
        let session = api::ledger_config().connect_raw(stream, NoTls).await;
        session.map(drop).map_err(|error| error.to_string())
    };
    timeout(LOOK_LIMIT, open)
        .await
        .unwrap_or_else(|_| Err("no answer".into()))
}

/// Does a name server know the API?
pub(super) async fn dns_answers(address: SocketAddr) -> Result<(), String> {
    let ask = async {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        socket.connect(address).await?;
        socket.send(&dns::question(1)).await?;
        socket.recv(&mut [0; 512]).await
    };
    match timeout(DATAGRAM_LIMIT, ask).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("no answer".into()),
    }
}

/// Does a cache answer?
pub(super) async fn cache_answers(address: SocketAddr) -> Result<(), String> {
    let ask = async {
        let mut stream = BufReader::new(TcpStream::connect(address).await?);
        stream.get_mut().write_all(&resp::command(&[b"PING"])).await?;
        resp::read_reply(&mut stream).await
    };
    match timeout(LOOK_LIMIT, ask).await {
        Ok(Ok(Reply::Simple(_))) => Ok(()),
        Ok(Ok(other)) => Err(format!("{other:?}")),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("no answer".into()),
    }
}

fn told(error: &reqwest::Error) -> String {
    let mut told = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        told += &format!(": {cause}");
        source = cause.source();
    }
    told
}

fn json(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

fn payments(metrics: &str) -> u64 {
    let line = r#"http_requests_total{code="201",method="POST",route="/payments"} "#;
    metrics
        .lines()
        .find_map(|found| found.strip_prefix(line)?.parse().ok())
        .unwrap_or(0)
}

fn good_scrapes(answer: &Value, since: Timestamp) -> usize {
    let since_s = Duration::from_millis(since.as_millisecond().unsigned_abs()).as_secs_f64();
    let values = answer["data"]["result"][0]["values"].as_array();
    let good = |point: &&Value| point[1] == "1" && point[0].as_f64().is_some_and(|at_s| at_s > since_s);
    values.into_iter().flatten().filter(good).count()
}

fn all_quiet(answer: &Value) -> Result<(), String> {
    let groups = answer["data"]["groups"].as_array().into_iter().flatten();
    let rules: Vec<&Value> = groups
        .flat_map(|group| group["rules"].as_array().into_iter().flatten())
        .collect();
    let quiet = |rule: &&&Value| rule["state"] == "inactive" && rule["health"] == "ok";
    match rules.iter().find(|rule| !quiet(rule)) {
        Some(rule) => Err(format!(
            "the alert {} is {} ({})",
            rule["name"], rule["state"], rule["health"]
        )),
        None if rules.len() == crate::rules::RULES.len() => Ok(()),
        None => Err(format!("{} alert rules are known", rules.len())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_good_scrapes_since_the_load_began_count() {
        let values = json!([[10.0, "1"], [11.0, "0"], [12.0, "1"], [13.0, "1"]]);
        let answer = json!({ "data": { "result": [{ "values": values }] } });
        assert_eq!(good_scrapes(&answer, Timestamp::from_second(11).unwrap()), 2);
        assert_eq!(good_scrapes(&json!({}), Timestamp::from_second(11).unwrap()), 0);
    }

    #[test]
    fn a_pending_alert_is_not_quiet() {
        let rule = |name, state| json!({ "name": name, "state": state, "health": "ok" });
        let rules = |first| {
            let others = (1..crate::rules::RULES.len()).map(|_| rule("B", "inactive"));
            let all: Vec<Value> = std::iter::once(rule("A", first)).chain(others).collect();
            json!({ "data": { "groups": [{ "rules": all }] } })
        };
        assert!(all_quiet(&rules("inactive")).is_ok());
        assert!(all_quiet(&rules("pending")).unwrap_err().contains("pending"));
        assert!(all_quiet(&json!({})).is_err());
    }
}
