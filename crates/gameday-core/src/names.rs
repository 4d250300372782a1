//! Names: short, safe in a path, a URL, a metric label and a terminal.

use std::cell::RefCell;
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A name that was refused, and why.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "`{0}` is not a name: use 1 to 64 letters, digits, `-`, `_` or `.`, beginning with a letter or digit"
)]
pub struct BadName(String);

/// A thread remembers this many names; a drill has far fewer.
const REMEMBERED: usize = 1024;

thread_local! {
    static NAMES: RefCell<HashSet<Arc<str>>> = RefCell::default();
}

/// The one copy of a name: a journal says the same few names a million times.
fn shared(text: &str) -> Arc<str> {
    NAMES.with_borrow_mut(|names| {
        if let Some(name) = names.get(text) {
            return Arc::clone(name);
        }
        let name: Arc<str> = text.into();
        if names.len() < REMEMBERED {
            names.insert(Arc::clone(&name));
        }
        name
    })
}

fn checked(text: &str) -> Result<Arc<str>, BadName> {
    let first = text.chars().next().is_some_and(|c| c.is_ascii_alphanumeric());
    let rest = text
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    if first && rest && text.len() <= 64 {
        Ok(shared(text))
    } else {
        Err(BadName(text.chars().take(80).collect()))
    }
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks a text and takes it as a name.
            ///
            /// # Errors
            /// [`BadName`] when it is empty, longer than 64 bytes or holds other characters.
            pub fn new(text: &str) -> Result<Self, BadName> {
                checked(text).map(Self)
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = BadName;
            fn try_from(text: String) -> Result<Self, BadName> {
                Self::new(&text)
            }
        }

        impl std::str::FromStr for $name {
            type Err = BadName;
            fn from_str(text: &str) -> Result<Self, BadName> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0.to_string()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

name!(
    /// Where a probe looks from, e.g. `eu-west`.
    RegionName
);
name!(
    /// One thing that is looked at, e.g. `checkout`.
    ProbeName
);
name!(
    /// One step of a flow, e.g. `login`.
    StepName
);
name!(
    /// One entry of a scenario's timeline, e.g. `slow`.
    FaultName
);
name!(
    /// Something a scenario may touch, e.g. `db`.
    TargetName
);
name!(
    /// One steady-state condition, e.g. `fast`.
    SteadyName
);
name!(
    /// Something whose clock we compare with ours and whose loss matters, e.g. `prometheus`, `proxy.db`.
    SourceName
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_safe_in_paths_and_labels() {
        for good in ["db", "eu-west.1", "9lives", "a_b"] {
            assert_eq!(FaultName::new(good).unwrap().as_str(), good);
        }
        for bad in ["", "../etc", ".hidden", "a b", "a/b", "é", &"x".repeat(65)] {
            assert!(FaultName::new(bad).is_err(), "{bad:?} must be refused");
        }
        assert!(
            serde_json::from_str::<FaultName>("\"a/b\"").is_err(),
            "a journal cannot smuggle one in"
        );
    }
}
