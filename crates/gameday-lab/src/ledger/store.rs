//! The ledger's tables, in memory and bounded; what changes them can be done again from their log.

use std::collections::{HashMap, VecDeque};

use super::wire::Answer;
use crate::statements::{Amount, Currency, IdempotencyKey, PaymentId, Statement};

/// The oldest payments make room beyond this many.
const MAX_PAYMENTS: usize = 50_000;

/// All payments, by name and by key, oldest first.
#[derive(Debug, Default)]
pub(super) struct Store {
    payments: HashMap<PaymentId, Payment>,
    by_key: HashMap<IdempotencyKey, PaymentId>,
    order: VecDeque<PaymentId>,
}

#[derive(Debug)]
struct Payment {
    key: IdempotencyKey,
    amount: Amount,
    currency: Currency,
    state: &'static str,
    /// How many ledger entries stand against it.
    entries: usize,
}

impl Store {
    /// Does what a statement says and answers as PostgreSQL would, one answer for each command; says whether anything changed.
    pub(super) fn execute(&mut self, statement: Statement) -> (Vec<Answer>, bool) {
        match statement {
            Statement::FindByKey(key) => {
                let id = self.by_key.get(&key).cloned();
                let found = Answer::select(&["id", "state"], id.map(|id| self.id_and_state(&id)));
                (vec![found], false)
            }
            Statement::Insert {
                id,
                key,
                amount,
                currency,
            } => {
                let stands = self.insert(id.clone(), key, amount, currency);
                let rows = vec![self.id_and_state(&stands)];
                (
                    vec![Answer::rows("INSERT 0 1", &["id", "state"], rows)],
                    stands == id,
                )
            }
            Statement::Settle { id, .. } => (self.settle(&id), self.payments.contains_key(&id)),
            Statement::Get(id) => {
                let row = self.payments.get(&id).map(|payment| {
                    let state = payment.state.to_owned();
                    vec![
                        id.to_string(),
                        state,
                        payment.amount.to_string(),
                        payment.currency.to_string(),
                    ]
                });
                let columns = ["id", "state", "amount", "currency"];
                (vec![Answer::select(&columns, row)], false)
            }
            Statement::Delete(id) => {
                let removed = self.remove(&id);
                let entries = removed.as_ref().map_or(0, |payment| payment.entries);
                let answers = vec![
                    Answer::done(format!("DELETE {entries}")),
                    Answer::done(format!("DELETE {}", usize::from(removed.is_some()))),
                ];
                (answers, removed.is_some())
            }
        }
    }

    /// What makes the same tables from nothing.
    pub(super) fn statements(&self) -> Vec<Statement> {
        let standing = self
            .order
            .iter()
            .filter_map(|id| Some((id, self.payments.get(id)?)));
        let made = standing.flat_map(|(id, payment)| {
            let settled = Statement::Settle {
                id: id.clone(),
                amount: payment.amount,
            };
            let taken = Statement::Insert {
                id: id.clone(),
                key: payment.key.clone(),
                amount: payment.amount,
                currency: payment.currency.clone(),
            };
            // Each settling writes two entries.
            std::iter::once(taken).chain(std::iter::repeat_n(settled, payment.entries / 2))
        });
        made.collect()
    }

    fn id_and_state(&self, id: &PaymentId) -> Vec<String> {
        let state = self.payments.get(id).map_or("", |payment| payment.state);
        vec![id.to_string(), state.to_owned()]
    }

    /// Returns the payment that stands under the key: the new one, or the one that was there.
    fn insert(
        &mut self,
        id: PaymentId,
        key: IdempotencyKey,
        amount: Amount,
        currency: Currency,
    ) -> PaymentId {
        if let Some(existing) = self.by_key.get(&key) {
            return existing.clone();
        }
        while self.order.len() >= MAX_PAYMENTS {
            let oldest = self.order.front().cloned().expect("a full queue has a front");
            self.remove(&oldest);
        }
        self.by_key.insert(key.clone(), id.clone());
        self.order.push_back(id.clone());
        self.payments.insert(
            id.clone(),
            Payment {
                key,
                amount,
                currency,
                state: "pending",
                entries: 0,
            },
        );
        id
    }

    fn settle(&mut self, id: &PaymentId) -> Vec<Answer> {
        match self.payments.get_mut(id) {
            Some(payment) => {
                payment.state = "settled";
                payment.entries += 2;
                vec![Answer::done("INSERT 0 2".into()), Answer::done("UPDATE 1".into())]
            }
            None => vec![Answer::refused(
                "23503",
                "the payment of a ledger entry does not exist",
            )],
        }
    }

    fn remove(&mut self, id: &PaymentId) -> Option<Payment> {
        let payment = self.payments.remove(id)?;
        self.by_key.remove(&payment.key);
        // Payments that are deleted are mostly young, so the search is short from the back.
        if let Some(place) = self.order.iter().rposition(|known| known == id) {
            self.order.remove(place);
        }
        Some(payment)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn insert(store: &mut Store, key: &str) -> PaymentId {
        let (amount, currency) = (Amount::try_from(5).unwrap(), "EUR".to_owned().try_into().unwrap());
        store.insert(
            PaymentId::random(),
            IdempotencyKey::parse(key).unwrap(),
            amount,
            currency,
        )
    }

    #[test]
    fn the_same_key_keeps_the_first_payment() {
        let mut store = Store::default();
        let first = insert(&mut store, "k");
        assert_eq!(insert(&mut store, "k"), first);
        assert_eq!(store.payments.len(), 1);
    }

    #[test]
    fn the_oldest_payment_makes_room() {
        let mut store = Store::default();
        let first = insert(&mut store, "k0");
        for n in 1..=MAX_PAYMENTS {
            insert(&mut store, &format!("k{n}"));
        }
        assert_eq!(store.payments.len(), MAX_PAYMENTS);
        assert!(!store.payments.contains_key(&first));
        assert_eq!(
            (store.by_key.len(), store.order.len()),
            (MAX_PAYMENTS, MAX_PAYMENTS)
        );
    }
}
