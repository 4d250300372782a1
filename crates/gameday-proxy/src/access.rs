//! Who may use the API, beside programs on this machine.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use gameday_core::Secret;

/// A shorter one could be guessed.
const LEAST_TOKEN_BYTES: usize = 16;
const MOST_TOKEN_BYTES: usize = 4096;

/// Who may use the API; the default is every program on this machine, and nobody else.
#[derive(Debug, Clone, Default)]
pub struct Access {
    /// What every request must carry as `Authorization: Bearer …`.
    pub token: Option<Secret>,
    /// Whether the API may be reached from elsewhere without a token.
    pub insecure: bool,
    /// Names that the `Host` header may have, beside loopback and the address that is listened on.
    pub hosts: Vec<String>,
}

/// Reads a token from a file: one line of at least 16 visible characters, in a file that not everybody can read.
///
/// # Errors
/// What is wrong with the file, for people; the token itself is never in it.
pub fn read_token(path: &Path) -> Result<Secret, String> {
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
    token_of(&text).map_err(wrong)
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
}
