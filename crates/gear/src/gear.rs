//! Gears, pools, stores, setups and rows.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Dimension;

/// What takes the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Front {
    /// The service's own address.
    Direct,
    /// API Gateway's HTTP API (v2).
    HttpApi,
    /// API Gateway's REST API (v1).
    RestApi,
    /// An application load balancer (ALB).
    LoadBalancer,
    /// A Kubernetes service.
    ClusterService,
    /// Gearshift's own L7 balancer.
    Balancer,
}

impl Front {
    /// What its requests are billed by, where they are.
    pub fn request(self) -> Option<Dimension> {
        match self {
            Self::HttpApi => Some(Dimension::HttpApiRequest),
            Self::RestApi => Some(Dimension::RestApiRequest),
            _ => None,
        }
    }
}

impl fmt::Display for Front {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Direct => "direct",
            Self::HttpApi => "HTTP API",
            Self::RestApi => "REST API",
            Self::LoadBalancer => "load balancer",
            Self::ClusterService => "cluster service",
            Self::Balancer => "balancer",
        })
    }
}

/// Where state lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Store {
    /// In the process; lost when it ends.
    Memory,
    /// EFS, bursting mode.
    File,
    /// S3.
    Object,
    /// DynamoDB.
    Table,
}

impl fmt::Display for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Memory => "memory",
            Self::File => "file",
            Self::Object => "object",
            Self::Table => "table",
        })
    }
}

/// A virtual-CPU share in thousandths of one vCPU.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct UnitCompute(pub u32);

/// One kind of compute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Compute {
    /// An EC2 instance type such as `t2.micro`.
    Instance(String),
    /// A Lambda function; its CPU share follows its memory.
    Function { memory_mb: u32 },
    /// An ECS task: on Fargate, or on an instance of this type (EC2 launch), one task each.
    Task {
        milli_vcpu: UnitCompute,
        memory_mb: u32,
        #[serde(default)]
        spot: bool,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        host: Option<String>,
    },
    /// A Kubernetes pod.
    Pod { milli_vcpu: UnitCompute, memory_mb: u32 },
}

impl fmt::Display for Compute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let vcpu = |milli: &UnitCompute| f64::from(milli.0) / 1000.0;
        match self {
            Self::Instance(kind) => write!(f, "{kind}"),
            Self::Function { memory_mb } => write!(f, "function {memory_mb} MB"),
            Self::Task { milli_vcpu, memory_mb, spot, host } => {
                write!(f, "task {} vCPU / {memory_mb} MB", vcpu(milli_vcpu))?;
                match host {
                    Some(kind) => write!(f, " on {kind}"),
                    None if *spot => f.write_str(" Spot"),
                    None => Ok(()),
                }
            }
            Self::Pod { milli_vcpu, memory_mb } => {
                write!(f, "pod {} vCPU / {memory_mb} MB", vcpu(milli_vcpu))
            }
        }
    }
}

/// How many members a pool has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Count {
    /// One member per request in flight.
    #[default]
    PerRequest,
    /// Always this many.
    Fixed(u32),
    /// Between these, both included.
    Range(u32, u32),
}

/// Compute × count × route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Pool {
    pub compute: Compute,
    #[serde(default)]
    pub count: Count,
    /// The path prefix this pool serves; all when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<String>,
}

/// What a gear refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Limits {
    /// Longest a request may take.
    pub timeout_ms: u64,
    /// Largest request body.
    pub payload_bytes: u64,
    /// Most requests in flight, where there is such a limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<u32>,
}

/// One way of running: front, pools, store, limits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Gear {
    pub front: Front,
    /// Never empty (the catalogue refuses it).
    pub pools: Vec<Pool>,
    pub store: Store,
    pub limits: Limits,
}

/// One gear, or a low and a high one with a policy between them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Setup {
    Steady(Gear),
    Flex { low: Gear, high: Gear },
}

/// The language a build is written in, as the *code* column shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Code {
    Rust,
    Python,
    Js,
    #[serde(rename = "c++")]
    Cpp,
    /// Whatever the user brings.
    Own,
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rust => "rust",
            Self::Python => "python",
            Self::Js => "js",
            Self::Cpp => "c++",
            Self::Own => "own",
        })
    }
}

/// The build that is the user's service as it is.
pub const OWN: &str = "own";
/// The build that is the user's service behind the adapter, for a function.
pub const OWN_ADAPTED: &str = "own-adapted";
/// The build that is the user's own function.
pub const OWN_FUNCTION: &str = "own-function";

/// Which code runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Build {
    /// The artefact's name, such as `hits` or `function-rust`.
    pub name: String,
    pub code: Code,
}

/// What runs the code: a function's client of the Runtime API, or the server around an application.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RuntimeClient {
    /// Such as `awslambdaric` or `uvicorn`.
    pub name: String,
    pub version: String,
    /// As its makers ship it in a registry: for a function, the provider's own client.
    pub official: bool,
    /// What it runs on, such as `CPython 3.11.7`; or how the program was linked.
    pub on: String,
    /// Why it is not the official one, and how to get that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl std::fmt::Display for RuntimeClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} on {}", self.name, self.version, self.on)?;
        match &self.note {
            Some(note) => write!(f, " ({note})"),
            None => Ok(()),
        }
    }
}

/// Setup × build: one line of the comparison.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Row {
    pub name: String,
    /// False: in the catalogue, but not built yet.
    pub built: bool,
    /// True: stands only where it is named.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub on_request: bool,
    pub build: Build,
    pub setup: Setup,
}

impl Row {
    /// The gear a row starts in: its only one, or the low one.
    pub fn gear(&self) -> &Gear {
        match &self.setup {
            Setup::Steady(gear) | Setup::Flex { low: gear, .. } => gear,
        }
    }

    /// Memory of the function in this row's first pool, if it is one.
    pub fn function_memory_mb(&self) -> Option<u32> {
        match self.gear().pools.first()?.compute {
            Compute::Function { memory_mb } => Some(memory_mb),
            _ => None,
        }
    }

    /// The same row with this much memory for its function, MB; unchanged where it has none.
    #[must_use]
    pub fn with_function_memory_mb(mut self, mb: u32) -> Self {
        let (Setup::Steady(gear) | Setup::Flex { low: gear, .. }) = &mut self.setup;
        if let Some(Compute::Function { memory_mb }) =
            gear.pools.first_mut().map(|pool| &mut pool.compute)
        {
            *memory_mb = mb;
        }
        self
    }

    /// The same gear for a service of the user's: its code, and no store of ours. None where the row
    /// is about a build of its own, as the functions in four languages are.
    #[must_use]
    pub fn with_own_code(mut self) -> Option<Self> {
        let function = self.function_memory_mb().is_some();
        let takes_any = match self.build.code {
            Code::Own => true,
            Code::Rust => !function,
            Code::Python | Code::Js | Code::Cpp => false,
        };
        let flex = matches!(self.setup, Setup::Flex { .. });
        let name = if function && !flex { OWN_ADAPTED } else { OWN };
        self.build = Build { name: name.to_owned(), code: Code::Own };
        match &mut self.setup {
            Setup::Steady(gear) => gear.store = Store::Memory,
            Setup::Flex { low, high } => {
                (low.store, high.store) = (Store::Memory, Store::Memory);
            }
        }
        (takes_any || flex).then_some(self)
    }

    /// The same gear for a function of the user's, with this memory, MB, and timeout, ms. None where
    /// the row is no function for any code.
    #[must_use]
    pub fn with_own_function(
        mut self,
        front: Front,
        memory_mb: u32,
        timeout_ms: u64,
    ) -> Option<Self> {
        self.function_memory_mb().filter(|_| self.build.code == Code::Own)?;
        self.build = Build { name: OWN_FUNCTION.to_owned(), code: Code::Own };
        let (Setup::Steady(gear) | Setup::Flex { low: gear, .. }) = &mut self.setup;
        gear.front = front;
        gear.limits.timeout_ms = timeout_ms;
        Some(self.with_function_memory_mb(memory_mb))
    }

    /// Whether more traffic takes more members of its first pool, each paid by the hour.
    pub fn has_units(&self) -> bool {
        let first = self.gear().pools.first();
        first.is_some_and(|pool| !matches!(pool.compute, Compute::Function { .. }))
    }

    /// The instance type of this row's first pool, if it is one.
    pub fn instance_type(&self) -> Option<&str> {
        match &self.gear().pools.first()?.compute {
            Compute::Instance(kind) => Some(kind),
            _ => None,
        }
    }
}
