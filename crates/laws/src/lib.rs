//! Laws: the constants of AWS that a local machine cannot show, as sourced distributions.
//!
//! A [`Law`] is a delay (or a lifetime) with a boundary, a billing rule, a plane and a source. The
//! shipped set is one readable file, [`SHIPPED_FILE`]; a law is answered by a *deadline*, so that
//! real work of the machine counts towards the drawn time and is never added to it.
//!
//! Invariants: no number here was measured by Gearshift; none is tuned to results that Gearshift
//! is compared with; scaling one law moves that law only.

mod law;
mod laws;
mod points;
mod sleep;

pub use law::{BilledAs, Boundary, Confidence, Law, LawSource, Plane, Unit};
pub use laws::{Laws, LawsError, SHIPPED_FILE, SourceLine};
pub use points::{PointName, Points};
pub use sleep::{PreciseTimer, sleep_until};
