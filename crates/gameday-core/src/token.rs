//! Tokens: what a program shows to an API of ours. Where one is taken from stands in files and journals, the token
//! itself nowhere.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use toml::Spanned;

use crate::{Secret, Table};

/// A shorter one could be guessed.
const LEAST_TOKEN_BYTES: usize = 16;
const MOST_TOKEN_BYTES: usize = 4096;

/// Where a token is taken from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum TokenFrom {
    /// This variable of the environment.
    Env(String),
    /// This file, which not everybody may read.
    File(PathBuf),
}

impl TokenFrom {
    /// Takes `token` of a table, if it is there.
    pub fn take(table: &mut Table<'_, '_>) -> Option<Self> {
        Self::take_as(table, "token", "the token of the API")
    }

    /// Takes a secret that must be there; `what` says for people what it is.
    pub fn need(table: &mut Table<'_, '_>, key: &'static str, what: &str) -> Option<Self> {
        // Tells that it is missing.
        if !table.has(key) {
            return table.need(key);
        }
        Self::take_as(table, key, what)
    }

    /// Whoever writes the secret itself there is told so, without its being shown.
    fn take_as(table: &mut Table<'_, '_>, key: &'static str, what: &str) -> Option<Self> {
        let typed: Spanned<toml::Value> = table.spanned(key)?;
        let source = table.problems().source();
        let place = typed.span();
        if let Ok(from) = typed.into_inner().try_into::<Self>() {
            return Some(from.beside(source.path.parent().unwrap_or(Path::new(""))));
        }
        let message = format!("`{key}` says where {what} is taken from");
        let problem = source.problem(place, message).hiding_the_line();
        let hint = match key {
            "token" => "`{ env = \"PROXY_TOKEN\" }` or `{ file = \"proxy.token\" }`",
            _ => "`{ env = \"VARIABLE\" }` or `{ file = \"PATH\" }`",
        };
        table.problems().push(problem.hint(hint));
        None
    }

    /// The same, with a relative path taken from this folder.
    #[must_use]
    pub fn beside(self, folder: &Path) -> Self {
        match self {
            Self::File(path) => {
                let path = folder.join(path);
                Self::File(std::path::absolute(&path).unwrap_or(path))
            }
            env @ Self::Env(_) => env,
        }
    }

    /// The token itself.
    ///
    /// # Errors
    /// Why it cannot be had, for people.
    pub fn read(&self, variable: impl Fn(&str) -> Option<String>) -> Result<Secret, String> {
        self.read_as(token_of, variable)
    }

    /// As [`read`](Self::read), but any line of visible characters and spaces: somebody else's secret has rules of its own.
    ///
    /// # Errors
    /// Why it cannot be had, for people.
    pub fn read_line(&self, variable: impl Fn(&str) -> Option<String>) -> Result<Secret, String> {
        self.read_as(line_of, variable)
    }

    fn read_as(
        &self,
        take: fn(&str) -> Result<Secret, String>,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Secret, String> {
        match self {
            Self::Env(name) => {
                let text = variable(name);
                let text = text.ok_or_else(|| format!("the environment variable `{name}` is not set"))?;
                take(&text).map_err(|why| format!("the environment variable `{name}` {why}"))
            }
            Self::File(path) => {
                // A service that systemd has handed the file to may not read the file itself.
                let credential = variable("CREDENTIALS_DIRECTORY")
                    .map(|folder| Path::new(&folder).join(credential_id(path)))
                    .filter(|credential| credential.exists());
                read_file(credential.as_deref().unwrap_or(path), take)
            }
        }
    }

    /// The file that it is taken from, if it is one.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::Env(_) => None,
            Self::File(path) => Some(path),
        }
    }
}

/// What a file is called among the credentials of a service (systemd.exec(5), `LoadCredential=`).
#[must_use]
pub fn credential_id(path: &Path) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let text = path.display().to_string();
    let text = text.trim_start_matches('/').chars();
    text.map(|c| if is_plain(c) { c } else { '-' }).collect()
}

/// Where it is taken from, for people.
impl fmt::Display for TokenFrom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "the environment variable `{name}`"),
            Self::File(path) => write!(f, "the file {}", path.display()),
        }
    }
}

/// Reads a token from a file: one line of at least 16 visible characters, in a file that not everybody can read.
///
/// # Errors
/// What is wrong with the file, for people; the token itself is never in it.
pub fn read_token(path: &Path) -> Result<Secret, String> {
    read_file(path, token_of)
}

fn read_file(path: &Path, take: fn(&str) -> Result<Secret, String>) -> Result<Secret, String> {
    let wrong = |why: String| format!("the token file {} {why}", path.display());
    let cannot = |error: std::io::Error| wrong(format!("cannot be read: {error}"));
    let file = File::open(path).map_err(cannot)?;
    let metadata = file.metadata().map_err(cannot)?;
    if metadata.is_file() && metadata.permissions().mode() & 0o007 != 0 {
        return Err(wrong(
            "is open to every user of this machine: chmod o-rwx it".to_owned(),
        ));
    }
    let mut text = String::new();
    let most = u64::try_from(MOST_TOKEN_BYTES + 2).unwrap_or(u64::MAX);
    file.take(most).read_to_string(&mut text).map_err(cannot)?;
    take(&text).map_err(wrong)
}

fn line_of(text: &str) -> Result<Secret, String> {
    let line = text.trim();
    let visible = |byte: u8| byte.is_ascii_graphic() || byte == b' ';
    if line.is_empty() || line.len() > MOST_TOKEN_BYTES || !line.bytes().all(visible) {
        return Err("must hold one line of visible ASCII characters".to_owned());
    }
    Ok(Secret::new(line.to_owned()))
}

/// A text as a token, white space around it aside.
///
/// # Errors
/// What it must be, as the end of a sentence; the text itself is not in it.
pub fn token_of(text: &str) -> Result<Secret, String> {
    let token = text.trim();
    if !(LEAST_TOKEN_BYTES..=MOST_TOKEN_BYTES).contains(&token.len()) {
        return Err(format!(
            "must hold {LEAST_TOKEN_BYTES} to {MOST_TOKEN_BYTES} characters"
        ));
    }
    if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("must hold one line of visible ASCII characters without spaces".to_owned());
    }
    Ok(Secret::new(token.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{Permissions, set_permissions, write};

    #[track_caller]
    fn check(text: &str, mode: u32, expected: Result<&str, &str>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        write(&path, text).unwrap();
        set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        match (read_token(&path), expected) {
            (Ok(token), Ok(expected)) => assert_eq!(token.expose(), expected),
            (Err(why), Err(expected)) => {
                assert!(why.contains(expected), "{why}");
                assert!(text.trim().is_empty() || !why.contains(text.trim()), "{why}");
            }
            (found, expected) => panic!("{found:?}, not {expected:?}"),
        }
    }

    #[test]
    fn a_token_file_is_one_line_that_others_cannot_read() {
        check("0123456789abcdef\n", 0o600, Ok("0123456789abcdef"));
        check("0123456789abcdef", 0o640, Ok("0123456789abcdef"));
        check("0123456789abcdef\n", 0o644, Err("open to every user"));
        check("0123456789abcde\n", 0o600, Err("16 to 4096 characters"));
        check("", 0o600, Err("16 to 4096 characters"));
        check("0123456789abc def\n", 0o600, Err("visible ASCII"));
        assert!(
            read_token(Path::new("/nowhere/at/all"))
                .unwrap_err()
                .contains("cannot be read")
        );
    }

    const TOKEN: &str = "0123456789abcdef";

    #[test]
    fn a_file_that_is_a_credential_is_read_there() {
        let folder = tempfile::tempdir().unwrap();
        let from = TokenFrom::File("/etc/gameday/peers token".into());
        let id = credential_id(from.file().unwrap());
        assert_eq!(id, "etc-gameday-peers-token");
        let variable = |name: &str| {
            let is_it = name == "CREDENTIALS_DIRECTORY";
            is_it.then(|| folder.path().display().to_string())
        };
        assert!(
            from.read(variable)
                .unwrap_err()
                .contains("/etc/gameday/peers token")
        );
        let path = folder.path().join(id);
        write(&path, TOKEN).unwrap();
        set_permissions(&path, Permissions::from_mode(0o400)).unwrap();
        assert_eq!(from.read(variable).unwrap().expose(), TOKEN);
    }

    #[test]
    fn a_token_comes_from_the_environment_or_a_file_and_is_never_told() {
        let good = |name: &str| (name == "TOKEN").then(|| format!("{TOKEN}\n"));
        let env = TokenFrom::Env("TOKEN".to_owned());
        assert_eq!(env.read(good).unwrap().expose(), TOKEN);
        let missing = env.read(|_| None).unwrap_err();
        assert_eq!(missing, "the environment variable `TOKEN` is not set");
        let bad = env
            .read(|_| Some("two words of a secret".to_owned()))
            .unwrap_err();
        assert!(bad.contains("`TOKEN`") && !bad.contains("secret"), "{bad}");
        let words = env.read_line(|_| Some("Basic dXNlcg==\n".to_owned()));
        assert_eq!(words.unwrap().expose(), "Basic dXNlcg==");
        let lines = env.read_line(|_| Some("two\nlines of a secret".to_owned()));
        assert!(!lines.unwrap_err().contains("secret"));
        let file = TokenFrom::File("token".into()).beside(Path::new("/somewhere"));
        assert_eq!(file, TokenFrom::File("/somewhere/token".into()));
        assert!(file.read(|_| None).unwrap_err().contains("/somewhere/token"));
    }
}
