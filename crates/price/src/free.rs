//! What AWS gives every account each month, for good.

use gearshift_gear::Dimension;
use rust_decimal::Decimal;

use crate::{Bill, Gap};

/// Units a month without a price, not only in an account's first year.
///
/// Sources: aws.amazon.com/lambda/pricing (1 M requests, 400,000 GB-seconds, also zero rows of the
/// price list: SKUs ZQVCC2M69R4S79XS, 4VCGJ7EG8PJVZG7S); aws.amazon.com/ec2/pricing/on-demand
/// (100 GB to the internet over all services); aws.amazon.com/cloudwatch/pricing (5 GB of logs).
/// DynamoDB's 25 GB are a step of its price.
const FREE: [(&[Dimension], u32); 4] = [
    (&[Dimension::FunctionRequest], 1_000_000),
    // Duration and initialisation share theirs.
    (&[Dimension::FunctionGbSecond, Dimension::FunctionInitGbSecond], 400_000),
    (&[Dimension::InternetEgressGb], 100),
    (&[Dimension::LogIngestGb], 5),
];

/// Units of a dimension a month without a price; zero for most.
pub fn free_units(dimension: &Dimension) -> Decimal {
    let found = FREE.iter().find(|(dimensions, _)| dimensions.contains(dimension));
    found.map_or(Decimal::ZERO, |(_, free)| Decimal::from(*free))
}

/// US dollars a month that [`Bill::monthly`] counts too much for an account that uses nothing else
/// of these: the free units, at the first tier's price, where tiers begin.
pub fn free_tier(bill: &Bill, calls_per_month: Decimal) -> Result<Decimal, Gap> {
    let mut usd = Decimal::ZERO;
    for (dimensions, free) in FREE {
        let mut used = Decimal::ZERO;
        let mut price = Decimal::ZERO;
        for line in bill.lines.iter().filter(|line| dimensions.contains(&line.dimension)) {
            line.usd().map_err(Clone::clone)?;
            used += if line.fixed { line.quantity } else { line.quantity * calls_per_month };
            price = line.price().map_or(price, |price| price.first_usd());
        }
        usd += used.min(free.into()) * price;
    }
    Ok(usd)
}
