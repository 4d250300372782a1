//! What can be typed after `gameday proxy` to ask a proxy that runs already.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use crate::output::Output;

#[derive(Debug, Subcommand)]
pub(crate) enum ProxyCommand {
    /// List all proxies
    #[command(visible_alias = "list")]
    Ls(Where),
    /// Show one proxy and its toxics
    Inspect {
        /// The proxy
        name: String,
        #[command(flatten)]
        at: Where,
    },
    /// Make a proxy
    Create(CreateArgs),
    /// Delete a proxy: its listener closes and its connections are cut
    Delete {
        /// The proxy
        name: String,
        #[command(flatten)]
        at: Where,
    },
    /// Switch a proxy on or off
    Toggle {
        /// The proxy
        name: String,
        #[command(flatten)]
        at: Where,
    },
    /// Attach, change or take away toxics
    #[command(subcommand, visible_alias = "t")]
    Toxic(ToxicCommand),
    /// Switch every proxy on and take every toxic away, faults of leases too
    Reset(Where),
}

/// Whom to ask, and how the answer is printed.
#[derive(Debug, Args)]
pub(crate) struct Where {
    /// The proxy's API [env: GAMEDAY_PROXY_API, TOXIPROXY_URL] [default: http://127.0.0.1:8474]
    #[arg(long, short = 'H', visible_alias = "host", value_name = "URL")]
    api: Option<String>,
    /// A file that holds the API's token
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// How the answer is printed on stdout
    #[arg(long, value_enum, default_value_t = Output::Text)]
    pub(crate) output: Output,
}

impl Where {
    /// The API's address; a bare `host:port` is one of HTTP, as Toxiproxy's own command takes it.
    pub(crate) fn api(&self) -> String {
        let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let given = self
            .api
            .clone()
            .or_else(|| set("GAMEDAY_PROXY_API"))
            .or_else(|| set("TOXIPROXY_URL"));
        match given {
            None => "http://127.0.0.1:8474".to_owned(),
            Some(url) if url.contains("://") => url,
            Some(address) => format!("http://{address}"),
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// Its name
    pub(crate) name: String,
    /// Where it listens, host:port; port 0 is any free one
    #[arg(long, short)]
    pub(crate) listen: String,
    /// Where it connects to
    #[arg(long, short)]
    pub(crate) upstream: String,
    /// What it understands: tcp, http, postgres, redis, udp or dns
    #[arg(long)]
    pub(crate) protocol: Option<String>,
    /// Make it switched off
    #[arg(long)]
    pub(crate) disabled: bool,
    #[command(flatten)]
    pub(crate) at: Where,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ToxicCommand {
    /// Attach a toxic, e.g. `gameday proxy toxic add db -t latency -a latency=200 -a jitter=20`
    #[command(visible_alias = "a")]
    Add(AddArgs),
    /// Change attributes or toxicity of a toxic
    #[command(visible_alias = "u")]
    Update {
        /// The proxy
        proxy: String,
        /// The toxic
        #[arg(long, short = 'n', visible_alias = "toxicName")]
        name: String,
        /// NAME=VALUE; a number or other JSON where it is one
        #[arg(long = "attribute", short, value_parser = attribute)]
        attributes: Vec<(String, Value)>,
        /// The share of connections it acts on: 0.3 or 30%
        #[arg(long, visible_alias = "tox", value_parser = share)]
        toxicity: Option<f64>,
        #[command(flatten)]
        at: Where,
    },
    /// Take a toxic away
    #[command(visible_aliases = ["rm", "r", "delete", "d"])]
    Remove {
        /// The proxy
        proxy: String,
        /// The toxic
        #[arg(long, short = 'n', visible_alias = "toxicName")]
        name: String,
        #[command(flatten)]
        at: Where,
    },
}

#[derive(Debug, Args)]
pub(crate) struct AddArgs {
    /// The proxy
    pub(crate) proxy: String,
    /// latency, bandwidth, slow_close, timeout, reset_peer, slicer, limit_data, http, …
    #[arg(long = "type", short = 't')]
    pub(crate) kind: String,
    /// Its name; TYPE_STREAM if none is given
    #[arg(long, short = 'n', visible_alias = "toxicName")]
    pub(crate) name: Option<String>,
    /// NAME=VALUE; a number or other JSON where it is one
    #[arg(long = "attribute", short, value_parser = attribute)]
    pub(crate) attributes: Vec<(String, Value)>,
    /// The share of connections it acts on: 0.3 or 30%
    #[arg(long, visible_alias = "tox", default_value = "1", value_parser = share)]
    pub(crate) toxicity: f64,
    /// Act on what clients send
    #[arg(long, short, conflicts_with = "downstream")]
    pub(crate) upstream: bool,
    /// Act on what the upstream answers (the default)
    #[arg(long, short)]
    pub(crate) downstream: bool,
    /// Only clients of this address range; may be repeated
    #[arg(long = "client", value_name = "CIDR")]
    pub(crate) clients: Vec<String>,
    /// Only the first N connections from now on
    #[arg(long, value_name = "N")]
    pub(crate) first: Option<u64>,
    /// Only every Nth connection
    #[arg(long, value_name = "N")]
    pub(crate) every: Option<u64>,
    /// At most N connections at a time
    #[arg(long, value_name = "N")]
    pub(crate) max_active: Option<u64>,
    /// Only connections whose ClientHello asks for this name, e.g. *.example.test; may be repeated
    #[arg(long, value_name = "NAME")]
    pub(crate) sni: Vec<String>,
    /// What its random choices are seeded with
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    #[command(flatten)]
    pub(crate) at: Where,
}

impl AddArgs {
    /// What Toxiproxy's API cannot say of a toxic; empty if nothing of it was asked for.
    pub(crate) fn ours(&self) -> Map<String, Value> {
        let mut scope = Map::new();
        for (name, texts) in [("clients", &self.clients), ("sni", &self.sni)] {
            if !texts.is_empty() {
                scope.insert(name.to_owned(), json!(texts));
            }
        }
        for (name, number) in [
            ("first", self.first),
            ("every", self.every),
            ("max_active", self.max_active),
        ] {
            scope.extend(number.map(|number| (name.to_owned(), json!(number))));
        }
        let scope = (!scope.is_empty()).then(|| ("scope".to_owned(), Value::Object(scope)));
        let seed = self.seed.map(|seed| ("seed".to_owned(), json!(seed)));
        scope.into_iter().chain(seed).collect()
    }
}

/// `0.3` as Toxiproxy has it, or `30%` as a scenario has.
fn share(text: &str) -> Result<f64, String> {
    let percent = text.strip_suffix('%').map(|number| (number, 100.0));
    let (number, whole) = percent.unwrap_or((text, 1.0));
    let number: Result<f64, _> = number.trim().parse();
    number
        .map(|number| number / whole)
        .map_err(|_| "write it as 0.3 or 30%".to_owned())
}

/// `latency=200` is a number, `name=payment:*` a text, `answer=["203.0.113.9"]` a list.
fn attribute(text: &str) -> Result<(String, Value), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => {
            let read = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
            Ok((name.to_owned(), read))
        }
        _ => Err("write it as NAME=VALUE".to_owned()),
    }
}
