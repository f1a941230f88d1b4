//! Published times of the kernels on the provider's compute, and the factor they give.

use serde::{Deserialize, Serialize};

use crate::CoreSpeed;

/// Compute a core here can be compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Provider {
    LambdaX86,
    LambdaArm64,
    /// EC2 t2, any size.
    T2,
    FargateX86,
}

/// A kernel's time on the provider, ms: value, lowest and highest seen.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct KernelTime {
    pub value_ms: f64,
    pub low_ms: f64,
    pub high_ms: f64,
}

/// What is published about one kind of compute.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Reference {
    /// As a sentence names it.
    pub name: &'static str,
    /// Architecture the reference code was built for.
    pub arch: &'static str,
    pub k1: KernelTime,
    pub k2: KernelTime,
    /// Who published it, and when.
    pub source: &'static str,
    /// True: not timed with these kernels but computed from other published figures.
    pub derived: bool,
    /// What a factor is multiplied by for its range. The published kinds of work (hashing,
    /// sorting, compression, interpreters) and the spread of hosts gave a range around a middle on
    /// one machine; these are range ÷ middle, and hold on others as far as cores differ alike.
    pub range: (f64, f64),
}

const LAMBDA_SOURCE: &str = "github.com/cebert/aws-lambda-performance-benchmarks, us-east-2, 2025";

const fn time(value_ms: f64, low_ms: f64, high_ms: f64) -> KernelTime {
    KernelTime { value_ms, low_ms, high_ms }
}

impl Provider {
    /// What is published about this compute.
    pub const fn reference(self) -> Reference {
        match self {
            Self::LambdaX86 => Reference {
                name: "Lambda x86 vCPU",
                arch: "x86_64",
                k1: time(150.0, 147.0, 155.0),
                k2: time(815.0, 798.0, 842.0),
                source: LAMBDA_SOURCE,
                derived: false,
                range: (1.8 / 2.3, 2.6 / 2.3),
            },
            Self::LambdaArm64 => Reference {
                name: "Lambda arm64 vCPU",
                arch: "aarch64",
                k1: time(160.0, 158.0, 163.0),
                k2: time(850.0, 705.0, 988.0),
                source: LAMBDA_SOURCE,
                derived: false,
                range: (1.6 / 2.4, 2.7 / 2.4),
            },
            Self::T2 => Reference {
                name: "t2 vCPU",
                arch: "x86_64",
                k1: time(164.0, 155.0, 171.0),
                k2: time(760.0, 700.0, 850.0),
                source: "from sha512, blake2b and compression in github.com/SpareCores/sc-inspector-data (CC BY-SA 4.0), 2024",
                derived: true,
                range: (1.7 / 2.3, 3.3 / 2.3),
            },
            // No kernel time is published; compression and interpreters put Fargate's hosts (m5,
            // t3 and m4 generations) at 2.3 / 2.0 of a Lambda x86 vCPU, so its times are shorter.
            Self::FargateX86 => Reference {
                name: "Fargate x86 vCPU",
                arch: "x86_64",
                k1: time(150.0 * 2.0 / 2.3, 147.0 * 2.0 / 2.3, 155.0 * 2.0 / 2.3),
                k2: time(815.0 * 2.0 / 2.3, 798.0 * 2.0 / 2.3, 842.0 * 2.0 / 2.3),
                source: "Lambda x86 scaled by compression results of m5 and t3 hosts in github.com/SpareCores/sc-inspector-data (CC BY-SA 4.0), 2024",
                derived: true,
                range: (1.4 / 2.0, 3.0 / 2.0),
            },
        }
    }
}

/// How many provider vCPUs one core here is worth, one busy thread each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Factor {
    /// 1 when unknown.
    pub value: f64,
    /// Lowest and highest believable value; both 1 when unknown.
    pub low: f64,
    pub high: f64,
    /// True: the reference is computed from other published figures.
    pub derived: bool,
    /// False: the factor is 1 for want of knowledge, and times are this machine's.
    pub known: bool,
    /// One line for people, without a full stop.
    pub sentence: String,
}

impl Factor {
    /// Factor 1, and why.
    pub fn unknown(why: impl std::fmt::Display) -> Self {
        Self {
            value: 1.0,
            low: 1.0,
            high: 1.0,
            derived: false,
            known: false,
            sentence: format!(
                "core speed vs AWS: unknown ({why}); CPU times are this machine's, not scaled"
            ),
        }
    }
}

/// This core ÷ the provider's vCPU: the geometric mean of the two kernels' ratios (K1's alone
/// where K2 is missing), with the range of [`Reference::range`]. Unknown where this program was
/// built for another architecture than the reference: the kernels compare cores, not instruction
/// sets.
pub fn factor(speed: &CoreSpeed, provider: Provider) -> Factor {
    let reference = provider.reference();
    if speed.arch != reference.arch {
        return Factor::unknown(format!(
            "built for {}, {} times are for {}",
            speed.arch, reference.name, reference.arch
        ));
    }
    let k1 = reference.k1.value_ms / speed.k1_ms;
    let value = match speed.k2_ms {
        Some(k2_ms) => (k1 * reference.k2.value_ms / k2_ms).sqrt(),
        None => k1,
    };
    let (low, high) = (value * reference.range.0, value * reference.range.1);
    Factor {
        value,
        low,
        high,
        derived: reference.derived,
        known: true,
        sentence: sentence(speed, &reference, value, low, high),
    }
}

fn sentence(speed: &CoreSpeed, reference: &Reference, value: f64, low: f64, high: f64) -> String {
    let k1 = format!("K1 {:.0} ms vs {:.0} ms", speed.k1_ms, reference.k1.value_ms);
    let k2 = match (speed.k2_ms, &speed.k2_missing) {
        (Some(ms), _) => format!("K2 {ms:.0} ms vs {:.0} ms", reference.k2.value_ms),
        (None, Some(why)) => format!("without K2: {why}"),
        (None, None) => "without K2".to_owned(),
    };
    let derived = if reference.derived { "derived, " } else { "" };
    let slower = if value < 1.0 { "; this machine is slower than the target" } else { "" };
    format!(
        "core = {value:.1} × {} ({low:.1}-{high:.1}; {k1}, {k2}; {derived}{}){slower}",
        reference.name, reference.source
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn core(k1_ms: f64, k2_ms: Option<f64>) -> CoreSpeed {
        CoreSpeed {
            k1_ms,
            k2_ms,
            k2_missing: k2_ms.is_none().then(|| "no memory".to_owned()),
            cpu_model: "m".to_owned(),
            kernel: "6".to_owned(),
            arch: "x86_64".to_owned(),
            tool_version: "0".to_owned(),
            steal: 0.0,
            measured_at_unix_s: 0,
        }
    }

    #[test]
    fn the_machine_of_the_published_comparison_gets_its_published_factor() {
        // 64.2 and 364 ms were measured where the ranges were made: 2.3 (1.8-2.6).
        let factor = factor(&core(64.2, Some(364.0)), Provider::LambdaX86);
        assert!((factor.value - 2.29).abs() < 0.01, "{factor:?}");
        assert!((factor.low - 1.8).abs() < 0.05 && (factor.high - 2.6).abs() < 0.05, "{factor:?}");
        assert!(factor.known && !factor.derived);
        assert!(factor.sentence.starts_with("core = 2.3 × Lambda x86 vCPU (1.8-2.6; K1 64 ms vs"));
    }

    #[test]
    fn a_derived_reference_is_named_so() {
        let factor = factor(&core(64.2, Some(364.0)), Provider::T2);
        assert!(factor.derived && factor.sentence.contains("derived"), "{}", factor.sentence);
        assert!((factor.value - 2.3).abs() < 0.05, "{factor:?}");
    }

    #[test]
    fn fargate_is_two_where_lambda_is_two_point_three() {
        let (lambda, fargate) = (
            factor(&core(64.2, Some(364.0)), Provider::LambdaX86),
            factor(&core(64.2, Some(364.0)), Provider::FargateX86),
        );
        assert!((fargate.value / lambda.value - 2.0 / 2.3).abs() < 1e-9);
    }

    #[test]
    fn without_k2_the_factor_is_k1s_and_says_why() {
        let factor = factor(&core(75.0, None), Provider::LambdaX86);
        assert_eq!(factor.value, 2.0);
        assert!(factor.sentence.contains("without K2: no memory"), "{}", factor.sentence);
    }

    #[test]
    fn another_architecture_is_unknown_and_one() {
        let factor = factor(&core(64.2, Some(364.0)), Provider::LambdaArm64);
        assert!(!factor.known && factor.value == 1.0 && factor.high == 1.0);
        assert!(factor.sentence.contains("unknown (built for x86_64"), "{}", factor.sentence);
    }

    #[test]
    fn a_slower_machine_is_told_so() {
        let factor = factor(&core(300.0, Some(1630.0)), Provider::LambdaX86);
        assert_eq!(factor.value, 0.5);
        assert!(factor.sentence.ends_with("slower than the target"), "{}", factor.sentence);
    }
}
