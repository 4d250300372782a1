//! What is known during one run: secrets, variables evaluated once a run, and saved values.

use std::collections::BTreeMap;

use gameday_core::Secret;
use url::form_urlencoded::byte_serialize;

use crate::template::Template;

/// A name without a value: only a step that runs `always` can meet one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Missing(pub(crate) String);

/// The values of one run.
pub(crate) struct Values<'f> {
    secrets: &'f BTreeMap<String, Secret>,
    values: BTreeMap<String, String>,
    /// What must never be printed, longest first.
    hidden: Vec<Secret>,
}

impl<'f> Values<'f> {
    /// Begins a run: each variable with a run-time part gets its value for this run.
    pub(crate) fn begin(
        secrets: &'f BTreeMap<String, Secret>,
        run_vars: &BTreeMap<String, Template>,
    ) -> Result<Self, Missing> {
        let mut values = Self {
            secrets,
            values: BTreeMap::new(),
            hidden: Vec::new(),
        };
        for secret in secrets.values() {
            values.hide(secret.expose());
        }
        for (name, template) in run_vars {
            let value = template.render(&values)?;
            values.values.insert(name.clone(), value);
        }
        Ok(values)
    }

    pub(crate) fn secret(&self, name: &str) -> Result<&str, Missing> {
        let missing = || Missing(format!("secret.{name}"));
        self.secrets.get(name).map(Secret::expose).ok_or_else(missing)
    }

    pub(crate) fn value(&self, name: &str) -> Result<&str, Missing> {
        let missing = || Missing(name.to_owned());
        self.values.get(name).map(String::as_str).ok_or_else(missing)
    }

    /// Keeps a value for later steps.
    pub(crate) fn save(&mut self, name: &str, value: String) {
        self.values.insert(name.to_owned(), value);
    }

    /// Makes a text unprintable: as it is, as JSON writes it, and as a URL or a form does.
    pub(crate) fn hide(&mut self, text: &str) {
        let quoted = serde_json::Value::from(text).to_string();
        let form: String = byte_serialize(text.as_bytes()).collect();
        let forms = [
            text.to_owned(),
            quoted[1..quoted.len() - 1].to_owned(),
            form.replace('+', "%20"),
            form,
        ];
        for form in forms {
            if !self.hidden.iter().any(|known| known.expose() == form) {
                self.hidden.push(Secret::new(form));
            }
        }
        // The longest first: a short secret within a long one must not save the rest of it.
        self.hidden
            .sort_by_key(|secret| std::cmp::Reverse(secret.expose().len()));
    }

    /// The text without anything hidden; of a text that was cut (it ends with `…`), the beginning of
    /// something hidden goes as well.
    pub(crate) fn redact(&self, text: &str) -> String {
        let hide = |text: String, secret: &Secret| secret.redact(&text);
        let shown = self.hidden.iter().fold(text.to_owned(), hide);
        let Some(kept) = shown.strip_suffix('…') else {
            return shown;
        };
        let halves = self
            .hidden
            .iter()
            .filter_map(|secret| half(kept, secret.expose()));
        match halves.max() {
            Some(bytes) => format!("{}***…", &kept[..kept.len() - bytes]),
            None => shown,
        }
    }
}

/// How many bytes at the end of a text are the beginning of a secret.
fn half(text: &str, secret: &str) -> Option<usize> {
    let ends = secret.char_indices().map(|(at, _)| at);
    ends.rev().find(|end| *end > 0 && text.ends_with(&secret[..*end]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::Part;

    #[test]
    fn hidden_texts_are_gone_from_messages_even_when_one_is_within_another() {
        let secrets = BTreeMap::from([
            ("a".to_owned(), Secret::new("abc".into())),
            ("b".to_owned(), Secret::new("abcdef".into())),
            ("c".to_owned(), Secret::new("say \"hi\"".into())),
        ]);
        let values = Values::begin(&secrets, &BTreeMap::new()).unwrap();
        assert_eq!(values.redact("abcdef and abc"), "*** and ***");
        assert_eq!(values.redact(r#""say \"hi\"""#), "\"***\"", "as JSON writes it");
        assert_eq!(values.redact("q=say+%22hi%22&p=say%20%22hi%22"), "q=***&p=***");
    }

    #[test]
    fn what_is_left_of_a_secret_that_was_cut_is_hidden_too() {
        let secrets = BTreeMap::from([("key".to_owned(), Secret::new("hunter2".into()))]);
        let values = Values::begin(&secrets, &BTreeMap::new()).unwrap();
        assert_eq!(values.redact("token: hunt…"), "token: ***…");
        assert_eq!(values.redact("token: hunter2…"), "token: ***…");
        assert_eq!(values.redact("token: …"), "token: …");
        assert_eq!(values.redact("hunt"), "hunt", "nothing was cut");
    }

    #[test]
    fn a_value_is_never_read_as_a_template() {
        let secrets = BTreeMap::from([("key".to_owned(), Secret::new("hunter2".into()))]);
        let mut values = Values::begin(&secrets, &BTreeMap::new()).unwrap();
        values.save("id", "{{secret.key}}".into());
        let template = Template::parse("x/{{id}}", |name| Part::Value(name.into())).unwrap();
        assert_eq!(template.render(&values), Ok("x/{{secret.key}}".into()));
    }

    #[test]
    fn a_variable_keeps_its_value_within_a_run_and_gets_a_new_one_in_the_next() {
        let secrets = BTreeMap::new();
        let run_vars = BTreeMap::from([(
            "idem".into(),
            Template::parse("{{uuid}}", |_| Part::Uuid).unwrap(),
        )]);
        let one = Values::begin(&secrets, &run_vars).unwrap();
        let two = Values::begin(&secrets, &run_vars).unwrap();
        assert_eq!(one.value("idem"), one.value("idem"));
        assert_ne!(one.value("idem"), two.value("idem"));
    }
}
