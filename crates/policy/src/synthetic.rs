//! Demands that nobody had: to try a policy on what it must survive. Seeded, one rate a tick of a
//! minute, in multiples of a base rate.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use rand_distr::{Distribution, Exp, LogNormal, Normal, Poisson};
use serde::{Deserialize, Serialize};

/// A kind of demand.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Synthetic {
    /// `height` for `duty` of each period, then nothing.
    Square { period: u32, duty: f64, height: f64 },
    /// Starts at `level` and changes by a factor each minute, `spread` in its logarithm.
    Walk { level: f64, spread: f64 },
    /// `level` and nothing in turns that last as long as they like, `mean` ticks on average.
    OnOff { level: f64, mean: f64 },
    /// A day's rhythm around `level` with noise, half as high at weekends.
    Diurnal { level: f64, noise: f64 },
    /// A steady `level`, and crowds that come at once and leave slowly, `per_day` on average.
    Crowds { level: f64, height: f64, per_day: f64 },
}

const DAY: f64 = 1440.0;

impl Synthetic {
    /// Rates for `ticks` minutes, where a level of 1 is `base` requests a second.
    pub fn demand(&self, seed: u64, base: f64, ticks: usize) -> Vec<f64> {
        let mut rng = StdRng::seed_from_u64(seed);
        let levels: Vec<f64> = match *self {
            Self::Square { period, duty, height } => {
                let high = (f64::from(period) * duty).max(1.0) as usize;
                let high = move |tick: usize| tick % (period as usize) < high;
                (0..ticks).map(|tick| if high(tick) { height } else { 0.0 }).collect()
            }
            Self::Walk { level, spread } => walk(&mut rng, level, spread, ticks),
            Self::OnOff { level, mean } => on_off(&mut rng, level, mean, ticks),
            Self::Diurnal { level, noise } => diurnal(&mut rng, level, noise, ticks),
            Self::Crowds { level, height, per_day } => {
                crowds(&mut rng, level, height, per_day, ticks)
            }
        };
        levels.into_iter().map(|level| level * base).collect()
    }

    /// Like [`Self::demand`], as whole requests a minute that come independently of each other.
    pub fn arrivals(&self, seed: u64, base: f64, ticks: usize) -> Vec<f64> {
        let mut rng = StdRng::seed_from_u64(seed.wrapping_add(1));
        let arrive = |per_s: f64| match Poisson::new(per_s * 60.0) {
            Ok(requests) => rng.sample(requests) / 60.0,
            Err(_) => 0.0,
        };
        self.demand(seed, base, ticks).into_iter().map(arrive).collect()
    }

    /// The squares of the adversarial suite: periods from 6 minutes to a day, three duties, eight
    /// heights from 1.5 to 30 times the base.
    pub fn squares() -> Vec<Self> {
        const PERIODS: u32 = 19;
        const HEIGHTS: u32 = 8;
        let between = |from: f64, to: f64, at: u32, of: u32| {
            from * libm::pow(to / from, f64::from(at) / f64::from(of - 1))
        };
        let periods = (0..PERIODS).map(|at| between(6.0, DAY, at, PERIODS).round() as u32);
        let duties = periods.flat_map(|period| [0.1, 0.5, 0.9].map(|duty| (period, duty)));
        let all = duties.flat_map(|(period, duty)| {
            (0..HEIGHTS).map(move |at| Self::Square {
                period,
                duty,
                height: between(1.5, 30.0, at, HEIGHTS),
            })
        });
        all.collect()
    }

    /// `many` demands of all kinds but squares, with parameters drawn from a seed.
    pub fn mixed(seed: u64, many: usize) -> Vec<Self> {
        let mut rng = StdRng::seed_from_u64(seed);
        let level = LogNormal::new(0.7, 0.9).expect("a spread above zero");
        let one = |at: usize| {
            let level = rng.sample(level);
            match at % 4 {
                0 => Self::Walk { level, spread: rng.gen_range(0.005..0.1) },
                1 => Self::OnOff { level: 2.0 * level, mean: rng.gen_range(5.0..600.0) },
                2 => Self::Diurnal { level, noise: rng.gen_range(0.0..0.4) },
                _ => Self::Crowds {
                    level,
                    height: rng.gen_range(2.0..30.0),
                    per_day: rng.gen_range(0.3..6.0),
                },
            }
        };
        (0..many).map(one).collect()
    }
}

fn walk(rng: &mut StdRng, level: f64, spread: f64, ticks: usize) -> Vec<f64> {
    let step = Normal::new(0.0, spread).expect("a spread not below zero");
    let (low, high) = (level / 20.0, level * 20.0);
    let mut now = level;
    let mut next = |_| {
        now = (now * libm::exp(step.sample(rng))).clamp(low, high);
        now
    };
    (0..ticks).map(&mut next).collect()
}

fn on_off(rng: &mut StdRng, level: f64, mean: f64, ticks: usize) -> Vec<f64> {
    let length = Exp::new(1.0 / mean).expect("a mean above zero");
    let mut levels = Vec::with_capacity(ticks);
    let mut on = false;
    while levels.len() < ticks {
        let turn = length.sample(rng).ceil().max(1.0) as usize;
        levels.extend(std::iter::repeat_n(if on { level } else { 0.0 }, turn));
        on = !on;
    }
    levels.truncate(ticks);
    levels
}

fn diurnal(rng: &mut StdRng, level: f64, noise: f64, ticks: usize) -> Vec<f64> {
    let noise = LogNormal::new(0.0, noise).expect("noise not below zero");
    let rate = |tick: usize| {
        let days = tick as f64 / DAY;
        let weekend = if (days as usize) % 7 >= 5 { 0.5 } else { 1.0 };
        let day = 1.0 - 0.8 * libm::cos(core::f64::consts::TAU * days);
        level * weekend * day * noise.sample(rng)
    };
    (0..ticks).map(rate).collect()
}

fn crowds(rng: &mut StdRng, level: f64, height: f64, per_day: f64, ticks: usize) -> Vec<f64> {
    let mut crowd = 0.0;
    let leaves = libm::exp(-1.0 / rng.gen_range(5.0..90.0));
    let rate = |_| {
        crowd *= leaves;
        if rng.gen_bool((per_day / DAY).min(1.0)) {
            crowd += height * rng.gen_range(0.3..1.0);
        }
        level + crowd
    };
    (0..ticks).map(rate).collect()
}
