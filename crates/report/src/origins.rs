//! Where a run's figures come from.

use std::collections::BTreeSet;

use gearshift_gear::{LawId, Origin};
use gearshift_laws::{PointName, SourceLine};
use gearshift_results::Results;
use serde::Serialize;
use serde_json::Value;

/// The kinds of origins and what each means; `computed` is none of its own.
const KINDS: [(&str, &str); 4] = [
    ("measured", "seen on this machine, in this run"),
    ("declared", "drawn from a law of the twin: what this machine cannot show"),
    ("quoted", "published by somebody else: prices, and figures to compare with"),
    ("assumed", "nobody measured it"),
];

/// One kind of origin in a run.
#[derive(Serialize)]
pub(crate) struct Kind {
    pub(crate) word: &'static str,
    pub(crate) means: &'static str,
    /// Figures that are of this kind themselves.
    pub(crate) figures: usize,
    /// Figures computed from at least one of them.
    pub(crate) beneath: usize,
    /// What it names: laws, sources, assumptions; for measured ones runs and samples.
    pub(crate) names: Vec<String>,
}

/// All figures of a run that carry an origin.
#[derive(Serialize)]
pub(crate) struct Origins {
    pub(crate) figures: usize,
    pub(crate) computed: usize,
    pub(crate) kinds: Vec<Kind>,
    /// Figures that rest on a law with a point nobody measured.
    pub(crate) on_assumed_laws: usize,
    /// Those laws: `ddb.update_add: p99`.
    pub(crate) assumed_laws: Vec<String>,
}

/// Counts every figure of the results file that carries an origin, prices and quantities of bills
/// included.
pub(crate) fn origins(results: &Results) -> Origins {
    let json = serde_json::to_value(results).expect("results are what a results file holds");
    let mut found = Vec::new();
    collect(&json, &mut found);
    let assumed_laws = || results.laws.iter().filter(|law| !law.assumed.is_empty());
    let assumed: BTreeSet<&LawId> = assumed_laws().map(|law| &law.id).collect();
    let rests_on_assumed = |origin: &&Origin| {
        let law = |leaf: &&Origin| matches!(leaf, Origin::Declared(law) if assumed.contains(law));
        origin.leaves().iter().any(law)
    };
    let is_computed = |origin: &&Origin| matches!(origin, Origin::Computed(_));
    let kind = |(word, means): (&'static str, &'static str)| {
        let of_kind = |origin: &&Origin| origin.leaves().iter().any(|leaf| name(leaf).0 == word);
        let (beneath, itself): (Vec<&Origin>, Vec<&Origin>) =
            found.iter().filter(of_kind).partition(is_computed);
        let leaves = itself.iter().chain(&beneath).flat_map(|origin| origin.leaves());
        let names: BTreeSet<String> =
            leaves.map(name).filter(|(of, _)| *of == word).map(|(_, name)| name).collect();
        Kind {
            word,
            means,
            figures: itself.len(),
            beneath: beneath.len(),
            names: names.into_iter().collect(),
        }
    };
    Origins {
        figures: found.len(),
        computed: found.iter().filter(is_computed).count(),
        kinds: KINDS.into_iter().map(kind).collect(),
        on_assumed_laws: found.iter().filter(rests_on_assumed).count(),
        assumed_laws: assumed_laws().map(assumed_points).collect(),
    }
}

fn assumed_points(law: &SourceLine) -> String {
    format!("{}: {}", law.id, points(&law.assumed))
}

/// Points of a law in words: `p50, p99`.
pub(crate) fn points(points: &[PointName]) -> String {
    let names = points.iter().map(|point| format!("{point:?}").to_lowercase());
    names.collect::<Vec<_>>().join(", ")
}

/// A leaf's kind and what it names.
pub(crate) fn name(leaf: &Origin) -> (&'static str, String) {
    match leaf {
        Origin::Measured { run, n } => ("measured", format!("run {run}, n={n}")),
        Origin::Declared(law) => ("declared", law.to_string()),
        Origin::Quoted(source) => ("quoted", source.to_string()),
        Origin::Assumed(what) => ("assumed", what.clone()),
        Origin::Computed(_) => ("computed", String::new()),
    }
}

fn collect(json: &Value, found: &mut Vec<Origin>) {
    match json {
        Value::Object(fields) => {
            let origin = fields.get("origin").cloned();
            found.extend(origin.and_then(|origin| serde_json::from_value(origin).ok()));
            let others = fields.iter().filter(|(field, _)| *field != "origin");
            others.for_each(|(_, value)| collect(value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| collect(value, found)),
        _ => {}
    }
}
