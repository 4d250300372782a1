//! Whether an expectation could be met if all came as predicted.

use crate::{ExpectRecord, ObserveRecord, Prediction, Timestamp};

impl Prediction {
    /// Why the expectation cannot be met if all comes as predicted; none when it can, or when that cannot be said.
    ///
    /// That an alert stays away is not judged: a prediction takes for granted that the fault does what the rule
    /// looks for.
    #[must_use]
    pub fn unmet(&self, expect: &ExpectRecord, observe: &ObserveRecord) -> Option<String> {
        if expect.never || self.why.contains_key("prediction") {
            return None;
        }
        let told = expect.notified_ms.is_some() || expect.receiver.is_some() || observe.hears_notices();
        self.unfired()
            .or_else(|| self.untold().filter(|_| told))
            .or_else(|| self.late("firing", "T3", self.effective_at, expect.firing_ms))
            .or_else(|| self.late("notified", "T5", self.effective_at, expect.notified_ms))
            .or_else(|| self.late_in_the_end(expect))
    }

    fn unfired(&self) -> Option<String> {
        let why = self.never.as_ref().filter(|_| !self.marks.contains_key("T3"))?;
        Some(format!("it never fires: {why}"))
    }

    fn untold(&self) -> Option<String> {
        let never = self
            .never
            .as_ref()
            .map(|why| format!("nobody is notified: {why}"));
        never.or_else(|| self.astray.clone())
    }

    /// As [`Self::late`]; but what fires later may be told sooner of its end, by the next of its group's notifications.
    fn late_in_the_end(&self, expect: &ExpectRecord) -> Option<String> {
        let mark = self.marks.get("T10")?;
        let (limit, soonest) = (expect.resolved_ms?, mark.at.min(mark.latest?));
        over("resolved", soonest.micros_since(self.removed_at), limit)
    }

    /// Over its limit even at the earliest.
    fn late(&self, what: &str, mark: &str, from: Timestamp, limit_ms: Option<u64>) -> Option<String> {
        over(what, self.marks.get(mark)?.at.micros_since(from), limit_ms?)
    }
}

fn over(what: &str, took_us: i64, limit_ms: u64) -> Option<String> {
    let (took, limit) = (took_us / 1000, i64::try_from(limit_ms).ok()?);
    (took > limit).then(|| {
        let (took, limit) = (seconds(took), seconds(limit));
        format!("{what} after {took} at the earliest, over its limit of {limit}")
    })
}

fn seconds(ms: i64) -> String {
    match ms % 1000 {
        0 => format!("{} s", ms / 1000),
        rest => format!("{}.{rest:03} s", ms / 1000),
    }
}
