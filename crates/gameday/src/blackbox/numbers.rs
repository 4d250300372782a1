//! The exporter's own metrics: the names that dashboards of blackbox_exporter know, and those of the process.

use std::fmt::Write as _;
use std::sync::atomic::Ordering;

use gameday_probe::blackbox::push_number;

use super::exporter::Counts;

pub(super) fn text(counts: &Counts) -> String {
    let mut text = String::new();
    let count = |counter: &std::sync::atomic::AtomicU64| float(counter.load(Ordering::Relaxed));
    let build = format!(
        "{{branch=\"\",goarch=\"{}\",goos=\"{}\",goversion=\"\",revision=\"gameday\",version=\"{}\"}}",
        std::env::consts::ARCH,
        std::env::consts::OS,
        env!("CARGO_PKG_VERSION")
    );
    let mut put = |kind: &str, name: &str, help: &str, labels: &str, value: f64| {
        write!(
            text,
            "# HELP {name} {help}\n# TYPE {name} {kind}\n{name}{labels} "
        )
        .expect("a String takes everything");
        push_number(&mut text, value);
        text.push('\n');
    };
    put(
        "gauge",
        "blackbox_exporter_build_info",
        "The version of gameday that stands in for blackbox_exporter.",
        &build,
        1.0,
    );
    put(
        "gauge",
        "blackbox_exporter_config_last_reload_success_timestamp_seconds",
        "Timestamp of the last successful configuration reload.",
        "",
        count(&counts.loaded_at) / 1e3,
    );
    put(
        "gauge",
        "blackbox_exporter_config_last_reload_successful",
        "Blackbox exporter config loaded successfully.",
        "",
        count(&counts.loaded),
    );
    put(
        "counter",
        "blackbox_module_unknown_total",
        "Count of unknown modules requested by probes",
        "",
        count(&counts.unknown_modules),
    );
    for (name, kind, help, value) in process() {
        put(kind, name, help, "", value);
    }
    put(
        "counter",
        "promhttp_metric_handler_requests_total",
        "Total number of scrapes by HTTP status code.",
        "{code=\"200\"}",
        count(&counts.scrapes) - 1.0,
    );
    text
}

#[expect(clippy::cast_precision_loss, reason = "counts below 2^52")]
fn float(number: u64) -> f64 {
    number as f64
}

/// proc(5): what Prometheus' own libraries tell of a process; what cannot be read is left out.
fn process() -> Vec<(&'static str, &'static str, &'static str, f64)> {
    let read = |name: &str| std::fs::read_to_string(format!("/proc/self/{name}")).unwrap_or_default();
    let stat = read("stat");
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let field =
        |number: usize| -> Option<f64> { after_name.split_whitespace().nth(number - 3)?.parse().ok() };
    let ticks = nix::unistd::sysconf(nix::unistd::SysconfVar::CLK_TCK)
        .ok()
        .flatten()
        .unwrap_or(100);
    let page = nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE)
        .ok()
        .flatten()
        .unwrap_or(4096);
    let (ticks, page) = (float(ticks.unsigned_abs()), float(page.unsigned_abs()));
    let boot = std::fs::read_to_string("/proc/stat").unwrap_or_default();
    let boot = boot
        .lines()
        .find_map(|line| line.strip_prefix("btime ")?.parse::<f64>().ok());
    let limits = read("limits");
    let most_files = limits.lines().find_map(|line| {
        let rest = line.strip_prefix("Max open files")?;
        rest.split_whitespace().next()?.parse::<f64>().ok()
    });
    let files = std::fs::read_dir("/proc/self/fd").ok();
    let all = [
        (
            "process_cpu_seconds_total",
            "counter",
            "Total user and system CPU time spent in seconds.",
            field(14)
                .zip(field(15))
                .map(|(user, system)| (user + system) / ticks),
        ),
        (
            "process_max_fds",
            "gauge",
            "Maximum number of open file descriptors.",
            most_files,
        ),
        (
            "process_open_fds",
            "gauge",
            "Number of open file descriptors.",
            files.map(|files| float(files.count() as u64)),
        ),
        (
            "process_resident_memory_bytes",
            "gauge",
            "Resident memory size in bytes.",
            field(24).map(|pages| pages * page),
        ),
        (
            "process_start_time_seconds",
            "gauge",
            "Start time of the process since unix epoch in seconds.",
            field(22).zip(boot).map(|(start, boot)| boot + start / ticks),
        ),
        (
            "process_virtual_memory_bytes",
            "gauge",
            "Virtual memory size in bytes.",
            field(23),
        ),
    ];
    let known = all.into_iter();
    known
        .filter_map(|(name, kind, help, value)| Some((name, kind, help, value?)))
        .collect()
}
