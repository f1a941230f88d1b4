//! One execution environment: a process that talks to its own Runtime API, under limits.

use std::os::fd::AsFd;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use gearshift_gear::{EnvironmentId, Part};
use gearshift_sandbox::{Limits, MemoryUse, Sandbox, into_image};
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::config::{FunctionConfig, INIT_LIMIT};
use crate::http::Server;
use crate::log::Log;
use crate::residents::Residents;
use crate::runtime_api::{Delivery, Reply, RuntimeApi};

/// How an environment came to be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Startup {
    /// Making the sandbox and the process.
    pub(crate) start: Duration,
    /// From the process's first instruction until it asked for work.
    pub(crate) init: Duration,
}

/// Why an environment never asked for work.
#[derive(Debug)]
pub(crate) enum StartFailure {
    /// This machine could not start it.
    Host(String),
    /// It did not get through its init phase, and what it printed meanwhile.
    InitFailed { how: InitFailure, init: Duration, printed: String },
}

/// How an init phase failed.
#[derive(Debug)]
pub(crate) enum InitFailure {
    /// Its process ended, in Lambda's words; the body it posted to `init/error`, if any.
    Exited { why: String, out_of_memory: bool, posted: Option<bytes::Bytes> },
    /// It took longer than the init phase and the function's timeout.
    TimedOut,
}

impl InitFailure {
    /// A word for the log, without what the function printed or posted.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Exited { out_of_memory: true, .. } => "out of memory",
            Self::Exited { .. } => "exited",
            Self::TimedOut => "timed out",
        }
    }
}

/// How an invocation ended.
#[derive(Debug)]
pub(crate) enum Ending {
    Replied(Reply),
    Exited { why: String, out_of_memory: bool },
    TimedOut,
}

impl Ending {
    /// A word for the log, without what the function answered.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Replied(Reply::Response { .. }) => "response",
            Self::Replied(Reply::Error(_)) => "error",
            Self::Replied(Reply::TooLarge { .. }) => "response too large",
            Self::Exited { out_of_memory: true, .. } => "out of memory",
            Self::Exited { .. } => "exited",
            Self::TimedOut => "timed out",
        }
    }
}

pub(crate) struct Environment {
    pub(crate) id: EnvironmentId,
    pub(crate) generation: u64,
    /// When it is taken away if it stays idle.
    pub(crate) idle_limit: Duration,
    pub(crate) log: Arc<Log>,
    idle_since: Mutex<Instant>,
    runtime_api: Arc<RuntimeApi>,
    polls: watch::Receiver<u64>,
    exit: watch::Receiver<Option<ExitStatus>>,
    frozen: AtomicBool,
    /// Store calls of the request under way.
    waits: Mutex<Vec<Part>>,
    sandbox: Arc<Sandbox>,
    _runtime_api: Server,
    tasks: [AbortHandle; 3],
}

impl Environment {
    /// Starts the process and waits until it asks for work.
    pub(crate) async fn start(
        config: &FunctionConfig,
        number: u64,
        generation: u64,
        idle_limit: Duration,
    ) -> Result<(Self, Startup), StartFailure> {
        let began = Instant::now();
        let environment = Self::spawn(config, number, generation, idle_limit).await?;
        let start = began.elapsed();
        environment.wait_for_init(config, began + start).await?;
        let init = began.elapsed() - start;
        let share = environment.sandbox.set_cpu(config.shares.run);
        share.map_err(|error| StartFailure::Host(error.to_string()))?;
        Ok((environment, Startup { start, init }))
    }

    async fn spawn(
        config: &FunctionConfig,
        number: u64,
        generation: u64,
        idle_limit: Duration,
    ) -> Result<Self, StartFailure> {
        let host = |error: &dyn std::fmt::Display| StartFailure::Host(error.to_string());
        let id = EnvironmentId(format!("{}-{number}", config.member_prefix));
        let limits = Limits {
            cpu: config.shares.init,
            memory_bytes: Some(u64::from(config.memory_mb) * 1024 * 1024),
            cores: config.cores.clone(),
        };
        let sandbox =
            Sandbox::create(&config.host, &config.run, &id.0, &limits).map_err(|e| host(&e))?;
        let sandbox = Arc::new(sandbox);
        let residents = Residents::of(&sandbox);
        let runtime_api = RuntimeApi::new();
        let served = runtime_api.serve(residents.clone()).await.map_err(|e| host(&e))?;
        let mut command = command(config, &id, &served.address().to_string());
        sandbox.enter(&mut command).map_err(|e| host(&e))?;
        if let Some(image) = &config.image {
            into_image(&mut command, image).map_err(|e| host(&e))?;
        }
        let mut command = tokio::process::Command::from(command);
        let mut child = command.kill_on_drop(true).spawn().map_err(|e| host(&e))?;
        if let Some(pid) = child.id() {
            residents.started(pid as i32);
        }
        let (out, err) = (child.stdout.take(), child.stderr.take());
        let out = out.expect("piped").into_owned_fd().map_err(|e| host(&e))?;
        let err = err.expect("piped").into_owned_fd().map_err(|e| host(&e))?;
        widen(&out);
        let log = Arc::new(Log::of([out, err]).map_err(|e| host(&e))?);
        let (out_log, err_log) = (log.clone(), log.clone());
        let (exited, exit) = watch::channel(None);
        let tasks = [
            tokio::spawn(async move { out_log.follow(0).await }).abort_handle(),
            tokio::spawn(async move { err_log.follow(1).await }).abort_handle(),
            tokio::spawn(async move {
                if let Ok(status) = child.wait().await {
                    let _ = exited.send(Some(status));
                }
            })
            .abort_handle(),
        ];
        Ok(Self {
            id,
            generation,
            idle_limit,
            log,
            idle_since: Mutex::new(Instant::now()),
            polls: runtime_api.polls(),
            runtime_api,
            exit,
            frozen: AtomicBool::new(false),
            waits: Mutex::new(Vec::new()),
            sandbox,
            _runtime_api: served,
            tasks,
        })
    }

    async fn wait_for_init(
        &self,
        config: &FunctionConfig,
        began: Instant,
    ) -> Result<(), StartFailure> {
        let mut polls = self.polls.clone();
        let mut exit = self.exit.clone();
        let mut limit = INIT_LIMIT;
        loop {
            tokio::select! {
                biased;
                _ = polls.wait_for(|polls| *polls > 0) => {
                    self.log.catch_up();
                    return Ok(());
                }
                status = exited(&mut exit) => {
                    let (why, out_of_memory) = (words(status), self.out_of_memory());
                    let posted = self.runtime_api.init_error();
                    let how = InitFailure::Exited { why, out_of_memory, posted };
                    return Err(self.init_failed(how, began.elapsed()));
                }
                () = tokio::time::sleep_until((began + limit).into()) => {
                    if limit > INIT_LIMIT {
                        return Err(self.init_failed(InitFailure::TimedOut, began.elapsed()));
                    }
                    // Past the init phase, what is left of init runs at the function's own share
                    // and within its timeout.
                    let share = self.sandbox.set_cpu(config.shares.run);
                    share.map_err(|error| StartFailure::Host(error.to_string()))?;
                    limit += config.timeout;
                }
            }
        }
    }

    fn init_failed(&self, how: InitFailure, init: Duration) -> StartFailure {
        self.log.catch_up();
        StartFailure::InitFailed { how, init, printed: self.log.take_tail() }
    }

    /// Has one request handled; the time is the handler's alone.
    pub(crate) async fn handle(&self, delivery: Delivery) -> (Ending, Duration) {
        let timeout = delivery.timeout;
        self.waits.lock().expect("no panic while held").clear();
        if self.frozen.swap(false, Ordering::AcqRel) {
            // A group that cannot be thawed shows as a timeout of the request.
            let _ = self.sandbox.thaw();
        }
        let began = Instant::now();
        let replied = self.runtime_api.deliver(delivery).await;
        let mut exit = self.exit.clone();
        let ending = tokio::select! {
            biased;
            Ok(reply) = replied => Ending::Replied(reply),
            status = exited(&mut exit) => Ending::Exited {
                why: words(status),
                out_of_memory: self.out_of_memory(),
            },
            () = tokio::time::sleep(timeout) => Ending::TimedOut,
        };
        let duration = match ending {
            // Reported and billed as the timeout itself, whenever this machine noticed.
            Ending::TimedOut => timeout,
            _ => began.elapsed(),
        };
        (ending, duration)
    }

    /// Waits until the runtime asks for work again. False: it is gone.
    pub(crate) async fn settle(&self, polls_before: u64, limit: Duration) -> bool {
        let mut polls = self.polls.clone();
        let mut exit = self.exit.clone();
        let ready = tokio::select! {
            biased;
            polled = polls.wait_for(|polls| *polls > polls_before) => polled.is_ok(),
            _ = exited(&mut exit) => false,
            () = tokio::time::sleep(limit) => false,
        };
        if ready {
            *self.idle_since.lock().expect("no panic while held") = Instant::now();
        }
        ready
    }

    /// Stops the process until the next request.
    pub(crate) fn freeze(&self) {
        self.frozen.store(self.sandbox.freeze().is_ok(), Ordering::Release);
    }

    /// Ends its processes whatever they do.
    pub(crate) fn kill(&self) {
        self.sandbox.kill();
    }

    pub(crate) fn polls(&self) -> u64 {
        *self.polls.borrow()
    }

    pub(crate) fn exited(&self) -> bool {
        self.exit.borrow().is_some()
    }

    pub(crate) fn idle_for(&self) -> Duration {
        self.idle_since.lock().expect("no panic while held").elapsed()
    }

    pub(crate) fn max_memory_mb(&self) -> u64 {
        self.sandbox.memory_peak_bytes().unwrap_or_default().div_ceil(1024 * 1024)
    }

    pub(crate) fn memory(&self) -> MemoryUse {
        self.sandbox.memory_use().unwrap_or_default()
    }

    pub(crate) fn access_key(&self) -> String {
        access_key(&self.id)
    }

    pub(crate) fn charge(&self, part: Part) {
        self.waits.lock().expect("no panic while held").push(part);
    }

    pub(crate) fn take_waits(&self) -> Vec<Part> {
        std::mem::take(&mut *self.waits.lock().expect("no panic while held"))
    }

    fn out_of_memory(&self) -> bool {
        self.sandbox.memory_use().is_ok_and(|memory| memory.kills > 0)
    }
}

impl Drop for Environment {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

/// The temporary key of an environment, in the form of the provider's; it tells the stores whose
/// request a call belongs to.
pub fn access_key(id: &EnvironmentId) -> String {
    let letters = id.0.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '0' });
    format!("ASIA{}", letters.collect::<String>().to_ascii_uppercase())
}

fn command(config: &FunctionConfig, id: &EnvironmentId, served: &str) -> Command {
    let (program, arguments) = config.command.split_first().expect("a command has a program");
    let mut command = Command::new(program);
    let in_image = config.image.as_ref().map(|image| Path::new(&image.workdir));
    let task_root = in_image.unwrap_or(&config.task_root);
    command
        .args(arguments)
        .env_clear()
        .env("PATH", std::env::var("PATH").unwrap_or_else(|_| "/usr/bin:/bin".to_owned()))
        .env("LANG", "en_US.UTF-8")
        .env("TZ", ":UTC")
        .env("_HANDLER", &config.handler)
        .env("LAMBDA_TASK_ROOT", task_root)
        .env("AWS_LAMBDA_RUNTIME_API", served)
        .env("AWS_LAMBDA_FUNCTION_NAME", &config.name)
        .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", config.memory_mb.to_string())
        .env("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")
        .env("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{}", config.name))
        .env("AWS_LAMBDA_LOG_STREAM_NAME", format!("[$LATEST]{id}"))
        .env("AWS_REGION", &config.region)
        .env("AWS_DEFAULT_REGION", &config.region)
        .envs(config.variables.iter().map(|(name, value)| (name, value)))
        // Behind the function's own: on AWS these three are reserved (AWS Lambda developer guide,
        // "Defined runtime environment variables"). No token is checked: the signature says it all.
        .env("AWS_ACCESS_KEY_ID", access_key(id))
        .env("AWS_SECRET_ACCESS_KEY", config.keys.secret_access_key())
        .env("AWS_SESSION_TOKEN", "twin")
        .current_dir(&config.task_root)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Gives a pipe what Linux lets any user give one; standard output's alone, since a user's pipes
/// together have a limit too (pipe(7)). Node.js writes what fits at once and the rest when it finds
/// time, which a frozen process does not.
#[cfg(target_os = "linux")]
fn widen(pipe: &impl AsFd) {
    use nix::fcntl::{FcntlArg, fcntl};
    const PIPE_BYTES: i32 = 1 << 20;
    // A smaller one does, where the system allows no larger.
    let _ = fcntl(pipe, FcntlArg::F_SETPIPE_SZ(PIPE_BYTES));
}

/// Other systems size their pipes themselves.
#[cfg(not(target_os = "linux"))]
fn widen(_: &impl AsFd) {}

async fn exited(exit: &mut watch::Receiver<Option<ExitStatus>>) -> ExitStatus {
    let status = exit.wait_for(Option::is_some).await.ok().and_then(|status| *status);
    match status {
        Some(status) => status,
        // The waiting task was ended, so nobody asks any more.
        None => std::future::pending().await,
    }
}

/// As Lambda words it: `Runtime exited with error: exit status 1`.
fn words(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    let error = match (status.code(), status.signal()) {
        (Some(0), _) => return "Runtime exited without providing a reason".to_owned(),
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(signal)) => format!("signal: {}", signal_words(signal)),
        (None, None) => "unknown status".to_owned(),
    };
    format!("Runtime exited with error: {error}")
}

/// Lambda's host is written in Go, whose names of signals these are.
fn signal_words(signal: i32) -> String {
    let named = match signal {
        4 => "illegal instruction",
        6 => "aborted",
        7 => "bus error",
        8 => "floating point exception",
        9 => "killed",
        11 => "segmentation fault",
        15 => "terminated",
        other => return format!("signal {other}"),
    };
    named.to_owned()
}
