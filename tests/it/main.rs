//! Tests of the real binary: real servers, real sockets, real signals.

mod support;

mod drills;
mod files;
mod labs;
mod layers;
mod probing;
mod proxying;
mod safety;
mod truth;
