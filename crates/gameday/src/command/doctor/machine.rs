//! What any process can see: descriptors, clocks, folders, programs.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use gameday_drill::Registry;
use nix::sys::resource::{Resource, getrlimit};

use super::Finding;
use crate::command;

/// Fewer than this and the proxy carries few connections.
const ENOUGH_DESCRIPTORS: u64 = 20_000;
/// A wait that is later than this spoils latencies of a few milliseconds.
const LATE: Duration = Duration::from_micros(500);

pub(super) fn findings() -> Vec<Finding> {
    vec![
        descriptors(),
        waits(),
        clock(),
        state_folder(),
        open_drills(),
        lab(),
    ]
}

fn descriptors() -> Finding {
    let name = "descriptors";
    match getrlimit(Resource::RLIMIT_NOFILE) {
        Ok((_, hard)) if hard < ENOUGH_DESCRIPTORS => Finding::limited(
            name,
            format!(
                "at most {hard} open files: about {} connections through the proxy",
                hard * 3 / 8
            ),
            "raise the hard limit: `ulimit -Hn`, LimitNOFILE= of the unit",
        ),
        Ok((_, hard)) => Finding::ok(name, format!("at most {hard} open files")),
        Err(error) => Finding::limited(name, format!("the limit cannot be read: {error}"), "none known"),
    }
}

/// How late short waits end: what a latency toxic can promise here, at this load.
fn waits() -> Finding {
    let span = Duration::from_millis(2);
    let mut late: Vec<Duration> = (0..50)
        .map(|_| {
            let start = Instant::now();
            std::thread::sleep(span);
            start.elapsed().saturating_sub(span)
        })
        .collect();
    late.sort_unstable();
    let (median, worst) = (late[late.len() / 2], late[late.len() - 1]);
    let found = format!("waits of 2 ms end {median:.0?} late at the median, {worst:.0?} at worst");
    if median < LATE {
        Finding::ok("waits", found)
    } else {
        Finding::limited(
            "waits",
            found,
            "the machine is busy or its timers are coarse: delays will be longer than asked",
        )
    }
}

fn clock() -> Finding {
    let name = "clock";
    let asked = Command::new("timedatectl")
        .args(["show", "--property=NTPSynchronized", "--value"])
        .stderr(Stdio::null())
        .output();
    let answer = asked.ok().filter(|output| output.status.success());
    match answer
        .map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
        .as_deref()
    {
        Some("yes") => Finding::ok(name, "synchronised (NTP)"),
        Some("no") => Finding::limited(
            name,
            "not synchronised",
            "start chrony or systemd-timesyncd; offsets to other machines are measured and told in each report anyway",
        ),
        _ => Finding::limited(
            name,
            "nobody here says whether it is synchronised",
            "offsets to other machines are measured and told in each report anyway",
        ),
    }
}

fn state_folder() -> Finding {
    let name = "state folder";
    let home = match command::state_home() {
        Ok(home) => home,
        Err(why) => return Finding::missing(name, why, "set HOME or XDG_STATE_HOME: no drill runs without"),
    };
    let folder = Registry::new(&home).folder().to_owned();
    let probe = folder.join(format!(".doctor-{}", std::process::id()));
    let tried = fs::create_dir_all(&folder)
        .and_then(|()| fs::write(&probe, b""))
        .and_then(|()| fs::remove_file(&probe));
    match tried {
        Ok(()) => Finding::ok(name, folder.display().to_string()),
        Err(error) => Finding::missing(
            name,
            format!("{}: {error}", folder.display()),
            "make it writable for this user: a drill that cannot be remembered is not begun",
        ),
    }
}

fn open_drills() -> Finding {
    let name = "open drills";
    let Ok(home) = command::state_home() else {
        return Finding::limited(name, "unknown", "see the state folder");
    };
    match Registry::new(&home).list() {
        Ok(drills) => {
            let dead = drills
                .iter()
                .filter(|drill| drill.as_ref().is_ok_and(|drill| !drill.is_running()));
            let unreadable = drills.iter().filter(|drill| drill.is_err()).count();
            match dead.count() + unreadable {
                0 => Finding::ok(name, format!("{} running, none to heal", drills.len())),
                count => Finding::limited(name, format!("{count} to heal"), "gameday heal"),
            }
        }
        Err(error) => Finding::limited(name, error.to_string(), "see the state folder"),
    }
}

fn lab() -> Finding {
    let name = "lab";
    match gameday_lab::choose(gameday_lab::LabChoice::Real) {
        Ok(_) => Finding::ok(name, "the real lab's programs are here"),
        Err(why) => Finding::limited(
            name,
            format!("embedded only: {why}"),
            "install them, or use `--lab embedded`",
        ),
    }
}

/// A program on the path, or where administrators' programs are.
pub(super) fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin", "/sbin"].map(PathBuf::from));
    folders
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}
