//! The row a data plane serves, whatever its kind.

use gearshift_functions::Path;
use gearshift_gear::{Compute, Front, LawId};
use gearshift_laws::Laws;

use crate::control::{Ask, Told};
use crate::place::PlaneConfig;
use crate::plane::function_row::FunctionRow;
use crate::plane::instance_row::InstanceRow;
use crate::plane::task_row::TaskRow;

pub(super) enum StandingRow {
    Function(Box<FunctionRow>),
    Instance(InstanceRow),
    Tasks(TaskRow),
}

impl StandingRow {
    pub(super) async fn start(config: &PlaneConfig) -> Result<Self, String> {
        let pool = config.wanted.row.gear().pools.first().ok_or("the row has no pool")?;
        match &pool.compute {
            Compute::Function { memory_mb } => {
                FunctionRow::start(config, *memory_mb).await.map(Box::new).map(Self::Function)
            }
            Compute::Instance(kind) => InstanceRow::start(config, kind).await.map(Self::Instance),
            Compute::Task { .. } => TaskRow::start(config, pool).await.map(Self::Tasks),
            other @ Compute::Pod { .. } => Err(format!("a {other} is not built yet")),
        }
    }

    pub(super) async fn answer(&self, ask: Ask) -> Told {
        match (self, ask) {
            (Self::Function(row), Ask::State) => row.state(),
            (Self::Instance(row), Ask::State) => row.state().await,
            (Self::Tasks(row), Ask::State) => row.state(),
            (Self::Function(row), Ask::Usage) => Told::Usage(row.usage()),
            (Self::Instance(row), Ask::Usage) => Told::Usage(row.usage()),
            (Self::Tasks(row), Ask::Usage) => Told::Usage(row.usage()),
            (Self::Function(row), Ask::Events { since }) => Told::Events(row.events(since)),
            (Self::Instance(row), Ask::Events { since }) => Told::Events(row.events(since)),
            (Self::Tasks(row), Ask::Events { since }) => Told::Events(row.events(since)),
            (Self::Function(row), Ask::Arrange(condition)) => told(row.arrange(&condition)),
            (Self::Instance(row), Ask::Arrange(condition)) => told(row.arrange(&condition).await),
            (Self::Tasks(row), Ask::Arrange(condition)) => told(row.arrange(&condition).await),
            (_, Ask::Stop) => Told::Done,
        }
    }

    pub(super) async fn stop(&self) {
        match self {
            Self::Function(row) => row.stop(),
            Self::Instance(row) => row.stop().await,
            Self::Tasks(row) => row.stop().await,
        }
    }
}

fn told(arranged: Result<(), String>) -> Told {
    match arranged {
        Ok(()) => Told::Done,
        Err(why) => Told::Refused { why },
    }
}

/// Why the row's address could not be opened.
pub(super) fn port_refused(config: &PlaneConfig, error: &std::io::Error) -> String {
    match config.wanted.settings.port {
        0 => format!("no free port on loopback: {error}"),
        port if error.kind() == std::io::ErrorKind::AddrInUse => {
            format!("port {port} is taken by another program → --port with another number, or none")
        }
        port => format!("port {port} cannot be opened: {error} → --port with another number"),
    }
}

/// The laws as these settings want them.
pub(super) fn laws(config: &PlaneConfig) -> Result<Laws, String> {
    let settings = &config.wanted.settings;
    let laws = Laws::shipped().scaled_by(&settings.law_factors).map_err(|e| e.to_string())?;
    Ok(if settings.physics { laws } else { laws.off() })
}

/// The laws a request passes between caller and gateway, when it goes no further.
pub(super) fn page_path(config: &PlaneConfig, laws: &Laws) -> Result<Path, String> {
    let ids = [config.wanted.settings.caller.round_trip(), gateway(config.wanted.row.gear().front)];
    Path::new(laws, &ids).map_err(|error| error.to_string())
}

/// The laws a request passes between caller and code.
pub(super) fn front_path(config: &PlaneConfig, laws: &Laws) -> Result<Path, String> {
    let mut ids = vec![config.wanted.settings.caller.round_trip()];
    match config.wanted.row.gear().front {
        Front::Direct => {}
        front @ (Front::HttpApi | Front::RestApi) => {
            let hops = ["apigw.to_lambda_transit", "lambda.warm_overhead"];
            ids.extend([gateway(front)].into_iter().chain(hops.map(LawId::from)));
        }
        Front::LoadBalancer => ids.extend(["alb.added", "alb.to_target"].map(LawId::from)),
        other => return Err(format!("front {other} is not built yet")),
    }
    Path::new(laws, &ids).map_err(|error| error.to_string())
}

/// What an API before a function takes itself.
fn gateway(front: Front) -> LawId {
    LawId::from(if front == Front::RestApi { "apigw.rest_own" } else { "apigw.http_own" })
}
