//! One instance: a service process under an instance's limits.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use gearshift_gear::{EnvironmentId, InstanceType};
use gearshift_laws::sleep_until;
use gearshift_sandbox::{CpuQuota, Host, Limits, Sandbox};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::Child;
use tokio::sync::Mutex;

use crate::place::PlaneConfig;

/// Longest a service may take until it listens.
const START_LIMIT: Duration = Duration::from_secs(60);
/// Between two looks whether it listens.
const LOOK: Duration = Duration::from_micros(250);
/// Between SIGTERM and SIGKILL; systemd's own default is longer, a twin's user waits for it.
const GRACE: Duration = Duration::from_secs(5);

pub(super) struct Instance {
    pub(super) id: EnvironmentId,
    pub(super) address: SocketAddr,
    /// Making the sandbox and the process.
    pub(super) start: Duration,
    /// From its first instruction until it listened.
    pub(super) init: Duration,
    pub(super) sandbox: Sandbox,
    child: Mutex<Child>,
}

impl Instance {
    pub(super) async fn start(
        config: &PlaneConfig,
        host: &Host,
        cores: &[usize],
        kind: &InstanceType,
        quota: Option<CpuQuota>,
        number: u64,
    ) -> Result<Self, String> {
        let began = Instant::now();
        let id =
            EnvironmentId(format!("{}.i-{}-{number}", config.wanted.row.name, config.incarnation));
        let limits = Limits {
            cpu: quota,
            memory_bytes: Some(u64::from(kind.memory_mb) * 1024 * 1024),
            cores: cores.to_vec(),
        };
        let sandbox =
            Sandbox::create(host, &config.run, &id.0, &limits).map_err(|e| e.to_string())?;
        let address = free_address().map_err(|e| format!("no free port on loopback: {e}"))?;
        let mut command = command(config, &id, address);
        sandbox.enter(&mut command).map_err(|e| e.to_string())?;
        let mut command = tokio::process::Command::from(command);
        let child = command
            .kill_on_drop(true)
            .spawn()
            .map_err(|e| format!("{}: {e}", config.program.executable().display()))?;
        let start = began.elapsed();
        let mut instance =
            Self { id, address, start, init: Duration::ZERO, sandbox, child: Mutex::new(child) };
        instance.wait_until_it_listens().await?;
        instance.init = began.elapsed() - start;
        Ok(instance)
    }

    async fn wait_until_it_listens(&self) -> Result<(), String> {
        let began = Instant::now();
        while began.elapsed() < START_LIMIT {
            if tokio::net::TcpStream::connect(self.address).await.is_ok() {
                return Ok(());
            }
            if let Ok(Some(status)) = self.child.lock().await.try_wait() {
                return Err(format!("its service ended before it listened ({status})"));
            }
            sleep_until(Instant::now() + LOOK).await;
        }
        Err(format!("its service did not listen within {} s", START_LIMIT.as_secs()))
    }

    /// False once its process has ended.
    pub(super) async fn alive(&self) -> bool {
        matches!(self.child.lock().await.try_wait(), Ok(None))
    }

    /// SIGTERM, then SIGKILL.
    pub(super) async fn stop(&self) {
        let mut child = self.child.lock().await;
        if let Some(pid) = child.id() {
            let _ = kill(Pid::from_raw(pid as i32), Signal::SIGTERM);
        }
        if tokio::time::timeout(GRACE, child.wait()).await.is_err() {
            let _ = child.kill().await;
        }
    }
}

fn command(config: &PlaneConfig, id: &EnvironmentId, address: SocketAddr) -> Command {
    let mut command = Command::new(config.program.executable());
    command
        .args(&config.program.command[1..])
        .env_clear()
        .env("PATH", std::env::var("PATH").unwrap_or_else(|_| "/usr/bin:/bin".to_owned()))
        .env("PORT", address.port().to_string())
        .env("BIND", address.ip().to_string())
        .env("INSTANCE_ID", &id.0)
        .env("AWS_REGION", &config.wanted.settings.region)
        .envs(config.program.variables.iter().map(|(name, value)| (name, value)))
        .current_dir(&config.program.root)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

fn free_address() -> std::io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}
