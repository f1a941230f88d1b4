//! How fast a core here is beside the provider's vCPU.

use std::path::Path;

use gearshift_calibrate::{
    CalibrateError, CoreSpeed, Factor, Provider, cached, factor, provider_of,
};
use gearshift_gear::Row;

use gearshift_results::Core;

/// How shares are matched to the provider's cores.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum MatchVcpu {
    /// By two kernels with published times.
    Auto,
    /// A core is a vCPU.
    Off,
    /// A core is this many vCPUs.
    Factor(f64),
}

/// The factor for one row, from the measurement kept in this directory or a new one (about two
/// seconds).
pub fn core_factor(row: &Row, cache: &Path) -> Factor {
    Speed::measure(cache).factor(provider_of(row))
}

/// This machine's core speed, measured or not.
pub struct Speed(Result<CoreSpeed, CalibrateError>);

impl Speed {
    /// Kept or newly measured.
    pub fn measure(cache: &Path) -> Self {
        // A measurement that could not be kept is made again next time.
        Self(cached(&cache.join("core-speed.json")).map(|(speed, _unkept)| speed))
    }

    pub fn factor(&self, provider: Provider) -> Factor {
        match &self.0 {
            Ok(speed) => factor(speed, provider),
            Err(error) => Factor::unknown(error),
        }
    }

    pub fn matched(&self, row: &Row, wish: MatchVcpu) -> Factor {
        match wish {
            MatchVcpu::Auto => self.factor(provider_of(row)),
            MatchVcpu::Off => Factor::unknown("--match-vcpu off"),
            MatchVcpu::Factor(value) => Factor {
                value,
                low: value,
                high: value,
                derived: false,
                known: true,
                sentence: format!("core = {value} × AWS vCPU, as given by --match-vcpu"),
            },
        }
    }
}

pub fn core_line(provider: Provider, factor: &Factor) -> Core {
    Core {
        provider: provider.reference().name.to_owned(),
        factor: factor.value,
        low: factor.low,
        high: factor.high,
        known: factor.known,
        sentence: factor.sentence.clone(),
    }
}
