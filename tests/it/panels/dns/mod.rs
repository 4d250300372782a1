//! `[dns]`: bind9 holds signed zones, each broken in a way of its own, and an old copy; unbound checks them.

mod faults;
mod holders;
mod servers;
mod strange;
mod world;
mod zones;

pub(crate) use servers::named;

use super::{Said, run, start};
