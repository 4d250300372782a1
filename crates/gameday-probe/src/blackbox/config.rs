//! `blackbox.yml`: the file that Prometheus' blackbox_exporter is configured with, read as strictly as ours.
//!
//! ```text
//!  text ──yaml──► nodes with places ──schema──► blocks ──each prober's `read`──► modules
//! ```

mod block;
mod cel;
mod go;
mod schema;
mod tell;
#[cfg(test)]
mod tests;
mod yaml;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use gameday_core::{Problem, Problems, Source};

pub(super) use block::Pattern;
pub(crate) use block::{Block, Value};
pub(super) use cel::Expression;

use self::block::Reader;
pub(crate) use self::block::texts;
pub(super) use self::schema::PROBERS;
use super::Prober;

/// Modules by their names.
#[derive(Debug)]
pub struct Config {
    modules: BTreeMap<String, Arc<Module>>,
}

/// One module: how something is looked at.
#[derive(Debug)]
pub struct Module {
    /// Not over this, whatever Prometheus allows.
    pub timeout: Option<Duration>,
    pub(super) prober: Prober,
    block: Block,
}

impl Config {
    /// Reads a file.
    ///
    /// # Errors
    /// Every problem in it.
    pub fn load(source: &Source) -> Result<Self, Vec<Problem>> {
        let problems = Problems::new(source);
        let config = read(&problems);
        let loaded = problems.into_result(config);
        loaded.map_err(|problems| problems.into_iter().map(|one| discreet(one, source)).collect())
    }

    /// A module, by its name.
    #[must_use]
    pub fn module(&self, name: &str) -> Option<&Arc<Module>> {
        self.modules.get(name)
    }

    /// The names of all modules.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.modules.keys().map(String::as_str)
    }

    /// The whole configuration as YAML, defaults filled in and secrets masked.
    #[must_use]
    pub fn tell(&self) -> String {
        let modules = self
            .modules
            .iter()
            .map(|(name, module)| (name.as_str(), &module.block));
        tell::file(modules)
    }
}

impl Module {
    /// The word for how it looks: `http`, `tcp` …
    #[must_use]
    pub fn kind(&self) -> &str {
        self.block.text("prober")
    }

    /// What was typed, old spellings as their successors.
    pub(crate) fn typed(&self) -> &Block {
        &self.block
    }

    /// Its configuration as YAML, defaults filled in and secrets masked.
    #[must_use]
    pub fn tell(&self) -> String {
        tell::module(&self.block)
    }
}

/// Words of lines that may hold a secret, rightly spelled or not.
const SECRET_WORDS: [&str; 7] = [
    "pass",
    "secret",
    "token",
    "credential",
    "authorization",
    "key:",
    "@",
];

/// A problem whose line is shown only if it cannot hold a secret.
fn discreet(problem: Problem, source: &Source) -> Problem {
    let line = problem.line().and_then(|line| source.text.lines().nth(line - 1));
    let line = line.unwrap_or_default().to_ascii_lowercase();
    match SECRET_WORDS.iter().any(|word| line.contains(word)) {
        true => problem.hiding_the_line(),
        false => problem,
    }
}

fn read(problems: &Problems<'_>) -> Option<Config> {
    let root = yaml::parse(problems)?;
    let reader = Reader { problems };
    let file = reader.block(&schema::FILE, &root, 0..1, "the file")?;
    let mut modules = BTreeMap::new();
    for (name, value) in file.pairs("modules") {
        let Value::Block(block) = value else { continue };
        if let Some(module) = module(block, problems) {
            modules.insert(name.clone(), Arc::new(module));
        }
    }
    Some(Config { modules })
}

fn module(block: &Block, problems: &Problems<'_>) -> Option<Module> {
    let mut block = block.clone();
    let prober = Prober::read(&block, problems);
    settle(&mut block);
    Some(Module {
        timeout: match block.get("timeout") {
            Some(Value::Span(span)) if !span.is_zero() => Some(*span),
            _ => None,
        },
        prober: prober?,
        block,
    })
}

/// Old spellings are told as their successors.
fn settle(module: &mut Block) {
    if let Some((Value::Block(http), _)) = module.values.get_mut("http") {
        if let Some((Value::Flag(no), at)) = http.values.remove("no_follow_redirects") {
            http.values.insert("follow_redirects", (Value::Flag(!no), at));
        }
        settle_bearer(http);
    }
}

fn settle_bearer(client: &mut Block) {
    let old = [
        ("bearer_token", "credentials"),
        ("bearer_token_file", "credentials_file"),
    ];
    for (old, new) in old {
        let Some((value, at)) = client.values.remove(old) else {
            continue;
        };
        let mut block = Block::empty(&schema::AUTHORIZATION, at.clone());
        block
            .values
            .insert("type", (Value::Text("Bearer".to_owned()), at.clone()));
        block.values.insert(new, (value, at.clone()));
        client.values.insert("authorization", (Value::Block(block), at));
    }
}
