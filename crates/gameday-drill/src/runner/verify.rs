//! After the last removal: is everything really back? Only then may a drill pass.

use std::sync::Arc;

use gameday_core::EventKind;

use super::{Report, Reports};
use crate::engine::Input;
use crate::fault::Fault;

/// Looks whether each fault is gone; all at once, since each look takes two seconds.
pub(super) async fn look(faults: Vec<Arc<dyn Fault>>, reports: Reports) {
    let looks = faults.iter().map(|fault| async {
        match fault.verify().await {
            // Once more: a runner that was stopped meanwhile finds its first look cut short.
            Err(_) => fault.verify().await,
            seen => seen,
        }
    });
    let seen = futures_util::future::join_all(looks).await;
    let verified = seen.iter().all(Result::is_ok);
    let details = seen
        .into_iter()
        .map(|look| look.unwrap_or_else(|error| format!("not verified: {error}")))
        .collect();
    let kind = EventKind::RollbackChecked { verified, details };
    let _ = reports
        .send(Report::Both(kind, Input::RollbackChecked(verified)))
        .await;
}
