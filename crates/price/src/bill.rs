//! Usage × price book, itemised.

use gearshift_gear::{Dimension, Group, Known, Origin};
use rust_decimal::{Decimal, RoundingStrategy};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::curve::Meter;
use crate::{Gap, Price, PriceBook, PriceError, Usage};

/// A line's amount, or why it has none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Priced {
    /// US dollars: a month for a fixed line, a million calls at the first tier for a per-call
    /// line.
    Known {
        usd: Known<Decimal>,
        price: Box<Price>,
    },
    Gap(Gap),
}

/// One line of a bill.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BillLine {
    pub group: Group,
    pub dimension: Dimension,
    /// Per month when fixed, else per call.
    pub quantity: Decimal,
    pub unit: String,
    /// Billed without a single call.
    pub fixed: bool,
    /// Fixed, and billed once however many units there are.
    #[serde(default)]
    pub shared: bool,
    /// Where the quantity comes from.
    pub origin: Origin,
    pub priced: Priced,
}

/// What a row costs: its fixed lines, then its per-call lines.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Bill {
    /// AWS region of the prices.
    pub region: String,
    pub lines: Vec<BillLine>,
}

/// A month's cost with as many units as the peak needs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WithUnits {
    /// At least one.
    pub units: u64,
    /// US dollars a month.
    pub usd: Known<Decimal>,
}

/// Prices usage line by line. A price that is missing, or a quantity that cannot be billed, makes
/// a line with a gap; it empties every sum it belongs to and no other.
pub fn bill(usage: Usage, book: &PriceBook) -> Bill {
    let fixed = usage.fixed.into_iter().map(|line| BillLine {
        shared: line.shared,
        ..bill_line(book, line.dimension, line.quantity, line.origin, true)
    });
    let per_call = usage.per_call.into_iter();
    let per_call =
        per_call.map(|line| bill_line(book, line.dimension, line.quantity, line.origin, false));
    Bill { region: book.name().to_owned(), lines: fixed.chain(per_call).collect() }
}

fn bill_line(
    book: &PriceBook,
    dimension: Dimension,
    quantity: Decimal,
    origin: Origin,
    fixed: bool,
) -> BillLine {
    BillLine {
        group: dimension.group(),
        unit: dimension.unit().to_owned(),
        priced: match priced(book, &dimension, quantity, &origin, fixed) {
            Ok(known) => known,
            Err(error) => Priced::Gap(error.into()),
        },
        dimension,
        quantity,
        fixed,
        shared: false,
        origin,
    }
}

fn priced(
    book: &PriceBook,
    dimension: &Dimension,
    quantity: Decimal,
    origin: &Origin,
    fixed: bool,
) -> Result<Priced, PriceError> {
    let price = book.price(dimension)?;
    let usd = if fixed { price.usd(quantity)? } else { per_million(price, quantity)? };
    let origin = Origin::computed([origin.clone(), price.origin()]);
    Ok(Priced::Known { usd: Known::new(usd, origin), price: Box::new(price.clone()) })
}

fn per_million(price: &Price, per_call: Decimal) -> Result<Decimal, PriceError> {
    if per_call < Decimal::ZERO {
        return Err(price.bad_quantity(per_call, "below zero"));
    }
    per_call
        .checked_mul(Decimal::from(1_000_000))
        .and_then(|units| units.checked_mul(price.first_usd()))
        .ok_or_else(|| price.bad_quantity(per_call, "too large"))
}

impl BillLine {
    /// The line's amount: a month when fixed, a million calls at the first tier otherwise.
    pub fn usd(&self) -> Result<&Known<Decimal>, &Gap> {
        match &self.priced {
            Priced::Known { usd, .. } => Ok(usd),
            Priced::Gap(gap) => Err(gap),
        }
    }

    /// The price, with its source, date and confidence; none where it is missing.
    pub fn price(&self) -> Option<&Price> {
        match &self.priced {
            Priced::Known { price, .. } => Some(price),
            Priced::Gap(_) => None,
        }
    }
}

impl Bill {
    /// US dollars a month without a single call.
    pub fn per_month_fixed(&self) -> Result<Known<Decimal>, Gap> {
        self.total(|line| line.fixed, Decimal::ZERO, 1)
    }

    /// US dollars for a million calls at the first tiers' prices, without the fixed lines.
    pub fn per_million_calls(&self) -> Result<Known<Decimal>, Gap> {
        let lines = || self.lines.iter().filter(|line| !line.fixed);
        let mut sum = Decimal::ZERO;
        for line in lines() {
            let usd = line.usd().map_err(Clone::clone)?.value;
            sum = sum.checked_add(usd).ok_or_else(|| too_large(line))?;
        }
        Ok(Known::new(sum, origin_of(lines())))
    }

    /// US dollars a month at this many calls, tiers applied to the month's whole quantity of each
    /// price (function duration and initialisation share theirs).
    pub fn monthly(&self, calls_per_month: impl Into<Decimal>) -> Result<Known<Decimal>, Gap> {
        self.total(|_| true, calls_per_month.into(), 1)
    }

    /// The part of [`Bill::monthly`] in one column, with the fixed lines of `units` units. A price
    /// missing in another column does not empty this one.
    pub fn group_monthly(
        &self,
        group: Group,
        calls_per_month: impl Into<Decimal>,
        units: u64,
    ) -> Result<Known<Decimal>, Gap> {
        self.total(|line| line.group == group, calls_per_month.into(), units)
    }

    /// US dollars a month when one unit serves `sustained_ceiling_per_s` requests a second and
    /// `peak_per_s` must be served: ⌈peak ÷ ceiling⌉ times the fixed lines, and the calls.
    ///
    /// A ceiling not above zero is a gap; a peak of zero needs one unit.
    pub fn monthly_with_units(
        &self,
        calls_per_month: impl Into<Decimal>,
        sustained_ceiling_per_s: Decimal,
        peak_per_s: Decimal,
    ) -> Result<WithUnits, Gap> {
        let units = units(sustained_ceiling_per_s, peak_per_s)?;
        Ok(WithUnits { units, usd: self.total(|_| true, calls_per_month.into(), units)? })
    }

    /// Like [`Bill::monthly`], every line rounded to cents before adding up, half a cent up: how
    /// the published December 2021 table was computed.
    pub fn monthly_in_cents(
        &self,
        calls_per_month: impl Into<Decimal>,
    ) -> Result<Known<Decimal>, Gap> {
        let calls = calls_per_month.into();
        let cents =
            |usd: Decimal| usd.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero);
        let meters = Meter::of(self.lines.iter())?;
        self.added(&meters, |meter| meter.usd(calls, 1).map(cents), |_| true)
    }

    /// The origins of everything this bill is computed from.
    pub fn origin(&self) -> Origin {
        origin_of(self.lines.iter())
    }

    fn total(
        &self,
        wanted: impl Fn(&BillLine) -> bool + Copy,
        calls: Decimal,
        units: u64,
    ) -> Result<Known<Decimal>, Gap> {
        let meters = Meter::of(self.lines.iter().filter(|line| wanted(line)))?;
        self.added(&meters, |meter| meter.usd(calls, units), wanted)
    }

    fn added(
        &self,
        meters: &[Meter],
        usd: impl Fn(&Meter) -> Result<Decimal, PriceError>,
        wanted: impl Fn(&BillLine) -> bool,
    ) -> Result<Known<Decimal>, Gap> {
        let mut sum = Decimal::ZERO;
        for meter in meters {
            sum = sum.checked_add(usd(meter)?).ok_or_else(|| meter.too_large())?;
        }
        Ok(Known::new(sum, origin_of(self.lines.iter().filter(|line| wanted(line)))))
    }
}

/// ⌈peak ÷ ceiling⌉, at least one.
/// Units of `ceiling_per_s` requests a second that `peak_per_s` needs, at least one.
pub fn units(ceiling_per_s: Decimal, peak_per_s: Decimal) -> Result<u64, PriceError> {
    let bad = || PriceError::BadCeiling { per_s: ceiling_per_s };
    if ceiling_per_s <= Decimal::ZERO {
        return Err(bad());
    }
    let exact = peak_per_s.checked_div(ceiling_per_s).ok_or_else(bad)?;
    u64::try_from(exact.ceil().max(Decimal::ONE)).map_err(|_| bad())
}

fn too_large(line: &BillLine) -> PriceError {
    PriceError::BadQuantity {
        what: line.dimension.to_string(),
        quantity: line.quantity,
        why: "too large",
    }
}

fn origin_of<'a>(lines: impl Iterator<Item = &'a BillLine>) -> Origin {
    Origin::computed(lines.filter_map(|line| line.usd().ok()).map(|usd| usd.origin.clone()))
}
