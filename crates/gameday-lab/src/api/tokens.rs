//! The tokens of those who have logged in.

use std::collections::{HashSet, VecDeque};
use std::sync::Mutex;

/// The oldest token ends when there would be more.
const MAX_TOKENS: usize = 10_000;

/// Valid tokens, in the order they were given.
#[derive(Debug, Default)]
pub(super) struct Tokens(Mutex<(HashSet<String>, VecDeque<String>)>);

impl Tokens {
    /// Gives a new one.
    pub(super) fn give(&self) -> String {
        let token = format!("tok_{}", uuid::Uuid::new_v4().simple());
        let mut tokens = self.0.lock().expect("no holder of the tokens panics");
        let (valid, order) = &mut *tokens;
        valid.insert(token.clone());
        order.push_back(token.clone());
        if order.len() > MAX_TOKENS
            && let Some(oldest) = order.pop_front()
        {
            valid.remove(&oldest);
        }
        token
    }

    /// True for a token that was given and has not ended.
    pub(super) fn is_valid(&self, token: &str) -> bool {
        self.0
            .lock()
            .expect("no holder of the tokens panics")
            .0
            .contains(token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_valid_until_ten_thousand_have_followed() {
        let tokens = Tokens::default();
        let first = tokens.give();
        for _ in 1..MAX_TOKENS {
            tokens.give();
        }
        assert!(tokens.is_valid(&first));
        tokens.give();
        assert!(!tokens.is_valid(&first));
        assert!(!tokens.is_valid("tok_guess"));
    }
}
