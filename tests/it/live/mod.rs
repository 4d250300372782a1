//! People and a drill that runs: what they say to it, and what they see of it.

mod page;
mod saying;
mod terminal;
mod watching;
