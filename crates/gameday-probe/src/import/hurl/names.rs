//! What `{{…}}` of a Hurl file stands for here.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Names that a probe's file has for itself.
const TAKEN: [&str; 10] = [
    "uuid", "every", "timeout", "slo", "vars", "secrets", "http", "step", "check", "region",
];
const MAX_NAME_CHARS: usize = 60;

/// The names of a file, growing as its entries are read.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// Where files lie.
    beside: PathBuf,
    /// Values that were given beside the file.
    given: BTreeMap<String, String>,
    /// Captured so far: what each is called here.
    captured: BTreeMap<String, String>,
    /// Variables in the order of their first use.
    vars: Vec<Var>,
    /// What `getEnv` reads: name here, environment variable.
    pub(super) secrets: Vec<(String, String)>,
}

/// A variable that the file uses and no entry captures.
#[derive(Debug)]
pub(super) struct Var {
    /// As Hurl's file says it.
    pub(super) typed: String,
    /// As it is called here.
    pub(super) name: String,
    pub(super) value: Option<String>,
    /// What may stand for a value that is not known, so that the file can be read.
    stand_in: Option<&'static str>,
    /// Where it is first used.
    pub(super) at: usize,
}

impl Names {
    pub(super) fn new(given: &BTreeMap<String, String>, beside: &Path) -> Self {
        Self {
            given: given.clone(),
            beside: beside.to_owned(),
            ..Self::default()
        }
    }

    /// A text with its places named as they are here.
    ///
    /// # Errors
    /// In words: something in a place that cannot be said here.
    pub(super) fn template(&mut self, text: &str, at: usize) -> Result<String, String> {
        let (mut named, mut rest) = (String::new(), text);
        while let Some(open) = rest.find("{{") {
            let Some(close) = rest[open..].find("}}").map(|close| open + close) else {
                return Err("`{{` without `}}`".to_owned());
            };
            named.push_str(&rest[..open]);
            let name = self.name(rest[open + 2..close].trim(), at)?;
            named.push_str(&format!("{{{{{name}}}}}"));
            rest = &rest[close + 2..];
        }
        named.push_str(rest);
        Ok(named)
    }

    /// A file's path as seen from the probe's file.
    ///
    /// # Errors
    /// In words: it holds a variable.
    pub(super) fn file(&self, path: &str) -> Result<String, String> {
        match path.contains("{{") {
            true => Err("a file is read before any value is known".to_owned()),
            false => Ok(self.beside.join(path).to_string_lossy().into_owned()),
        }
    }

    /// A URL: a variable that begins it must look like the beginning of one.
    pub(super) fn url(&mut self, text: &str, at: usize) -> Result<String, String> {
        let url = self.template(text, at)?;
        for var in self.vars.iter_mut().filter(|var| var.stand_in.is_none()) {
            let place = format!("{{{{{}}}}}", var.name);
            let Some((before, after)) = url.split_once(&place) else {
                continue;
            };
            var.stand_in = Some(match before {
                "" if after.starts_with("://") => "http",
                "" => "http://127.0.0.1:8080",
                before if before.ends_with("://") && after.starts_with(':') => "127.0.0.1",
                before if before.ends_with("://") => "127.0.0.1:8080",
                before if before.ends_with(':') => "8080",
                _ => "FILL-IN",
            });
        }
        Ok(url)
    }

    fn name(&mut self, expression: &str, at: usize) -> Result<String, String> {
        let mut words = expression.split_whitespace();
        let (first, second, third) = (words.next(), words.next(), words.next());
        match (first.unwrap_or_default(), second, third) {
            ("", ..) => Err("`{{}}` names nothing".to_owned()),
            ("newUuid", None, _) => Ok("uuid".to_owned()),
            ("newDate", ..) => Err("there is no `newDate` here".to_owned()),
            ("getEnv", Some(variable), None) => Ok(self.secret(variable.trim_matches('"'))),
            (_, Some(_), _) => Err(format!("`{{{{{expression}}}}}` makes something of a variable")),
            (name, None, _) => Ok(match self.captured.get(name) {
                Some(known) => known.clone(),
                None => self.var(name, at),
            }),
        }
    }

    fn secret(&mut self, variable: &str) -> String {
        let name = named(&variable.to_ascii_lowercase());
        if !self.secrets.iter().any(|(known, _)| *known == name) {
            self.secrets.push((name.clone(), variable.to_owned()));
        }
        format!("secret.{name}")
    }

    fn var(&mut self, typed: &str, at: usize) -> String {
        if let Some(var) = self.vars.iter().find(|var| var.typed == typed) {
            return var.name.clone();
        }
        let name = self.free(typed);
        self.vars.push(Var {
            typed: typed.to_owned(),
            name: name.clone(),
            value: self.given.get(typed).cloned(),
            stand_in: None,
            at,
        });
        name
    }

    /// `variable: name=value` of an entry's options.
    ///
    /// # Errors
    /// In words: it has another value already.
    pub(super) fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        if self.captured.contains_key(name) {
            return Err(format!("`{name}` is captured before; a value is set once here"));
        }
        match self.given.get(name) {
            Some(known) if known != value => Err(format!(
                "`{name}` has another value already; a value is set once here"
            )),
            _ if self
                .vars
                .iter()
                .any(|var| var.typed == name && var.value.is_none()) =>
            {
                Err(format!("`{name}` is used before; a value is set once here"))
            }
            _ => {
                self.given.insert(name.to_owned(), value.to_owned());
                Ok(())
            }
        }
    }

    /// From here on, a captured value is known; what it is called here.
    pub(super) fn capture(&mut self, typed: &str) -> String {
        let name = self.free(typed);
        self.captured.insert(typed.to_owned(), name.clone());
        name
    }

    /// A name that nothing has yet: here a value is saved once.
    fn free(&self, typed: &str) -> String {
        let wanted = named(typed);
        let is_taken = |name: &str| {
            let captured = self.captured.values().any(|known| known == name);
            captured || self.vars.iter().any(|var| var.name == name)
        };
        let mut name = wanted.clone();
        let mut number = 2;
        while is_taken(&name) {
            name = format!("{wanted}_{number}");
            number += 1;
        }
        name
    }

    /// Variables with the values that they have in the file.
    pub(super) fn vars(&self) -> impl Iterator<Item = (&Var, &str)> {
        self.vars.iter().map(|var| {
            let value = var.value.as_deref().or(var.stand_in);
            (var, value.unwrap_or("FILL-IN"))
        })
    }
}

/// A text as a name.
fn named(text: &str) -> String {
    let mut name: String = text
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || c == '-' {
                c
            } else {
                '_'
            }
        })
        .take(MAX_NAME_CHARS)
        .collect();
    if !name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
        name.insert(0, '_');
    }
    if TAKEN.contains(&name.as_str()) || crate::kind::ROWS.iter().any(|row| row.key == name) {
        name.push('_');
    }
    name
}
