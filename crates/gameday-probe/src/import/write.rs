//! Writes TOML as a person would: short tables in a line, long ones below a header of their own.

use toml::Value;

/// A table that is longer in one line gets a header of its own.
const LINE_CHARS: usize = 100;

/// A probe's file.
#[derive(Debug, Default)]
pub(super) struct Flow {
    /// Comments at its top.
    pub(super) about: Vec<String>,
    pub(super) timeout: String,
    pub(super) vars: Vec<(String, String)>,
    /// Each with its environment variable.
    pub(super) secrets: Vec<(String, String)>,
    /// What all steps share.
    pub(super) http: Step,
    pub(super) steps: Vec<Step>,
    /// Instead of steps: a kind's table.
    pub(super) kind: Option<(&'static str, Step)>,
}

/// One `[[step]]`: its lines, and the tables below them.
#[derive(Debug, Default)]
pub(super) struct Step {
    pub(super) comments: Vec<String>,
    lines: Vec<String>,
    /// Each with its entries.
    tables: Vec<(String, Vec<(String, String)>)>,
}

impl Step {
    /// `key = "text"`.
    pub(super) fn text(&mut self, name: &str, text: &str) {
        self.raw(name, &quoted(text));
    }

    /// `key = value`, the value in TOML.
    pub(super) fn raw(&mut self, name: &str, value: &str) {
        self.lines.push(format!("{} = {value}", key(name)));
    }

    /// A list of texts, each in a line of its own when there are several.
    pub(super) fn list(&mut self, name: &str, texts: &[String]) {
        let texts: Vec<String> = texts.iter().map(|text| quoted(text)).collect();
        let line = format!("[{}]", texts.join(", "));
        let value = match texts.len() > 1 && line.len() > LINE_CHARS / 2 {
            true => format!("[\n    {},\n]", texts.join(",\n    ")),
            false => line,
        };
        self.raw(name, &value);
    }

    /// A list of values in TOML, each in a line of its own; nothing when it is empty.
    pub(super) fn lines(&mut self, name: &str, values: &[String]) {
        if !values.is_empty() {
            self.raw(name, &format!("[\n    {},\n]", values.join(",\n    ")));
        }
    }

    /// A table of values in TOML; nothing when it is empty.
    pub(super) fn table(&mut self, name: &str, entries: &[(String, String)]) {
        if entries.is_empty() {
            return;
        }
        let inline = inline(entries);
        if inline.len() <= LINE_CHARS {
            return self.raw(name, &inline);
        }
        self.tables.push((name.to_owned(), entries.to_vec()));
    }

    /// Another step's lines and tables after these.
    pub(super) fn append(&mut self, other: Self) {
        self.lines.extend(other.lines);
        self.tables.extend(other.tables);
    }

    fn is_empty(&self) -> bool {
        self.lines.is_empty() && self.tables.is_empty()
    }

    /// Writes it below a header, `[[step]]` or `[tcp]`.
    fn write(&self, header: &str, out: &mut String) {
        out.push('\n');
        for comment in &self.comments {
            out.push_str(&commented(comment));
        }
        out.push_str(&format!("{header}\n"));
        for line in &self.lines {
            out.push_str(&format!("{line}\n"));
        }
        let path = header.trim_matches(['[', ']']);
        for (name, entries) in &self.tables {
            out.push_str(&format!("[{path}.{}]\n", key(name)));
            for (name, value) in entries {
                out.push_str(&format!("{} = {value}\n", key(name)));
            }
        }
    }
}

impl Flow {
    pub(super) fn write(&self) -> String {
        let mut out = String::new();
        for line in &self.about {
            out.push_str(&commented(line));
        }
        out.push_str(&format!("every = \"60s\"\ntimeout = {}\n", quoted(&self.timeout)));
        if !self.vars.is_empty() {
            out.push_str("\n[vars]\n");
        }
        for (name, value) in &self.vars {
            out.push_str(&format!("{} = {}\n", key(name), quoted(value)));
        }
        if !self.secrets.is_empty() {
            out.push_str("\n[secrets]\n");
        }
        for (name, variable) in &self.secrets {
            out.push_str(&format!("{} = {{ env = {} }}\n", key(name), quoted(variable)));
        }
        if !self.http.is_empty() {
            self.http.write("[http]", &mut out);
        }
        self.steps
            .iter()
            .for_each(|step| step.write("[[step]]", &mut out));
        if let Some((name, table)) = &self.kind {
            table.write(&format!("[{name}]"), &mut out);
        }
        out
    }
}

/// A comment; control characters may not stand in one (TOML 1.0).
fn commented(text: &str) -> String {
    let shown = |c: char| match c {
        '\t' => c,
        c if c.is_control() => char::REPLACEMENT_CHARACTER,
        c => c,
    };
    format!("# {}\n", text.chars().map(shown).collect::<String>())
}

/// `{ a = …, b = … }`.
pub(super) fn inline(entries: &[(String, String)]) -> String {
    let entries: Vec<String> = entries
        .iter()
        .map(|(name, value)| format!("{} = {value}", key(name)))
        .collect();
    format!("{{ {} }}", entries.join(", "))
}

/// A text as TOML writes it, in the quotes that need least escaping.
pub(super) fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// The same in one line, whatever is in it.
pub(super) fn quoted_in_line(text: &str) -> String {
    match text.contains(char::is_control) {
        true => serde_json::Value::from(text)
            .to_string()
            .replace('\u{7f}', "\\u007F"),
        false => quoted(text),
    }
}

/// A key, bare where it can be.
pub(super) fn key(name: &str) -> String {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
    match !name.is_empty() && name.chars().all(is_bare) {
        true => name.to_owned(),
        false => quoted(name).replace('\n', "\\n"),
    }
}
