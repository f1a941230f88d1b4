//! Made-up samples and outcomes, for tests of whatever reads them.

use gearshift_gear::{EnvironmentId, PartKind, ServerTiming};

use crate::clock::Clock;
use crate::host::{Reading, Whose};
use crate::recorder::Recorder;
use crate::{Outcome, Sample};

/// A good sample, sent when intended.
pub fn sample(sent_us: u64, total_us: u64) -> Sample {
    Sample {
        status: Some(200),
        first_byte_us: Some(total_us),
        total_us,
        ..Sample::begun(0, sent_us, sent_us)
    }
}

/// A good sample of a named environment.
pub fn from(environment: &str, cold: bool) -> Sample {
    let environment = Some(EnvironmentId::from(environment));
    Sample { timing: ServerTiming { environment, cold, parts: Vec::new() }, ..sample(0, 1_000) }
}

/// A good sample with parts.
pub fn with_parts(total_us: u64, parts: &[(&str, f64, PartKind)]) -> Sample {
    let mut sample = sample(0, total_us);
    for (name, ms, kind) in parts {
        sample.timing.push(*name, *ms, *kind);
    }
    sample
}

/// The outcome of these samples, as measured on an idle generator and machine.
pub fn outcome(samples: impl IntoIterator<Item = Sample>) -> Outcome {
    let mut recorder = Recorder::new(20_000);
    for sample in samples {
        recorder.add(sample);
    }
    let reading = Reading::now(Whose::Process).expect("this process has a CPU time");
    let mut outcome = recorder.finish(Clock::start(), (&reading, &reading), Some(10.0));
    outcome.steal_share = Some(0.0);
    outcome
}
