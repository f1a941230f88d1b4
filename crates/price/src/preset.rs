//! Published cost tables, line by line, by the rules their authors went by.

use std::sync::LazyLock;

use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Serialize};

static SEED_2021: LazyLock<Preset> = LazyLock::new(|| {
    let text = include_str!("../presets/seed-2021.toml");
    let mut preset: Preset = toml::from_str(text).expect("a test reads it");
    preset.compute();
    preset
});

/// The cost column of github.com/teticio/latency, December 2021.
pub fn seed_2021() -> &'static Preset {
    &SEED_2021
}

/// A published cost table and what its rules give.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preset {
    pub name: String,
    /// Where the published figures stand.
    pub source: String,
    pub region: String,
    /// How its authors computed, for people.
    pub rules: Vec<String>,
    #[serde(rename = "row")]
    pub rows: Vec<PresetRow>,
}

/// One published figure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PresetRow {
    pub row: String,
    /// A month, or a million calls.
    pub per: Per,
    pub published_usd: Decimal,
    pub lines: Vec<PresetLine>,
    /// What else is to be said of it.
    pub note: Option<String>,
    /// The sum of the lines, each rounded to cents.
    #[serde(skip_deserializing)]
    pub usd: Decimal,
    /// Whether that is the published figure.
    #[serde(skip_deserializing)]
    pub reproduced: bool,
}

/// What a published figure is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Per {
    Month,
    MillionCalls,
}

/// Quantity × price.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PresetLine {
    pub what: String,
    pub quantity: Decimal,
    /// Of one unit, in the region and month of the preset.
    pub usd_each: Decimal,
    /// Rounded to cents.
    #[serde(skip_deserializing)]
    pub usd: Decimal,
}

impl Preset {
    fn compute(&mut self) {
        for row in &mut self.rows {
            for line in &mut row.lines {
                let exact = line.quantity * line.usd_each;
                line.usd = exact.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero);
            }
            row.usd = row.lines.iter().map(|line| line.usd).sum();
            row.reproduced = row.usd == row.published_usd;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nine_of_the_eleven_published_figures_are_reproduced_and_two_are_not() {
        let rows = &seed_2021().rows;
        let shown = |row: &PresetRow| format!("{} {} for {}", row.row, row.usd, row.published_usd);
        let (same, other): (Vec<_>, Vec<_>) = rows.iter().partition(|row| row.reproduced);
        assert_eq!(same.len(), 9, "{:?}", same.into_iter().map(shown).collect::<Vec<_>>());
        let other: Vec<String> = other.into_iter().map(shown).collect();
        assert_eq!(
            other,
            ["lambda-js-dynamodb 3.43 for 3.39", "lambda-rust-dynamodb 3.10 for 3.09"]
        );
    }

    #[test]
    fn without_rounding_each_line_the_first_figure_is_another() {
        let ec2 = &seed_2021().rows[0];
        let exact: Decimal = ec2.lines.iter().map(|line| line.quantity * line.usd_each).sum();
        assert_ne!(exact.round_dp(2), ec2.published_usd);
        assert_eq!(ec2.usd, ec2.published_usd);
    }
}
