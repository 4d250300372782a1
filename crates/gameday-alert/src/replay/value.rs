//! What a query yields.

use std::collections::BTreeMap;

/// A series' labels; its name is one of them.
pub(super) type Labels = BTreeMap<String, String>;
/// One value for each series.
pub(super) type Vector = Vec<(Labels, f64)>;

/// What a part of a query yields.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Scalar(f64),
    Vector(Vector),
}
