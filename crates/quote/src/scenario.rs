//! What a quote is asked for.

use gearshift_plan::Shape;
use gearshift_price::SECONDS_PER_MONTH;
use rust_decimal::Decimal;
use rust_decimal::prelude::FromPrimitive;

/// A volume, its course, and what shall be otherwise than measured.
#[derive(Clone, Debug)]
pub struct Scenario {
    pub calls_per_month: Decimal,
    /// How the calls are spread: its busiest minute must be served.
    pub shape: Shape,
    /// Of functions, MB; the same duration is assumed.
    pub memory_mb: Option<u32>,
    /// Of functions, milliseconds.
    pub duration_ms: Option<Decimal>,
    /// Tasks on Spot, or on demand; none: as the row says.
    pub spot: Option<bool>,
    /// The load balancer is paid for by others.
    pub shared_lb: bool,
    /// What AWS gives every account each month for good is taken off.
    pub free_tier: bool,
}

impl Scenario {
    /// Requests a second on average.
    pub(crate) fn per_s(&self) -> Decimal {
        self.calls_per_month / Decimal::from(SECONDS_PER_MONTH)
    }

    pub(crate) fn peak_over_mean(&self) -> Decimal {
        Decimal::from_f64(self.shape.peak_over_mean()).unwrap_or(Decimal::ONE)
    }

    pub(crate) fn what_if(&self) -> Vec<String> {
        let spot = |spot| if spot { "tasks on Fargate Spot" } else { "tasks on demand" };
        let memory = self.memory_mb.map(|mb| format!("functions of {mb} MB"));
        let duration = self.duration_ms.map(|ms| format!("functions billed {ms} ms a call"));
        let lb = self.shared_lb.then(|| "load balancer paid for by others".to_owned());
        let said = [memory, duration, self.spot.map(|is| spot(is).to_owned()), lb];
        said.into_iter().flatten().collect()
    }
}
