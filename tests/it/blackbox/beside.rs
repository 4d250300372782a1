//! Probe by probe: names, labels and values of both, and the reason that ours tells beside them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::world::{World, get};

/// Module, target, and what ours says that theirs does not: `up`, or the reason.
pub(super) const PROBES: &[(&str, &str, &str)] = &[
    ("http_2xx", "{web}", "up"),
    ("http_2xx", "http://{web}/page?a=b c", "up"),
    ("http_2xx", "localhost:{web_port}/page", "up"),
    ("http_2xx", "{web}/page &hostname=web.test", "up"),
    ("http_2xx", "{web}/created", "up"),
    ("http_2xx", "{web}/empty", "up"),
    ("http_2xx", "{web}/missing", "http_status"),
    ("http_2xx", "{web}/to-page", "up"),
    ("http_2xx", "{web}/by-name", "up"),
    ("http_2xx", "{web}/permanently", "up"),
    ("http_2xx", "{web}/loop", "too_many_redirects"),
    ("http_2xx", "{web}/cookie", "up"),
    ("http_2xx", "{gone}", "connect_refused"),
    ("http_2xx", "{silent}", "header_timeout"),
    ("http_2xx", "{raw}/no-length", "up"),
    ("http_2xx", "{raw}/http10", "up"),
    ("http_2xx", "{raw}/cut-off", "connection_reset"),
    ("http_2xx", "{raw}/not-http", "http_protocol"),
    ("http_2xx", "{raw}/nothing", "connection_reset"),
    ("http_2xx", "{raw}/no-location", "http_status"),
    ("http_2xx", "{raw}/elsewhere", "http_protocol"),
    ("http_2xx", "nothing.invalid", "dns_nxdomain"),
    ("http_2xx", "http://[bad/", "cannot_look"),
    ("http_any", "{web}/broken", "up"),
    ("http_post", "{web}/echo", "up"),
    ("http_head", "{web}/page", "up"),
    ("http_stay", "{web}/to-page", "up"),
    ("http_stay_and_look", "{web}/to-page", "unexpected_reply"),
    ("http_auth", "{web}/private", "up"),
    ("http_auth", "{web}/page", "up"),
    ("http_no_auth", "{web}/private", "http_status"),
    ("http_team", "{web}/echo", "up"),
    ("http_body", "{web}", "up"),
    ("http_body", "{web}/page", "assert_failed"),
    ("http_body", "{raw}/cut-off", "connection_reset"),
    ("http_body_not", "{web}", "assert_failed"),
    ("http_header", "{raw}/headers", "up"),
    ("http_header_not", "{raw}/headers", "assert_failed"),
    ("http_header_missing", "{raw}/headers", "assert_failed"),
    ("http_header_may_miss", "{raw}/headers", "up"),
    ("http_gzip", "{web}/zipped", "up"),
    ("http_gzip", "{web}/page", "body_encoding"),
    ("http_small", "{web}", "up"),
    ("http_small", "{web}/page", "body_too_large"),
    ("http_1", "{raw}/http10", "up"),
    ("http_1", "{web}", "assert_failed"),
    ("http_ssl", "https://{good}", "assert_failed"),
    ("http_ssl", "{web}", "up"),
    ("http_not_ssl", "{web}", "assert_failed"),
    ("https", "https://{good}/page", "up"),
    ("https", "https://localhost:{good_port}/to-page", "up"),
    ("https", "https://{chain}", "up"),
    ("https", "https://{good} &hostname=web.test", "up"),
    (
        "https",
        "https://{good} &hostname=other.test",
        "cert_name_mismatch",
    ),
    // Here theirs says the same of all six: no success, no expiry.
    ("https", "https://{expired}", "cert_expired"),
    ("https", "https://{selfsigned}", "cert_self_signed"),
    ("https", "https://{wrongname}", "cert_name_mismatch"),
    ("https", "https://{untrusted}", "cert_untrusted"),
    ("https", "https://{incomplete}", "cert_chain_incomplete"),
    ("https", "https://{web}", "tls_handshake"),
    // And this is a success to it.
    ("tls", "{revoked}", "cert_revoked"),
    ("https_1", "https://{good}", "up"),
    ("https_insecure", "https://{expired}", "up"),
    ("https_insecure", "https://{incomplete}", "up"),
    ("https_named", "https://{wrongname}", "up"),
    ("https_no_ca", "https://{good}", "cannot_look"),
    ("ip6_only", "{web}", "dns_no_address"),
    ("tcp", "{web}", "up"),
    ("tcp", "{gone}", "connect_refused"),
    ("tcp", "127.0.0.1", "cannot_look"),
    ("tcp", "nothing.invalid:80", "dns_nxdomain"),
    ("tcp_banner", "{lines}", "up"),
    ("tcp_other", "{silent}", "timeout"),
    ("tcp_starttls", "{lines}", "up"),
    ("tls", "{good}", "up"),
    ("tls", "{expired}", "cert_expired"),
    ("tls_insecure", "{selfsigned}", "up"),
    ("tcp_source", "{web}", "up"),
    ("tcp_no_source", "{web}", "cannot_look"),
    ("icmp", "127.0.0.1", "up"),
    ("icmp", "nothing.invalid", "dns_nxdomain"),
    ("icmp_big", "127.0.0.1", "up"),
    ("dns_a", "{dns}", "up"),
    ("dns_any", "{dns}", "up"),
    ("dns_tcp", "{dns}", "up"),
    ("dns_soa", "{dns}", "up"),
    ("dns_missing", "{dns}", "dns_nxdomain"),
    ("dns_missing_is_fine", "{dns}", "up"),
    ("dns_bad_rcode", "{dns}", "cannot_look"),
    ("dns_refused", "{dns}", "dns_servfail"),
    ("dns_bad_transport", "{dns}", "cannot_look"),
    ("dns_matches", "{dns}", "up"),
    ("dns_fails", "{dns}", "assert_failed"),
    ("dns_all", "{dns}", "assert_failed"),
    ("dns_none", "{dns}", "assert_failed"),
    ("dns_no_record", "{dns}", "assert_failed"),
    ("dns_authority", "{dns}", "up"),
    ("dns_txt", "{dns}", "up"),
    ("dns_mx", "{dns}", "up"),
    ("dns_srv", "{dns}", "up"),
    ("dns_caa", "{dns}", "up"),
    ("dns_alias", "{dns}", "up"),
    ("dns_chaos", "{dns}", "up"),
    ("dns_a", "{gone}", "connect_refused"),
    ("dns_tcp", "{gone}", "connect_refused"),
    ("dns_a", "nothing.invalid", "dns_nxdomain"),
    ("grpc", "{grpc}", "up"),
    ("grpc_up", "{grpc}", "up"),
    ("grpc_down", "{grpc}", "not_serving"),
    ("grpc_unknown", "{grpc}", "not_serving"),
    ("grpc", "{gone}", "connect_refused"),
    ("grpcs", "{grpcs}", "up"),
    ("grpcs", "{expired}", "cert_expired"),
    ("grpcs_untrusting", "{grpcs}", "cert_untrusted"),
    ("grpc", "nothing.invalid", "dns_nxdomain"),
];

/// What is measured in seconds is not the same twice.
const TIMED: [&str; 6] = [
    "probe_duration_seconds",
    "probe_dns_lookup_time_seconds",
    "probe_http_duration_seconds",
    "probe_dns_duration_seconds",
    "probe_icmp_duration_seconds",
    "probe_grpc_duration_seconds",
];
/// What versions after 0.23 have.
const NEWER: [&str; 4] = [
    "probe_timeout_seconds",
    "probe_tls_cipher_info",
    "probe_failed_due_to_bytes",
    "gameday_",
];

/// Samples by name and labels, without what was not there in 0.23; times as `a time`.
fn samples(text: &str) -> BTreeMap<String, String> {
    let lines = text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty());
    lines
        .filter(|line| NEWER.iter().all(|newer| !line.starts_with(newer)))
        .map(|line| {
            let (name, value) = line.rsplit_once(' ').unwrap();
            let value = match TIMED.iter().any(|timed| name.starts_with(timed)) {
                true => {
                    let seconds: f64 = value.parse().unwrap();
                    assert!((0.0..10.0).contains(&seconds), "{line}");
                    "a time"
                }
                false => value,
            };
            (without_serial(name), value.to_owned())
        })
        .collect()
}

/// The label `serialnumber` came with 0.26.
fn without_serial(name: &str) -> String {
    match name.split_once("serialnumber=\"") {
        None => name.to_owned(),
        Some((before, after)) => format!("{before}{}", after.split_once("\",").unwrap().1),
    }
}

/// Help and types that both have.
fn told(text: &str) -> BTreeMap<&str, &str> {
    let lines = text.lines().filter_map(|line| line.strip_prefix("# "));
    lines
        .filter_map(|line| {
            let (word, rest) = line.split_once(' ')?;
            let (name, said) = rest.split_once(' ')?;
            (NEWER.iter().all(|newer| !name.starts_with(newer)) && word == "HELP").then_some((name, said))
        })
        .collect()
}

/// The reason that ours tells.
fn reason(text: &str) -> &str {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("gameday_probe_reason{reason=\""));
    line.and_then(|rest| rest.split('"').next()).unwrap_or("up")
}

#[test]
fn every_probe_says_what_theirs_says_and_why() {
    let world = World::new();
    let mut wrong = String::new();
    for (module, target, expected) in PROBES {
        let path = world.path(module, target);
        let (theirs, ours) = (get(&world.theirs, &path), get(&world.ours, &path));
        let (a, b) = (samples(&theirs.body), samples(&ours.body));
        if theirs.status != ours.status || a != b || told(&theirs.body) != told(&ours.body) {
            writeln!(
                wrong,
                "\n{module} {target}: {} and {}",
                theirs.status, ours.status
            )
            .unwrap();
            for (name, value) in &a {
                if b.get(name) != Some(value) {
                    writeln!(wrong, "  theirs {name} {value}").unwrap();
                }
            }
            for (name, value) in &b {
                if a.get(name) != Some(value) {
                    writeln!(wrong, "  ours   {name} {value}").unwrap();
                }
            }
        }
        let said = reason(&ours.body);
        if said != *expected {
            writeln!(wrong, "\n{module} {target}: the reason is {said}, not {expected}").unwrap();
            let debug = get(&world.ours, &format!("{path}&debug=true")).body;
            let errors = debug.lines().filter(|line| line.contains("level=error"));
            errors.for_each(|line| writeln!(wrong, "  {line}").unwrap());
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    // A certificate that is not trusted still tells when it ends.
    for kind in ["expired", "selfsigned", "wrongname", "untrusted", "incomplete"] {
        let path = world.path("https", &format!("https://{{{kind}}}"));
        let (theirs, ours) = (get(&world.theirs, &path).body, get(&world.ours, &path).body);
        assert!(
            !theirs.contains("expiry") && !ours.contains("probe_ssl_earliest"),
            "{kind}: {ours}"
        );
        assert!(
            ours.contains("\ngameday_probe_cert_expiry_timestamp_seconds 1"),
            "{kind}: {ours}"
        );
    }
}

#[test]
fn the_endpoints_say_what_theirs_say() {
    let world = World::new();
    let module = get(&world.ours, "/config").body;
    assert_eq!(get(&world.theirs, "/config").body, module);
    for (method, path, headers) in [
        ("GET", "/probe", vec![]),
        ("GET", "/probe?module=nothing", vec![]),
        ("GET", "/probe?module=a%22b&target=x", vec![]),
        ("GET", "/probe?target=", vec![]),
        ("GET", "/probe?target=x&module=http_team&hostname=other", vec![]),
        (
            "GET",
            "/probe?target=x",
            vec![("X-Prometheus-Scrape-Timeout-Seconds", "abc")],
        ),
        ("GET", "/-/healthy", vec![]),
        ("GET", "/-/reload", vec![]),
        ("POST", "/-/reload", vec![]),
        ("GET", "/logs?id=x", vec![]),
        ("GET", "/logs", vec![]),
        ("GET", "/logs?id=12345", vec![]),
    ] {
        let both = [&world.theirs, &world.ours].map(|exporter| {
            let answer =
                crate::support::http::ask(method, &format!("{exporter}{path}"), &headers, "").unwrap();
            (answer.status, answer.body)
        });
        assert_eq!(both[0], both[1], "{method} {path}");
    }
    what_was_probed_stands_in_the_logs_and_on_the_page(&world);
}

fn what_was_probed_stands_in_the_logs_and_on_the_page(world: &World) {
    let path = world.path("http_2xx", "{web}/missing");
    let seen = get(&world.ours, &path);
    assert!(seen.body.contains("\nprobe_success 0\n"), "{}", seen.body);
    for logs in ["/logs?id=0".to_owned(), path.replace("/probe", "/logs")] {
        let logs = get(&world.ours, &logs).body;
        for part in [
            "Logs for the probe:\nts=",
            "msg=\"Invalid HTTP response status code\"",
            "\n\n\nMetrics that would have been returned:\n# HELP",
            "\nprobe_http_status_code 404\n",
            "\n\n\nModule configuration:\nprober: http\nhttp:\n  preferred_ip_protocol: ip4\n",
        ] {
            assert!(logs.contains(part), "{part} is not in {logs}");
        }
    }
    let page = get(&world.ours, "/").body;
    assert!(
        page.contains("Recent Probes") && page.contains("<a href=\"logs?id=0\">Logs</a>"),
        "{page}"
    );
    get(&world.ours, "/probe?module=nothing&target=x");
    let metrics = get(&world.ours, "/metrics").body;
    for line in [
        "blackbox_module_unknown_total 3\n",
        "blackbox_exporter_config_last_reload_successful 1\n",
    ] {
        assert!(metrics.contains(line), "{metrics}");
    }
}
