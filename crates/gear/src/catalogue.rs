//! The catalogue: every row, as data.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use serde::Deserialize;

use crate::{Gear, Row, Setup};

/// The rows Gearshift ships with, in the order tables show them.
pub static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| {
    Catalogue::parse(include_str!("catalogue.toml")).expect("the shipped catalogue is valid")
});

/// A list of rows with unique names.
#[derive(Clone, Debug, Deserialize)]
pub struct Catalogue {
    #[serde(rename = "row")]
    rows: Vec<Row>,
}

/// Why a catalogue or a row name is refused.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    #[error("the catalogue is not valid: {0}")]
    Syntax(#[from] toml::de::Error),
    #[error("row `{0}` is listed twice")]
    Twice(String),
    #[error("row `{0}` has no pool")]
    NoPool(String),
    #[error("`{name}` is not a row; there are: {known}")]
    Unknown { name: String, known: String },
}

impl Catalogue {
    /// Reads a catalogue from TOML.
    pub fn parse(text: &str) -> Result<Self, CatalogueError> {
        let catalogue: Self = toml::from_str(text)?;
        let mut names = BTreeSet::new();
        for row in &catalogue.rows {
            if !names.insert(&row.name) {
                return Err(CatalogueError::Twice(row.name.clone()));
            }
            let empty = |gear: &Gear| gear.pools.is_empty();
            let no_pool = match &row.setup {
                Setup::Steady(gear) => empty(gear),
                Setup::Flex { low, high } => empty(low) || empty(high),
            };
            if no_pool {
                return Err(CatalogueError::NoPool(row.name.clone()));
            }
        }
        Ok(catalogue)
    }

    /// All rows.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The row of this name.
    pub fn row(&self, name: &str) -> Result<&Row, CatalogueError> {
        self.rows.iter().find(|row| row.name == name).ok_or_else(|| CatalogueError::Unknown {
            name: name.to_owned(),
            known: self.rows.iter().map(|row| row.name.as_str()).collect::<Vec<_>>().join(", "),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_catalogue_is_valid_and_names_the_rows_of_the_design() {
        let names: Vec<_> = CATALOGUE.rows().iter().map(|row| row.name.as_str()).collect();
        for name in ["ec2", "lambda-rust-dynamodb", "fargate", "kubernetes", "clusters", "flex"] {
            assert!(names.contains(&name), "{name} is missing from {names:?}");
        }
    }

    #[test]
    fn an_unknown_row_is_refused_with_the_known_ones() {
        let refused = CATALOGUE.row("ec3").unwrap_err().to_string();
        assert!(refused.contains("`ec3`") && refused.contains("ec2"), "{refused}");
    }

    #[test]
    fn a_row_listed_twice_or_without_a_pool_is_refused() {
        let row = |name: &str, pools: &str| {
            format!(
                "[[row]]\nname = \"{name}\"\nbuilt = true\nbuild = {{ name = \"hits\", code = \"rust\" }}\n\
                 [row.setup.steady]\nfront = \"direct\"\nstore = \"memory\"\n\
                 limits = {{ timeout_ms = 1, payload_bytes = 1 }}\npools = [{pools}]\n"
            )
        };
        let pool = "{ compute = { instance = \"t2.micro\" } }";
        let twice = row("a", pool) + &row("a", pool);
        assert!(matches!(Catalogue::parse(&twice), Err(CatalogueError::Twice(_))));
        assert!(matches!(Catalogue::parse(&row("a", "")), Err(CatalogueError::NoPool(_))));
    }
}
