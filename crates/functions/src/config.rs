//! What a function is.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use gearshift_access::Keys;
use gearshift_gear::{InImage, RunId};
use gearshift_laws::Laws;
use gearshift_sandbox::{CpuQuota, Host};

use crate::LifeEvent;

/// CPU shares of an execution environment; none means no limit.
#[derive(Clone, Copy, Debug, Default)]
pub struct Shares {
    /// While the runtime and the function's own code start: about one full vCPU whatever the
    /// memory (AWS re:Invent 2019 SVS403-R1; LambdaBench 2026).
    pub init: Option<CpuQuota>,
    /// While a request is handled: memory ÷ 1,769 MB of a vCPU.
    pub run: Option<CpuQuota>,
}

/// A function to host.
#[derive(Clone)]
pub struct FunctionConfig {
    pub name: String,
    pub run: RunId,
    pub host: Host,
    /// What stands before the number in the environments' names, such as the row's name.
    pub member_prefix: String,
    /// The executable that talks to the Runtime API, and its arguments.
    pub command: Vec<PathBuf>,
    /// Where the function's own code lies (`LAMBDA_TASK_ROOT`); it starts there.
    pub task_root: PathBuf,
    /// The image whose files its processes see; none: this machine's.
    pub image: Option<Box<InImage>>,
    /// `file.function` for a managed runtime; a custom one is free to ignore it.
    pub handler: String,
    /// Beside what Lambda itself sets.
    pub variables: Vec<(String, String)>,
    pub memory_mb: u32,
    pub timeout: Duration,
    /// Most environments at once; further requests get 429.
    pub concurrency: u32,
    pub shares: Shares,
    /// Cores the environments run on; empty: all.
    pub cores: Vec<usize>,
    pub region: String,
    /// What its calls of AWS are signed with; each environment has an access key id of its own.
    pub keys: Keys,
    /// Compressed size of what would be downloaded at a cold start.
    pub code_zip_bytes: u64,
    pub laws: Arc<Laws>,
    /// Where the draws of placement and reclaim start.
    pub seed: u64,
    /// Overrides the law of idle reclaim; for tests.
    pub idle_reclaim: Option<Duration>,
    /// Told at once of everything that happens to an environment; it must not block.
    pub told: Arc<dyn Fn(LifeEvent) + Send + Sync>,
}

/// Longest the init phase may take at full speed, source: AWS Lambda developer guide, "Init phase".
pub(crate) const INIT_LIMIT: Duration = Duration::from_secs(10);
/// New environments per function, refilled continuously, source: AWS Lambda developer guide,
/// "Understanding Lambda function scaling" (1,000 per 10 s).
pub(crate) const NEW_ENVIRONMENTS_PER_SECOND: f64 = 100.0;
/// How many of them may start at once.
pub(crate) const NEW_ENVIRONMENTS_BURST: f64 = 1000.0;
