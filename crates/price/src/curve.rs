//! A bill as a function of calls a month: straight pieces, bent at tiers, stepping at units.

use std::collections::BTreeMap;

use gearshift_gear::Dimension;
use rust_decimal::Decimal;

use crate::{Bill, BillLine, Gap, Price, PriceError, Priced, SECONDS_PER_MONTH};

/// The most calls a month that bills are compared at.
pub const MAX_CALLS_PER_MONTH: u64 = 1_000_000_000_000;

/// The most units of one row that bills are compared at.
pub const MAX_UNITS: u32 = 10_000;

/// All lines of a bill that are billed at one price: tiers apply to their sum.
pub(crate) struct Meter<'a> {
    price: &'a Price,
    /// Per month and unit.
    fixed: Decimal,
    /// Per month, however many units.
    shared: Decimal,
    per_call: Decimal,
}

impl<'a> Meter<'a> {
    /// The meters of these lines, or the first gap among them.
    pub fn of(lines: impl Iterator<Item = &'a BillLine>) -> Result<Vec<Self>, Gap> {
        let mut meters = BTreeMap::<&Dimension, Self>::new();
        for line in lines {
            let price = match &line.priced {
                Priced::Known { price, .. } => price,
                Priced::Gap(gap) => return Err(gap.clone()),
            };
            let meter = meters.entry(&price.dimension).or_insert(Self {
                price,
                fixed: Decimal::ZERO,
                shared: Decimal::ZERO,
                per_call: Decimal::ZERO,
            });
            let part = match (line.fixed, line.shared) {
                (false, _) => &mut meter.per_call,
                (true, false) => &mut meter.fixed,
                (true, true) => &mut meter.shared,
            };
            *part = part
                .checked_add(line.quantity)
                .ok_or_else(|| price.bad_quantity(line.quantity, "too large"))?;
        }
        Ok(meters.into_values().collect())
    }

    /// US dollars a month.
    pub fn usd(&self, calls: Decimal, units: u64) -> Result<Decimal, PriceError> {
        if calls < Decimal::ZERO {
            return Err(PriceError::BadQuantity {
                what: "calls a month".to_owned(),
                quantity: calls,
                why: "below zero",
            });
        }
        let called = self.per_call.checked_mul(calls);
        let quantity = called.zip(self.standing(units)).and_then(|(a, b)| a.checked_add(b));
        self.price.usd(quantity.ok_or_else(|| self.too_large())?)
    }

    /// Per month without a call.
    fn standing(&self, units: u64) -> Option<Decimal> {
        self.fixed.checked_mul(units.into())?.checked_add(self.shared)
    }

    pub fn too_large(&self) -> PriceError {
        self.price.bad_quantity(self.per_call.max(self.fixed), "too large")
    }

    /// The tier in force just after `calls`: its slope in US dollars a call, and where it ends.
    fn slope_after(
        &self,
        calls: Decimal,
        units: u64,
    ) -> Result<(Decimal, Option<Decimal>), PriceError> {
        if self.per_call.is_zero() {
            return Ok((Decimal::ZERO, None));
        }
        let standing = self.standing(units).ok_or_else(|| self.too_large())?;
        for tier in &self.price.tiers {
            let slope = self.per_call.checked_mul(tier.usd).ok_or_else(|| self.too_large())?;
            let Some(end) = tier.end else { return Ok((slope, None)) };
            // Compared in calls, not in quantity: a rounded division must still move forward. One
            // that overflows lies beyond every volume that is compared.
            match (end - standing).checked_div(self.per_call) {
                Some(ends_at) if ends_at <= calls => {}
                ends_at => return Ok((slope, ends_at)),
            }
        }
        Err(self.price.no_tier(self.price.known_up_to().unwrap_or_default()))
    }
}

/// A bill's cost over calls a month on steady traffic, where the peak is the mean.
pub(crate) struct Curve<'a> {
    meters: Vec<Meter<'a>>,
    calls_per_unit: Option<Decimal>,
}

/// A straight part of a [`Curve`].
pub(crate) struct Piece {
    /// Just after where it was asked for.
    pub usd: Decimal,
    pub usd_per_call: Decimal,
    /// Where the next piece begins; none: never.
    pub until: Option<Decimal>,
    pub units: u64,
}

impl<'a> Curve<'a> {
    /// The curve of a bill; with a ceiling, of as many units as steady traffic needs.
    pub fn new(bill: &'a Bill, ceiling_per_s: Option<Decimal>) -> Result<Self, Gap> {
        let calls_per_unit = match ceiling_per_s {
            None => None,
            Some(per_s) if per_s > Decimal::ZERO => {
                per_s.checked_mul(Decimal::from(SECONDS_PER_MONTH))
            }
            Some(per_s) => return Err(PriceError::BadCeiling { per_s }.into()),
        };
        Ok(Self { meters: Meter::of(bill.lines.iter())?, calls_per_unit })
    }

    /// The calls a month that [`MAX_UNITS`] units serve.
    pub fn served_by_max_units(&self) -> Option<Decimal> {
        self.calls_per_unit?.checked_mul(Decimal::from(MAX_UNITS))
    }

    /// Units needed at exactly `calls`, however many.
    pub fn units_at(&self, calls: Decimal) -> Decimal {
        let Some(each) = self.calls_per_unit else { return Decimal::ONE };
        calls.checked_div(each).map_or(Decimal::MAX, |units| units.ceil().max(Decimal::ONE))
    }

    /// Units needed just after `calls`, for `calls` that [`MAX_UNITS`] units serve.
    fn units_after(&self, calls: Decimal) -> Decimal {
        let Some(each) = self.calls_per_unit else { return Decimal::ONE };
        let mut units = (calls / each).floor() + Decimal::ONE;
        // The division is rounded; the product decides.
        while units * each <= calls {
            units += Decimal::ONE;
        }
        while units > Decimal::ONE && (units - Decimal::ONE) * each > calls {
            units -= Decimal::ONE;
        }
        units
    }

    /// The piece just after `calls`.
    pub fn piece_after(&self, calls: Decimal) -> Result<Piece, Gap> {
        let units = self.units_after(calls);
        let mut piece = Piece {
            usd: Decimal::ZERO,
            usd_per_call: Decimal::ZERO,
            until: self.calls_per_unit.map(|each| each * units),
            units: u64::try_from(units).expect("comparisons end at MAX_UNITS"),
        };
        for meter in &self.meters {
            let usd = meter.usd(calls, piece.units)?;
            let (slope, until) = meter.slope_after(calls, piece.units)?;
            let add = |sum: Decimal, part| sum.checked_add(part).ok_or_else(|| meter.too_large());
            piece.usd = add(piece.usd, usd)?;
            piece.usd_per_call = add(piece.usd_per_call, slope)?;
            piece.until = earlier(piece.until, until);
        }
        Ok(piece)
    }
}

/// The earlier of two ends, where none is never.
pub(crate) fn earlier(a: Option<Decimal>, b: Option<Decimal>) -> Option<Decimal> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}
