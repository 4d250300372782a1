//! Notifications: who is told when an alert of the prober's own fires and when it is over.
//!
//! ```text
//!  budgets ─► Board { wanted } ─► Outbox of each receiver { told } ─► worker ─► webhook · PagerDuty · Slack
//!                                        due: what is wanted and not told
//! ```
//!
//! There is no queue of messages: a receiver is told the difference between what is and what it has been told.
//! So nothing is told twice, what fired and was over while a receiver was away is not told at all, and memory is
//! bounded by the number of alerts. What was told survives a restart (`told` is written by `slo/store.rs`).

mod board;
mod channel;
mod config;
mod notice;
mod outbox;
mod pagerduty;
mod quiet;
mod slack;
mod turn;
mod webhook;
mod worker;

pub(crate) use board::{Board, Told};
pub(crate) use config::{Receiver, ReceiverFile, read_receivers};
pub(crate) use notice::Notice;
pub(crate) use quiet::{Quiet, read_quiet};
pub(crate) use worker::work;
