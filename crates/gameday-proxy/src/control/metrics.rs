//! What is seen from outside: every proxy in Prometheus' text format 0.0.4.
//!
//! The byte counters have Toxiproxy's names, so that its dashboards go on; what it does not tell begins with
//! `gameday_proxy_`. All are read from live counters: bytes count while a connection is open.

use std::sync::atomic::{AtomicU64, Ordering};

use prometheus::TextEncoder;
use prometheus::proto::{Bucket, Counter, Gauge, Histogram, LabelPair, Metric, MetricFamily, MetricType};

use super::proxy::Proxy;
use super::{Control, State};
use crate::attached::Stream;
use crate::delays::Distribution;

const STREAMS: [Stream; 2] = [Stream::Upstream, Stream::Downstream];

impl Control {
    /// The metrics of all proxies, and the content type to send them with.
    pub(crate) fn metrics(&self) -> (String, &'static str) {
        let mut families = families(&self.lock());
        families.push(counters(
            "gameday_proxy_log_lines_dropped_total",
            "Lines of the log that nobody read in time.",
            [(vec![], self.events().log().dropped() as f64)],
        ));
        let text = TextEncoder::new().encode_to_string(&families);
        (text.expect("every family has metrics"), prometheus::TEXT_FORMAT)
    }
}

fn families(state: &State) -> Vec<MetricFamily> {
    let proxies: Vec<&Proxy> = state.proxies.values().collect();
    let leases = state.book.leases.values().filter(|entry| entry.ended.is_none());
    let faults = state.book.rows().filter(|(_, row)| row.is_active());
    let mut families = bytes(&proxies).to_vec();
    families.extend(connections(&proxies));
    families.push(toxics(&proxies));
    families.extend(delays(&proxies));
    families.push(gauges(
        "gameday_proxy_leases",
        "Leases that last.",
        [(vec![], leases.count() as f64)],
    ));
    families.push(gauges(
        "gameday_proxy_leased_faults",
        "Faults in place under a lease.",
        [(vec![], faults.count() as f64)],
    ));
    families.retain(|family| !family.get_metric().is_empty());
    families
}

fn bytes(proxies: &[&Proxy]) -> [MetricFamily; 2] {
    let of = |count: fn(&Proxy, Stream) -> &AtomicU64| {
        let pairs = proxies
            .iter()
            .flat_map(|proxy| STREAMS.map(|stream| (*proxy, stream)));
        pairs
            .map(|(proxy, stream)| {
                let labels = vec![
                    ("direction", stream.as_str().to_owned()),
                    ("listener", proxy.listen.clone()),
                    ("proxy", proxy.name.clone()),
                    ("upstream", proxy.upstream.clone()),
                ];
                (labels, read(count(proxy, stream)))
            })
            .collect::<Vec<_>>()
    };
    [
        counters(
            "toxiproxy_proxy_received_bytes_total",
            "Bytes received on a direction of a proxy.",
            of(|proxy, stream| proxy.counters.received(stream)),
        ),
        counters(
            "toxiproxy_proxy_sent_bytes_total",
            "Bytes sent on by a direction of a proxy.",
            of(|proxy, stream| proxy.counters.passed(stream)),
        ),
    ]
}

fn connections(proxies: &[&Proxy]) -> [MetricFamily; 4] {
    let of = |value: fn(&Proxy) -> f64| -> Vec<_> {
        proxies
            .iter()
            .map(|proxy| (vec![("proxy", proxy.name.clone())], value(proxy)))
            .collect()
    };
    [
        gauges(
            "gameday_proxy_enabled",
            "1 while the proxy listens.",
            of(|proxy| f64::from(u8::from(proxy.is_enabled()))),
        ),
        gauges(
            "gameday_proxy_connections_open",
            "Connections that are open.",
            of(|proxy| read(&proxy.counters.open)),
        ),
        counters(
            "gameday_proxy_connections_total",
            "Connections accepted.",
            of(|proxy| read(&proxy.counters.accepted)),
        ),
        counters(
            "gameday_proxy_dial_failures_total",
            "Connections whose upstream could not be reached.",
            of(|proxy| read(&proxy.counters.dial_failures)),
        ),
    ]
}

fn toxics(proxies: &[&Proxy]) -> MetricFamily {
    let pairs = proxies
        .iter()
        .flat_map(|proxy| proxy.toxics().iter().map(move |toxic| (proxy, toxic)));
    let rows = pairs.map(|(proxy, toxic)| {
        let labels = vec![
            ("proxy", proxy.name.clone()),
            ("stream", toxic.stream.as_str().to_owned()),
            ("toxic", toxic.name.clone()),
            ("type", toxic.spec.kind().to_owned()),
        ];
        (labels, toxic.touches.count() as f64)
    });
    counters(
        "gameday_proxy_toxic_applied_total",
        "Chunks, requests, datagrams or connections that a toxic has acted on.",
        rows,
    )
}

fn delays(proxies: &[&Proxy]) -> [MetricFamily; 2] {
    let (mut requested, mut achieved) = (Vec::new(), Vec::new());
    for proxy in proxies {
        for stream in STREAMS {
            let labels = vec![
                ("direction", stream.as_str().to_owned()),
                ("proxy", proxy.name.clone()),
            ];
            let (asked, done) = proxy.counters.delays(stream).distributions();
            if asked.count > 0 {
                requested.push(metric(labels.clone(), |metric| {
                    metric.set_histogram(histogram(&asked));
                }));
                achieved.push(metric(labels, |metric| metric.set_histogram(histogram(&done))));
            }
        }
    }
    let family = |name, help, rows| family(name, help, MetricType::HISTOGRAM, rows);
    [
        family(
            "gameday_proxy_delay_requested_seconds",
            "How long toxics were asked to delay chunks.",
            requested,
        ),
        family(
            "gameday_proxy_delay_achieved_seconds",
            "How long those chunks were delayed.",
            achieved,
        ),
    ]
}

fn histogram(distribution: &Distribution) -> Histogram {
    let bucket = |&(bound, count): &(f64, u64)| {
        let mut bucket = Bucket::default();
        bucket.set_upper_bound(bound);
        bucket.set_cumulative_count(count);
        bucket
    };
    let mut histogram = Histogram::default();
    histogram.set_bucket(distribution.up_to.iter().map(bucket).collect());
    histogram.set_sample_count(distribution.count);
    histogram.set_sample_sum(distribution.sum_seconds);
    histogram
}

type Labels = Vec<(&'static str, String)>;

fn counters(name: &str, help: &str, rows: impl IntoIterator<Item = (Labels, f64)>) -> MetricFamily {
    let rows = rows.into_iter().map(|(labels, value)| {
        let mut counter = Counter::default();
        counter.set_value(value);
        metric(labels, |metric| metric.set_counter(counter))
    });
    family(name, help, MetricType::COUNTER, rows.collect())
}

fn gauges(name: &str, help: &str, rows: impl IntoIterator<Item = (Labels, f64)>) -> MetricFamily {
    let rows = rows.into_iter().map(|(labels, value)| {
        let mut gauge = Gauge::default();
        gauge.set_value(value);
        metric(labels, |metric| metric.set_gauge(gauge))
    });
    family(name, help, MetricType::GAUGE, rows.collect())
}

fn metric(labels: Labels, fill: impl FnOnce(&mut Metric)) -> Metric {
    let pair = |(name, value): (&str, String)| {
        let mut pair = LabelPair::default();
        pair.set_name(name.to_owned());
        pair.set_value(value);
        pair
    };
    let mut metric = Metric::from_label(labels.into_iter().map(pair).collect());
    fill(&mut metric);
    metric
}

fn family(name: &str, help: &str, kind: MetricType, rows: Vec<Metric>) -> MetricFamily {
    let mut family = MetricFamily::default();
    family.set_name(name.to_owned());
    family.set_help(help.to_owned());
    family.set_field_type(kind);
    family.set_metric(rows);
    family
}

fn read(counter: &AtomicU64) -> f64 {
    counter.load(Ordering::Relaxed) as f64
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    use crate::testing::{Rig, soon};

    /// The value of the line that begins so.
    #[track_caller]
    fn value(text: &str, beginning: &str) -> f64 {
        let line = text.lines().find(|line| line.starts_with(beginning));
        let line = line.unwrap_or_else(|| panic!("no `{beginning}` in\n{text}"));
        line.rsplit_once(' ').unwrap().1.parse().unwrap()
    }

    #[tokio::test]
    async fn bytes_are_counted_while_the_connection_lives_and_delays_as_asked_and_achieved() {
        let mut rig = Rig::start();
        let echo = rig.echo().await;
        let mut client = TcpStream::connect(rig.proxy_to(echo).await).await.unwrap();
        client.write_all(&[7; 1000]).await.unwrap();
        soon(client.read_exact(&mut [0; 1000])).await.unwrap();
        rig.add("slow", "latency", "downstream", &[("latency", 30)]);
        // The toxic meets the connection a moment later, so what is sent at once might still pass.
        tokio::time::sleep(Duration::from_millis(50)).await;
        client.write_all(&[7; 500]).await.unwrap();
        soon(client.read_exact(&mut [0; 500])).await.unwrap();

        let (text, content_type) = rig.control.metrics();
        assert_eq!(content_type, "text/plain; version=0.0.4");
        for name in [
            "toxiproxy_proxy_received_bytes_total",
            "toxiproxy_proxy_sent_bytes_total",
        ] {
            for direction in ["upstream", "downstream"] {
                assert_eq!(
                    value(&text, &format!("{name}{{direction=\"{direction}\"")),
                    1500.0
                );
            }
        }
        assert_eq!(value(&text, "gameday_proxy_connections_open{proxy=\"p\"}"), 1.0);
        assert_eq!(value(&text, "gameday_proxy_enabled{proxy=\"p\"}"), 1.0);
        assert!(
            value(
                &text,
                "gameday_proxy_toxic_applied_total{proxy=\"p\",stream=\"downstream\",toxic=\"slow\""
            ) >= 1.0
        );
        let labels = "{direction=\"downstream\",proxy=\"p\"}";
        let asked = value(
            &text,
            &format!("gameday_proxy_delay_requested_seconds_sum{labels}"),
        );
        let count = value(
            &text,
            &format!("gameday_proxy_delay_requested_seconds_count{labels}"),
        );
        let achieved = value(
            &text,
            &format!("gameday_proxy_delay_achieved_seconds_sum{labels}"),
        );
        assert!((asked - 0.03 * count).abs() < 1e-6, "{asked} of {count}");
        assert!(achieved >= asked, "never early: {achieved} < {asked}");
    }
}
