//! What a target tells a client about one answer, in the standard `Server-Timing` header.
//!
//! Browsers show it, curl prints it, and the load generator splits a latency into *here* and
//! *declared* by it. Durations are milliseconds with three decimals.

use crate::EnvironmentId;

/// What happened to a part of the answer's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartKind {
    /// A law was waited out inside the answer.
    Declared,
    /// A law that was not waited out; to be added to the observed time.
    Accounted,
    /// Real time this machine took, longer than the law it was to fill.
    Late,
    /// Real time of one step here, inside the answer.
    Measured,
}

impl PartKind {
    const ALL: [(Self, &str); 4] = [
        (Self::Declared, "declared"),
        (Self::Accounted, "accounted"),
        (Self::Late, "late"),
        (Self::Measured, "measured"),
    ];

    /// The kind as the header and results say it.
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(kind, _)| *kind == self).expect("every kind has a word").1
    }
}

/// One named part of an answer's time.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// A law's id, or a step such as `init`: letters, digits, `.`, `_` and `-`.
    pub name: String,
    pub ms: f64,
    pub kind: PartKind,
}

/// Everything a target says about one answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServerTiming {
    /// Which environment, instance or task answered.
    pub environment: Option<EnvironmentId>,
    /// True when this answer began the environment's life.
    pub cold: bool,
    pub parts: Vec<Part>,
}

impl ServerTiming {
    /// The header's name.
    pub const HEADER: &'static str = "server-timing";

    /// Adds a part.
    pub fn push(&mut self, name: impl Into<String>, ms: f64, kind: PartKind) {
        self.parts.push(Part { name: name.into(), ms, kind });
    }

    /// Milliseconds of all parts of one kind.
    pub fn total_ms(&self, kind: PartKind) -> f64 {
        self.parts.iter().filter(|part| part.kind == kind).map(|part| part.ms).sum()
    }

    /// The header's value.
    pub fn format(&self) -> String {
        let mut entries = Vec::new();
        if let Some(environment) = &self.environment {
            let state = if self.cold { "cold" } else { "warm" };
            entries.push(format!("{state};desc=\"{environment}\""));
        }
        for part in &self.parts {
            entries.push(format!("{};dur={:.3};desc=\"{}\"", part.name, part.ms, part.kind.word()));
        }
        entries.join(", ")
    }

    /// Reads a header's value; entries of other makers are passed over.
    pub fn parse(value: &str) -> Self {
        let mut timing = Self::default();
        for entry in value.split(',') {
            let mut fields = entry.trim().split(';');
            let name = fields.next().unwrap_or_default().trim();
            let (mut ms, mut desc) = (None, "");
            for field in fields {
                match field.trim().split_once('=') {
                    Some(("dur", text)) => ms = text.trim().parse::<f64>().ok(),
                    Some(("desc", text)) => desc = text.trim().trim_matches('"'),
                    _ => {}
                }
            }
            let kind = PartKind::ALL.iter().find(|(_, word)| *word == desc).map(|(kind, _)| *kind);
            match (name, ms, kind) {
                ("cold" | "warm", None, _) => {
                    timing.environment = Some(EnvironmentId::from(desc));
                    timing.cold = name == "cold";
                }
                (name, Some(ms), Some(kind)) => timing.push(name, ms, kind),
                _ => {}
            }
        }
        timing
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn part() -> impl Strategy<Value = Part> {
        let kind = prop::sample::select(PartKind::ALL.map(|(kind, _)| kind).to_vec());
        ("[a-z][a-z0-9_.]{0,12}", 0u32..1_000_000, kind).prop_map(|(name, thousandths, kind)| {
            Part { name, ms: f64::from(thousandths) / 1000.0, kind }
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(
            environment in prop::option::of("[a-z0-9-]{1,12}"),
            cold: bool,
            parts in prop::collection::vec(part(), 0..6),
        ) {
            let environment = environment.map(EnvironmentId);
            let cold = cold && environment.is_some();
            let timing = ServerTiming { environment, cold, parts };
            prop_assert_eq!(ServerTiming::parse(&timing.format()), timing);
        }

        #[test]
        fn any_text_is_read_without_panic(text in ".*") {
            ServerTiming::parse(&text);
        }
    }

    #[test]
    fn entries_of_other_makers_are_passed_over() {
        let timing =
            ServerTiming::parse("cache;desc=\"hit\", db;dur=53, net.x;dur=1.5;desc=\"declared\"");
        assert_eq!(timing.parts.len(), 1);
        assert_eq!(timing.total_ms(PartKind::Declared), 1.5);
    }
}
