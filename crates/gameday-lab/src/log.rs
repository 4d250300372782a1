//! One JSON object a line on standard error, which the supervisor keeps in a file.

use std::io::{self, Write as _};
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use serde_json::{Map, Value};

/// A log file is emptied when it has grown to this many bytes, so a lab left alone fills no disk.
const FILE_LIMIT: u64 = 64 << 20;

static WRITTEN: AtomicU64 = AtomicU64::new(0);

/// Logs something that went as it should; `fields` is a JSON object.
pub(crate) fn info(msg: &str, fields: Value) {
    write("info", msg, fields);
}

/// Logs something that did not; `fields` is a JSON object.
pub(crate) fn warn(msg: &str, fields: Value) {
    write("warn", msg, fields);
}

fn write(level: &str, msg: &str, fields: Value) {
    // The standard error of a test belongs to the test's runner.
    if cfg!(test) {
        return;
    }
    let line = line(Timestamp::now(), level, msg, fields);
    let mut stderr = io::stderr().lock();
    // A log that cannot be written must not stop the service that writes it.
    let _ = stderr.write_all(line.as_bytes());
    let written = WRITTEN.fetch_add(line.len() as u64, Ordering::Relaxed) + line.len() as u64;
    if written > FILE_LIMIT {
        WRITTEN.store(0, Ordering::Relaxed);
        // Fails on a pipe or a terminal, which keep nothing anyway.
        let _ = nix::unistd::ftruncate(&stderr, 0);
    }
}

fn line(at: Timestamp, level: &str, msg: &str, fields: Value) -> String {
    let mut object = Map::new();
    object.insert("ts".into(), format!("{at:.3}").into());
    object.insert("level".into(), level.into());
    object.insert("msg".into(), msg.into());
    if let Value::Object(fields) = fields {
        object.extend(fields);
    }
    format!("{}\n", Value::Object(object))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_object_with_time_level_message_and_fields() {
        let at: Timestamp = "2026-01-02T03:04:05.678901Z".parse().unwrap();
        let line = line(
            at,
            "info",
            "request",
            serde_json::json!({"status": 201, "path": "/a\nb"}),
        );
        assert_eq!(line.matches('\n').count(), 1);
        let object: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(object["ts"], "2026-01-02T03:04:05.678Z");
        assert_eq!(object["level"], "info");
        assert_eq!(object["status"], 201);
    }
}
