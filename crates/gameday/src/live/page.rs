//! The page itself: a frame that its script fills, and the script's files.

use maud::{DOCTYPE, html};

use super::hub::Hub;

pub(super) const STYLE: &str = include_str!("page/style.css");
pub(super) const SCRIPT: &str = include_str!("page/live.js");
pub(super) const DRAW: &str = include_str!("page/draw.js");

/// The frame; everything in it comes by `/events`.
pub(super) fn render(hub: &Hub) -> String {
    let who = crate::command::say::this_user();
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="gameday-page" content=(hub.secret);
                meta name="gameday-who" content=(who);
                title { "gameday" }
                link rel="icon" href="data:,";
                link rel="stylesheet" href="/page/style.css";
                script src="/page/draw.js" defer {}
                script src="/page/live.js" defer {}
            }
            body {
                p #lost role="alert" hidden { "No answer from the drill: what is below is old. Trying again." }
                p #broken role="alert" hidden {}
                main {
                    header {
                        p.eyebrow #drill { "gameday" }
                        h1 #title { "Connecting" }
                        p.hypothesis #hypothesis hidden {}
                        div #state.state role="status" { span.word #stage { "…" } span #clock {} span #note {} }
                    }
                    section #ending hidden aria-live="polite" { h2 #ending-title {} ul #ending-list {} }
                    section #people aria-label="Say something to the drill" hidden {
                        form #note-form {
                            label.hide for="note-text" { "Note" }
                            input #note-text name="text" maxlength="2000" autocomplete="off" placeholder="Note: what do you see, what do you do?";
                            button type="submit" { "Note" }
                        }
                        div.buttons {
                            button #mitigated type="button" title="Faults that are held until then are removed" { "Mitigated" }
                            button #stop.danger type="button" { "Stop now" }
                            label.as { "as " input #who maxlength="200" autocomplete="off" aria-label="Your name"; }
                        }
                        p #answer role="status" {}
                    }
                    section #around hidden { h2 #around-title {} ol #around-list {} }
                    section { h2 { "Alerts" } ul #alerts.cards {} p #no-alerts.none { "None is expected." } }
                    section { h2 { "Timeline" } div #picture tabindex="0" role="img" aria-label="Timeline" {} ul #legend.legend {} }
                    section { h2 { "Probes" } ul #probes.cards {} }
                    section { h2 { "Log" } ol #log tabindex="0" aria-label="Log, newest first" {} }
                }
                dialog #sure aria-labelledby="sure-title" {
                    h2 #sure-title { "Stop the drill?" }
                    p { "Every fault is removed now, and gameday looks whether nothing is left. The drill counts as aborted." }
                    div.buttons {
                        button #sure-no type="button" { "Go on" }
                        button #sure-yes.danger type="button" { "Stop and roll back" }
                    }
                }
                noscript { p { "This page needs its script. Without one: " code { "gameday watch" } " in a terminal." } }
            }
        }
    };
    page.into_string()
}
