//! Writes TOML as a person would: short tables in a line, long ones below a header of their own.

use toml::Value;

/// A table that is longer in one line gets a header of its own.
const LINE_CHARS: usize = 100;

/// A flow's file.
#[derive(Debug, Default)]
pub(super) struct Flow {
    /// Comments at its top.
    pub(super) about: Vec<String>,
    pub(super) timeout: String,
    pub(super) vars: Vec<(String, String)>,
    /// Each with its environment variable.
    pub(super) secrets: Vec<(String, String)>,
    pub(super) steps: Vec<Step>,
}

/// One `[[step]]`: its lines, and the tables below them.
#[derive(Debug, Default)]
pub(super) struct Step {
    pub(super) comments: Vec<String>,
    lines: Vec<String>,
    tables: Vec<String>,
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

    /// A table of values in TOML; nothing when it is empty.
    pub(super) fn table(&mut self, name: &str, entries: &[(String, String)]) {
        if entries.is_empty() {
            return;
        }
        let inline = inline(entries);
        if inline.len() <= LINE_CHARS {
            return self.raw(name, &inline);
        }
        let mut table = format!("[step.{}]\n", key(name));
        for (name, value) in entries {
            table.push_str(&format!("{} = {value}\n", key(name)));
        }
        self.tables.push(table);
    }

    /// Another step's lines and tables after these.
    pub(super) fn append(&mut self, other: Self) {
        self.lines.extend(other.lines);
        self.tables.extend(other.tables);
    }

    fn write(&self, out: &mut String) {
        out.push('\n');
        for comment in &self.comments {
            out.push_str(&format!("# {comment}\n"));
        }
        out.push_str("[[step]]\n");
        for line in &self.lines {
            out.push_str(&format!("{line}\n"));
        }
        self.tables.iter().for_each(|table| out.push_str(table));
    }
}

impl Flow {
    pub(super) fn write(&self) -> String {
        let mut out = String::new();
        for line in &self.about {
            out.push_str(&format!("# {line}\n"));
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
        self.steps.iter().for_each(|step| step.write(&mut out));
        out
    }
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

/// A key, bare where it can be.
pub(super) fn key(name: &str) -> String {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
    match !name.is_empty() && name.chars().all(is_bare) {
        true => name.to_owned(),
        false => quoted(name).replace('\n', "\\n"),
    }
}
