//! The view in a terminal: a real one, that tmux draws.

use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use gameday_core::EventKind;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::rig::{Rig, SLOW, Scenario};
use crate::support::wait_for;

/// A terminal is slow on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);

/// A terminal of its own, and a command in it.
struct Terminal {
    dir: PathBuf,
    /// One of its own: a server that was told to end may still be there when the next one begins.
    socket: PathBuf,
}

static COUNT: AtomicUsize = AtomicUsize::new(0);

impl Terminal {
    /// Runs `gameday` with these arguments in a terminal of 80 columns and 24 lines.
    fn start(rig: &Rig, args: &str, environment: &str) -> Self {
        rig.scenario(
            "held",
            &Scenario {
                timeline: SLOW,
                ..Scenario::default()
            },
        );
        let dir = rig.sandbox.path().to_owned();
        let state = dir.join("state");
        let script = format!(
            "cd {dir}\nexport XDG_STATE_HOME={state} TERM=screen-256color\nunset CI NO_COLOR\ntrap : INT\n{environment}\nstty -g > before\n\
             sh -c 'echo $$ > pid; exec {gameday} {args}'\necho $? > code.part; stty -g > after; mv code.part code\n",
            dir = dir.display(),
            state = state.display(),
            gameday = env!("CARGO_BIN_EXE_gameday"),
        );
        for old in ["code", "pid"] {
            let _ = std::fs::remove_file(dir.join(old));
        }
        let script = rig.sandbox.write("in-terminal.sh", &script);
        let socket = dir.join(format!("tmux-{}", COUNT.fetch_add(1, Ordering::SeqCst)));
        let terminal = Self { dir, socket };
        terminal.tmux(&[
            "new-session",
            "-d",
            "-x",
            "80",
            "-y",
            "24",
            &format!("sh {}; exec sleep 600", script.display()),
        ]);
        terminal
    }

    fn tmux(&self, args: &[&str]) -> String {
        let output = Command::new("tmux")
            .arg("-S")
            .arg(&self.socket)
            .args(args)
            .env_remove("TMUX")
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "tmux {args:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// What is to be seen, with what was scrolled away.
    fn shown(&self) -> String {
        self.tmux(&["capture-pane", "-p", "-J", "-S", "-500"])
    }

    #[track_caller]
    fn wait_for(&self, words: &str) {
        let deadline = std::time::Instant::now() + LIMIT;
        while !self.shown().contains(words) {
            assert!(
                std::time::Instant::now() < deadline,
                "`{words}` is not in\n{}",
                self.shown()
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Whether the view has the terminal.
    fn is_taken(&self) -> bool {
        self.tmux(&["display-message", "-p", "#{alternate_on}"]).trim() == "1"
    }

    fn press(&self, keys: &[&str]) {
        self.tmux(&[&["send-keys"], keys].concat());
    }

    fn signal(&self, signal: Signal) {
        let pid = std::fs::read_to_string(self.dir.join("pid")).unwrap();
        kill(Pid::from_raw(pid.trim().parse().unwrap()), signal).unwrap();
    }

    /// It ended with this code, gave the terminal back as it was, and printed these.
    #[track_caller]
    fn ends(&self, code: &str, words: &[&str]) {
        let ended = wait_for("the command to end", LIMIT, || {
            std::fs::read_to_string(self.dir.join("code")).ok()
        });
        let shown = self.shown();
        assert_eq!(ended.trim(), code, "{shown}");
        assert!(!self.is_taken(), "{shown}");
        let settings = |name: &str| std::fs::read_to_string(self.dir.join(name)).unwrap();
        assert_eq!(settings("before"), settings("after"), "the terminal's settings");
        words
            .iter()
            .for_each(|words| assert!(shown.contains(words), "`{words}` is not in\n{shown}"));
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Its server, and what runs in it.
        let _ = Command::new("tmux")
            .arg("-S")
            .arg(&self.socket)
            .arg("kill-server")
            .output();
    }
}

#[test]
fn keys_write_notes_and_stop_the_drill_and_the_terminal_is_as_before() {
    let rig = Rig::new();
    let terminal = Terminal::start(&rig, "run held.toml --yes", "");
    terminal.wait_for("in place, ");
    assert!(terminal.is_taken());
    terminal.press(&["n"]);
    terminal.wait_for("note (Enter writes");
    terminal.press(&["-l", "pool exhausted"]);
    terminal.press(&["Enter"]);
    terminal.wait_for(": pool exhausted");
    terminal.wait_for("noted");
    terminal.tmux(&["resize-window", "-x", "120", "-y", "30"]);
    terminal.press(&["?"]);
    terminal.wait_for("leave this view; the drill goes on");
    terminal.press(&["x"]);
    terminal.press(&["s"]);
    terminal.wait_for("stop the drill now and put everything back?");
    terminal.press(&["n"]);
    terminal.press(&["s"]);
    terminal.wait_for("stop the drill now and put everything back?");
    terminal.press(&["y"]);
    let plain = [
        "pre-flight: nothing is touched",
        ": pool exhausted",
        "fault slow removed",
        "rollback verified",
        "aborted:",
    ];
    terminal.ends("3", &plain);
    rig.assert_whole();
}

#[test]
fn leaving_the_view_or_a_signal_gives_the_terminal_back() {
    let rig = Rig::new();
    let terminal = Terminal::start(&rig, "run held.toml --yes", "");
    terminal.wait_for("in place, ");
    terminal.press(&["q"]);
    terminal.wait_for("fault slow has taken effect");
    assert!(!terminal.is_taken(), "the drill goes on in plain lines");
    terminal.press(&["C-c"]);
    terminal.ends("3", &["stopping: it was stopped by SIGINT", "rollback verified"]);
    drop(terminal);

    let terminal = Terminal::start(&rig, "run held.toml --yes", "");
    terminal.wait_for("in place, ");
    terminal.signal(Signal::SIGTERM);
    terminal.ends("3", &["stopping: it was stopped by SIGTERM", "rollback verified"]);
    drop(terminal);

    let terminal = Terminal::start(&rig, "run held.toml --yes", "export NO_COLOR=1");
    terminal.wait_for("in place, ");
    terminal.press(&["C-c"]);
    terminal.ends("3", &["stopping: it was stopped by SIGINT", "rollback verified"]);
    rig.assert_whole();
}

#[test]
fn plain_lines_where_they_are_asked_for() {
    let rig = Rig::new();
    for (args, environment) in [("--plain", ""), ("", "export TERM=dumb"), ("", "export CI=true")] {
        let terminal = Terminal::start(&rig, &format!("run held.toml --yes {args}"), environment);
        terminal.wait_for("fault slow is in place");
        assert!(!terminal.is_taken(), "{args} {environment}");
        terminal.press(&["C-c"]);
        terminal.ends("3", &["rollback verified"]);
    }
    rig.assert_whole();
}

#[test]
fn a_drill_is_watched_in_a_terminal_until_somebody_leaves() {
    let rig = Rig::new();
    rig.scenario(
        "held",
        &Scenario {
            timeline: SLOW,
            ..Scenario::default()
        },
    );
    let drill = rig.start_until_injected("held", &["slow"]);
    let folder = drill.journal().parent().unwrap().display().to_string();
    let terminal = Terminal::start(&rig, &format!("watch {folder}"), "");
    terminal.wait_for("in place, ");
    terminal.press(&["a"]);
    terminal.wait_for("no alert has fired yet");
    terminal.press(&["n"]);
    terminal.press(&["-l", "hello"]);
    terminal.press(&["Enter"]);
    drill.wait_for(
        "the note",
        |kind| matches!(kind, EventKind::Noted { text, .. } if text == "hello"),
    );
    terminal.press(&["q"]);
    terminal.ends("0", &[]);
    drill.signal(Signal::SIGINT);
    drill.finish(LIMIT).assert(3, "aborted");
    rig.assert_whole();
}
