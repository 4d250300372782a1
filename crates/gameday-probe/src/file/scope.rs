//! Which names a string may hold, and what each stands for.
//!
//! `{{name}}` is a variable (known now, or evaluated once a run), a value saved by an earlier step,
//! `{{secret.name}}` or `{{uuid}}`.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::PathBuf;

use gameday_core::{Problems, Table};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::KEYS;
use crate::assertion::Wrong;
use crate::template::{Part, Template};

/// The names of a file, growing as its steps are read.
pub(crate) struct Scope<'s, 'p> {
    problems: &'p Problems<'s>,
    vars: BTreeMap<String, Declared<Template>>,
    /// Secret to environment variable.
    secrets: BTreeMap<String, Declared<String>>,
    /// Saved by a step that was read already, and by which.
    saved: BTreeMap<String, String>,
    /// Saved anywhere in the file.
    saves: BTreeSet<String>,
    used: RefCell<BTreeSet<String>>,
    /// Other files that were read.
    files: RefCell<BTreeSet<PathBuf>>,
}

struct Declared<T> {
    place: Range<usize>,
    value: T,
}

impl<'s, 'p> Scope<'s, 'p> {
    /// Takes `[secrets]` and `[vars]`.
    pub(crate) fn read(root: &mut Table<'s, 'p>, overrides: &BTreeMap<String, String>) -> Self {
        let mut scope = Self {
            problems: root.problems(),
            vars: BTreeMap::new(),
            secrets: BTreeMap::new(),
            saved: BTreeMap::new(),
            saves: all_saves(root.entries_mut()),
            used: RefCell::default(),
            files: RefCell::default(),
        };
        for (name, mut table) in root.tables("secrets") {
            let variable: Option<String> = table.need("env");
            table.finish();
            if scope.is_a_name(&name) {
                let value = variable.unwrap_or_default();
                let place = name.span();
                scope.secrets.insert(name.into_inner(), Declared { place, value });
            }
        }
        if let Some(mut table) = root.table("vars") {
            for (name, value) in table.take_values::<String>() {
                scope.declare(name, &value, overrides);
            }
        }
        scope
    }

    fn declare(
        &mut self,
        name: Spanned<String>,
        value: &Spanned<String>,
        overrides: &BTreeMap<String, String>,
    ) {
        let key = name.get_ref();
        if KEYS.contains(&key.as_str()) {
            let message = format!("`{key}` is a key of the file, not a variable");
            let problem = self.problems.source().problem(name.span(), message);
            self.problems
                .push(problem.hint("move it above the first `[…]`, or give the variable another name"));
            return;
        }
        if !self.is_a_name(&name) {
            return;
        }
        // The file's own value is read in any case: its problems are problems, its secrets are used.
        let typed = self.variable_value(value);
        let template = overrides.get(key).map(|text| Template::fixed(text)).or(typed);
        let declared = Declared {
            place: name.span(),
            value: template.unwrap_or_default(),
        };
        self.vars.insert(name.into_inner(), declared);
    }

    /// A variable's value may hold secrets and UUIDs, not other variables.
    fn variable_value(&self, value: &Spanned<String>) -> Option<Template> {
        self.parse(value, |name| match self.run_time_part(name, value.span()) {
            Some(part) => part,
            None => {
                let message = format!("a variable's value cannot hold `{name}`");
                let problem = self.problems.source().problem(value.span(), message);
                self.problems
                    .push(problem.hint("only `{{uuid}}` and `{{secret.…}}`"));
                Part::Text(String::new())
            }
        })
    }

    fn is_a_name(&self, name: &Spanned<String>) -> bool {
        let text = name.get_ref();
        let first = text
            .chars()
            .next()
            .is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
        let rest = text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_-".contains(c));
        let good = first && rest && text.len() <= 64 && text != "uuid";
        if text == "uuid" {
            self.problems
                .add(name.span(), "`uuid` always stands for a new UUID");
        } else if !good {
            let message = format!("`{text}` is not a name: use letters, digits, `_` and `-`, a letter first");
            self.problems.add(name.span(), message);
        }
        good
    }

    /// Where problems go.
    pub(crate) fn problems(&self) -> &'p Problems<'s> {
        self.problems
    }

    /// Tells what is wrong with an expression that stands within `place`.
    pub(crate) fn tell(&self, wrong: Wrong, place: Range<usize>) {
        let problem = self.problems.source().problem(place, wrong.message);
        self.problems.push(match wrong.hint {
            Some(hint) => problem.hint(hint),
            None => problem,
        });
    }

    /// Reads a string as a template; what is wrong with it is told.
    pub(crate) fn template(&self, text: &Spanned<String>) -> Option<Template> {
        self.template_at(text.get_ref(), text.span())
    }

    /// Reads a string that stands somewhere within `place`.
    pub(crate) fn template_at(&self, text: &str, place: Range<usize>) -> Option<Template> {
        let text = Spanned::new(place.clone(), text.to_owned());
        let before = self.problems.count();
        let template = self.parse(&text, |name| self.resolve(name, place.clone()))?;
        (self.problems.count() == before).then_some(template)
    }

    /// Reads a string whose value must be known now.
    pub(crate) fn now(&self, text: &Spanned<String>) -> Option<String> {
        let template = self.template(text)?;
        if let Some(name) = template.first_run_time_name() {
            let message = format!("`{{{{{name}}}}}` is known only when the probe runs; it cannot stand here");
            self.problems.add(text.span(), message);
        }
        template.text().map(str::to_owned)
    }

    fn parse(&self, text: &Spanned<String>, resolve: impl FnMut(&str) -> Part) -> Option<Template> {
        Template::parse(text.get_ref(), resolve)
            .map_err(|_| self.problems.add(text.span(), "`{{` without `}}`"))
            .ok()
    }

    fn resolve(&self, name: &str, place: Range<usize>) -> Part {
        if let Some(part) = self.run_time_part(name, place.clone()) {
            return part;
        }
        self.used.borrow_mut().insert(name.to_owned());
        if let Some(declared) = self.vars.get(name) {
            return match declared.value.text() {
                Some(text) => Part::Text(text.to_owned()),
                None => Part::Value(name.to_owned()),
            };
        }
        if !self.saved.contains_key(name) {
            self.tell_unknown(name, place);
        }
        Part::Value(name.to_owned())
    }

    fn run_time_part(&self, name: &str, place: Range<usize>) -> Option<Part> {
        if name == "uuid" {
            return Some(Part::Uuid);
        }
        let secret = name.strip_prefix("secret.")?;
        self.used.borrow_mut().insert(name.to_owned());
        if !self.secrets.contains_key(secret) {
            let message = format!("no secret is named `{secret}`");
            let known = self.secrets.keys().map(String::as_str);
            let problem = self
                .problems
                .source()
                .problem(place, message)
                .nearest(secret, known);
            self.problems.push(match self.secrets.is_empty() {
                true => problem.hint(format!("declare it: `[secrets]` `{secret} = {{ env = \"…\" }}`")),
                false => problem,
            });
        }
        Some(Part::Secret(secret.to_owned()))
    }

    fn tell_unknown(&self, name: &str, place: Range<usize>) {
        let source = self.problems.source();
        if self.saves.contains(name) {
            let problem = source.problem(place, format!("`{name}` is used before it is saved"));
            self.problems.push(problem.hint("an earlier step must `save` it"));
            return;
        }
        let known = self
            .vars
            .keys()
            .chain(&self.saves)
            .map(String::as_str)
            .chain(["uuid"]);
        let problem = source.problem(place, format!("no variable is named `{name}`"));
        self.problems.push(problem.nearest(name, known));
    }

    /// From here on, a step's saved value is known.
    pub(crate) fn save(&mut self, name: &Spanned<String>, step: &str) -> bool {
        if !self.is_a_name(name) {
            return false;
        }
        let text = name.get_ref();
        let earlier = self
            .saved
            .get(text)
            .map(|step| format!("step `{step}` saves it already"));
        let var = self.vars.get(text).map(|_| "it is a variable".to_owned());
        if let Some(why) = earlier.or(var) {
            self.problems
                .add(name.span(), format!("`{text}` cannot be saved here: {why}"));
            return false;
        }
        self.saved.insert(text.clone(), step.to_owned());
        true
    }

    /// Says which variables and secrets nothing uses.
    pub(crate) fn tell_unused(&self) {
        let used = self.used.borrow();
        for (name, declared) in self.vars.iter().filter(|(name, _)| !used.contains(*name)) {
            let message = format!("the variable `{name}` is never used");
            self.problems.add(declared.place.clone(), message);
        }
        for (name, declared) in &self.secrets {
            if !used.contains(&format!("secret.{name}")) {
                let message = format!("the secret `{name}` is never used");
                self.problems.add(declared.place.clone(), message);
            }
        }
    }

    /// A file beside the probe's is read.
    pub(super) fn note_file(&self, path: PathBuf) {
        self.files.borrow_mut().insert(path);
    }

    /// Every file that was read beside the probe's.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        self.files.borrow().iter().cloned().collect()
    }

    pub(crate) fn var_names(&self) -> Vec<String> {
        self.vars.keys().cloned().collect()
    }

    /// Variables with a run-time part.
    pub(crate) fn run_vars(&self) -> BTreeMap<String, Template> {
        let vars = self
            .vars
            .iter()
            .filter(|(_, declared)| declared.value.text().is_none());
        vars.map(|(name, declared)| (name.clone(), declared.value.clone()))
            .collect()
    }

    /// Each secret's environment variable.
    pub(crate) fn secrets(&self) -> BTreeMap<String, String> {
        let secrets = self.secrets.iter();
        secrets
            .map(|(name, declared)| (name.clone(), declared.value.clone()))
            .collect()
    }
}

/// Every name that some step saves, so that "not yet" and "never" can be told apart.
fn all_saves(root: &DeTable<'_>) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let Some(DeValue::Array(steps)) = root.get("step").map(Spanned::get_ref) else {
        return names;
    };
    for step in steps.iter() {
        let DeValue::Table(step) = step.get_ref() else {
            continue;
        };
        if let Some(DeValue::Table(save)) = step.get("save").map(Spanned::get_ref) {
            names.extend(save.keys().map(|name| name.get_ref().to_string()));
        }
    }
    names
}
