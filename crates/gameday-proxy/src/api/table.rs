//! The table of routes: what can be asked, and what the OpenAPI document says of it.
//!
//! Both come from the same rows, so neither has what the other lacks.

use super::operation::Operation::{self, *};

/// One path with one method.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) method: &'static str,
    /// A segment in braces is a name.
    pub(super) path: &'static str,
    pub(super) operation: Operation,
    /// One line for people.
    pub(super) says: &'static str,
    /// The schema of the body that it takes.
    pub(super) takes: Option<&'static str>,
    /// The status of success, and the schema of its body; none is an empty one.
    pub(super) gives: (u16, Option<&'static str>),
    /// The statuses of its refusals, beside those that every row has.
    pub(super) refuses: &'static [u16],
}

impl Row {
    /// Whether it is beyond what Toxiproxy has.
    pub(super) fn is_ours(&self) -> bool {
        self.path.starts_with("/v1/")
    }
}

const fn row(
    (method, path): (&'static str, &'static str),
    operation: Operation,
    says: &'static str,
    takes: Option<&'static str>,
    gives: (u16, Option<&'static str>),
    refuses: &'static [u16],
) -> Row {
    Row {
        method,
        path,
        operation,
        says,
        takes,
        gives,
        refuses,
    }
}

const PROXIES: &str = "/proxies";
const PROXY: &str = "/proxies/{proxy}";
const TOXICS: &str = "/proxies/{proxy}/toxics";
const TOXIC: &str = "/proxies/{proxy}/toxics/{toxic}";
const V1_PROXIES: &str = "/v1/proxies";
const V1_PROXY: &str = "/v1/proxies/{proxy}";
const V1_TOXICS: &str = "/v1/proxies/{proxy}/toxics";
const V1_TOXIC: &str = "/v1/proxies/{proxy}/toxics/{toxic}";
const LEASE: &str = "/v1/leases/{owner}";

/// Toxiproxy's rows first, then ours.
#[rustfmt::skip]
pub(super) static ROWS: &[Row] = &[
    row(("GET", "/version"), Version, "The version of Toxiproxy that this is compatible with", None, (200, Some("Version")), &[]),
    row(("GET", "/metrics"), Metrics, "Metrics of all proxies, for Prometheus", None, (200, Some("text/plain; version=0.0.4")), &[]),
    row(("GET", PROXIES), Proxies, "All proxies by name", None, (200, Some("ProxyMap")), &[]),
    row(("POST", PROXIES), MakeProxy, "Make a proxy", Some("NewProxy"), (201, Some("Proxy")), &[400, 409, 500]),
    row(("POST", "/populate"), Populate, "Make many proxies; those that are there already with these addresses stay as they are", Some("Population"), (201, Some("Populated")), &[400, 500]),
    row(("POST", "/reset"), Reset, "Switch every proxy on and take every toxic away", None, (204, None), &[500]),
    row(("GET", PROXY), Proxy, "A proxy", None, (200, Some("Proxy")), &[404]),
    row(("POST", PROXY), ChangeProxy, "Change a proxy; what is missing stays (before Toxiproxy 2.6)", Some("ProxyChange"), (200, Some("Proxy")), &[400, 404, 500]),
    row(("PATCH", PROXY), ChangeProxy, "Change a proxy; what is missing stays", Some("ProxyChange"), (200, Some("Proxy")), &[400, 404, 500]),
    row(("DELETE", PROXY), DeleteProxy, "Delete a proxy; its connections are cut", None, (204, None), &[404]),
    row(("GET", TOXICS), Toxics, "The toxics of a proxy", None, (200, Some("ToxicArray")), &[404]),
    row(("POST", TOXICS), MakeToxic, "Attach a toxic", Some("NewToxic"), (200, Some("Toxic")), &[400, 404, 409]),
    row(("GET", TOXIC), Toxic, "A toxic", None, (200, Some("Toxic")), &[404]),
    row(("POST", TOXIC), ChangeToxic, "Change a toxic; what is missing stays (before Toxiproxy 2.6)", Some("ToxicChange"), (200, Some("Toxic")), &[400, 404, 409]),
    row(("PATCH", TOXIC), ChangeToxic, "Change a toxic; what is missing stays", Some("ToxicChange"), (200, Some("Toxic")), &[400, 404, 409]),
    row(("DELETE", TOXIC), DeleteToxic, "Take a toxic away", None, (204, None), &[404]),

    row(("GET", "/v1/openapi.json"), OpenApi, "This document", None, (200, Some("Document")), &[]),
    row(("GET", "/v1/ca.pem"), CaPem, "The authority that signs the certificates of `tls.terminate` with `names`, for clients to trust", None, (200, Some("application/x-pem-file")), &[]),
    row(("GET", "/v1/events"), Events, "What happens, as it happens; resumed from `Last-Event-ID` or `?from=`", None, (200, Some("text/event-stream")), &[]),
    row(("GET", V1_PROXIES), V1Proxies, "All proxies with everything that is known of them", None, (200, Some("ProxyList")), &[]),
    row(("POST", V1_PROXIES), V1MakeProxy, "Make a proxy", Some("NewProxyV1"), (201, Some("ProxyV1")), &[400, 409, 500]),
    row(("GET", V1_PROXY), V1Proxy, "A proxy with everything that is known of it", None, (200, Some("ProxyV1")), &[404]),
    row(("PATCH", V1_PROXY), V1ChangeProxy, "Change a proxy, whole or not at all; what is missing stays", Some("ProxyChangeV1"), (200, Some("ProxyV1")), &[400, 404, 409, 500]),
    row(("DELETE", V1_PROXY), V1DeleteProxy, "Delete a proxy; its connections are cut", None, (204, None), &[404]),
    row(("GET", V1_TOXICS), V1Toxics, "The toxics of a proxy with what they have done", None, (200, Some("ToxicList")), &[404]),
    row(("POST", V1_TOXICS), V1MakeToxic, "Attach a toxic, without a lease", Some("NewToxicV1"), (201, Some("ToxicV1")), &[400, 404, 409]),
    row(("GET", V1_TOXIC), V1Toxic, "A toxic with what it has done", None, (200, Some("ToxicV1")), &[404]),
    row(("PATCH", V1_TOXIC), V1ChangeToxic, "Change a toxic, whole or not at all; what is missing stays", Some("ToxicChangeV1"), (200, Some("ToxicV1")), &[400, 404, 409]),
    row(("DELETE", V1_TOXIC), V1DeleteToxic, "Take a toxic away", None, (204, None), &[404]),
    row(("GET", "/v1/leases"), Leases, "All leases, those that ended in the last ten minutes too", None, (200, Some("LeaseList")), &[]),
    row(("GET", LEASE), Lease, "A lease with its faults and what they have done", None, (200, Some("Lease")), &[404]),
    row(("PUT", LEASE), RenewLease, "Make a lease or renew it", Some("Renewal"), (200, Some("Lease")), &[400, 409]),
    row(("DELETE", LEASE), DropLease, "End a lease and undo its faults; safe twice", None, (200, Some("Lease")), &[404]),
    row(("POST", "/v1/leases/{owner}/faults"), AddFault, "Put a fault in place that ends with its lease", Some("NewFault"), (201, Some("Fault")), &[400, 404, 409]),
    row(("DELETE", "/v1/leases/{owner}/faults/{fault}"), RemoveFault, "Undo a fault; safe twice", None, (200, Some("Fault")), &[404]),
];
