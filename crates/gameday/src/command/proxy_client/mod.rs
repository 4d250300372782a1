//! `gameday proxy ls|inspect|create|…`: a client of a proxy that runs already, ours or plain Toxiproxy.

mod args;
mod show;

use std::process::ExitCode;

use gameday_core::nearest;
use gameday_proxy::{ClientError, ProxyClient, ToxicSpec};
use serde_json::{Map, Value, json};

pub(crate) use args::ProxyCommand;
use args::{AddArgs, CreateArgs, ToxicCommand, Where};

use crate::output::{self, Output};
use crate::{command, exit};

/// What is printed of an answer.
enum Shown {
    Proxies(Value),
    Proxy(Value),
    Done(String, Value),
}

pub(crate) fn ask(asked: &ProxyCommand) -> ExitCode {
    let at = whom(asked);
    let token = at.token_file.as_deref().map(gameday_core::read_token).transpose();
    let client = token.and_then(|token| {
        let client = ProxyClient::new(&at.api()).map_err(|error| error.to_string())?;
        Ok(client.with_token(token))
    });
    let client = match client {
        Ok(client) => client,
        Err(error) => {
            output::say(&format!("error: {error}"));
            return exit::USAGE.into();
        }
    };
    match command::runtime().block_on(answer(&client, asked)) {
        Ok(shown) => {
            show(&shown, at.output);
            exit::OK.into()
        }
        Err(error) => {
            output::say(&format!("error: {error}"));
            if let Some(hint) = hint(asked, &error) {
                output::say(&format!("hint: {hint}"));
            }
            exit::FAILED.into()
        }
    }
}

fn hint(asked: &ProxyCommand, error: &ClientError) -> Option<String> {
    if error.is_refused_connection() {
        let start = "start one with `gameday proxy`, or name it with --api URL";
        return Some(format!("no proxy listens there; {start}"));
    }
    match asked {
        ProxyCommand::Toxic(ToxicCommand::Add(add)) if !ToxicSpec::KINDS.contains(&add.kind.as_str()) => {
            nearest(&add.kind, ToxicSpec::KINDS).map(|near| format!("did you mean `{near}`?"))
        }
        _ => None,
    }
}

fn whom(asked: &ProxyCommand) -> &Where {
    match asked {
        ProxyCommand::Ls(at) | ProxyCommand::Reset(at) => at,
        ProxyCommand::Inspect { at, .. }
        | ProxyCommand::Delete { at, .. }
        | ProxyCommand::Toggle { at, .. } => at,
        ProxyCommand::Create(create) => &create.at,
        ProxyCommand::Toxic(ToxicCommand::Add(add)) => &add.at,
        ProxyCommand::Toxic(ToxicCommand::Update { at, .. } | ToxicCommand::Remove { at, .. }) => at,
    }
}

async fn answer(client: &ProxyClient, asked: &ProxyCommand) -> Result<Shown, ClientError> {
    Ok(match asked {
        ProxyCommand::Ls(_) => Shown::Proxies(client.get(&["proxies"]).await?),
        ProxyCommand::Inspect { name, .. } => Shown::Proxy(client.get(&["proxies", name]).await?),
        ProxyCommand::Create(create) => create_proxy(client, create).await?,
        ProxyCommand::Delete { name, .. } => {
            client.delete(&["proxies", name]).await?;
            done(format!("deleted proxy {name}"), Value::Null)
        }
        ProxyCommand::Toggle { name, .. } => toggle(client, name).await?,
        ProxyCommand::Toxic(toxic) => change_toxic(client, toxic).await?,
        ProxyCommand::Reset(_) => {
            client.post(&["reset"], json!({})).await?;
            done(
                "every proxy is on, and no toxic is left without a lease".to_owned(),
                Value::Null,
            )
        }
    })
}

fn done(text: String, value: Value) -> Shown {
    Shown::Done(text, value)
}

async fn create_proxy(client: &ProxyClient, create: &CreateArgs) -> Result<Shown, ClientError> {
    let mut body = json!({
        "name": create.name, "listen": create.listen, "upstream": create.upstream, "enabled": !create.disabled,
    });
    let path: &[&str] = match &create.protocol {
        // Toxiproxy knows no protocols.
        None => &["proxies"],
        Some(protocol) => {
            body["protocol"] = json!(protocol);
            &["v1", "proxies"]
        }
    };
    let made = client.post(path, body).await?;
    let listen = made["listen"].as_str().unwrap_or_default().to_owned();
    Ok(done(format!("created proxy {} on {listen}", create.name), made))
}

async fn toggle(client: &ProxyClient, name: &str) -> Result<Shown, ClientError> {
    let proxy = client.get(&["proxies", name]).await?;
    let enabled = proxy["enabled"].as_bool().unwrap_or_default();
    let now = client
        .post(&["proxies", name], json!({ "enabled": !enabled }))
        .await?;
    let word = if enabled { "off" } else { "on" };
    Ok(done(format!("proxy {name} is now {word}"), now))
}

async fn change_toxic(client: &ProxyClient, toxic: &ToxicCommand) -> Result<Shown, ClientError> {
    Ok(match toxic {
        ToxicCommand::Add(add) => add_toxic(client, add).await?,
        ToxicCommand::Update {
            proxy,
            name,
            attributes,
            toxicity,
            ..
        } => {
            let mut body = json!({ "attributes": map(attributes) });
            if let Some(toxicity) = toxicity {
                body["toxicity"] = json!(toxicity);
            }
            let now = post(client, &["proxies", proxy, "toxics", name], body).await?;
            done(format!("updated toxic {name} of proxy {proxy}"), now)
        }
        ToxicCommand::Remove { proxy, name, .. } => {
            client.delete(&["proxies", proxy, "toxics", name]).await?;
            done(format!("removed toxic {name} of proxy {proxy}"), Value::Null)
        }
    })
}

async fn add_toxic(client: &ProxyClient, add: &AddArgs) -> Result<Shown, ClientError> {
    let stream = if add.upstream { "upstream" } else { "downstream" };
    let name = add
        .name
        .clone()
        .unwrap_or_else(|| format!("{}_{stream}", add.kind));
    let mut body = json!({
        "name": name, "type": add.kind, "stream": stream, "toxicity": add.toxicity,
        "attributes": map(&add.attributes),
    });
    let ours = add.ours();
    let path = ["v1", "proxies", &add.proxy, "toxics"];
    let made = if ours.is_empty() {
        post(client, &path[1..], body).await?
    } else {
        body.as_object_mut().expect("made as an object").extend(ours);
        client.post(&path, body).await?
    };
    Ok(done(
        format!("added {stream} {} toxic {name} on proxy {}", add.kind, add.proxy),
        made,
    ))
}

/// Asks our own API, which refuses what it does not know; a plain Toxiproxy, which ignores that, has only the other.
async fn post(client: &ProxyClient, path: &[&str], body: Value) -> Result<Value, ClientError> {
    let strict = [&["v1"], path].concat();
    match client.post(&strict, body.clone()).await {
        Err(error) if error.status() == Some(404) => client.post(path, body).await,
        answer => answer,
    }
}

fn map(attributes: &[(String, Value)]) -> Map<String, Value> {
    attributes.iter().cloned().collect()
}

fn show(shown: &Shown, output: Output) {
    match (shown, output) {
        (Shown::Proxies(value) | Shown::Proxy(value) | Shown::Done(_, value), Output::Json) => {
            output::print_json(value);
        }
        (Shown::Proxies(value), Output::Text) => show::proxies(value),
        (Shown::Proxy(value), Output::Text) => show::proxy(value),
        (Shown::Done(text, _), Output::Text) => output::print(text),
    }
}
