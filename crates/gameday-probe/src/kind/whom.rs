//! `ask`: which name servers a panel asks.

use gameday_core::{Reason, Table};
use hickory_proto::rr::Name;
use toml::Spanned;

use crate::dns::ask::Asker;
use crate::dns::{Authorities, Server};
use crate::file::Scope;
use crate::observation::Fault;

/// Whom to ask.
#[derive(Debug, Clone)]
pub(super) enum Whom {
    Server(Server),
    /// The servers that hold the zone.
    Authorities,
    /// The servers that this machine is told to ask.
    System,
}

const MAX_SERVERS: usize = 32;

/// Takes `ask`; none when the file says nothing.
pub(super) fn read_ask(table: &mut Table<'_, '_>, scope: &Scope<'_, '_>) -> Vec<Whom> {
    let ask: Vec<Spanned<String>> = table.get("ask").unwrap_or_default();
    if let Some(extra) = ask.get(MAX_SERVERS) {
        scope
            .problems()
            .add(extra.span(), format!("at most {MAX_SERVERS} servers are asked"));
    }
    ask.iter().filter_map(|whom| read_whom(whom, scope)).collect()
}

fn read_whom(whom: &Spanned<String>, scope: &Scope<'_, '_>) -> Option<Whom> {
    let text = scope.now(whom)?;
    match text.as_str() {
        "authoritative" => Some(Whom::Authorities),
        "system" => Some(Whom::System),
        _ => Server::parse(&text)
            .map_err(|wrong| {
                let problem = scope.problems().source().problem(whom.span(), wrong);
                scope.problems().push(problem.hint("`udp://IP`, `tcp://IP`, `tls://IP#NAME`, `https://NAME/dns-query`, `auth://IP`, `authoritative` or `system`"));
            })
            .ok()
            .map(Whom::Server),
    }
}

/// Everybody who is to be asked about a name; who holds its zone is asked of the first resolver.
///
/// # Errors
/// Whatever keeps us from knowing whom to ask.
pub(super) async fn servers(whom: &[Whom], asker: &Asker<'_>, name: &Name) -> Result<Authorities, Fault> {
    let system = || Server::system().map_err(|wrong| Fault::new(Reason::CannotLook, wrong));
    let mut all = Authorities::default();
    for one in whom {
        match one {
            Whom::Server(server) => all.servers.push(server.clone()),
            Whom::System => all.servers.extend(system()?),
            Whom::Authorities => {
                let named = whom.iter().find_map(|one| match one {
                    Whom::Server(server) if !server.is_authority => Some(server.clone()),
                    _ => None,
                });
                let resolver = match named {
                    Some(resolver) => resolver,
                    None => system()?.remove(0),
                };
                // Others are asked all the same: what they say may tell why.
                match asker.authorities(&resolver, name).await {
                    Ok(found) => {
                        all.servers.extend(found.servers);
                        all.lost.extend(found.lost);
                    }
                    Err(fault) => all.lost.push(("authoritative".to_owned(), fault)),
                }
            }
        }
    }
    Ok(all)
}
