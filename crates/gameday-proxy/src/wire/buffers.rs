//! Buffers that are lent out while bytes flow and given back when a direction falls idle.

use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, PoisonError};

/// What a direction begins with.
pub(crate) const SMALL: usize = 64 * 1024;
/// What it grows to while reads fill the buffer: 256 KiB moved 2.7 times what 8 KiB did.
pub(crate) const LARGE: usize = 256 * 1024;
/// At most this many of each size are kept when nobody uses them (10 MiB together).
const KEPT: usize = 32;

/// The buffers of a server.
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    small: Mutex<Vec<Vec<u8>>>,
    large: Mutex<Vec<Vec<u8>>>,
}

impl Buffers {
    /// Lends a buffer of [`SMALL`] or [`LARGE`] bytes.
    pub(crate) fn lend(&self, large: bool) -> Lent<'_> {
        let (shelf, size) = if large {
            (&self.large, LARGE)
        } else {
            (&self.small, SMALL)
        };
        let kept = shelf.lock().unwrap_or_else(PoisonError::into_inner).pop();
        Lent {
            shelf,
            bytes: kept.unwrap_or_else(|| vec![0; size]),
        }
    }
}

/// A buffer that goes back to its shelf when it is dropped.
pub(crate) struct Lent<'a> {
    shelf: &'a Mutex<Vec<Vec<u8>>>,
    bytes: Vec<u8>,
}

impl Deref for Lent<'_> {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl DerefMut for Lent<'_> {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        let mut shelf = self.shelf.lock().unwrap_or_else(PoisonError::into_inner);
        if shelf.len() < KEPT {
            shelf.push(std::mem::take(&mut self.bytes));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_come_back_and_no_more_than_the_limit_are_kept() {
        let buffers = Buffers::default();
        let many: Vec<_> = (0..KEPT + 5).map(|_| buffers.lend(false)).collect();
        assert!(many.iter().all(|buffer| buffer.len() == SMALL));
        drop(many);
        assert_eq!(buffers.small.lock().unwrap().len(), KEPT);
        assert_eq!(buffers.lend(true).len(), LARGE);
    }
}
