//! `gameday probe --blackbox` beside Debian's blackbox_exporter 0.23, on one file and the same servers.

mod beside;
mod importing;
mod ours;
mod world;
