//! From values to pixels.

use std::fmt::Write;

use serde::Serialize;

/// A value named at an axis.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Tick {
    pub(super) at: f64,
    pub(super) label: String,
}

/// A log axis: from a range in decades to pixels.
#[derive(Clone, Copy)]
pub(super) struct Log {
    pub(super) from: f64,
    pub(super) to: f64,
    pub(super) start_px: f64,
    pub(super) end_px: f64,
}

impl Log {
    pub(super) fn px(&self, value: f64) -> f64 {
        self.px_of_log(value.log10())
    }

    /// The same for a value's logarithm.
    pub(super) fn px_of_log(&self, log: f64) -> f64 {
        let share = (log - self.from) / (self.to - self.from);
        tenth(self.start_px + share * (self.end_px - self.start_px))
    }

    /// The powers of ten on it.
    pub(super) fn decades(&self) -> impl Iterator<Item = f64> {
        let (first, last) = ((self.from - 1e-9).ceil() as i32, (self.to + 1e-9).floor() as i32);
        (first..=last).map(|decade| 10f64.powi(decade))
    }

    /// The same; where there are fewer than two, their 2- and 5-folds too.
    pub(super) fn round_values(&self) -> Vec<f64> {
        if self.decades().count() >= 2 {
            return self.decades().collect();
        }
        let within = |value: &f64| (self.from - 1e-9..=self.to + 1e-9).contains(&value.log10());
        let decades = self.from.floor() as i32..=self.to.floor() as i32;
        let folds = decades.flat_map(|d| [1.0, 2.0, 5.0].map(|fold| fold * 10f64.powi(d)));
        folds.filter(within).collect()
    }
}

/// A coordinate, to a tenth of a pixel.
pub(super) fn tenth(px: f64) -> f64 {
    // A negative nothing is none.
    (px * 10.0).round() / 10.0 + 0.0
}

/// A path through these points, each once.
pub(super) fn path(points: impl IntoIterator<Item = (f64, f64)>) -> String {
    let mut path = String::new();
    let mut last = None;
    for (x, y) in points {
        if last != Some((x, y)) {
            let verb = if last.is_none() { 'M' } else { 'L' };
            write!(path, "{verb}{x} {y}").expect("writing to a string cannot fail");
        }
        last = Some((x, y));
    }
    path
}

/// Labels near where they belong without covering each other: no two closer than `apart`, those
/// that would be as a group around their middle, all between `top` and `bottom` as far as there is
/// room.
pub(super) fn spread_out(wanted: &[f64], apart: f64, top: f64, bottom: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by(|a, b| wanted[*a].total_cmp(&wanted[*b]));
    // Where each group begins and how many it holds, from the top.
    let mut groups: Vec<(f64, Vec<usize>)> = Vec::new();
    for index in order {
        let mut group = (wanted[index], vec![index]);
        while let Some((begins, above)) = groups.pop() {
            if begins + above.len() as f64 * apart <= group.0 {
                groups.push((begins, above));
                break;
            }
            group.1.splice(0..0, above);
            let middle = group.1.iter().map(|i| wanted[*i]).sum::<f64>() / group.1.len() as f64;
            let room = apart * (group.1.len() - 1) as f64;
            group.0 = (middle - room / 2.0).min(bottom - room).max(top);
        }
        groups.push(group);
    }
    let mut placed = wanted.to_vec();
    for (begins, group) in groups {
        for (place, index) in group.into_iter().enumerate() {
            placed[index] = tenth(begins + apart * place as f64);
        }
    }
    placed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_keep_their_distance_and_stay_in_the_plot() {
        let placed = spread_out(&[100.0, 100.0, 99.0, 119.0], 16.0, 0.0, 120.0);
        let mut sorted = placed.clone();
        sorted.sort_by(f64::total_cmp);
        assert!(sorted.windows(2).all(|pair| pair[1] - pair[0] >= 16.0), "{placed:?}");
        assert!(sorted[3] <= 120.0 && sorted[0] >= 0.0, "{placed:?}");
    }

    #[test]
    fn a_group_of_labels_stays_around_its_middle() {
        let placed = spread_out(&[50.0, 51.0, 52.0, 90.0], 16.0, 0.0, 200.0);
        assert_eq!(placed, [35.0, 51.0, 67.0, 90.0]);
    }

    #[test]
    fn a_decade_is_as_wide_as_the_next() {
        let axis = Log { from: 5.0, to: 9.0, start_px: 0.0, end_px: 400.0 };
        assert_eq!([axis.px(1e5), axis.px(1e6), axis.px(1e9)], [0.0, 100.0, 400.0]);
        assert_eq!(axis.round_values(), [1e5, 1e6, 1e7, 1e8, 1e9]);
    }

    #[test]
    fn a_short_axis_has_more_than_its_powers_of_ten() {
        let axis = Log { from: 0.3, to: 1.4, start_px: 0.0, end_px: 100.0 };
        assert_eq!(axis.round_values(), [2.0, 5.0, 10.0, 20.0]);
    }
}
