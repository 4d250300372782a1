//! What a child process of the lab does, chosen by the name of its role.

use std::future::Future;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::Signal;
use serde::de::DeserializeOwned;

use crate::{LabError, alerting, api, cache, dns, exec, ledger, load, parent, psp};

/// Runs one role of the lab in this process until it is stopped or its parent has gone.
pub fn child(role: &str, json: &str) -> Result<(), LabError> {
    match role {
        "exec" => exec::run(&settings(role, json)?),
        "api" => serve(
            role,
            json,
            |settings: &api::ApiSettings| settings.parent,
            api::run,
        ),
        "load" => serve(
            role,
            json,
            |settings: &load::LoadSettings| settings.parent,
            load::run,
        ),
        "cache" => serve(
            role,
            json,
            |settings: &cache::CacheSettings| settings.parent,
            cache::run,
        ),
        "psp" => serve(
            role,
            json,
            |settings: &psp::PspSettings| settings.parent,
            psp::run,
        ),
        "dns" => serve(
            role,
            json,
            |settings: &dns::DnsSettings| settings.parent,
            dns::run,
        ),
        "ledger" => serve(
            role,
            json,
            |settings: &ledger::LedgerSettings| settings.parent,
            ledger::run,
        ),
        "alerting" => serve(
            role,
            json,
            |settings: &alerting::AlertingSettings| settings.parent,
            alerting::run,
        ),
        other => Err(LabError::UnknownRole(other.to_owned())),
    }
}

/// Binds the process to its parent and runs the role on a runtime of its own.
fn serve<S, F>(role: &str, json: &str, parent: fn(&S) -> u32, run: fn(S) -> F) -> Result<(), LabError>
where
    S: DeserializeOwned,
    F: Future<Output = Result<(), LabError>>,
{
    let settings: S = settings(role, json)?;
    parent::follow(parent(&settings), Signal::SIGKILL)?;
    // Thousands of requests at once are thousands of sockets; with what there is less is possible.
    if let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE)
        && soft < hard
    {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
    }
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(LabError::io("start its runtime"))?
        .block_on(run(settings))
}

fn settings<S: DeserializeOwned>(role: &str, json: &str) -> Result<S, LabError> {
    serde_json::from_str(json).map_err(|source| LabError::Settings {
        role: role.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_role_and_unreadable_settings_are_errors() {
        assert_eq!(
            child("cook", "{}").unwrap_err().to_string(),
            "the lab has no role named `cook`"
        );
        assert!(matches!(
            child("ledger", "{").unwrap_err(),
            LabError::Settings { .. }
        ));
    }

    #[test]
    fn a_role_started_by_a_stranger_ends_at_once() {
        let json = r#"{"parent":1,"program":"/bin/true","args":[],"user":null,"quit":false}"#;
        // Process 1 is not the parent of a test, unless it runs as the init of a container.
        if nix::unistd::getppid().as_raw() != 1 {
            assert!(matches!(
                child("exec", json).unwrap_err(),
                LabError::ParentGone(1)
            ));
        }
    }
}
