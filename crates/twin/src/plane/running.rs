//! A service process under a gear's limits: what an instance and a task run.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use gearshift_deploy::{Member, MemberState};
use gearshift_files::PrivateDir;
use gearshift_gear::{EnvironmentId, Program};
use gearshift_laws::sleep_until;
use gearshift_sandbox::{Host, Limits, Sandbox, into_image};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::place::PlaneConfig;
use crate::plane::counted;
use crate::plane::error::StartError;

/// Longest a service may take until it listens.
const START_LIMIT: Duration = Duration::from_secs(60);
/// Between two looks whether it listens.
const LOOK: Duration = Duration::from_micros(250);

/// A log longer than this tells no reason why a service did not start, bytes.
const MOST_SAID: u64 = 16 << 20;

/// Dropping it kills the process and whatever it started.
pub(super) struct Running {
    pub(super) id: EnvironmentId,
    pub(super) address: SocketAddr,
    /// Making the sandbox and the process.
    pub(super) start: Duration,
    /// From its first instruction until it listened.
    pub(super) init: Duration,
    pub(super) sandbox: Sandbox,
    pid: Pid,
    ended: watch::Receiver<Option<ExitStatus>>,
    waiter: AbortHandle,
}

impl Running {
    /// Starts the program and waits until it listens.
    pub(super) async fn start(
        config: &PlaneConfig,
        host: &Host,
        program: &Program,
        id: EnvironmentId,
        limits: &Limits,
        variables: &[(String, String)],
    ) -> Result<Self, StartError> {
        let began = Instant::now();
        let sandbox = Sandbox::create(host, &config.run, &id.0, limits)?;
        let address = free_address().map_err(StartError::NoPort)?;
        // What a service says beside its answers; a row's own log begins anew with every start.
        let directory = config.private()?;
        let log = log_of(&id);
        let said = directory.create(&log)?;
        let mut command = command(config, program, &id, address, said);
        command.envs(variables.iter().map(|(name, value)| (name, value)));
        sandbox.enter(&mut command)?;
        if let Some(image) = &program.image {
            into_image(&mut command, image).map_err(StartError::Image)?;
        }
        let mut command = tokio::process::Command::from(command);
        let mut child = command
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| StartError::Program { program: program.executable().into(), error })?;
        let pid = Pid::from_raw(child.id().expect("not waited for yet") as i32);
        let (tell, ended) = watch::channel(None);
        let waiter = tokio::spawn(async move {
            let status = child.wait().await.ok();
            // Nobody may be left to be told.
            let _ = tell.send(status.or(Some(ExitStatus::default())));
        });
        let start = began.elapsed();
        let waiter = waiter.abort_handle();
        let init = Duration::ZERO;
        let mut running = Self { id, address, start, init, sandbox, pid, ended, waiter };
        running.wait_until_it_listens(&directory).await?;
        running.init = began.elapsed() - start;
        Ok(running)
    }

    async fn wait_until_it_listens(&self, directory: &PrivateDir) -> Result<(), StartError> {
        let began = Instant::now();
        while began.elapsed() < START_LIMIT {
            if tokio::net::TcpStream::connect(self.address).await.is_ok() {
                return Ok(());
            }
            if let Some(status) = *self.ended.borrow() {
                let said = directory.read(&log_of(&self.id), MOST_SAID).ok().flatten();
                let said = String::from_utf8_lossy(&said.unwrap_or_default()).into_owned();
                return Err(StartError::Ended { status, said });
            }
            sleep_until(Instant::now() + LOOK).await;
        }
        Err(StartError::Silent(START_LIMIT))
    }

    /// False once its process has ended.
    pub(super) fn alive(&self) -> bool {
        self.ended.borrow().is_none()
    }

    /// Waits until its process has ended, and how.
    pub(super) async fn ended(&self) -> String {
        let mut ended = self.ended.clone();
        match ended.wait_for(Option::is_some).await {
            Ok(status) => status.map(|status| status.to_string()).unwrap_or_default(),
            Err(_) => "it was dropped".to_owned(),
        }
    }

    /// It as a member of its row.
    pub(super) fn member(&self, state: MemberState) -> Member {
        let cpu = self.sandbox.cpu_time().ok();
        Member {
            environment: self.id.clone(),
            state,
            cpu_used_ms: cpu.map(|cpu| cpu.used_us as f64 / 1e3),
            memory: self.sandbox.memory_use().ok().map(counted),
        }
    }

    /// SIGTERM, then after `grace` SIGKILL.
    pub(super) async fn stop(&self, grace: Duration) {
        self.signal(Signal::SIGTERM);
        if tokio::time::timeout(grace, self.ended()).await.is_err() {
            self.signal(Signal::SIGKILL);
            self.ended().await;
        }
    }

    fn signal(&self, signal: Signal) {
        // Its number may be somebody else's once it has been waited for.
        if self.alive() {
            let _ = kill(self.pid, signal);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.waiter.abort();
    }
}

fn command(
    config: &PlaneConfig,
    program: &Program,
    id: &EnvironmentId,
    address: SocketAddr,
    said: File,
) -> Command {
    let mut command = Command::new(program.executable());
    command
        .args(program.arguments(address))
        .env_clear()
        .env("PATH", std::env::var("PATH").unwrap_or_else(|_| "/usr/bin:/bin".to_owned()))
        .env("PORT", address.port().to_string())
        .env("HOST", address.ip().to_string())
        .env("BIND", address.ip().to_string())
        .env("INSTANCE_ID", &id.0)
        .env("AWS_REGION", &config.wanted.spec.settings.region)
        .envs(program.variables.iter().map(|(name, value)| (name, value)))
        .current_dir(&program.root)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(said);
    command
}

fn log_of(id: &EnvironmentId) -> String {
    format!("{id}.log")
}

fn free_address() -> std::io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}
