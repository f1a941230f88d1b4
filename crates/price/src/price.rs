//! One price: tiers, and where they were found.

use std::fmt;

use gearshift_gear::{Dimension, Origin, SourceId};
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{PriceDate, PriceError};

/// How far a price can be trusted.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Confidence {
    /// A second-hand note without the provider's own record behind it.
    Low,
    /// Entered by hand by somebody who read the provider's page.
    Medium,
    /// Extracted from the provider's price list, or equal in several extracts.
    High,
}

impl fmt::Display for Confidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        })
    }
}

/// The price of the units of a month from `begin` up to `end`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tier {
    /// First quantity of the month at this price, in the price's unit.
    pub begin: Decimal,
    /// Where the next tier begins. Absent: no end. A last tier that has an end: beyond it no price
    /// is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<Decimal>,
    /// US dollars for one unit, without tax.
    pub usd: Decimal,
}

/// What one unit of a dimension costs in one region.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Price {
    pub dimension: Dimension,
    /// AWS region.
    pub region: String,
    /// Always the dimension's own unit.
    pub unit: String,
    /// Without gaps, from 0 on; never empty.
    pub tiers: Vec<Tier>,
    /// When it took effect or was last seen; the oldest where tiers were found apart.
    pub effective: PriceDate,
    /// Where it was found.
    pub source: String,
    pub confidence: Confidence,
    /// Since when fetching it anew has failed; none: it is as good as it ever was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stale_since: Option<PriceDate>,
}

impl Price {
    /// US dollars for this quantity in one month, tier by tier.
    ///
    /// Refuses a quantity below zero, one beyond the last known tier, and one too large to
    /// multiply exactly.
    pub fn usd(&self, quantity: Decimal) -> Result<Decimal, PriceError> {
        if quantity < Decimal::ZERO {
            return Err(self.bad_quantity(quantity, "below zero"));
        }
        let mut usd = Decimal::ZERO;
        for tier in &self.tiers {
            if quantity <= tier.begin {
                return Ok(usd);
            }
            let upto = tier.end.map_or(quantity, |end| end.min(quantity));
            usd = (upto - tier.begin)
                .checked_mul(tier.usd)
                .and_then(|part| usd.checked_add(part))
                .ok_or_else(|| self.bad_quantity(quantity, "too large"))?;
        }
        match self.known_up_to() {
            Some(end) if quantity > end => Err(self.no_tier(end)),
            _ => Ok(usd),
        }
    }

    /// US dollars for one unit at the first tier.
    pub fn first_usd(&self) -> Decimal {
        self.tiers.first().map_or(Decimal::ZERO, |tier| tier.usd)
    }

    /// Where the known tiers end, if they do.
    pub fn known_up_to(&self) -> Option<Decimal> {
        self.tiers.last().and_then(|tier| tier.end)
    }

    /// The origin of every amount this price takes part in.
    pub fn origin(&self) -> Origin {
        Origin::Quoted(SourceId(format!("{} ({})", self.source, self.effective)))
    }

    pub(crate) fn no_tier(&self, beyond: Decimal) -> PriceError {
        PriceError::NoTier {
            what: self.dimension.to_string(),
            region: self.region.clone(),
            beyond,
            unit: self.unit.clone(),
        }
    }

    pub(crate) fn bad_quantity(&self, quantity: Decimal, why: &'static str) -> PriceError {
        PriceError::BadQuantity { what: self.dimension.to_string(), quantity, why }
    }
}
