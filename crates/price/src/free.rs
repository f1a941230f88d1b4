//! What AWS gives every account each month, for good.

use gearshift_gear::Dimension;
use rust_decimal::Decimal;

/// Units a month without a price, not only in an account's first year.
///
/// Duration and initialisation have one price and share its units. DynamoDB's 25 GB are a step of
/// its price.
/// Sources: aws.amazon.com/lambda/pricing (1 M requests, 400,000 GB-seconds, also zero rows of the
/// price list: SKUs ZQVCC2M69R4S79XS, 4VCGJ7EG8PJVZG7S); aws.amazon.com/ec2/pricing/on-demand
/// (100 GB to the internet over all services); aws.amazon.com/cloudwatch/pricing (5 GB of logs).
const FREE: [(Dimension, u32); 4] = [
    (Dimension::FunctionRequest, 1_000_000),
    (Dimension::FunctionGbSecond, 400_000),
    (Dimension::InternetEgressGb, 100),
    (Dimension::LogIngestGb, 5),
];

/// Units of a dimension a month without a price; zero for most.
pub(crate) fn free_units(dimension: &Dimension) -> Decimal {
    let found = FREE.iter().find(|(free, _)| free == dimension);
    found.map_or(Decimal::ZERO, |(_, units)| Decimal::from(*units))
}
