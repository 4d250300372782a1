//! Whole drills: those shipped pass, and one that should not pass says why.

mod cache;
mod failing;
mod ordered;
mod others;
mod sampled;
mod shape;
mod shipped;
