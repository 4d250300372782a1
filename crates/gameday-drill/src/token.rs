//! The token of a proxy's API: where it is taken from stands in files and journals, the token itself nowhere.

use std::path::{Path, PathBuf};

use gameday_core::Secret;
use gameday_proxy::{ProxyClient, read_token, token_of};
use serde::{Deserialize, Serialize};

use crate::fault::FaultError;

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

    fn read(&self, variable: impl Fn(&str) -> Option<String>) -> Result<Secret, String> {
        match self {
            Self::Env(name) => {
                let text = variable(name);
                let text = text.ok_or_else(|| format!("the environment variable `{name}` is not set"))?;
                token_of(&text).map_err(|why| format!("the environment variable `{name}` {why}"))
            }
            Self::File(path) => read_token(path),
        }
    }
}

/// A client of a proxy's API with its token, if it needs one.
///
/// # Errors
/// When the address cannot be used, or the token cannot be had.
pub(crate) fn client(
    api: &str,
    token: Option<&TokenFrom>,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<ProxyClient, FaultError> {
    let token = token.map(|token| token.read(variable)).transpose();
    let token =
        token.map_err(|why| FaultError::Refused(format!("the token of the proxy at {api}: {why}")))?;
    Ok(ProxyClient::new(api)?.with_token(token))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "0123456789abcdef";

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
        let file = TokenFrom::File("token".into()).beside(Path::new("/somewhere"));
        assert_eq!(file, TokenFrom::File("/somewhere/token".into()));
        assert!(file.read(|_| None).unwrap_err().contains("/somewhere/token"));
    }
}
