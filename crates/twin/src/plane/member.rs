//! One member of a pool: a service process on an instance or in a task of its own.

use std::sync::Mutex;
use std::time::Duration;

use gearshift_gear::{Compute, EnvironmentId, InstanceType, instance_type};
use gearshift_sandbox::{CpuQuota, Host, Limits};
use gearshift_stores::{FileStore, Mount};

use crate::place::PlaneConfig;
use crate::plane::credits::Credits;
use crate::plane::error::StartError;
use crate::plane::running::Running;
use crate::shares::{instance_quota, task_quota};

/// Where a member's own file system lies in it, below the row's directory.
const FILES: &str = "files";
/// The file `hits` counts in.
const COUNTED_IN: &str = "hits";

/// What every member of a pool is.
#[derive(Clone, Debug)]
pub(super) enum Shape {
    Instance(&'static InstanceType),
    Task {
        milli_vcpu: u32,
        memory_mb: u32,
        spot: bool,
        /// The instance each task has to itself; none on Fargate.
        host: Option<&'static InstanceType>,
    },
}

impl Shape {
    pub(super) fn of(compute: &Compute) -> Result<Self, StartError> {
        let known = |kind: &String| instance_type(kind).map_err(StartError::from);
        match compute {
            Compute::Instance(kind) => known(kind).map(Self::Instance),
            Compute::Task { milli_vcpu, memory_mb, spot, host } => Ok(Self::Task {
                milli_vcpu: milli_vcpu.0,
                memory_mb: *memory_mb,
                spot: *spot,
                host: host.as_ref().map(known).transpose()?,
            }),
            other => Err(StartError::ComputeNotBuilt(other.to_string())),
        }
    }

    /// Whether AWS may interrupt a member.
    pub(super) fn spot(&self) -> bool {
        matches!(self, Self::Task { spot: true, .. })
    }

    fn memory_mb(&self) -> u32 {
        match self {
            Self::Instance(kind) => kind.memory_mb,
            Self::Task { memory_mb, .. } => *memory_mb,
        }
    }

    /// Before the number in members' names.
    fn letter(&self) -> char {
        match self {
            Self::Instance(_) => 'i',
            Self::Task { .. } => 't',
        }
    }
}

/// What members are made with.
pub(super) struct Making<'a> {
    pub(super) config: &'a PlaneConfig,
    pub(super) host: &'a Host,
    pub(super) program: &'a gearshift_gear::Program,
    pub(super) shape: &'a Shape,
    pub(super) files: Option<&'a FileStore>,
    /// What its process finds in its environment besides.
    pub(super) variables: Vec<(String, String)>,
}

pub(super) struct Member {
    pub(super) running: Running,
    /// Of an instance.
    credits: Option<Mutex<Booked>>,
    // After the process: a mount goes when nobody uses it.
    _files: Option<Mount>,
}

/// A credit account, and what was last taken from it.
struct Booked {
    credits: Credits,
    used_us: u64,
    /// vCPUs as last given to the sandbox.
    applied: f64,
}

/// The name of a member that is the row's only one with this number.
pub(super) fn name_of(config: &PlaneConfig, shape: &Shape, number: u64) -> EnvironmentId {
    let (row, incarnation) = (&config.wanted.spec.row.name, &config.incarnation);
    EnvironmentId(format!("{row}.{}-{incarnation}-{number}", shape.letter()))
}

impl Member {
    /// Starts it and waits until it listens.
    pub(super) async fn start(making: Making<'_>, id: EnvironmentId) -> Result<Self, StartError> {
        let Making { config, host, program, shape, files, mut variables } = making;
        let mount = match files {
            Some(files) => {
                let at = config.private().and_then(|row| row.dir(FILES)?.dir(&id.0));
                let at = at?.path().to_owned();
                let file = at.join(COUNTED_IN).display().to_string();
                let told_in = program.told_in.as_ref().and_then(|names| names.file.clone());
                variables.extend(told_in.map(|name| (name, file)));
                Some(files.mount(&at, &id.0)?)
            }
            None => None,
        };
        let limits = Limits {
            cpu: first_quota(shape, config),
            memory_bytes: Some(u64::from(shape.memory_mb()) * 1024 * 1024),
            cores: config.service_cores.clone(),
        };
        let running = Running::start(config, host, program, id, &limits, &variables).await?;
        let credits = match shape {
            Shape::Instance(kind) => {
                let credits = Credits::at_launch(kind);
                Some(Mutex::new(Booked { credits, used_us: 0, applied: kind.vcpus }))
            }
            Shape::Task { .. } => None,
        };
        Ok(Self { running, credits, _files: mount })
    }

    pub(super) fn id(&self) -> &EnvironmentId {
        &self.running.id
    }

    /// SIGTERM, then after this long SIGKILL.
    pub(super) async fn stop(&self, grace: Duration) {
        self.running.stop(grace).await;
    }

    /// Sets its credit account, and gives it the share that follows.
    pub(super) fn set_credits(&self, credits: Credits, config: &PlaneConfig) {
        if let Some(booked) = &self.credits {
            let mut booked = booked.lock().expect("no panic while held");
            booked.credits = credits;
            self.apply(&mut booked, config);
        }
    }

    /// Books what it used in this time, and gives it the share that follows.
    pub(super) fn book(&self, passed: Duration, config: &PlaneConfig) {
        let Some(booked) = &self.credits else { return };
        let used_us = self.running.sandbox.cpu_time().unwrap_or_default().used_us;
        let mut booked = booked.lock().expect("no panic while held");
        let used_s = used_us.saturating_sub(booked.used_us) as f64 / 1e6;
        booked.used_us = used_us;
        let settings = &config.wanted.spec.settings;
        // What it uses of a core whose shares are scaled down stands for that much more.
        booked.credits.book(used_s * settings.core_factor / settings.share_factor, passed);
        // Rewriting an unchanged quota would hand out a fresh period's worth of CPU.
        if (booked.credits.vcpus() - booked.applied).abs() > 0.005 {
            self.apply(&mut booked, config);
        }
    }

    fn apply(&self, booked: &mut Booked, config: &PlaneConfig) {
        booked.applied = booked.credits.vcpus();
        let quota = instance_quota(booked.applied, &config.wanted.spec.settings);
        // A sandbox that is just ending refuses; its successor gets the share at its start.
        let _ = self.running.sandbox.set_cpu(quota);
    }
}

/// The CPU share a member starts with.
fn first_quota(shape: &Shape, config: &PlaneConfig) -> Option<CpuQuota> {
    let settings = &config.wanted.spec.settings;
    match shape {
        Shape::Instance(kind) => instance_quota(Credits::at_launch(kind).vcpus(), settings),
        Shape::Task { milli_vcpu, .. } => task_quota(*milli_vcpu, settings),
    }
}
