//! The one block of PL/pgSQL that the embedded ledger does: it fails as it says.
//!
//! A fault proxy sends it in place of a statement that is to fail, so that the session and its
//! transaction fail as they would at a real server.
//!
//! ```sql
//! DO 'BEGIN RAISE EXCEPTION USING ERRCODE = ''40P01'', MESSAGE = ''it''''s a deadlock''; END'
//! ```

use super::wire::Answer;

const HEAD: &str = "DO 'BEGIN RAISE EXCEPTION USING ERRCODE = ''";
const MIDDLE: &str = "'', MESSAGE = ''";
const TAIL: &str = "''; END'";

/// The failure that a block asks for; none if it is another statement.
pub(super) fn refusal(sql: &str) -> Option<Answer> {
    let (code, message) = sql
        .trim_end_matches([';', ' '])
        .strip_prefix(HEAD)?
        .strip_suffix(TAIL)?
        .split_once(MIDDLE)?;
    let is_state = code.len() == 5
        && code
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    // A literal within a literal: each quote stands there four times.
    is_state.then(|| Answer::refused(code.to_owned(), message.replace("''''", "'")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_fails_with_its_state_and_message() {
        let sql = format!("{HEAD}40P01{MIDDLE}it''''s a deadlock{TAIL}");
        assert_eq!(refusal(&sql), Some(Answer::refused("40P01", "it's a deadlock")));
    }

    #[test]
    fn any_other_block_is_none() {
        for sql in ["", "DO 'BEGIN END'", HEAD, &format!("{HEAD}40p01{MIDDLE}x{TAIL}")] {
            assert!(refusal(sql).is_none(), "{sql}");
        }
    }
}
