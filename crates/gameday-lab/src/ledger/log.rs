//! The ledger's log: every statement that changed something, in the order in which it was done.
//!
//! ```text
//!   9c1185a5c5e9fc54 INSERT INTO payments (id, …) VALUES ('pay_…', …
//!   └─ checksum ───┘ └─ the statement as it was sent; none holds an end of line
//! ```
//!
//! A process that is killed in mid-write leaves half a line at the end: whoever was to be told of it was not, so it is cut off.

use crate::statements::Statement;

/// What a log holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Read {
    pub(super) statements: Vec<Statement>,
    /// So many bytes of it are whole; what follows was never promised to anybody.
    pub(super) whole: u64,
}

/// A statement as it stands in the log.
pub(super) fn line(statement: &Statement) -> String {
    let sql = statement.sql();
    format!("{:016x} {sql}\n", checksum(sql.as_bytes()))
}

/// Reads a log up to its torn end.
///
/// # Errors
/// The place of a line that is damaged although whole ones follow: that was no crash, and what is missing is not known.
pub(super) fn read(bytes: &[u8]) -> Result<Read, u64> {
    let mut found = Read {
        statements: Vec::new(),
        whole: 0,
    };
    let mut lines = bytes.split_inclusive(|byte| *byte == b'\n');
    for line in lines.by_ref() {
        let Some(statement) = statement(line) else {
            return match lines.any(statement_is_whole) {
                true => Err(found.whole),
                false => Ok(found),
            };
        };
        found.statements.push(statement);
        found.whole += line.len() as u64;
    }
    Ok(found)
}

fn statement_is_whole(line: &[u8]) -> bool {
    statement(line).is_some()
}

fn statement(line: &[u8]) -> Option<Statement> {
    let line = std::str::from_utf8(line).ok()?.strip_suffix('\n')?;
    let (sum, sql) = line.split_at_checked(16)?;
    let sql = sql.strip_prefix(' ')?;
    let right = u64::from_str_radix(sum, 16).ok()? == checksum(sql.as_bytes());
    right.then(|| Statement::parse(sql)).flatten()
}

/// FNV-1a, 64 bits: it is there to tell half a line from a whole one, not to keep forgers out.
fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statements::{Amount, IdempotencyKey, PaymentId};

    fn three() -> (Vec<Statement>, String) {
        let id = PaymentId::random();
        let amount = Amount::try_from(7).unwrap();
        let all = vec![
            Statement::Insert {
                id: id.clone(),
                key: IdempotencyKey::parse("k").unwrap(),
                amount,
                currency: "EUR".to_owned().try_into().unwrap(),
            },
            Statement::Settle {
                id: id.clone(),
                amount,
            },
            Statement::Delete(id),
        ];
        let text = all.iter().map(line).collect();
        (all, text)
    }

    #[test]
    fn what_was_written_is_read() {
        let (all, text) = three();
        let read = read(text.as_bytes()).unwrap();
        assert_eq!((read.statements, read.whole), (all, text.len() as u64));
    }

    #[test]
    fn a_torn_end_is_cut_wherever_it_is_torn() {
        let (all, text) = three();
        let second = text.match_indices('\n').nth(1).unwrap().0 + 1;
        for end in second..text.len() {
            let read = read(&text.as_bytes()[..end]).unwrap();
            assert_eq!(
                (&read.statements[..], read.whole),
                (&all[..2], second as u64),
                "{end}"
            );
        }
        // Nor is an end of which only a length came to the disk, but not what it holds.
        let torn = [&text.as_bytes()[..second], &[0; 90]].concat();
        assert_eq!(read(&torn).unwrap().whole, second as u64);
    }

    #[test]
    fn damage_in_the_middle_is_told_with_its_place() {
        let (_, text) = three();
        let first = text.find('\n').unwrap() + 1;
        let mut bytes = text.into_bytes();
        bytes[first + 40] ^= 1;
        assert_eq!(read(&bytes), Err(first as u64));
    }
}
