//! A distribution given by a few published percentiles.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, Normal};

/// The percentiles a law was published with, in the law's unit. Strictly rising; at least one
/// beyond the median, or there is no slope to draw by.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Points {
    /// The smallest value there is; never reached by a draw.
    pub floor: f64,
    pub p50: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p90: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p95: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p99: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p999: Option<f64>,
}

/// One of the points, as named in the file.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum PointName {
    Floor,
    P50,
    P90,
    P95,
    P99,
    P999,
}

impl PointName {
    /// The standard normal quantile of this point.
    fn normal_score(self) -> f64 {
        match self {
            Self::Floor => f64::NEG_INFINITY,
            Self::P50 => 0.0,
            Self::P90 => 1.281_551_565_5,
            Self::P95 => 1.644_853_627_0,
            Self::P99 => 2.326_347_874_0,
            Self::P999 => 3.090_232_306_2,
        }
    }
}

impl Points {
    /// Every point that is there, rising.
    pub fn given(&self) -> Vec<(PointName, f64)> {
        let optional = [
            (PointName::P90, self.p90),
            (PointName::P95, self.p95),
            (PointName::P99, self.p99),
            (PointName::P999, self.p999),
        ];
        [(PointName::Floor, self.floor), (PointName::P50, self.p50)]
            .into_iter()
            .chain(optional.into_iter().filter_map(|(name, value)| Some((name, value?))))
            .collect()
    }

    /// Why these points are no distribution, if they are none.
    pub(crate) fn fault(&self) -> Option<String> {
        let given = self.given();
        if let Some((name, value)) = given.iter().find(|(_, value)| !value.is_finite()) {
            return Some(format!("{name:?} is {value}; it must be a number"));
        }
        if self.floor < 0.0 {
            return Some(format!("floor {} is negative", self.floor));
        }
        if self.floor >= self.p50 {
            return Some(format!("floor {} is not below p50 {}", self.floor, self.p50));
        }
        if let Some(pair) = given.windows(2).find(|pair| pair[0].1 >= pair[1].1) {
            return Some(format!(
                "its points do not rise: {:?} {} is not below {:?} {}",
                pair[0].0, pair[0].1, pair[1].0, pair[1].1
            ));
        }
        (given.len() < 3).then(|| "it needs one more point beside floor and p50".to_owned())
    }

    /// The value at a normal score: linear in ln(value − floor) between the points, and on along
    /// the slopes at the ends.
    pub(crate) fn at_normal_score(&self, score: f64) -> f64 {
        let curve: Vec<(f64, f64)> = self
            .given()
            .into_iter()
            .filter(|(name, _)| *name != PointName::Floor)
            .map(|(name, value)| (name.normal_score(), (value - self.floor).ln()))
            .collect();
        let segment = curve
            .windows(2)
            .find(|pair| score <= pair[1].0)
            .or_else(|| curve.windows(2).last())
            .expect("a loaded law has two points above its floor");
        let ((from, low), (to, high)) = (segment[0], segment[1]);
        let log = low + (score - from) * (high - low) / (to - from);
        self.floor + log.exp()
    }

    /// The value that a share `p` of draws stays below; `p` is held inside 0 … 1.
    pub(crate) fn quantile(&self, p: f64) -> f64 {
        // 1e-12 keeps the score finite; no draw of a run comes near it.
        let p = p.clamp(1e-12, 1.0 - 1e-12);
        self.at_normal_score(Normal::standard().inverse_cdf(p))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn quantiles_rise_from_the_floor_through_the_points(
            floor in 0.0f64..100.0,
            steps in prop::collection::vec(0.001f64..50.0, 5),
            given in prop::collection::vec(any::<bool>(), 4),
            mut shares in prop::collection::vec(0.0f64..=1.0, 2..12),
        ) {
            let mut value = floor;
            let rising: Vec<f64> = steps.iter().map(|step| { value += step; value }).collect();
            let maybe = |i: usize| given[i].then_some(rising[i + 1]);
            let points = Points {
                floor,
                p50: rising[0],
                p90: maybe(0),
                p95: maybe(1),
                p99: maybe(2),
                p999: maybe(3),
            };
            prop_assume!(given.contains(&true));
            prop_assert_eq!(points.fault(), None);
            shares.sort_by(f64::total_cmp);
            let values: Vec<f64> = shares.iter().map(|share| points.quantile(*share)).collect();
            prop_assert!(values.windows(2).all(|pair| pair[0] <= pair[1]), "{:?}", values);
            prop_assert!(values[0] >= floor);
            for (name, point) in points.given() {
                let share = match name {
                    PointName::Floor => continue,
                    PointName::P50 => 0.5,
                    PointName::P90 => 0.9,
                    PointName::P95 => 0.95,
                    PointName::P99 => 0.99,
                    PointName::P999 => 0.999,
                };
                let quantile = points.quantile(share);
                prop_assert!((quantile / point - 1.0).abs() < 1e-6, "{} for {}", quantile, point);
            }
        }
    }
}
