//! What a drill makes of a region that it follows: pure, with time and inputs as arguments.
//!
//! - A look that should have come and did not is a look that saw nothing; one that comes after it was counted so is
//!   too late.
//! - A look that says down counts when its region was seen to reach its control target after the look began; from a
//!   region that is cut off itself it is unknown.

mod proof;
mod silence;

pub(crate) use proof::Proof;
pub(crate) use silence::Silence;
