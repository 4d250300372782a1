//! The five things the API asks its ledger, as SQL and back.
//!
//! The API writes them and the embedded ledger reads them, from the same templates. Only values of
//! checked types reach a template, and none of these can hold a quote, so no input can leave its
//! literal although plain text queries are used.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Creates what [`Statement`] needs, on an empty PostgreSQL.
pub(crate) const SCHEMA: &str = "
CREATE TABLE payments (
    id text PRIMARY KEY, idempotency_key text NOT NULL UNIQUE,
    amount bigint NOT NULL, currency text NOT NULL, state text NOT NULL);
CREATE TABLE ledger_entries (
    payment_id text NOT NULL REFERENCES payments (id), account text NOT NULL, amount bigint NOT NULL);
CREATE INDEX ledger_entries_payment ON ledger_entries (payment_id);";

const FIND_BY_KEY: &str = "SELECT id, state FROM payments WHERE idempotency_key = '{key}'";
// An existing row is "updated" to itself so that it is returned, whoever was first.
const INSERT: &str = "INSERT INTO payments (id, idempotency_key, amount, currency, state) \
    VALUES ('{id}', '{key}', {amount}, '{currency}', 'pending') \
    ON CONFLICT (idempotency_key) DO UPDATE SET idempotency_key = excluded.idempotency_key RETURNING id, state";
const SETTLE: &str = "INSERT INTO ledger_entries (payment_id, account, amount) \
    VALUES ('{id}', 'customer', -{amount}), ('{id}', 'merchant', {amount}); \
    UPDATE payments SET state = 'settled' WHERE id = '{id}'";
const GET: &str = "SELECT id, state, amount, currency FROM payments WHERE id = '{id}'";
const DELETE: &str =
    "DELETE FROM ledger_entries WHERE payment_id = '{id}'; DELETE FROM payments WHERE id = '{id}'";

/// One question to the ledger: one round trip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Statement {
    /// Has this key been used? Answers `id, state`.
    FindByKey(IdempotencyKey),
    /// Takes the payment down, unless the key was used before; answers the `id, state` that stands.
    Insert {
        id: PaymentId,
        key: IdempotencyKey,
        amount: Amount,
        currency: Currency,
    },
    /// Writes both ledger entries and settles the payment.
    Settle { id: PaymentId, amount: Amount },
    /// Answers `id, state, amount, currency`.
    Get(PaymentId),
    /// Removes a payment with its entries.
    Delete(PaymentId),
}

/// A payment's name: `pay_` and 32 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub(crate) struct PaymentId(String);

/// The client's name for one payment: 1 to 64 letters, digits, `-` and `_`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct IdempotencyKey(String);

/// Minor units, 1 to 100 000 000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u64")]
pub(crate) struct Amount(u64);

/// Three capital letters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Currency(String);

impl PaymentId {
    /// A new one that nobody has.
    pub(crate) fn random() -> Self {
        PaymentId(format!("pay_{}", uuid::Uuid::new_v4().simple()))
    }

    /// Reads one; anything but the exact form is none.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix("pay_")?;
        let exact = digits.len() == 32 && digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        exact.then(|| PaymentId(text.to_owned()))
    }
}

impl IdempotencyKey {
    /// Reads one; anything but the exact form is none.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let sound = (1..=64).contains(&text.len())
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        sound.then(|| IdempotencyKey(text.to_owned()))
    }
}

impl Amount {
    /// Minor units.
    pub(crate) const fn units(self) -> u64 {
        self.0
    }
}

impl TryFrom<u64> for Amount {
    type Error = &'static str;

    fn try_from(units: u64) -> Result<Self, Self::Error> {
        let sound = (1..=100_000_000).contains(&units);
        if sound {
            Ok(Amount(units))
        } else {
            Err("an amount is a number from 1 to 100000000")
        }
    }
}

impl TryFrom<String> for Currency {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let sound = text.len() == 3 && text.bytes().all(|b| b.is_ascii_uppercase());
        if sound {
            Ok(Currency(text))
        } else {
            Err("a currency is three capital letters")
        }
    }
}

macro_rules! displayed_as_it_is {
    ($($name:ident),*) => { $(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )* };
}
displayed_as_it_is!(PaymentId, IdempotencyKey, Amount, Currency);

impl Statement {
    /// The SQL.
    pub(crate) fn sql(&self) -> String {
        match self {
            Statement::FindByKey(key) => fill(FIND_BY_KEY, &[("key", key)]),
            Statement::Insert {
                id,
                key,
                amount,
                currency,
            } => fill(
                INSERT,
                &[
                    ("id", id),
                    ("key", key),
                    ("amount", amount),
                    ("currency", currency),
                ],
            ),
            Statement::Settle { id, amount } => fill(SETTLE, &[("id", id), ("amount", amount)]),
            Statement::Get(id) => fill(GET, &[("id", id)]),
            Statement::Delete(id) => fill(DELETE, &[("id", id)]),
        }
    }

    /// Reads the SQL of one of these statements; any other text is none.
    pub(crate) fn parse(sql: &str) -> Option<Statement> {
        let sql = sql.trim().trim_end_matches(';');
        let read = |template| read(template, sql);
        None.or_else(|| read(FIND_BY_KEY)?.key().map(Statement::FindByKey))
            .or_else(|| {
                let values = read(INSERT)?;
                let (id, key, amount, currency) =
                    (values.id()?, values.key()?, values.amount()?, values.currency()?);
                Some(Statement::Insert {
                    id,
                    key,
                    amount,
                    currency,
                })
            })
            .or_else(|| {
                let values = read(SETTLE)?;
                Some(Statement::Settle {
                    id: values.id()?,
                    amount: values.amount()?,
                })
            })
            .or_else(|| read(GET)?.id().map(Statement::Get))
            .or_else(|| read(DELETE)?.id().map(Statement::Delete))
    }
}

fn fill(template: &str, values: &[(&str, &dyn fmt::Display)]) -> String {
    values.iter().fold(template.to_owned(), |sql, (name, value)| {
        sql.replace(&format!("{{{name}}}"), &value.to_string())
    })
}

/// The values found in the holes of a template, still as text.
struct Values<'a>(Vec<(&'a str, &'a str)>);

impl Values<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, text)| *text)
    }

    fn id(&self) -> Option<PaymentId> {
        PaymentId::parse(self.get("id")?)
    }

    fn key(&self) -> Option<IdempotencyKey> {
        IdempotencyKey::parse(self.get("key")?)
    }

    fn amount(&self) -> Option<Amount> {
        self.get("amount")?.parse::<u64>().ok()?.try_into().ok()
    }

    fn currency(&self) -> Option<Currency> {
        self.get("currency")?.to_owned().try_into().ok()
    }
}

/// Matches text with a template; a hole that stands twice must hold the same text twice.
fn read<'a>(template: &'a str, text: &'a str) -> Option<Values<'a>> {
    let mut values = Values(Vec::new());
    let mut pieces = template.split('{');
    let mut rest = text.strip_prefix(pieces.next()?)?;
    for piece in pieces {
        let (name, literal) = piece.split_once('}')?;
        // No value holds any of the bytes that can follow a hole.
        let end = if literal.is_empty() {
            rest.len()
        } else {
            rest.find(literal)?
        };
        let (value, after) = rest.split_at(end);
        if values.get(name).is_some_and(|known| known != value) {
            return None;
        }
        values.0.push((name, value));
        rest = after.strip_prefix(literal)?;
    }
    rest.is_empty().then_some(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> [Statement; 5] {
        let id = PaymentId::random();
        let key = IdempotencyKey::parse("a-key_1").unwrap();
        let (amount, currency) = (Amount(100), Currency("EUR".into()));
        [
            Statement::FindByKey(key.clone()),
            Statement::Insert {
                id: id.clone(),
                key,
                amount,
                currency,
            },
            Statement::Settle {
                id: id.clone(),
                amount,
            },
            Statement::Get(id.clone()),
            Statement::Delete(id),
        ]
    }

    #[test]
    fn a_statement_reads_what_it_writes() {
        for statement in all() {
            assert_eq!(Statement::parse(&statement.sql()), Some(statement));
        }
    }

    #[test]
    fn any_other_text_is_no_statement() {
        for sql in [
            "",
            "SELECT 1",
            "SELECT id, state FROM payments",
            "DROP TABLE payments",
            "é",
        ] {
            assert_eq!(Statement::parse(sql), None, "{sql}");
        }
        for statement in all() {
            assert_eq!(
                Statement::parse(&format!("{}; DROP TABLE payments", statement.sql())),
                None
            );
        }
        // The second hole of the same name holds another payment.
        let two = Statement::Delete(PaymentId::random())
            .sql()
            .split_once(';')
            .unwrap()
            .0
            .to_owned();
        let sql = format!("{two}; DELETE FROM payments WHERE id = '{}'", PaymentId::random());
        assert_eq!(Statement::parse(&sql), None);
    }

    #[test]
    fn nothing_that_could_leave_a_literal_is_a_value() {
        for text in ["", "x' OR '1'='1", "a;b", "a b", "é", "a\\", &"k".repeat(65)] {
            assert_eq!(IdempotencyKey::parse(text), None, "{text}");
            assert_eq!(PaymentId::parse(text), None, "{text}");
        }
        assert_eq!(PaymentId::parse(&format!("pay_{}", "0".repeat(33))), None);
        assert!(Currency::try_from("EU'".to_owned()).is_err());
        assert!(Amount::try_from(0).is_err());
    }
}
