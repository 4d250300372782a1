//! The drill in a terminal: drawn on stderr four times a second, with keys to talk to it.
//!
//! Whatever ends it (a key, the end of the drill, a signal that stops it, a panic), the terminal is put back and
//! what was said meanwhile is printed as plain lines: a view never hides an error.

mod keys;
mod lanes;
mod screen;
#[cfg(test)]
mod tests;

use std::io::{self, IsTerminal, Stderr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use gameday_drill::{Said, Word};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use ratatui::Terminal as Drawn;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::Show;
use ratatui::crossterm::event::{self, Event, KeyEventKind};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};

use super::hub::Hub;
use crate::command::say::this_user;
use crate::output;
use keys::{Keys, Wish};
use screen::Screen;

/// How often it is drawn without a key.
const PACE: Duration = Duration::from_millis(250);

/// Whether the terminal is ours at the moment; whoever takes it back is the one who says so.
static OURS: AtomicBool = AtomicBool::new(false);

/// Whether a view can be drawn and is wanted; elsewhere there are plain lines.
pub(crate) fn is_wanted(plain: bool) -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
    !plain && !dumb && !set("CI") && io::stderr().is_terminal() && io::stdin().is_terminal()
}

/// A view that is drawn by a thread of its own.
pub(crate) struct View {
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl View {
    /// Takes the terminal.
    ///
    /// # Errors
    /// When it cannot be drawn on; then nothing is changed.
    pub(crate) fn start(hub: Arc<Hub>) -> io::Result<Self> {
        restore_at_panic();
        let over = Arc::new(AtomicBool::new(false));
        let drawn = take_terminal()?;
        let told = Arc::clone(&over);
        let thread = std::thread::Builder::new()
            .name("terminal".to_owned())
            .spawn(move || {
                let ended = show(&hub, drawn, &told);
                give_back();
                if let Err(error) = ended {
                    output::say(&format!("the terminal cannot be drawn on any more: {error}"));
                }
            });
        let thread = thread.inspect_err(|_| give_back())?;
        Ok(Self {
            over,
            thread: Some(thread),
        })
    }

    /// Whether somebody has left it.
    pub(crate) fn is_left(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Gives the terminal back, and prints what was said meanwhile.
    pub(crate) fn finish(mut self) {
        self.over.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            // A panic there has told of itself and given the terminal back.
            let _ = thread.join();
        }
    }
}

fn take_terminal() -> io::Result<Drawn<CrosstermBackend<Stderr>>> {
    enable_raw_mode()?;
    OURS.store(true, Ordering::SeqCst);
    output::hold();
    let taken = execute!(io::stderr(), EnterAlternateScreen)
        .and_then(|()| Drawn::new(CrosstermBackend::new(io::stderr())));
    taken.inspect_err(|_| give_back())
}

/// Puts the terminal back as it was; safe to do twice.
fn give_back() {
    if OURS.swap(false, Ordering::SeqCst) {
        // Nothing better can be done where this fails.
        let _ = execute!(io::stderr(), LeaveAlternateScreen, Show);
        let _ = disable_raw_mode();
        output::release();
    }
}

/// A panic anywhere is told on a terminal that can be read.
fn restore_at_panic() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        give_back();
        before(panic);
    }));
}

fn show(hub: &Arc<Hub>, mut drawn: Drawn<CrosstermBackend<Stderr>>, over: &AtomicBool) -> io::Result<()> {
    let mut keys = Keys::default();
    let coloured = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let (out, answers) = mpsc::channel();
    while !over.load(Ordering::SeqCst) && OURS.load(Ordering::SeqCst) {
        if let Ok(answer) = answers.try_recv() {
            keys.answered(answer);
        }
        hub.look_in_sweep(|view, broken, sweep| {
            let screen = Screen {
                view,
                broken,
                sweep,
                keys: &keys,
                coloured,
                over: hub.is_over(),
            };
            drawn.draw(|frame| screen.draw(frame)).map(drop)
        })?;
        if !event::poll(PACE)? {
            continue;
        }
        let Event::Key(key) = event::read()? else { continue };
        if key.kind != KeyEventKind::Press {
            continue;
        }
        match keys.press(key) {
            Some(Wish::Leave) => return Ok(()),
            // As Ctrl-C does where nobody draws: the signal handler of the drill takes it from here.
            Some(Wish::Interrupt) => kill(Pid::this(), Signal::SIGINT)?,
            Some(Wish::Say(word)) => say(Arc::clone(hub), word, out.clone()),
            None => {}
        }
    }
    Ok(())
}

/// Says it on a thread of its own: a drill that does not answer must not freeze the view.
fn say(hub: Arc<Hub>, word: Word, out: mpsc::Sender<String>) {
    std::thread::spawn(move || {
        let who = this_user();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let answer = match runtime {
            Ok(runtime) => runtime.block_on(hub.say(Said { who, word })),
            Err(error) => Err(error.to_string()),
        };
        // A view that was left needs no answer.
        let _ = out.send(answer.unwrap_or_else(|why| format!("not taken: {why}")));
    });
}
