//! A hosted function: invoke it, meter it, watch its environments.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use gearshift_gear::metering::{function_gb_seconds, function_ms};
use gearshift_gear::{EnvironmentId, LawId, Part, PartKind, ServerTiming};
use gearshift_sandbox::MemoryUse;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rust_decimal::Decimal;
use tokio::task::AbortHandle;

use crate::environment::{Ending, Environment, InitFailure, StartFailure, Startup};
use crate::invocation::report_line;
use crate::pool::{EnvironmentPool, Slot};
use crate::runtime_api::{Delivery, Reply};
use crate::{Answer, FUNCTION_PAYLOAD_BYTES, FunctionConfig, FunctionError, Refused};

/// What AWS would meter of a function since it stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FunctionUsage {
    pub requests: u64,
    /// Handler time, each call rounded up to 1 ms, times configured memory.
    pub gb_seconds: Decimal,
    /// Init time, likewise.
    pub init_gb_seconds: Decimal,
    pub log_bytes: u64,
}

/// Something that happened to an environment.
#[derive(Clone, Debug)]
pub struct LifeEvent {
    pub environment: EnvironmentId,
    pub what: Life,
}

/// What happens in an environment's life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Life {
    Placed,
    Started,
    Listening,
    FirstByte,
    Log(String),
    Stopped(String),
}

/// An environment stays awake for this long after a request: one right behind it need not wait
/// until its processes have been frozen and thawed (some 50 µs).
const AWAKE: Duration = Duration::from_millis(1);

/// Without laws nothing is reclaimed: a bare machine has no idle limit.
const NEVER: Duration = Duration::from_secs(365 * 24 * 3600);

/// A hosted function; dropping the last handle ends its environments.
pub struct Function {
    config: FunctionConfig,
    pool: EnvironmentPool,
    numbers: AtomicU64,
    usage: Mutex<FunctionUsage>,
    draws: Mutex<StdRng>,
    reclaimer: Mutex<Option<AbortHandle>>,
}

impl Function {
    /// Hosts the function; environments start when requests come.
    pub fn host(config: FunctionConfig) -> Arc<Self> {
        let function = Arc::new(Self {
            pool: EnvironmentPool::new(config.concurrency as usize),
            numbers: AtomicU64::new(1),
            usage: Mutex::default(),
            draws: Mutex::new(StdRng::seed_from_u64(config.seed)),
            reclaimer: Mutex::new(None),
            config,
        });
        let weak = Arc::downgrade(&function);
        let reclaimer = tokio::spawn(async move {
            let tick = Duration::from_millis(250);
            while let Some(function) = weak.upgrade() {
                function.remove(function.pool.reclaim(), "idle reclaim");
                drop(function);
                tokio::time::sleep(tick).await;
            }
        });
        *function.reclaimer.lock().expect("just made") = Some(reclaimer.abort_handle());
        let FunctionConfig { run, name, memory_mb, concurrency, .. } = &function.config;
        tracing::debug!(%run, name, memory_mb, concurrency, "hosting a function");
        function
    }

    /// The function's settings.
    pub fn config(&self) -> &FunctionConfig {
        &self.config
    }

    /// Invokes the function and waits for its answer. A caller that goes away meanwhile changes
    /// nothing: the invocation ends as it would have.
    ///
    /// # Errors
    /// [`Refused`] where no environment took the request; an error *of* the function is an answer.
    pub async fn invoke(self: &Arc<Self>, payload: Bytes) -> Result<Answer, Refused> {
        let function = self.clone();
        let invocation = tokio::spawn(async move { function.run(payload).await });
        invocation.await.unwrap_or_else(|error| Err(Refused::Host(error.to_string())))
    }

    async fn run(self: &Arc<Self>, payload: Bytes) -> Result<Answer, Refused> {
        if payload.len() > FUNCTION_PAYLOAD_BYTES {
            return Err(Refused::RequestTooLarge { bytes: payload.len() });
        }
        let request_id = uuid::Uuid::new_v4().to_string();
        let acquired = self.pool.acquire().await.inspect_err(|refused| {
            tracing::debug!(run = %self.config.run, request = request_id, %refused, "refused");
        });
        let (environment, startup) = match acquired? {
            Slot::Taken(environment) => (environment, None),
            Slot::Room { generation } => {
                let number = self.numbers.fetch_add(1, Ordering::Relaxed);
                match self.start(number, generation).await {
                    Ok((environment, startup)) => (environment, Some(startup)),
                    Err(failed_start) => {
                        return self.failed_start(&request_id, number, failed_start);
                    }
                }
            }
        };
        Ok(self.handle(environment, startup, request_id, payload).await)
    }

    /// Charges a wait in a store to the request the key's environment is handling.
    pub fn charge(&self, access_key: &str, part: Part) {
        if let Some(environment) = self.pool.find(access_key) {
            environment.charge(part);
        }
    }

    /// Ends every environment, busy ones after their answer: the next request starts a new one.
    pub fn retire(&self) {
        self.remove(self.pool.retire(), "retired");
    }

    /// The environments there are: (id, busy).
    pub fn environments(&self) -> Vec<(EnvironmentId, bool)> {
        self.look_at(|environment| environment.id.clone())
    }

    /// What each environment takes of memory: (id, busy, memory).
    pub fn memory(&self) -> Vec<(EnvironmentId, bool, MemoryUse)> {
        let seen = self.look_at(|environment| (environment.id.clone(), environment.memory()));
        seen.into_iter().map(|((id, memory), busy)| (id, busy, memory)).collect()
    }

    fn look_at<T>(&self, look: impl Fn(&Environment) -> T) -> Vec<(T, bool)> {
        let (idle, busy, _) = self.pool.members();
        let (idle, busy) =
            (idle.iter().map(|env| (env, false)), busy.iter().map(|env| (env, true)));
        idle.chain(busy).map(|(environment, busy)| (look(environment), busy)).collect()
    }

    /// What AWS would meter so far.
    pub fn usage(&self) -> FunctionUsage {
        *self.usage.lock().expect("no panic while held")
    }

    async fn start(
        &self,
        number: u64,
        generation: u64,
    ) -> Result<(Arc<Environment>, Startup), StartFailure> {
        let id = EnvironmentId(format!("{}-{number}", self.config.member_prefix));
        tracing::debug!(run = %self.config.run, environment = %id, "starting an environment");
        self.happened(&id, Life::Placed);
        let idle_limit = match self.config.idle_reclaim {
            Some(limit) => limit,
            None if self.config.laws.are_off() => NEVER,
            None => self.draw("lambda.idle_reclaim"),
        };
        let started = Environment::start(&self.config, number, generation, idle_limit).await;
        let started = started.map(|(environment, startup)| (Arc::new(environment), startup));
        self.pool.filled(started.as_ref().ok().map(|(environment, _)| environment));
        if let Ok((_, Startup { start, init })) = &started {
            let run = &self.config.run;
            tracing::debug!(%run, environment = %id, ?start, ?init, "an environment is ready");
            self.happened(&id, Life::Started);
            self.happened(&id, Life::Listening);
        }
        started
    }

    async fn handle(
        self: &Arc<Self>,
        environment: Arc<Environment>,
        startup: Option<Startup>,
        request_id: String,
        payload: Bytes,
    ) -> Answer {
        environment
            .log
            .write(format!("START RequestId: {request_id} Version: $LATEST\n").as_bytes());
        let polls = environment.polls();
        let delivery = Delivery {
            request_id: request_id.clone(),
            payload,
            function_arn: format!(
                "arn:aws:lambda:{}:000000000000:function:{}",
                self.config.region, self.config.name
            ),
            timeout: self.config.timeout,
        };
        let (ending, duration) = environment.handle(delivery).await;
        tracing::debug!(
            run = %self.config.run,
            environment = %environment.id,
            request = request_id,
            cold = startup.is_some(),
            ?duration,
            ending = ending.name(),
            "invocation"
        );
        let usable = matches!(ending, Ending::Replied(_));
        let timing = self.timing(&environment, startup, duration);
        let streamed = match &ending {
            Ending::Replied(Reply::Response { streamed, .. }) => streamed.clone(),
            _ => None,
        };
        let mut answer = Answer {
            streamed,
            result: self.result(ending, &request_id),
            request_id,
            duration,
            init: startup.map(|startup| startup.init),
            billed_ms: function_ms(
                duration + startup.map_or(Duration::ZERO, |startup| startup.init),
            ),
            max_memory_mb: environment.max_memory_mb(),
            timing,
            log_tail: String::new(),
        };
        let report = report_line(&answer, self.config.memory_mb);
        environment.log.catch_up();
        environment.log.write(format!("END RequestId: {}\n{report}", answer.request_id).as_bytes());
        answer.log_tail = environment.log.take_tail();
        self.meter(&answer, environment.log.take_bytes());
        if startup.is_some() {
            self.happened(&environment.id, Life::FirstByte);
        }
        self.happened(&environment.id, Life::Log(report.trim_end().to_owned()));
        self.pool.settling();
        let function = self.clone();
        tokio::spawn(async move { function.settle(environment, polls, usable).await });
        answer
    }

    async fn settle(&self, environment: Arc<Environment>, polls: u64, usable: bool) {
        let usable = usable && environment.settle(polls, self.config.timeout).await;
        if !self.pool.settled(&environment, usable) {
            let why = if usable { "retired" } else { "its process ended or did not come back" };
            return self.remove(vec![environment], why);
        }
        // Not held on to: one taken away meanwhile ends there, not here.
        let idle = Arc::downgrade(&environment);
        drop(environment);
        tokio::time::sleep(AWAKE).await;
        self.pool.freeze_if_idle(&idle);
    }

    fn timing(
        &self,
        environment: &Environment,
        startup: Option<Startup>,
        duration: Duration,
    ) -> ServerTiming {
        let ms = |duration: Duration| duration.as_secs_f64() * 1e3;
        let mut timing = ServerTiming {
            environment: Some(environment.id.clone()),
            cold: startup.is_some(),
            parts: Vec::new(),
        };
        if let Some(startup) = startup {
            // The law holds the making of an environment, so what that took here lies inside it.
            let cold_env = self.draw("lambda.cold_env").saturating_sub(startup.start);
            timing.push("lambda.cold_env", ms(cold_env), PartKind::Accounted);
            // The law counts megabytes beyond the first four (see physics.toml).
            let beyond_mb = (self.config.code_zip_bytes as f64 / 1e6 - 4.0).max(0.0);
            let download = ms(self.draw("lambda.cold_code_per_mb")) * beyond_mb;
            timing.push("lambda.cold_code_per_mb", download, PartKind::Accounted);
            timing.push("start", ms(startup.start), PartKind::Measured);
            timing.push("init", ms(startup.init), PartKind::Measured);
        }
        timing.push("handler", ms(duration), PartKind::Measured);
        timing.parts.extend(environment.take_waits());
        timing
    }

    fn result(&self, ending: Ending, request_id: &str) -> Result<Bytes, FunctionError> {
        match ending {
            Ending::Replied(Reply::Response { body, .. }) => Ok(body),
            Ending::Replied(Reply::Error(body)) => Err(FunctionError::reported(body)),
            Ending::Replied(Reply::TooLarge { limit }) => {
                Err(FunctionError::response_too_large(limit))
            }
            Ending::Exited { why, out_of_memory } => {
                Err(exit_error(request_id, &why, out_of_memory))
            }
            Ending::TimedOut => Err(self.timed_out(request_id)),
        }
    }

    fn timed_out(&self, request_id: &str) -> FunctionError {
        let seconds = self.config.timeout.as_secs_f64();
        let message = format!("Task timed out after {seconds:.2} seconds");
        FunctionError::platform("Sandbox.Timedout", request_id, &message)
    }

    fn failed_start(
        &self,
        request_id: &str,
        number: u64,
        failed_start: StartFailure,
    ) -> Result<Answer, Refused> {
        let environment = EnvironmentId(format!("{}-{number}", self.config.member_prefix));
        let run = &self.config.run;
        let (how, init, printed) = match failed_start {
            StartFailure::Host(why) => {
                tracing::debug!(%run, %environment, request = request_id, why, "no environment");
                return Err(Refused::Host(why));
            }
            StartFailure::InitFailed { how, init, printed } => (how, init, printed),
        };
        let ending = how.name();
        tracing::debug!(%run, %environment, request = request_id, ?init, ending, "init failed");
        let error = match how {
            InitFailure::TimedOut => self.timed_out(request_id),
            InitFailure::Exited { posted: Some(body), .. } => FunctionError::reported(body),
            InitFailure::Exited { why, out_of_memory, .. } => {
                exit_error(request_id, &why, out_of_memory)
            }
        };
        self.happened(&environment, Life::Stopped("init failed".to_owned()));
        let mut answer = Answer {
            request_id: request_id.to_owned(),
            result: Err(error),
            streamed: None,
            duration: Duration::ZERO,
            init: Some(init),
            billed_ms: function_ms(init),
            max_memory_mb: 0,
            timing: ServerTiming { environment: Some(environment), cold: true, parts: Vec::new() },
            log_tail: String::new(),
        };
        answer.log_tail = printed + &report_line(&answer, self.config.memory_mb);
        self.meter(&answer, answer.log_tail.len() as u64);
        Ok(answer)
    }

    fn meter(&self, answer: &Answer, log_bytes: u64) {
        let gb_seconds = |ms: u64| function_gb_seconds(ms, self.config.memory_mb);
        let init_ms = answer.billed_ms - function_ms(answer.duration).min(answer.billed_ms);
        let mut usage = self.usage.lock().expect("no panic while held");
        usage.requests += 1;
        usage.gb_seconds += gb_seconds(answer.billed_ms - init_ms);
        usage.init_gb_seconds += gb_seconds(init_ms);
        usage.log_bytes += log_bytes;
    }

    fn draw(&self, law: &str) -> Duration {
        let mut draws = self.draws.lock().expect("no panic while held");
        let law = self.config.laws.law(&LawId::from(law)).expect("a law of the shipped file");
        law.draw(&mut *draws)
    }

    fn happened(&self, environment: &EnvironmentId, what: Life) {
        (self.config.told)(LifeEvent { environment: environment.clone(), what });
    }

    /// Ends environments off the runtime's threads: killing waits for the kernel.
    fn remove(&self, environments: Vec<Arc<Environment>>, why: &str) {
        for environment in environments {
            let (run, id) = (&self.config.run, &environment.id);
            tracing::debug!(%run, environment = %id, why, "stopping an environment");
            self.happened(id, Life::Stopped(why.to_owned()));
            tokio::task::spawn_blocking(move || drop(environment));
        }
    }

    /// Ends every environment now, also those that handle a request.
    pub fn end(&self) {
        let (_, busy, _) = self.pool.members();
        drop(self.pool.retire());
        for environment in busy {
            environment.kill();
        }
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        if let Ok(Some(reclaimer)) = self.reclaimer.lock().map(|mut handle| handle.take()) {
            reclaimer.abort();
        }
    }
}

fn exit_error(request_id: &str, why: &str, out_of_memory: bool) -> FunctionError {
    let kind = if out_of_memory { "Runtime.OutOfMemory" } else { "Runtime.ExitError" };
    FunctionError::platform(kind, request_id, why)
}
