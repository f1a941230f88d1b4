//! Sixty-four values at once: one per minute of the hour in which a load balancer was asked for.

/// More than the ticks of an hour; the rest stays infinite.
pub(super) const LANES: usize = 64;

/// A value per lane.
pub(super) type Lanes = [f64; LANES];

pub(super) const NEVER: Lanes = [f64::INFINITY; LANES];

/// `into[i] = min(into[i], from[i] + add)`.
#[inline(always)]
pub(super) fn least(into: &mut Lanes, from: &Lanes, add: f64) {
    for (into, from) in into.iter_mut().zip(from) {
        let other = from + add;
        *into = if other < *into { other } else { *into };
    }
}

#[inline(always)]
pub(super) fn add(into: &mut Lanes, add: f64) {
    for into in into {
        *into += add;
    }
}
