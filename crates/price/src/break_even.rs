//! At how many calls a month two bills are equal.

use gearshift_gear::{Known, Origin};
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::curve::{Curve, earlier};
use crate::winners::SAME_USD;
use crate::{Bill, Candidate, Gap, MAX_CALLS_PER_MONTH, SECONDS_PER_MONTH};

/// One of the two bills compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    A,
    B,
}

impl Side {
    /// The other one.
    pub fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }
}

/// Where two bills meet, up to [`MAX_CALLS_PER_MONTH`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BreakEven {
    /// `cheaper_below` is cheaper below this volume and the other one above it.
    At {
        calls_per_month: Known<Decimal>,
        /// The same, requests a second on average.
        per_s: Known<Decimal>,
        cheaper_below: Side,
        /// The order changes back above it (tiers, further units), as far as prices are known;
        /// [`crate::winners`] lists every change.
        changes_again: bool,
        /// False: at an end of the range of durations there is no such break-even.
        holds_throughout: bool,
    },
    /// This one is cheaper at every volume.
    Always {
        cheaper: Side,
        /// False: at an end of the range of durations the bills do meet, or the other is cheaper.
        holds_throughout: bool,
    },
    /// Both cost the same at every volume.
    Equal,
    /// A missing price hides it.
    Unknown(Gap),
}

/// Where two bills meet, one unit of each. Exact: bills are straight between tiers, so each
/// crossing is one division.
pub fn break_even(a: &Bill, b: &Bill) -> BreakEven {
    match (Curve::new(a, None), Curve::new(b, None)) {
        (Ok(ours), Ok(theirs)) => meet(&ours, &theirs, [a, b]),
        (Err(gap), _) | (_, Err(gap)) => BreakEven::Unknown(gap),
    }
}

/// Where two bills meet on steady traffic, each with as many units as its ceiling asks for; looked
/// for up to [`crate::MAX_UNITS`] units. At a step the order can change without being equal.
pub fn break_even_with_units(a: &Candidate, b: &Candidate) -> BreakEven {
    match (Curve::new(&a.bill, a.ceiling_per_s), Curve::new(&b.bill, b.ceiling_per_s)) {
        (Ok(ours), Ok(theirs)) => meet(&ours, &theirs, [&a.bill, &b.bill]),
        (Err(gap), _) | (_, Err(gap)) => BreakEven::Unknown(gap),
    }
}

fn meet(a: &Curve, b: &Curve, bills: [&Bill; 2]) -> BreakEven {
    let most = earlier(a.served_by_max_units(), b.served_by_max_units());
    let limit = earlier(most, Some(MAX_CALLS_PER_MONTH.into())).unwrap_or(Decimal::MAX);
    let mut order = Order::default();
    let mut at = Decimal::ZERO;
    while at < limit && order.changed_at.len() < 2 {
        let (ours, theirs) = match (a.piece_after(at), b.piece_after(at)) {
            (Ok(ours), Ok(theirs)) => (ours, theirs),
            (Err(gap), _) | (_, Err(gap)) if order.changed_at.is_empty() => {
                return BreakEven::Unknown(gap);
            }
            _ => break,
        };
        let until = earlier(earlier(ours.until, theirs.until), Some(limit)).unwrap_or(limit);
        let dearer_by = ours.usd - theirs.usd;
        let slope = ours.usd_per_call - theirs.usd_per_call;
        if dearer_by.abs() <= SAME_USD {
            order.note(at, slope);
        } else {
            order.note(at, dearer_by);
            let after = (-dearer_by).checked_div(slope).filter(|calls| *calls > Decimal::ZERO);
            if let Some(meets) = after.and_then(|calls| calls.checked_add(at))
                && meets < until
            {
                order.note(meets, slope);
            }
        }
        at = until;
    }
    order.result(bills)
}

/// Who is cheaper, as seen so far.
#[derive(Default)]
struct Order {
    cheaper: Option<Side>,
    /// Where it changed, and who was cheaper below.
    changed_at: Vec<(Decimal, Side)>,
}

impl Order {
    /// Just above `calls`, A is dearer by this (only the sign counts).
    fn note(&mut self, calls: Decimal, dearer_by: Decimal) {
        if dearer_by.is_zero() {
            return;
        }
        let cheaper = if dearer_by > Decimal::ZERO { Side::B } else { Side::A };
        if let Some(before) = self.cheaper.filter(|before| *before != cheaper) {
            self.changed_at.push((calls, before));
        }
        self.cheaper = Some(cheaper);
    }

    fn result(self, bills: [&Bill; 2]) -> BreakEven {
        let changes_again = self.changed_at.len() > 1;
        match (self.changed_at.first(), self.cheaper) {
            (Some(&(calls, cheaper_below)), _) => {
                let origin = Origin::computed(bills.map(Bill::origin));
                let per_s = calls / Decimal::from(SECONDS_PER_MONTH);
                BreakEven::At {
                    calls_per_month: Known::new(calls, origin.clone()),
                    per_s: Known::new(per_s, origin),
                    cheaper_below,
                    changes_again,
                    holds_throughout: true,
                }
            }
            (None, Some(cheaper)) => BreakEven::Always { cheaper, holds_throughout: true },
            (None, None) => BreakEven::Equal,
        }
    }
}

/// The break-even at the middle of a range of durations, with the range that the break-evens at
/// its low and high end give. Where an end is of another kind or order than the middle, there is
/// no range and `holds_throughout` is false; a gap at any of the three is the result.
pub fn combine(low: &BreakEven, middle: BreakEven, high: &BreakEven) -> BreakEven {
    if let Some(gap) = [low, &middle, high].into_iter().find_map(BreakEven::gap) {
        return BreakEven::Unknown(gap.clone());
    }
    let agrees = low.agrees(&middle) && high.agrees(&middle);
    match middle {
        BreakEven::At { calls_per_month, per_s, cheaper_below, changes_again, .. } => {
            let around = |known: Known<Decimal>, of: fn(&BreakEven) -> Option<Decimal>| {
                let ends = [of(low), Some(known.value), of(high)].map(Option::unwrap_or_default);
                let low = ends[0].min(ends[1]).min(ends[2]);
                if agrees { known.within(low, ends[0].max(ends[1]).max(ends[2])) } else { known }
            };
            BreakEven::At {
                calls_per_month: around(calls_per_month, BreakEven::calls),
                per_s: around(per_s, BreakEven::per_s),
                cheaper_below,
                changes_again,
                holds_throughout: agrees,
            }
        }
        BreakEven::Always { cheaper, .. } => {
            BreakEven::Always { cheaper, holds_throughout: agrees }
        }
        other => other,
    }
}

impl BreakEven {
    fn gap(&self) -> Option<&Gap> {
        match self {
            Self::Unknown(gap) => Some(gap),
            _ => None,
        }
    }

    fn calls(&self) -> Option<Decimal> {
        match self {
            Self::At { calls_per_month, .. } => Some(calls_per_month.value),
            _ => None,
        }
    }

    fn per_s(&self) -> Option<Decimal> {
        match self {
            Self::At { per_s, .. } => Some(per_s.value),
            _ => None,
        }
    }

    /// Of the same kind and order.
    fn agrees(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::At { cheaper_below: ours, .. }, Self::At { cheaper_below: theirs, .. })
            | (Self::Always { cheaper: ours, .. }, Self::Always { cheaper: theirs, .. }) => {
                ours == theirs
            }
            (Self::Equal, Self::Equal) => true,
            _ => false,
        }
    }
}
