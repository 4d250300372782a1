//! What the load has sent, and what it could not.

use prometheus::{IntCounterVec, IntGauge, Opts, Registry, TextEncoder};

/// How many payments ended how; the supervisor reads `missed`.
pub(crate) const PAYMENTS: &str = "payments_load_payments_total";

/// The metrics of the load; a clone counts into the same.
#[derive(Debug, Clone)]
pub(super) struct Metrics {
    registry: Registry,
    payments: IntCounterVec,
    in_flight: IntGauge,
}

impl Metrics {
    /// Makes and registers them, for a load of so many requests a second.
    pub(super) fn new(rps: u32) -> Self {
        let metrics = Metrics {
            registry: Registry::new(),
            payments: sound(IntCounterVec::new(
                Opts::new(
                    PAYMENTS,
                    "Payments that were to be made: paid, failed, or missed as they could not be sent in time.",
                ),
                &["outcome"],
            )),
            in_flight: sound(IntGauge::new("payments_load_in_flight", "Payments under way.")),
        };
        let asked = sound(IntGauge::new(
            "payments_load_rps",
            "Requests a second that are to be made, five for each payment.",
        ));
        asked.set(rps.into());
        sound(metrics.registry.register(Box::new(asked)));
        sound(metrics.registry.register(Box::new(metrics.payments.clone())));
        sound(metrics.registry.register(Box::new(metrics.in_flight.clone())));
        for outcome in ["paid", "failed", "missed"] {
            metrics.payments.with_label_values(&[outcome]);
        }
        metrics
    }

    /// A payment was answered, well or not.
    pub(super) fn ended(&self, well: bool) {
        let outcome = if well { "paid" } else { "failed" };
        self.payments.with_label_values(&[outcome]).inc();
    }

    /// A payment could not be sent in time.
    pub(super) fn missed(&self) {
        self.payments.with_label_values(&["missed"]).inc();
    }

    /// So many payments are under way.
    pub(super) fn in_flight(&self, count: usize) {
        self.in_flight.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// In Prometheus' format.
    pub(super) fn text(&self) -> String {
        sound(TextEncoder::new().encode_to_string(&self.registry.gather()))
    }
}

/// Names, labels and help texts are constants, so a failure is a bug of this file.
fn sound<T>(made: prometheus::Result<T>) -> T {
    made.expect("the metrics are well formed")
}
