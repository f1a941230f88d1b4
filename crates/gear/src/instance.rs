//! Instance types, from a table that lies beside this file.

use std::sync::LazyLock;

use rust_decimal::Decimal;
use rust_decimal::prelude::FromPrimitive;
use serde::Deserialize;

/// What an instance type has.
#[derive(Clone, Debug, PartialEq)]
pub struct InstanceType {
    /// Such as `t2.micro`.
    pub name: String,
    pub vcpus: f64,
    pub memory_mb: u32,
    pub credits_per_hour: f64,
    /// Share of each vCPU that credits earned pay for, 0 to 1.
    pub baseline: f64,
    /// One credit is one vCPU at full speed for a minute.
    pub launch_credits: f64,
}

/// What is taken where nobody chose.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InstanceDefaults {
    /// Of a cluster of pods.
    pub node: NodeDefault,
    /// An instance's root disk.
    pub instance_disk: DiskDefault,
    /// The root disk of an instance that tasks are placed on.
    pub ecs_disk: DiskDefault,
    /// What a balancer of our own stands on.
    pub balancer: TypeDefault,
}

/// A node's type and root disk.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeDefault {
    #[serde(rename = "type")]
    pub kind: String,
    pub disk_gb: u32,
    pub source: String,
}

/// A disk's size.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DiskDefault {
    pub gb: u32,
    pub source: String,
}

/// An instance type.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TypeDefault {
    #[serde(rename = "type")]
    pub kind: String,
    pub source: String,
}

/// An instance type that is not in the table.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("instance type `{name}` is not known → one of {known}")]
pub struct UnknownInstanceType {
    pub name: String,
    /// Those that are, with commas.
    pub known: String,
}

struct Table {
    defaults: InstanceDefaults,
    families: Vec<String>,
    types: Vec<InstanceType>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let file: File = toml::from_str(include_str!("instances.toml")).expect("tests read the table");
    let families = file.family.iter().map(|family| family.name.clone()).collect();
    let types = file.family.iter().flat_map(|family| {
        family.sizes.iter().map(|size| InstanceType {
            name: format!("{}.{}", family.name, size.name),
            vcpus: size.vcpus,
            memory_mb: size.memory_mb,
            credits_per_hour: size.credits_per_hour,
            baseline: size.baseline,
            launch_credits: family.launch_credits_per_vcpu * size.vcpus,
        })
    });
    Table { defaults: file.defaults, families, types: types.collect() }
});

/// The type of this name.
///
/// # Errors
/// Where the table has none; the error names those it has.
pub fn instance_type(name: &str) -> Result<&'static InstanceType, UnknownInstanceType> {
    let of_name = TABLE.types.iter().find(|kind| kind.name == name);
    of_name.ok_or_else(|| {
        let known: Vec<&str> = TABLE.types.iter().map(|kind| kind.name.as_str()).collect();
        UnknownInstanceType { name: name.to_owned(), known: known.join(", ") }
    })
}

/// Families of burstable types, such as `t3`.
pub fn families() -> Vec<&'static str> {
    TABLE.families.iter().map(String::as_str).collect()
}

/// What is taken where nobody chose.
pub fn instance_defaults() -> &'static InstanceDefaults {
    &TABLE.defaults
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
    pub fn family(&self) -> &str {
        self.name.split('.').next().unwrap_or(&self.name)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    defaults: InstanceDefaults,
    family: Vec<Family>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Family {
    name: String,
    launch_credits_per_vcpu: f64,
    sizes: Vec<Size>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Size {
    name: String,
    vcpus: f64,
    memory_mb: u32,
    credits_per_hour: f64,
    baseline: f64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CATALOGUE, Compute};

    #[test]
    fn the_catalogue_and_the_defaults_name_types_that_there_are() {
        let defaults = instance_defaults();
        let pools = CATALOGUE.rows().iter().flat_map(|row| row.sides());
        let pools = pools.flat_map(|(_, gear)| gear.pools.iter());
        let named = pools.filter_map(|pool| match &pool.compute {
            Compute::Instance(kind) | Compute::Task { host: Some(kind), .. } => Some(kind),
            _ => None,
        });
        for kind in named.chain([&defaults.node.kind, &defaults.balancer.kind]) {
            let known = instance_type(kind).unwrap();
            assert!(families().contains(&known.family()));
            assert!(known.vcpus > 0.0 && (0.0..=1.0).contains(&known.baseline), "{known:?}");
        }
    }

    #[test]
    fn an_unknown_type_is_named_with_those_that_are_known() {
        let said = instance_type("t9.tiny").unwrap_err().to_string();
        assert!(said.contains("`t9.tiny`") && said.contains("t2.micro"), "{said}");
    }
}
