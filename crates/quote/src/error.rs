//! Why a row, or what is shifted, has no price.

use gearshift_economics::{EconomicsError, NotMeasured};
use gearshift_price::{Gap, PriceError};

/// Why something cannot be quoted.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum QuoteError {
    #[error(transparent)]
    NotMeasured(#[from] NotMeasured),
    #[error(transparent)]
    Economics(#[from] EconomicsError),
    #[error(transparent)]
    Price(#[from] PriceError),
    #[error(transparent)]
    Gap(#[from] Gap),
}
