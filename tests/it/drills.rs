//! Whole drills: the shipped one passes on both labs, and one that should not pass says why.

mod failing;
mod shape;
mod shipped;
