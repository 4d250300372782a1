//! One worker for each receiver: tells it what it does not know yet, one message at a time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use gameday_core::printable;
use tokio::time::{sleep_until, timeout};

use super::board::{Board, Seat};
use super::notice::Notice;
use super::outbox::{Next, Sent};
use crate::output;

/// Quiet hours end without anybody's saying so: it is looked this often.
const PACE: Duration = Duration::from_secs(20);

/// Works until the receiver has no seat any more. `prober` is the address of the prober's own page, if it has one.
pub(crate) async fn work(board: Arc<Board>, seat: Seat, prober: String) {
    while let Some((receiver, next)) = board.next(seat) {
        match next {
            Next::Send(notice) => {
                let how = receiver.channel.send(&notice, &receiver.name, &prober).await;
                let given_up = board.sent(seat, &notice, &how);
                say(&receiver.name, &notice, &how, given_up);
            }
            Next::Wait(at) => {
                tokio::select! {
                    () = board.changed(seat) => {}
                    () = sleep_until(at.min(Instant::now() + PACE).into()) => {}
                }
            }
            Next::Nothing => {
                timeout(PACE, board.changed(seat)).await.ok();
            }
        }
    }
}

fn say(receiver: &str, notice: &Notice, how: &Sent, given_up: bool) {
    let what = format!("{} ({})", notice.summary, notice.status());
    let line = match how {
        Sent::Taken => format!("{receiver} was told: {what}"),
        Sent::Later { why, .. } | Sent::Never { why } => {
            let then = if given_up { "given up" } else { "again later" };
            format!("{receiver} could not be told: {what}: {}; {then}", printable(why))
        }
    };
    output::say(&format!("notify: {line}"));
}
