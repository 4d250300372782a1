//! Every key of `blackbox.yml`, in the order in which `/config` tells them.
//!
//! One table serves three ends: what may be typed, what stands there when nothing was typed, and what is hidden
//! when it is told.

/// What a key takes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Text,
    /// Never told again.
    Secret,
    /// A URL, whose password is never told again.
    Url,
    Flag,
    Whole,
    /// Go's spelling: `5s`, `1m30s`, `100ms`.
    Span,
    /// A size in powers of two: `10MB` is 10 MiB.
    Size,
    Regexp,
    /// An expression in the Common Expression Language.
    Cel,
    /// One of these words.
    Choice(&'static [&'static str]),
    Texts,
    Secrets,
    Wholes,
    Regexps,
    /// Names with a text each.
    TextOf,
    /// Names with a list of texts each.
    TextsOf,
    /// Names with a list of texts each that are never told again.
    SecretsOf,
    Block(&'static Schema),
    Blocks(&'static Schema),
    /// Names with a block each.
    BlockOf(&'static Schema),
}

/// What stands there when nothing was typed, and when it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Default {
    /// Nothing; told when it is more than that.
    Empty,
    /// Nothing; told all the same.
    EmptyShown,
    /// Told when true.
    True,
    TrueShown,
    Whole(i64),
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) default: Default,
}

/// The keys of one mapping.
#[derive(Debug)]
pub(super) struct Schema {
    pub(super) fields: &'static [Field],
    /// Told even when nothing was typed, for its defaults.
    pub(super) shown: bool,
}

const fn key(name: &'static str, kind: Kind) -> Field {
    Field {
        name,
        kind,
        default: Default::Empty,
    }
}

const fn with(name: &'static str, kind: Kind, default: Default) -> Field {
    Field { name, kind, default }
}

const fn schema(fields: &'static [Field]) -> Schema {
    Schema { fields, shown: false }
}

use Kind::{Block, BlockOf, Blocks, Choice, Flag, Regexp, Regexps, Secret, Text, Texts, TextsOf, Whole};

pub(in crate::blackbox) const PROBERS: &[&str] = &["http", "tcp", "icmp", "dns", "grpc", "unix", "websocket"];
const TLS_VERSIONS: &[&str] = &["TLS10", "TLS11", "TLS12", "TLS13"];
const FAMILY: Field = key("preferred_ip_protocol", Text);
const FALLBACK: Field = with("ip_protocol_fallback", Flag, Default::True);

pub(super) static FILE: Schema = schema(&[key("modules", BlockOf(&MODULE))]);

pub(super) static MODULE: Schema = schema(&[
    key("prober", Text),
    key("timeout", Kind::Span),
    key("http", Block(&HTTP)),
    key("tcp", Block(&TCP)),
    key("icmp", Block(&ICMP)),
    key("dns", Block(&DNS)),
    key("grpc", Block(&GRPC)),
    key("unix", Block(&UNIX)),
    key("websocket", Block(&WEBSOCKET)),
]);

static HTTP: Schema = Schema {
    shown: true,
    fields: &[
        key("valid_status_codes", Kind::Wholes),
        key("valid_http_versions", Texts),
        FAMILY,
        FALLBACK,
        key("skip_resolve_phase_with_proxy", Flag),
        // Its successor is told instead.
        key("no_follow_redirects", Flag),
        key("fail_if_ssl", Flag),
        key("fail_if_not_ssl", Flag),
        key("method", Text),
        key("headers", Kind::TextOf),
        key("fail_if_body_matches_regexp", Regexps),
        key("fail_if_body_not_matches_regexp", Regexps),
        key("fail_if_body_json_matches_cel", Kind::Cel),
        key("fail_if_body_json_not_matches_cel", Kind::Cel),
        key("fail_if_header_matches", Blocks(&HEADER_MATCH)),
        key("fail_if_header_not_matches", Blocks(&HEADER_MATCH)),
        key("body", Text),
        key("body_file", Text),
        CLIENT[0],
        CLIENT[1],
        CLIENT[2],
        CLIENT[3],
        CLIENT[4],
        CLIENT[5],
        CLIENT[6],
        CLIENT[7],
        CLIENT[8],
        CLIENT[9],
        CLIENT[10],
        CLIENT[11],
        CLIENT[12],
        key("enable_http3", Flag),
        key("compression", Text),
        key("body_size_limit", Kind::Size),
    ],
};

/// What every client of HTTP takes (Prometheus' `http_config`).
const CLIENT: [Field; 13] = [
    key("basic_auth", Block(&BASIC_AUTH)),
    key("authorization", Block(&AUTHORIZATION)),
    key("oauth2", Block(&OAUTH2)),
    // Told as `authorization`.
    key("bearer_token", Secret),
    key("bearer_token_file", Text),
    key("proxy_url", Kind::Url),
    key("no_proxy", Text),
    key("proxy_from_environment", Flag),
    key("proxy_connect_header", Kind::SecretsOf),
    key("tls_config", Block(&TLS)),
    with("follow_redirects", Flag, Default::TrueShown),
    with("enable_http2", Flag, Default::TrueShown),
    key("http_headers", BlockOf(&HTTP_HEADER)),
];

static HTTP_CONFIG: Schema = schema(&CLIENT);

static BASIC_AUTH: Schema = schema(&[
    with("username", Text, Default::EmptyShown),
    key("username_file", Text),
    key("password", Secret),
    key("password_file", Text),
]);

pub(super) static AUTHORIZATION: Schema = schema(&[
    key("type", Text),
    key("credentials", Secret),
    key("credentials_file", Text),
]);

static OAUTH2: Schema = schema(&[
    with("client_id", Text, Default::EmptyShown),
    with("client_secret", Secret, Default::EmptyShown),
    with("client_secret_file", Text, Default::EmptyShown),
    key("scopes", Texts),
    with("token_url", Kind::Url, Default::EmptyShown),
    key("endpoint_params", Kind::TextOf),
    key("tls_config", Block(&TLS)),
    key("proxy_url", Kind::Url),
    key("no_proxy", Text),
    key("proxy_from_environment", Flag),
    key("proxy_connect_header", Kind::SecretsOf),
]);

static TLS: Schema = schema(&[
    key("ca", Text),
    key("cert", Text),
    key("key", Secret),
    key("ca_file", Text),
    key("cert_file", Text),
    key("key_file", Text),
    key("server_name", Text),
    with("insecure_skip_verify", Flag, Default::EmptyShown),
    key("min_version", Choice(TLS_VERSIONS)),
    key("max_version", Choice(TLS_VERSIONS)),
]);

static HTTP_HEADER: Schema = schema(&[
    key("values", Texts),
    key("secrets", Kind::Secrets),
    key("files", Texts),
]);

static HEADER_MATCH: Schema = schema(&[
    key("header", Text),
    key("regexp", Regexp),
    key("allow_missing", Flag),
]);

static TURN: Schema = schema(&[
    key("expect", Regexp),
    key("expect_bytes", Text),
    key("labels", Blocks(&LABEL)),
    key("send", Text),
    key("starttls", Flag),
]);

static LABEL: Schema = schema(&[key("name", Text), key("value", Text)]);

static TCP: Schema = Schema {
    shown: true,
    fields: &[
        FAMILY,
        FALLBACK,
        key("source_ip_address", Text),
        key("query_response", Blocks(&TURN)),
        key("tls", Flag),
        key("tls_config", Block(&TLS)),
    ],
};

static UNIX: Schema = schema(&[
    key("query_response", Blocks(&TURN)),
    key("tls", Flag),
    key("tls_config", Block(&TLS)),
]);

static ICMP: Schema = Schema {
    shown: true,
    fields: &[
        FAMILY,
        FALLBACK,
        key("source_ip_address", Text),
        key("payload_size", Whole),
        key("dont_fragment", Flag),
        with("ttl", Whole, Default::Whole(64)),
    ],
};

static DNS: Schema = Schema {
    shown: true,
    fields: &[
        FAMILY,
        FALLBACK,
        key("dns_over_tls", Flag),
        key("tls_config", Block(&TLS)),
        key("source_ip_address", Text),
        key("transport_protocol", Text),
        key("query_class", Text),
        key("query_name", Text),
        key("query_type", Text),
        with("recursion_desired", Flag, Default::True),
        key("valid_rcodes", Texts),
        key("validate_answer_rrs", Block(&VALIDATOR)),
        key("validate_authority_rrs", Block(&VALIDATOR)),
        key("validate_additional_rrs", Block(&VALIDATOR)),
    ],
};

static VALIDATOR: Schema = schema(&[
    key("fail_if_matches_regexp", Regexps),
    key("fail_if_all_match_regexp", Regexps),
    key("fail_if_not_matches_regexp", Regexps),
    key("fail_if_none_matches_regexp", Regexps),
]);

static GRPC: Schema = schema(&[
    key("service", Text),
    key("tls", Flag),
    key("tls_config", Block(&TLS)),
    FALLBACK,
    FAMILY,
    key("metadata", TextsOf),
]);

static WEBSOCKET: Schema = schema(&[
    FAMILY,
    FALLBACK,
    key("http_config", Block(&HTTP_CONFIG)),
    key("headers", BlockOf(&HTTP_HEADER)),
    key("query_response", Blocks(&TURN)),
]);
