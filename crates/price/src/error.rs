//! What can be missing, and what to do about it.

use std::fmt;

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Why something has no price.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PriceError {
    /// No book for this region.
    #[error("no price book for region `{region}`; there are: {known} → choose one with --region")]
    UnknownRegion { region: String, known: String },
    /// A book that cannot be read.
    #[error("price book {region} is not valid: {why} → correct its file")]
    BadBook { region: String, why: String },
    /// The book has no entry for this.
    #[error(
        "no price for {what} in {region} → gearshift price refresh --region {region}, or choose \
         another region with --region"
    )]
    NoPrice { what: String, region: String },
    /// The book has the price of the first units of a month only.
    #[error(
        "no price for {what} beyond {beyond} a month (unit: {unit}) in {region} → \
         gearshift price refresh --region {region}, or choose another region with --region"
    )]
    NoTier { what: String, region: String, beyond: Decimal, unit: String },
    /// A quantity below zero or too large to multiply exactly.
    #[error("{what}: quantity {quantity} cannot be billed ({why}) → correct the usage")]
    BadQuantity { what: String, quantity: Decimal, why: &'static str },
    /// A ceiling that is not above zero.
    #[error("a ceiling of {per_s} requests a second serves nothing → measure the ceiling again")]
    BadCeiling { per_s: Decimal },
    /// Something a row always needs and this crate has no billing rule for.
    #[error(
        "row `{row}`: what {what} costs follows its policy and the traffic → gearshift plan TRACE"
    )]
    NoRule { row: String, what: String },
    /// More units than are compared.
    #[error(
        "`{name}` would need {units} units at the end of the range, {limit} are compared → \
         end the range earlier"
    )]
    TooManyUnits { name: String, units: Decimal, limit: u32 },
}

impl PriceError {
    /// Which price or input is at fault, in a few words.
    pub fn what(&self) -> String {
        match self {
            Self::UnknownRegion { region, .. } | Self::BadBook { region, .. } => {
                format!("price book {region}")
            }
            Self::NoPrice { what, region } => format!("{what}, {region}"),
            Self::NoTier { what, region, beyond, .. } => {
                format!("{what} beyond {beyond} a month, {region}")
            }
            Self::BadQuantity { what, .. } | Self::NoRule { what, .. } => what.clone(),
            Self::BadCeiling { .. } => "ceiling".to_owned(),
            Self::TooManyUnits { name, .. } => name.clone(),
        }
    }
}

/// Why a cell of a table is empty: goes into results in place of an amount.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Gap {
    /// Which price is missing, such as `table write, ap-southeast-1`.
    pub what: String,
    /// The whole sentence, with the next step.
    pub text: String,
}

impl From<PriceError> for Gap {
    fn from(error: PriceError) -> Self {
        Self { what: error.what(), text: error.to_string() }
    }
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Gap {}
