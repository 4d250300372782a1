//! Flows as people write them, here and in other tools, looked at by the real binary on servers that behave.

mod encodings;
mod importing;
mod ported;
mod private;
mod shop;
mod tokens;
mod words;
