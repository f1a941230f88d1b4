//! What the twin itself adds to a call.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use gearshift_deploy::{Fence, Patience, Settings, Target, TargetError, Want, reach};
use gearshift_gear::{Artefacts, Known, Origin, Row, RunId};
use gearshift_load::{Job, Mode, Outcome};
use gearshift_results::Overhead;
use gearshift_sandbox::{Cores, apart};

use crate::{Worker, WorkerError};

/// Calls that do not count, and calls that do.
const WARM_UP_CALLS: u64 = 300;
const CALLS: u64 = 2_000;
/// Longest the plain service may take until it listens.
const START_LIMIT: Duration = Duration::from_secs(5);

/// Why it could not be measured.
#[derive(Debug, thiserror::Error)]
pub enum OverheadError {
    #[error(transparent)]
    Target(#[from] TargetError),
    #[error(transparent)]
    Worker(#[from] WorkerError),
    #[error("the plain service could not run: {0}")]
    Plain(#[from] std::io::Error),
    #[error("the plain service does not answer")]
    Silent,
}

/// Measures `/hello` both ways, with a function row that runs these artefacts, and the plain service's executable.
pub async fn overhead(
    target: &dyn Target,
    worker: &Worker,
    run: &RunId,
    function: &Row,
    artefacts: Artefacts,
    plain: &Path,
) -> Result<Overhead, OverheadError> {
    let settings = Settings { physics: false, shaped: false, ..Settings::default() };
    let want = Want::one(function.clone(), settings, artefacts);
    let world =
        reach(target, run, &want, Fence::at(jiff::Timestamp::now()), Patience::default()).await?;
    let url = world.rows.get(&function.name).and_then(|row| row.url.clone()).unwrap_or_default();
    let through = p50(worker, &url).await;
    reach(target, run, &Want::nothing(), Fence::at(jiff::Timestamp::now()), Patience::default())
        .await?;
    let through = through?;
    let plain = plain_p50(worker, run, plain).await?;
    let measured = |us: f64| Known::new(us, Origin::Measured { run: run.clone(), n: CALLS });
    let adds = Origin::computed([Origin::Measured { run: run.clone(), n: 2 * CALLS }]);
    Ok(Overhead {
        through_twin_p50_us: measured(through),
        plain_p50_us: measured(plain),
        adds_p50_us: Known::new(through - plain, adds),
    })
}

async fn p50(worker: &Worker, url: &str) -> Result<f64, OverheadError> {
    let job = |calls| {
        let mode = Mode::Closed { connections: 1, calls: Some(calls), duration_ms: None };
        let mut job = Job::new(format!("{url}/hello"), mode);
        job.keep_samples = 0;
        job
    };
    worker.run(&job(WARM_UP_CALLS)).await?;
    let outcome: Outcome = worker.run(&job(CALLS)).await?;
    outcome.from_sent.p50_us.value().ok_or(OverheadError::Silent)
}

async fn plain_p50(worker: &Worker, run: &RunId, program: &Path) -> Result<f64, OverheadError> {
    let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
    let mut command = Command::new(program);
    command.env("PORT", address.port().to_string()).stdin(Stdio::null());
    command.stdout(Stdio::null()).stderr(Stdio::null());
    apart(&mut command, run, "", &Cores::split().services);
    let mut command = tokio::process::Command::from(command);
    let mut service = command.kill_on_drop(true).spawn()?;
    let measured = match listens(address).await {
        true => p50(worker, &format!("http://{address}")).await,
        false => Err(OverheadError::Silent),
    };
    service.kill().await?;
    measured
}

async fn listens(address: SocketAddr) -> bool {
    let began = Instant::now();
    while began.elapsed() < START_LIMIT {
        if tokio::net::TcpStream::connect(address).await.is_ok() {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    false
}
