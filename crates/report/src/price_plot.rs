//! Cost over calls, both on log scales, in characters.

use gearshift_quote::Quote;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use crate::grid::wrapped;
use crate::numbers::calls;

const ROWS: usize = 13;
/// Dollars and their axis.
const LEFT: usize = 9;
const MARKS: [char; 12] = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l'];
/// Rows that never differ by more are one line.
const ALIKE: f64 = 0.05;

/// The plot, its axes and what each letter stands for; nothing where there is no curve.
pub(crate) fn price_plot(quote: &Quote, width: usize) -> Vec<String> {
    let lines = distinct(quote);
    let logs = lines.iter().flat_map(|(_, curve)| curve).map(|usd| usd.log10());
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    logs.for_each(|log| (low, high) = (low.min(log), high.max(log)));
    let [first, .., last] = quote.volumes.as_slice() else { return Vec::new() };
    if lines.is_empty() || low >= high {
        return Vec::new();
    }
    (low, high) = (low.floor(), high.ceil());
    let columns = quote.volumes.len().min(width.saturating_sub(LEFT + 14)).max(20);
    let (from, to) = ((*first as f64).log10(), (*last as f64).log10());
    let mut grid = vec![vec![' '; columns]; ROWS];
    if let Some(asked) = quote.calls_per_month.to_f64().filter(|asked| *asked > 0.0) {
        let at = (asked.log10() - from) / (to - from) * (columns - 1) as f64;
        if (0.0..columns as f64).contains(&at.round()) {
            grid.iter_mut().for_each(|row| row[at.round() as usize] = '┊');
        }
    }
    for ((_, curve), mark) in lines.iter().zip(MARKS).rev() {
        let points = (0..columns).map(|column| column * (quote.volumes.len() - 1) / (columns - 1));
        for (column, at) in points.enumerate() {
            let Some(usd) = curve.get(at) else { continue };
            let up = (usd.log10() - low) / (high - low) * (ROWS - 1) as f64;
            grid[ROWS - 1 - up.round() as usize][column] = mark;
        }
    }
    let mut plot = vec![String::new()];
    for (row, cells) in grid.iter().enumerate() {
        let log = low + (high - low) * (ROWS - 1 - row) as f64 / (ROWS - 1) as f64;
        let label = if (log - log.round()).abs() * (ROWS as f64) < 0.5 * (high - low) {
            format!("${}", 10f64.powf(log.round()))
        } else {
            String::new()
        };
        let cells: String = cells.iter().collect();
        plot.push(format!("{label:>LEFT$} ┤{}", cells.trim_end()));
    }
    plot.push(format!("{:>LEFT$} └{}", "a month", "─".repeat(columns)));
    plot.push(ticks(from, to, columns));
    let named = lines.iter().zip(MARKS);
    let named: Vec<String> =
        named.map(|((names, _), mark)| format!("{mark} {}", names.join(", "))).collect();
    plot.extend(wrapped(&named.join(" · "), width, &" ".repeat(LEFT + 2), LEFT + 2));
    plot
}

/// Names and curves above nothing; those alike share a curve.
fn distinct(quote: &Quote) -> Vec<(Vec<&str>, Vec<f64>)> {
    let mut lines: Vec<(Vec<&str>, Vec<f64>)> = Vec::new();
    for line in &quote.lines {
        let curve = line.curve.iter().map_while(|usd| usd.to_f64()).map(|usd| usd.max(0.01));
        let curve: Vec<f64> = curve.collect();
        if curve.is_empty() {
            continue;
        }
        let alike = |other: &[f64]| {
            other.len() == curve.len()
                && other.iter().zip(&curve).all(|(a, b)| (a / b - 1.0).abs() <= ALIKE)
        };
        match lines.iter_mut().find(|(_, other)| alike(other)) {
            Some((names, _)) => names.push(&line.row),
            None => lines.push((vec![&line.row], curve)),
        }
    }
    lines.truncate(MARKS.len());
    lines
}

/// A label at each power of ten.
fn ticks(from: f64, to: f64, columns: usize) -> String {
    let mut line = vec![' '; LEFT + 2 + columns + 8];
    let mut log = from.ceil();
    while log <= to {
        let at = LEFT + 2 + ((log - from) / (to - from) * (columns - 1) as f64).round() as usize;
        let label = calls(Decimal::from(10f64.powf(log).round() as u64));
        for (cell, letter) in line[at..].iter_mut().zip(label.chars()) {
            *cell = letter;
        }
        log += 1.0;
    }
    line.into_iter().collect::<String>().trim_end().to_owned() + " calls"
}
