//! Burstable instance types.

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
    /// One credit is one vCPU at full speed for a minute.
    pub launch_credits: f64,
}

/// The T2 types of the catalogue. Source: EC2 User Guide, burstable-credits-baseline-concepts;
/// launch credits: 30 per vCPU, T2 standard.
const TYPES: [InstanceType; 4] = [
    t2("t2.nano", 1.0, 512, 3.0, 0.05),
    t2("t2.micro", 1.0, 1024, 6.0, 0.10),
    t2("t2.small", 1.0, 2048, 12.0, 0.20),
    t2("t2.large", 2.0, 8192, 36.0, 0.30),
];

const fn t2(
    name: &'static str,
    vcpus: f64,
    memory_mb: u32,
    credits_per_hour: f64,
    baseline: f64,
) -> InstanceType {
    let launch_credits = 30.0 * vcpus;
    InstanceType { name, vcpus, memory_mb, credits_per_hour, baseline, launch_credits }
}

/// The type of this name.
pub fn instance_type(name: &str) -> Option<InstanceType> {
    TYPES.iter().find(|kind| kind.name == name).copied()
}

impl InstanceType {
    /// Minutes at full speed until launch credits are spent, with what is earned meanwhile.
    pub fn burst_minutes(&self) -> f64 {
        let net_per_minute = self.vcpus - self.credits_per_hour / 60.0;
        self.launch_credits / net_per_minute
    }
}
