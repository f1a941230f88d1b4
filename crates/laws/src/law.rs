//! One law.

use std::time::{Duration, Instant};

use gearshift_gear::LawId;
use rand::Rng;
use rand_distr::{Distribution, StandardNormal};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{PointName, Points};

/// What a law's points are counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    Ms,
    S,
    /// Milliseconds per MB; see [`Law::draw_for_mb`].
    MsPerMb,
}

impl Unit {
    fn seconds(self) -> f64 {
        match self {
            Self::S => 1.0,
            Self::Ms | Self::MsPerMb => 1e-3,
        }
    }
}

/// Where a law happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Boundary {
    /// Between the caller and the front.
    Caller,
    Front,
    Function,
    Store,
    /// Before a member exists.
    Placement,
}

/// Whether a function's billed duration holds a law.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BilledAs {
    Inside,
    Outside,
}

/// How a law takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Plane {
    /// Waited out.
    Data,
    /// Accounted where a run is short, on a scaled clock where it is long.
    Control,
}

/// How far a source can be trusted.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub enum Confidence {
    /// Raw data or a rigorous paper.
    A,
    /// A careful write-up with a method.
    B,
    /// A vendor's statement, a rough figure, or derived.
    C,
}

/// Who published a law's points.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LawSource {
    pub what: String,
    /// Year or years of the figures.
    pub year: String,
    pub confidence: Confidence,
}

/// One constant of the twin: a distribution with boundary, billing rule and source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Law {
    pub id: LawId,
    /// One line for people.
    pub what: String,
    pub unit: Unit,
    pub points: Points,
    /// Points nobody measured.
    #[serde(default)]
    pub assumed: Vec<PointName>,
    /// Points computed from other published figures.
    #[serde(default)]
    pub derived: Vec<PointName>,
    pub at: Boundary,
    pub billed: BilledAs,
    pub plane: Plane,
    /// Absent only where every point is assumed.
    #[serde(default)]
    pub source: Option<LawSource>,
    #[serde(default)]
    pub note: Option<String>,
    /// For a law around some work: the share of a draw that lies before it, 0 … 1.
    #[serde(default)]
    pub before_share: Option<f64>,
    /// For [`Unit::MsPerMb`]: the size that costs nothing, in MB.
    #[serde(default)]
    pub above_mb: Option<f64>,
    /// What the file's points are multiplied by: 1 as shipped, 0 with physics off.
    #[serde(skip, default = "as_shipped")]
    pub(crate) factor: f64,
}

fn as_shipped() -> f64 {
    1.0
}

impl Law {
    /// One draw. For [`Unit::MsPerMb`] it is the time of one MB.
    pub fn draw(&self, rng: &mut (impl Rng + ?Sized)) -> Duration {
        let score: f64 = StandardNormal.sample(rng);
        self.duration(self.points.at_normal_score(score))
    }

    /// One draw for a package of `mb` MB, of which only what exceeds [`Law::above_mb`] counts.
    pub fn draw_for_mb(&self, mb: f64, rng: &mut (impl Rng + ?Sized)) -> Duration {
        let counted = (mb - self.above_mb.unwrap_or(0.0)).max(0.0);
        self.draw(rng).mul_f64(counted)
    }

    /// The deadline of an answer asked for at `asked`. Work that is done before it is part of the
    /// law; work that is late by then is not made later: max(real, drawn), never real + drawn.
    pub fn answer_at(&self, asked: Instant, rng: &mut (impl Rng + ?Sized)) -> Instant {
        asked + self.draw(rng)
    }

    /// The time that a share `p` (0 … 1) of draws stays below.
    pub fn quantile(&self, p: f64) -> Duration {
        self.duration(self.points.quantile(p))
    }

    /// A draw's parts before and after the work it surrounds. Everything lies before where the
    /// law names no share.
    pub fn split(&self, drawn: Duration) -> (Duration, Duration) {
        let before = drawn.mul_f64(self.before_share.unwrap_or(1.0));
        (before, drawn.saturating_sub(before))
    }

    /// What the file's points are multiplied by: 1 as shipped, 0 with physics off.
    pub fn factor(&self) -> f64 {
        self.factor
    }

    fn duration(&self, value: f64) -> Duration {
        // A tail extrapolated for ever must not overflow: a year is beyond every law.
        const YEAR_S: f64 = 365.0 * 86_400.0;
        Duration::from_secs_f64((value * self.factor * self.unit.seconds()).min(YEAR_S))
    }

    /// Why this law is refused, if it is.
    pub(crate) fn fault(&self) -> Option<String> {
        if let Some(fault) = self.points.fault() {
            return Some(fault);
        }
        let given: Vec<_> = self.points.given().into_iter().map(|(name, _)| name).collect();
        if self.source.is_none() && !given.iter().all(|point| self.assumed.contains(point)) {
            return Some("it names no source, and not all its points are marked assumed".into());
        }
        let marked = self.assumed.iter().chain(&self.derived);
        if let Some(point) = marked.into_iter().find(|point| !given.contains(point)) {
            return Some(format!("it marks {point:?}, which it does not give"));
        }
        if let Some(point) = self.assumed.iter().find(|point| self.derived.contains(point)) {
            return Some(format!("{point:?} cannot be assumed and derived"));
        }
        if self.before_share.is_some_and(|share| !(0.0..=1.0).contains(&share)) {
            return Some("before_share lies outside 0 … 1".into());
        }
        if (self.unit == Unit::MsPerMb) != self.above_mb.is_some() {
            return Some("above_mb belongs to unit ms_per_mb, and that unit needs it".into());
        }
        None
    }
}
