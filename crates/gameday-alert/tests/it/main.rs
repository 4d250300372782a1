//! The alert readers against what the real pair said: Prometheus 2.42 and Alertmanager 0.25, recorded
//! through one whole alert (scraped and evaluated each second, `for: 3s`, group_wait 1 s) and cut to the
//! fields that are read. The recordings are served over HTTP and read by the clients themselves.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

mod cycle;
mod failures;
mod readings;
mod replay;
