//! Nothing stays broken: whatever happens to the runner, the proxy, the target or the alerting.
//!
//! The proxy is started outside any lab, so it outlives every drill, as a real one does.

mod blind;
mod chaos;
mod disk;
mod guards;
mod interrupted;
mod killed;
mod lost;
mod marks;
mod parts;
mod paused;
mod refused;
mod stuck;
mod taken;
