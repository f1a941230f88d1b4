//! The set of laws.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

use gearshift_gear::LawId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Law, LawSource, PointName};

/// The name of the shipped file, as headers and errors show it.
pub const SHIPPED_FILE: &str = "physics.toml";

static SHIPPED: LazyLock<Laws> = LazyLock::new(|| {
    Laws::parse(SHIPPED_FILE, include_str!("physics.toml")).expect("a test loads the shipped file")
});

/// Laws by id.
#[derive(Clone, Debug, PartialEq)]
pub struct Laws {
    by_id: BTreeMap<LawId, Law>,
}

/// Why laws are refused; names the file and the law.
#[derive(Debug, thiserror::Error)]
pub enum LawsError {
    #[error("{file} cannot be read: {source}")]
    Unreadable { file: String, source: std::io::Error },
    #[error("{file} is not a file of laws: {source}")]
    Syntax { file: String, source: Box<toml::de::Error> },
    #[error("{file}: law `{id}`: {why}")]
    Refused { file: String, id: LawId, why: String },
    #[error("there is no law `{id}`; there are: {known}")]
    Unknown { id: LawId, known: String },
    #[error("law `{id}` cannot be multiplied by {factor}: the factor must be 0 or more")]
    BadFactor { id: LawId, factor: f64 },
}

/// Where one law comes from, for a report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SourceLine {
    pub id: LawId,
    pub what: String,
    /// Absent where every point is assumed.
    pub source: Option<LawSource>,
    /// Points nobody measured.
    pub assumed: Vec<PointName>,
    /// Points computed from other published figures.
    pub derived: Vec<PointName>,
    pub note: Option<String>,
    /// What the published points were multiplied by in this run.
    pub factor: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    law: Vec<Law>,
}

impl Laws {
    /// The laws Gearshift ships with.
    pub fn shipped() -> Self {
        SHIPPED.clone()
    }

    /// Reads a user's file of laws, written like the shipped one.
    pub fn load(path: &Path) -> Result<Self, LawsError> {
        let file = path.display().to_string();
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&file, &text),
            Err(source) => Err(LawsError::Unreadable { file, source }),
        }
    }

    /// Reads laws from TOML; `file` is the name that errors show.
    pub fn parse(file: &str, text: &str) -> Result<Self, LawsError> {
        let read: File = toml::from_str(text)
            .map_err(|source| LawsError::Syntax { file: file.to_owned(), source: source.into() })?;
        let mut by_id = BTreeMap::new();
        for law in read.law {
            let id = law.id.clone();
            let fault = law.fault();
            let twice = by_id.insert(id.clone(), law).map(|_| "it is listed twice".to_owned());
            if let Some(why) = fault.or(twice) {
                return Err(LawsError::Refused { file: file.to_owned(), id, why });
            }
        }
        Ok(Self { by_id })
    }

    /// The law of this id.
    pub fn law(&self, id: &LawId) -> Result<&Law, LawsError> {
        self.by_id.get(id).ok_or_else(|| LawsError::Unknown {
            id: id.clone(),
            known: self.by_id.keys().map(|id| id.0.as_str()).collect::<Vec<_>>().join(", "),
        })
    }

    /// [`Laws::law`] by the id's text.
    pub fn named(&self, id: &str) -> Result<&Law, LawsError> {
        self.law(&LawId::from(id))
    }

    /// All laws, by id.
    pub fn iter(&self) -> impl Iterator<Item = &Law> {
        self.by_id.values()
    }

    /// The same laws with one of them multiplied by `factor` (0 or more).
    pub fn scaled(mut self, id: &LawId, factor: f64) -> Result<Self, LawsError> {
        if !(factor.is_finite() && factor >= 0.0) {
            return Err(LawsError::BadFactor { id: id.clone(), factor });
        }
        self.law(id)?;
        if let Some(law) = self.by_id.get_mut(id) {
            law.factor *= factor;
        }
        Ok(self)
    }

    /// The same laws, each of these multiplied by its factor.
    pub fn scaled_by(self, factors: &BTreeMap<LawId, f64>) -> Result<Self, LawsError> {
        factors.iter().try_fold(self, |laws, (id, factor)| laws.scaled(id, *factor))
    }

    /// The bare machine: every draw of every law is zero. A lifetime such as
    /// `lambda.idle_reclaim` has no meaning then; see [`Laws::are_off`].
    pub fn off(mut self) -> Self {
        for law in self.by_id.values_mut() {
            law.factor = 0.0;
        }
        self
    }

    /// True after [`Laws::off`]: whoever ends things by a lifetime must not do so now.
    pub fn are_off(&self) -> bool {
        self.by_id.values().all(|law| law.factor == 0.0)
    }

    /// Where each law comes from, by id.
    pub fn sources(&self) -> Vec<SourceLine> {
        self.iter()
            .map(|law| SourceLine {
                id: law.id.clone(),
                what: law.what.clone(),
                source: law.source.clone(),
                assumed: law.assumed.clone(),
                derived: law.derived.clone(),
                note: law.note.clone(),
                factor: law.factor,
            })
            .collect()
    }

    /// How many laws rest on at least one assumed point.
    pub fn assumed_count(&self) -> usize {
        self.iter().filter(|law| !law.assumed.is_empty()).count()
    }
}
