//! One task: a service process with a CPU share, memory and, where the row counts in a file, the
//! shared file system mounted for it alone.

use std::time::Duration;

use gearshift_gear::{Compute, EnvironmentId, InstanceType, Store, instance_type};
use gearshift_sandbox::{Host, Limits};
use gearshift_stores::{FileStore, Mount};

use crate::place::PlaneConfig;
use crate::plane::function_row::words;
use crate::plane::running::Running;
use crate::shares::task_quota;

/// Where a task's own file system lies in it, below the row's directory.
const FILES: &str = "files";
/// The file `hits` counts in.
const COUNTED_IN: &str = "hits";

/// What every task of a pool is.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    pub(super) milli_vcpu: u32,
    pub(super) memory_mb: u32,
    pub(super) spot: bool,
    /// The instance each task has to itself; none on Fargate.
    pub(super) host: Option<InstanceType>,
}

impl Shape {
    pub(super) fn of(compute: &Compute) -> Result<Self, String> {
        let Compute::Task { milli_vcpu, memory_mb, spot, host } = compute else {
            return Err(format!("a {compute} is no task"));
        };
        let host = host
            .as_ref()
            .map(|kind| instance_type(kind).ok_or_else(|| format!("{kind} is not known here")));
        Ok(Self {
            milli_vcpu: milli_vcpu.0,
            memory_mb: *memory_mb,
            spot: *spot,
            host: host.transpose()?,
        })
    }
}

pub(super) struct Task {
    pub(super) running: Running,
    // After the process: a mount goes when nobody uses it.
    _files: Option<Mount>,
}

impl Task {
    /// Starts task number `number` and waits until it listens.
    pub(super) async fn start(
        config: &PlaneConfig,
        host: &Host,
        shape: &Shape,
        files: Option<&FileStore>,
        number: u64,
    ) -> Result<Self, String> {
        let row = &config.wanted.row;
        let id = EnvironmentId(format!("{}.t-{}-{number}", row.name, config.incarnation));
        let mut variables = Vec::new();
        let mount = match files {
            Some(files) => {
                let at = config.private().and_then(|row| row.dir(FILES)?.dir(&id.0));
                let at = at.map_err(words)?.path().to_owned();
                let file = at.join(COUNTED_IN).display().to_string();
                variables.push(("HITS_FILE".to_owned(), file));
                Some(files.mount(&at, &id.0).map_err(words)?)
            }
            None => None,
        };
        let limits = Limits {
            cpu: task_quota(shape.milli_vcpu, &config.wanted.settings),
            memory_bytes: Some(u64::from(shape.memory_mb) * 1024 * 1024),
            cores: config.service_cores.clone(),
        };
        let running = Running::start(config, host, id, &limits, &variables).await?;
        Ok(Self { running, _files: mount })
    }

    pub(super) fn id(&self) -> &EnvironmentId {
        &self.running.id
    }

    /// SIGTERM, then after this long SIGKILL.
    pub(super) async fn stop(&self, grace: Duration) {
        self.running.stop(grace).await;
    }
}

/// Whether tasks of this row share files.
pub(super) fn counts_in_a_file(config: &PlaneConfig) -> bool {
    config.wanted.row.gear().store == Store::File
}
