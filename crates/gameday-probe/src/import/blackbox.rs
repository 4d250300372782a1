//! `blackbox.yml` of Prometheus' blackbox_exporter: a probe for each module and target.

mod client;
mod http;
mod others;
mod talk;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use gameday_core::{Problem, Source, Span};

use super::write::{Flow, Step};
use super::{Imported, LeftOut, ProbeFile, stem};
use crate::blackbox::{Block, Config, Module};

/// What Prometheus gives a scrape unless it is told otherwise.
const TIMEOUT: Duration = Duration::from_secs(10);
const MAX_TIMEOUT: Duration = Duration::from_mins(10);
/// What lets somebody in is often called so.
const TELLING: [&str; 8] = [
    "pass",
    "secret",
    "token",
    "credential",
    "authorization",
    "cookie",
    "api-key",
    "apikey",
];

/// Reads a file; each of these modules, or all of them, becomes a probe of each target.
/// `folder` is from where its modules' own paths are meant.
///
/// # Errors
/// Every [`Problem`] of the file, a module that it has not, or nothing in it that a probe could do.
pub fn blackbox(
    source: &Source,
    modules: &[String],
    targets: &[String],
    folder: &Path,
) -> Result<Imported, Vec<Problem>> {
    let config = Config::load(source)?;
    let unknown = modules.iter().filter(|name| config.module(name).is_none());
    let unknown: Vec<Problem> = unknown
        .map(|name| {
            let problem = Problem::of_file(&source.path, format!("no module is named `{name}`"));
            problem.nearest(name, config.names())
        })
        .collect();
    if !unknown.is_empty() {
        return Err(unknown);
    }
    if targets.is_empty() {
        let problem = Problem::of_file(&source.path, "a module says how to look, not at what");
        return Err(vec![
            problem.hint("name it: `--target https://example.org`, as often as needed"),
        ]);
    }
    let mut imported = Imported {
        files: Vec::new(),
        left_out: Vec::new(),
    };
    let mut stems = BTreeSet::new();
    let names = config
        .names()
        .filter(|name| modules.is_empty() || modules.iter().any(|one| one == name));
    for name in names {
        let Some(module) = config.module(name) else {
            continue;
        };
        for target in targets {
            let mut import = Import::new(name, folder);
            match import.flow(module, target) {
                Ok(flow) => imported.files.push(ProbeFile {
                    stem: free(&mut stems, name, target),
                    text: flow.write(),
                }),
                Err(why) => import.left_out.push(LeftOut {
                    place: module.typed().span.clone(),
                    what: format!("{name} of {target}"),
                    why,
                }),
            }
            for left_out in import.left_out {
                if !imported.left_out.contains(&left_out) {
                    imported.left_out.push(left_out);
                }
            }
        }
    }
    if imported.files.is_empty() {
        let told = imported.left_out.into_iter();
        let told =
            told.map(|one| source.problem(one.place, format!("`{}` is left out: {}", one.what, one.why)));
        let mut problems: Vec<Problem> = told.map(Problem::hiding_the_line).collect();
        problems.push(Problem::of_file(
            &source.path,
            "there is nothing in it that a probe could do",
        ));
        return Err(problems);
    }
    imported.left_out.sort_by_key(|left_out| left_out.place.start);
    Ok(imported)
}

/// `<module>-<host>`, with a number where that is taken.
fn free(taken: &mut BTreeSet<String>, module: &str, target: &str) -> String {
    let wanted = stem(&format!("{module}-{}", host(target)));
    let mut name = wanted.clone();
    let mut number = 2;
    while !taken.insert(name.clone()) {
        // A probe's name has at most 64 characters.
        name = format!("{:.58}-{number}", wanted);
        number += 1;
    }
    name
}

/// A target's host, whatever else stands there.
fn host(target: &str) -> &str {
    let (_, rest) = target.split_once("://").unwrap_or(("", target));
    let place = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let place = place.rsplit_once('@').map_or(place, |(_, place)| place);
    match place.strip_prefix('[').and_then(|inner| inner.split_once(']')) {
        Some((host, _)) => host,
        None if place.matches(':').count() == 1 => place.split(':').next().unwrap_or_default(),
        None => place,
    }
}

/// One module before one target, while it becomes a file.
struct Import<'a> {
    module: &'a str,
    folder: &'a Path,
    /// Each with its environment variable.
    secrets: Vec<(String, String)>,
    left_out: Vec<LeftOut>,
}

impl<'a> Import<'a> {
    fn new(module: &'a str, folder: &'a Path) -> Self {
        Self {
            module,
            folder,
            secrets: Vec::new(),
            left_out: Vec::new(),
        }
    }

    /// The whole file.
    ///
    /// # Errors
    /// In words: why this module cannot look at this target here.
    fn flow(&mut self, module: &Module, target: &str) -> Result<Flow, String> {
        if target
            .split_once("://")
            .is_some_and(|(_, rest)| rest.split('/').next().is_some_and(|at| at.contains('@')))
        {
            return Err("a target with a user in it: the module's `basic_auth` says who asks".to_owned());
        }
        if target.contains("{{") || target.chars().any(char::is_whitespace) {
            return Err("this is no address".to_owned());
        }
        let typed = module.typed();
        let bare = Block::bare(module.kind(), typed.span.clone());
        let block = typed.block(module.kind()).unwrap_or(&bare);
        let mut flow = Flow {
            about: vec![format!(
                "The module `{}` of blackbox.yml before {target}",
                self.module
            )],
            timeout: self.timeout(module),
            ..Flow::default()
        };
        match module.kind() {
            "http" => {
                self.family(block, &mut flow.http);
                flow.steps.push(self.http(block, target)?);
            }
            "tcp" => flow.kind = Some(("tcp", self.tcp(block, target)?)),
            "dns" => flow.kind = Some(("dns", self.dns(block, target)?)),
            "icmp" => flow.kind = Some(("icmp", self.icmp(block, target)?)),
            "grpc" => flow.kind = Some(("grpc", self.grpc(block, target)?)),
            "websocket" => flow.kind = Some(("websocket", self.websocket(block, target)?)),
            other => return Err(format!("there is no probe for `prober: {other}` here")),
        }
        // What only something uses that was left out is not in the file.
        let text = flow.write();
        let secrets = std::mem::take(&mut self.secrets).into_iter();
        flow.secrets = secrets
            .filter(|(name, _)| text.contains(&format!("{{{{secret.{name}}}}}")))
            .collect();
        Ok(flow)
    }

    fn timeout(&mut self, module: &Module) -> String {
        let timeout = module.timeout.unwrap_or(TIMEOUT);
        if timeout > MAX_TIMEOUT {
            self.leave(module.typed(), "timeout", "a look ends after 10m");
        }
        // A look of less than a millisecond is none.
        let timeout = timeout.clamp(Duration::from_millis(1), MAX_TIMEOUT);
        Span::from_value(timeout).to_string()
    }

    /// The one family that may be used; which one is preferred cannot be said.
    fn family(&mut self, block: &Block, table: &mut Step) {
        let family = match block.text("preferred_ip_protocol") {
            "ip4" => "ip4",
            _ => "ip6",
        };
        if !block.flag("ip_protocol_fallback") {
            table.text("family", family);
        } else if block.has("preferred_ip_protocol") {
            let why = format!(
                "whichever address answers first is used; `family = \"{family}\"` allows no others, as `ip_protocol_fallback: false` does"
            );
            self.leave(block, "preferred_ip_protocol", why);
        }
    }

    /// Lists a key of a block.
    fn leave(&mut self, block: &Block, key: &str, why: impl Into<String>) {
        self.left_out.push(LeftOut {
            place: block.place(key),
            what: format!("{}: {key}", self.module),
            why: why.into(),
        });
    }

    /// Lists keys that stand there.
    fn leave_typed(&mut self, block: &Block, keys: &[(&str, &str)]) {
        for (key, why) in keys {
            if block.has(key) {
                self.leave(block, key, *why);
            }
        }
    }

    /// A secret with a variable of its own; as it stands in the file.
    fn secret(&mut self, block: &Block, key: &str, wanted: &str, what: &str) -> String {
        let good = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
        let wanted: String = wanted.chars().map(good).take(40).collect();
        let mut name = wanted.to_ascii_lowercase();
        let mut number = 2;
        while self.secrets.iter().any(|(known, _)| *known == name) {
            name = format!("{}_{number}", wanted.to_ascii_lowercase());
            number += 1;
        }
        let module: String = self.module.chars().map(good).collect();
        let mut variable = format!("{module}_{name}").to_ascii_uppercase();
        if variable.starts_with(|c: char| c.is_ascii_digit()) {
            variable.insert(0, '_');
        }
        self.leave(
            block,
            key,
            format!("a secret: {what} is expected in the environment variable {variable}"),
        );
        self.secrets.push((name.clone(), variable));
        format!("{{{{secret.{name}}}}}")
    }

    /// A path that the exporter would open, as the probe's file can say it from wherever it lies.
    fn path(&self, path: &str) -> String {
        self.folder.join(path).display().to_string()
    }
}

/// Whether a name or a text may be about a secret.
fn is_telling(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    TELLING.iter().any(|word| text.contains(word))
}

/// A pattern that stands where `{{` would be a variable.
///
/// # Errors
/// In words.
fn pattern(text: &str) -> Result<String, String> {
    let text = text.replace("\\{", "\\x7B");
    match text.contains("{{") {
        true => Err(format!("`{text}` holds `{{{{`, which begins a variable here")),
        false => Ok(text),
    }
}
