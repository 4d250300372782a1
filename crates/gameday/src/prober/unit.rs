//! `gameday probe systemd-unit`: a unit that runs a prober with as few rights as it needs.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use gameday_core::credential_id;

use super::Files;
use super::config::Config;
use crate::cli::{Cli, Command, UnitArgs};
use crate::{exit, output};

/// Where secrets are looked for if no other file is named.
const ENVIRONMENT_FILE: &str = "/etc/gameday/prober.env";

/// Options whose file only root may read: systemd hands it over as a credential of that name.
const CREDENTIALS: [(&str, &str); 3] = [
    ("--token-file", "token"),
    ("--tls-cert", "tls-cert"),
    ("--tls-key", "tls-key"),
];

/// Prints the unit, if `gameday probe` would take the arguments.
pub(crate) fn unit(args: &UnitArgs) -> ExitCode {
    let words = ["gameday", "probe"].into_iter();
    let typed = Cli::try_parse_from(words.chain(args.args.iter().map(String::as_str)));
    let look = match typed.map(|cli| cli.command) {
        Ok(Command::Probe(probe)) if probe.command.is_none() && !probe.look.once => probe.look,
        Ok(_) => return refused("a unit looks until it is stopped: without `--once`, `show` and the like"),
        Err(error) => return refused(error.to_string().trim_start_matches("error: ").trim_end()),
    };
    let binary = match std::env::current_exe() {
        Ok(binary) => binary,
        Err(error) => return refused(&format!("where this binary is cannot be told: {error}")),
    };
    let config = look
        .config
        .as_deref()
        .map(|path| Config::load(path, &look.regions));
    let secrets = config
        .transpose()
        .map(|config| config.map(|config| config.secret_files()));
    let read = Files::new(&look)
        .variables()
        .and_then(|variables| Ok((variables, secrets?)));
    match read {
        Ok((variables, secrets)) => {
            let mut words = args.args.clone();
            if !look.quiet {
                // A line for each look would fill the log.
                words.insert(0, "--quiet".to_owned());
            }
            let secrets = secrets.unwrap_or_default();
            let environment = args.environment_file.as_deref();
            output::print(text(&binary, &words, environment, &variables, &secrets).trim_end());
            exit::OK.into()
        }
        Err(problems) => {
            output::tell(&problems);
            exit::USAGE.into()
        }
    }
}

fn refused(why: &str) -> ExitCode {
    output::say(&format!("error: {why}"));
    exit::USAGE.into()
}

fn text(
    binary: &Path,
    words: &[String],
    environment_file: Option<&Path>,
    variables: &BTreeSet<String>,
    secrets: &BTreeSet<PathBuf>,
) -> String {
    let mut settings = String::new();
    if !variables.is_empty() {
        let names: Vec<&str> = variables.iter().map(String::as_str).collect();
        settings.push_str(&format!(
            "# NAME=VALUE lines, for root only: {}\n",
            names.join(", ")
        ));
        let file = environment_file.unwrap_or(Path::new(ENVIRONMENT_FILE));
        settings.push_str(&format!("EnvironmentFile={}\n", absolute(file)));
    }
    // The configuration still names the file itself; its reader looks among the credentials first.
    for file in secrets {
        settings.push_str(&format!(
            "LoadCredential={}:{}\n",
            credential_id(file),
            absolute(file)
        ));
    }
    let mut command = vec![quoted(&absolute(binary)), "probe".to_owned()];
    for (option, value) in pairs(words) {
        let credential = CREDENTIALS.iter().find(|(known, _)| Some(*known) == option);
        command.extend(option.map(quoted));
        match (credential, value) {
            (Some((_, id)), Some(file)) => {
                settings.push_str(&format!("LoadCredential={id}:{}\n", absolute(Path::new(file))));
                command.push(format!("%d/{id}"));
            }
            // Where a unit runs, a relative path would mean another file.
            (None, Some(value)) if Path::new(value).exists() => {
                command.push(quoted(&absolute(Path::new(value))));
            }
            (_, value) => command.extend(value.map(quoted)),
        }
    }
    TEMPLATE
        .replace("@SETTINGS@", &settings)
        .replace("@COMMAND@", &command.join(" "))
}

/// Arguments as option and value; an option without a value may look like one with the argument after it,
/// which does no harm, since both are written as they came.
fn pairs(args: &[String]) -> Vec<(Option<&str>, Option<&str>)> {
    let mut pairs = Vec::new();
    let mut option = None;
    for arg in args {
        let is_option = arg.starts_with('-');
        if is_option && option.is_some() {
            pairs.push((option.take(), None));
        }
        match arg.split_once('=') {
            Some((name, value)) if arg.starts_with("--") => pairs.push((Some(name), Some(value))),
            _ if is_option => option = Some(arg.as_str()),
            _ => pairs.push((option.take(), Some(arg.as_str()))),
        }
    }
    if option.is_some() {
        pairs.push((option, None));
    }
    pairs
}

/// A link stays a link, so that what it points at may change.
fn absolute(path: &Path) -> String {
    let whole = match path.components().any(|part| part == Component::ParentDir) {
        true => path.canonicalize(),
        false => std::path::absolute(path),
    };
    whole.unwrap_or_else(|_| path.to_owned()).display().to_string()
}

/// A word of `ExecStart` (systemd.service(5), "Command lines"): specifiers and variables are meant literally.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@+[]%$".contains(c);
    let literal = word.replace('%', "%%").replace('$', "$$");
    if !word.is_empty() && word.chars().all(is_plain) {
        return literal;
    }
    format!("\"{}\"", literal.replace('\\', "\\\\").replace('"', "\\\""))
}

const TEMPLATE: &str = "\
# /etc/systemd/system/gameday-prober.service
# systemctl daemon-reload && systemctl enable --now gameday-prober; `systemctl reload` reads the probes again
[Unit]
Description=gameday prober
Wants=network-online.target
After=network-online.target

[Service]
ExecStart=@COMMAND@
ExecReload=/bin/kill -HUP $MAINPID
Restart=always
RestartSec=2s
@SETTINGS@Environment=XDG_STATE_HOME=%S
StateDirectory=gameday
StateDirectoryMode=0750
DynamicUser=yes
# Raw sockets are for icmp probes where net.ipv4.ping_group_range does not allow them; nothing else is held.
AmbientCapabilities=CAP_NET_RAW
CapabilityBoundingSet=CAP_NET_RAW
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=read-only
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
ProcSubset=pid
LockPersonality=yes
MemoryDenyWriteExecute=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_NETLINK AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RemoveIPC=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
LimitNOFILE=65536
MemoryMax=512M
UMask=0077

[Install]
WantedBy=multi-user.target
";
