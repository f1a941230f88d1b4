//! Burstable instance types.

use rust_decimal::Decimal;
use rust_decimal::prelude::FromPrimitive;

/// What an instance type has.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct InstanceType {
    /// Such as `t2.micro`.
    pub name: &'static str,
    pub vcpus: f64,
    pub memory_mb: u32,
    pub credits_per_hour: f64,
    /// Share of each vCPU that credits earned pay for, 0 to 1.
    pub baseline: f64,
    /// One credit is one vCPU at full speed for a minute. None but T2 in standard mode has any.
    pub launch_credits: f64,
}

/// A family's sizes: name, vCPUs, memory in MB, credits an hour, baseline per vCPU. Source: EC2 User
/// Guide, burstable-credits-baseline-concepts.
macro_rules! family {
    ($family:literal, $launch_credits_per_vcpu:literal,
     $($size:literal $vcpus:literal $memory_mb:literal $credits:literal $baseline:literal;)*) => {
        [$(InstanceType {
            name: concat!($family, ".", $size),
            vcpus: $vcpus,
            memory_mb: $memory_mb,
            credits_per_hour: $credits,
            baseline: $baseline,
            launch_credits: $launch_credits_per_vcpu * $vcpus,
        }),*]
    };
}

/// T3, T3a and T4g share their figures and get no credits at launch.
macro_rules! third_family {
    ($family:literal) => {
        family! { $family, 0.0,
            "nano" 2.0 512 6.0 0.05;
            "micro" 2.0 1024 12.0 0.10;
            "small" 2.0 2048 24.0 0.20;
            "medium" 2.0 4096 24.0 0.20;
            "large" 2.0 8192 36.0 0.30;
            "xlarge" 4.0 16_384 96.0 0.40;
            "2xlarge" 8.0 32_768 192.0 0.40;
        }
    };
}

const TYPES: [[InstanceType; 7]; 4] = [
    // Launch credits: 30 per vCPU, in standard mode, the default of T2.
    family! { "t2", 30.0,
        "nano" 1.0 512 3.0 0.05;
        "micro" 1.0 1024 6.0 0.10;
        "small" 1.0 2048 12.0 0.20;
        "medium" 2.0 4096 24.0 0.20;
        "large" 2.0 8192 36.0 0.30;
        "xlarge" 4.0 16_384 54.0 0.225;
        "2xlarge" 8.0 32_768 81.6 0.17;
    },
    third_family!("t3"),
    third_family!("t3a"),
    third_family!("t4g"),
];

/// The type of this name.
pub fn instance_type(name: &str) -> Option<InstanceType> {
    TYPES.iter().flatten().find(|kind| kind.name == name).copied()
}

impl InstanceType {
    /// Minutes at full speed until launch credits are spent, with what is earned meanwhile.
    pub fn burst_minutes(&self) -> f64 {
        let net_per_minute = self.vcpus - self.credits_per_hour / 60.0;
        self.launch_credits / net_per_minute
    }

    /// vCPU-hours it earns in an hour: a credit is a minute of one vCPU.
    pub fn earned_vcpus(&self) -> Decimal {
        Decimal::from_f64(self.credits_per_hour).unwrap_or_default() / Decimal::from(60)
    }

    /// Such as `t3`: what a borrowed vCPU-hour is priced by.
    pub fn family(&self) -> &'static str {
        self.name.split('.').next().unwrap_or(self.name)
    }
}
