//! What is set by variables.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::port::WantedPort;
use crate::{EntryError, Place};

/// The variables, one a line, for `--help`.
pub const VARIABLES: &str = "
Variables:
  PORT                         Port the service listens on [8080; on conflict a free one]; 0: any free one
  HOST                         Address the service is told [127.0.0.1; 0.0.0.0 in containers]
  GEARSHIFT_INIT               on: stay and act as init though not process 1 [off]
On Lambda:
  GEARSHIFT_INVOKE_MODE        buffered, or response_stream to pass answers on as they come [buffered]
  GEARSHIFT_REMOVE_BASE_PATH   Taken off the front of request paths, such as /prod [nothing]
  GEARSHIFT_PASS_THROUGH_PATH  Where events that are no HTTP requests are posted [/events]
  GEARSHIFT_ERROR_STATUS_CODES Answers that fail the invocation, such as 500,502-504
                               [none; 500-599 for events that are no HTTP requests]
  GEARSHIFT_READY_PATH         Ready when GET of this answers below 500 [ready when it listens]
  GEARSHIFT_ASYNC_INIT         Seconds until a service that is not ready is left to start behind the first
                               request, since Lambda starts init again after 10; off: wait [9.5]
  GEARSHIFT_CONCURRENCY        Requests at once [AWS_LAMBDA_MAX_CONCURRENCY, else 1]
  GEARSHIFT_EXTENSION          off: do not register as an internal extension, without which Lambda sends
                               no SIGTERM before it ends an environment [on]
";

/// Lambda ends an init phase of its own functions after 10 s and begins it again
/// (docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html), counted from before this
/// process began.
const INIT_PATIENCE: Duration = Duration::from_millis(9_500);

/// Each takes two connections; more in one environment is a slip of the keyboard.
const MOST_AT_ONCE: usize = 1_000;

pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) port: WantedPort,
    host: Option<String>,
    pub(crate) init: bool,
    pub(crate) streaming: bool,
    /// Begins with a slash and ends without one.
    pub(crate) base_path: Option<String>,
    /// Begins with a slash.
    pub(crate) pass_through_path: String,
    pub(crate) error_statuses: Option<Vec<RangeInclusive<u16>>>,
    pub(crate) ready_path: Option<String>,
    /// None: however long it takes.
    pub(crate) init_patience: Option<Duration>,
    pub(crate) concurrency: usize,
    pub(crate) extension: bool,
    /// Whether a request follows at once on the init phase.
    pub(crate) on_demand: bool,
}

impl Settings {
    pub(crate) fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, EntryError> {
        let read = Reader(&variable);
        let on_demand = variable("AWS_LAMBDA_INITIALIZATION_TYPE")
            .is_none_or(|how| how.is_empty() || how == "on-demand");
        Ok(Self {
            port: read.or("PORT", WantedPort::Usual, port)?,
            host: variable("HOST").filter(|host| !host.is_empty()),
            init: read.or("GEARSHIFT_INIT", false, switch)?,
            streaming: read.or("GEARSHIFT_INVOKE_MODE", false, |text| match text {
                "buffered" => Ok(false),
                "response_stream" => Ok(true),
                _ => Err("it is buffered or response_stream".to_owned()),
            })?,
            base_path: read.or("GEARSHIFT_REMOVE_BASE_PATH", None, |text| Ok(base_path(text)))?,
            pass_through_path: read.or("GEARSHIFT_PASS_THROUGH_PATH", "/events".into(), path)?,
            error_statuses: read.or("GEARSHIFT_ERROR_STATUS_CODES", None, statuses)?,
            ready_path: read.or("GEARSHIFT_READY_PATH", None, |text| path(text).map(Some))?,
            // Other kinds of environments may take 15 minutes over their init phase.
            init_patience: read.or(
                "GEARSHIFT_ASYNC_INIT",
                on_demand.then_some(INIT_PATIENCE),
                patience,
            )?,
            concurrency: match variable("GEARSHIFT_CONCURRENCY") {
                Some(_) => read.or("GEARSHIFT_CONCURRENCY", 1, at_once)?,
                None => read.or("AWS_LAMBDA_MAX_CONCURRENCY", 1, at_once)?,
            },
            extension: read.or("GEARSHIFT_EXTENSION", true, switch)?,
            on_demand,
        })
    }

    /// The address that the service is told on Lambda, where nobody else asks.
    pub(crate) fn host_on_lambda(&self) -> String {
        self.host_in(&Place::Plain, false)
    }

    /// The address that the service is told: reachable from outside where its own address is.
    pub(crate) fn host_in(&self, place: &Place, is_init: bool) -> String {
        let inside = is_init || matches!(place, Place::Ecs | Place::Kubernetes);
        self.host.clone().unwrap_or_else(|| if inside { "0.0.0.0" } else { "127.0.0.1" }.to_owned())
    }
}

struct Reader<'a>(&'a dyn Fn(&str) -> Option<String>);

impl Reader<'_> {
    /// What is set, or else this; an empty value counts as not set.
    fn or<T>(
        &self,
        name: &'static str,
        otherwise: T,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Result<T, EntryError> {
        match self.0(name) {
            Some(value) if !value.is_empty() => {
                parse(&value).map_err(|why| EntryError::Setting { name, value, why })
            }
            _ => Ok(otherwise),
        }
    }
}

fn port(text: &str) -> Result<WantedPort, String> {
    match text.parse() {
        Ok(0) => Ok(WantedPort::Any),
        Ok(port) => Ok(WantedPort::Given(port)),
        Err(_) => Err("it is a number from 0 to 65535".to_owned()),
    }
}

fn switch(text: &str) -> Result<bool, String> {
    match text {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err("it is on or off".to_owned()),
    }
}

fn path(text: &str) -> Result<String, String> {
    let sound = text.starts_with('/') && text.bytes().all(|byte| byte.is_ascii_graphic());
    sound.then(|| text.to_owned()).ok_or_else(|| "it is a path that begins with a slash".to_owned())
}

fn base_path(text: &str) -> Option<String> {
    let bare = text.trim_matches('/');
    (!bare.is_empty()).then(|| format!("/{bare}"))
}

fn patience(text: &str) -> Result<Option<Duration>, String> {
    if text == "off" {
        return Ok(None);
    }
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds.map(Some).ok_or_else(|| "it is a number of seconds, or off".to_owned())
}

fn at_once(text: &str) -> Result<usize, String> {
    let wanted = text.parse().ok().filter(|wanted| (1..=MOST_AT_ONCE).contains(wanted));
    wanted.ok_or_else(|| format!("it is a number from 1 to {MOST_AT_ONCE}"))
}

fn statuses(text: &str) -> Result<Option<Vec<RangeInclusive<u16>>>, String> {
    let one = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let bounds = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        (bounds.0 <= bounds.1 && bounds.1 < 600).then_some(bounds.0..=bounds.1)
    };
    let all = text.split(',').map(one).collect::<Option<Vec<_>>>();
    all.map(Some).ok_or_else(|| "it is a list such as 500,502-504".to_owned())
}
