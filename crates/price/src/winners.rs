//! Which bill is cheapest at which volume.

use std::ops::Range;

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::curve::{Curve, Piece, earlier};
use crate::{Bill, Gap, MAX_UNITS, PriceError};

/// Amounts closer than this, in US dollars a month, count as equal: far above what rounding to 28
/// digits leaves, far below what anybody pays.
pub(crate) const SAME_USD: Decimal = Decimal::from_parts(1, 0, 0, false, 12);

/// A bill that takes part in a comparison.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Candidate {
    pub name: String,
    pub bill: Bill,
    /// Requests a second that one unit serves for good; none: one unit serves any number.
    pub ceiling_per_s: Option<Decimal>,
}

/// A stretch of volumes with one cheapest candidate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Segment {
    pub from_calls_per_month: Decimal,
    pub to_calls_per_month: Decimal,
    /// The cheapest candidate's name.
    pub winner: String,
    /// Its units at the beginning and at the end of the stretch.
    pub units: (u64, u64),
}

/// A candidate that is not compared from some volume on, because a price is missing there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LeftOut {
    pub name: String,
    pub from_calls_per_month: Decimal,
    pub gap: Gap,
}

/// The cheapest candidate at every volume of a range.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Winners {
    /// In order, joined; they end early where no candidate has a price any more.
    pub segments: Vec<Segment>,
    pub left_out: Vec<LeftOut>,
}

/// The cheapest candidate over a range of calls a month, on steady traffic (the peak is the mean),
/// each with as many units as its ceiling asks for. Of candidates that cost the same, the one that
/// grows slower wins, then the one listed first.
///
/// Refuses a range whose end takes more than [`MAX_UNITS`] units of a candidate.
pub fn winners(
    candidates: &[Candidate],
    calls_per_month: Range<u64>,
) -> Result<Winners, PriceError> {
    let (mut at, end) = (calls_per_month.start.into(), calls_per_month.end.into());
    let mut winners = Winners { segments: Vec::new(), left_out: Vec::new() };
    let mut leave_out = |name: &str, from_calls_per_month, gap| {
        winners.left_out.push(LeftOut { name: name.to_owned(), from_calls_per_month, gap });
    };
    let mut curves = Vec::new();
    for Candidate { name, bill, ceiling_per_s } in candidates {
        match Curve::new(bill, *ceiling_per_s) {
            Ok(curve) => curves.push((name, within_max_units(name, curve, end)?)),
            Err(gap) => leave_out(name, at, gap),
        }
    }
    while at < end {
        let mut pieces = Vec::new();
        curves.retain(|(name, curve)| match curve.piece_after(at) {
            Ok(piece) => {
                pieces.push((*name, piece));
                true
            }
            Err(gap) => {
                leave_out(name, at, gap);
                false
            }
        });
        let Some((name, best)) = cheapest(&pieces) else { break };
        let to = overtaken(best, &pieces, at).min(end);
        extend(&mut winners.segments, name, best.units, at..to);
        at = to;
    }
    Ok(winners)
}

fn within_max_units<'a>(
    name: &str,
    curve: Curve<'a>,
    end: Decimal,
) -> Result<Curve<'a>, PriceError> {
    match curve.served_by_max_units() {
        Some(most) if most < end => Err(PriceError::TooManyUnits {
            name: name.to_owned(),
            units: curve.units_at(end),
            limit: MAX_UNITS,
        }),
        _ => Ok(curve),
    }
}

fn cheapest<'p>(pieces: &'p [(&'p String, Piece)]) -> Option<(&'p str, &'p Piece)> {
    let mut pieces = pieces.iter().map(|(name, piece)| (name.as_str(), piece));
    let first = pieces.next()?;
    Some(pieces.fold(first, |best, other| {
        let ahead = best.1.usd - other.1.usd;
        let same = ahead.abs() <= SAME_USD;
        let slower = other.1.usd_per_call < best.1.usd_per_call;
        if (same && slower) || (!same && ahead > Decimal::ZERO) { other } else { best }
    }))
}

/// Where another piece gets cheaper than the best, or the first of the pieces ends.
fn overtaken(best: &Piece, pieces: &[(&String, Piece)], at: Decimal) -> Decimal {
    let mut to = Decimal::MAX;
    for (_, other) in pieces {
        to = earlier(Some(to), other.until).unwrap_or(to);
        let gains_per_call = best.usd_per_call - other.usd_per_call;
        if gains_per_call > Decimal::ZERO {
            let meets = (other.usd - best.usd)
                .checked_div(gains_per_call)
                .and_then(|calls| calls.checked_add(at));
            to = earlier(meets.filter(|meets| *meets > at), Some(to)).unwrap_or(to);
        }
    }
    to
}

fn extend(segments: &mut Vec<Segment>, name: &str, units: u64, calls: Range<Decimal>) {
    match segments.last_mut() {
        Some(last) if last.winner == name => {
            last.to_calls_per_month = calls.end;
            last.units.1 = units;
        }
        _ => segments.push(Segment {
            from_calls_per_month: calls.start,
            to_calls_per_month: calls.end,
            winner: name.to_owned(),
            units: (units, units),
        }),
    }
}
