use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use clap::Args;
use gearshift_access::Keys;
use gearshift_deploy::{Settings, Standing};
use gearshift_gear::{CATALOGUE, Row};
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde::Serialize;

use super::compare::of_own;
use super::up::stand;
use super::{Ended, Usage, block_on};
use crate::builds::{Builds, manifest};
use crate::on::On;
use crate::{here, interrupt, note, terminal};

/// Calls a function row directly, past its gateway: the row that is up, or one brought up for this.
#[derive(Args)]
pub struct Invoke {
    /// The row, such as lambda
    row: String,
    /// A file with the event, JSON; - for standard input; {} when left out
    #[arg(long, value_name = "FILE")]
    payload: Option<PathBuf>,
    /// The function's description [default: gearshift.toml of this folder, where there is one]
    #[arg(long, value_name = "FILE", conflicts_with = "builtin")]
    config: Option<PathBuf>,
    /// Call the built-in function, although this folder has a gearshift.toml
    #[arg(long)]
    builtin: bool,
    /// Fetch nothing: fail where the row's build is not prepared
    #[arg(long)]
    offline: bool,
    /// Print JSON: answer, error and log
    #[arg(long)]
    json: bool,
}

/// What came of a call.
#[derive(Serialize)]
struct Invoked {
    /// HTTP status of the Invoke API.
    status: u16,
    /// `Unhandled` where the function failed, as AWS says it.
    function_error: Option<String>,
    payload: serde_json::Value,
    /// The end of its log, at most 4 KB, with the REPORT line.
    log: String,
}

/// Three times what Lambda takes (6 MB), so that the answer to too much is Lambda's own.
const EVENT_BYTES: u64 = 18 * 1024 * 1024;

impl Invoke {
    pub fn run(self) -> Result<Ended> {
        let manifest = manifest(self.config.as_deref(), self.builtin)?;
        let row = CATALOGUE.row(&self.row).map_err(|error| Usage(error.to_string()))?.clone();
        let row = match &manifest {
            Some(own) => of_own(row, own)?,
            None => row,
        };
        if row.function_memory_mb().is_none() {
            bail!(Usage(format!("row {} is no function → gearshift gears lists them", row.name)));
        }
        let payload = self.event()?;
        let builds = Arc::new(Builds::with(manifest)?.offline(self.offline));
        builds.require_own()?;
        let on = On::to_start()?;
        let Some(invoked) = block_on(self.invoke(&on, builds, &row, payload))? else {
            note!("interrupted: everything is taken down, nothing is left");
            return Ok(Ended::Failed);
        };
        let failed = invoked.function_error.is_some() || invoked.status != 200;
        if self.json {
            terminal::print_json(&invoked)?;
        } else {
            terminal::note(format_args!("{}", invoked.log));
            let payload = invoked.payload.to_string();
            terminal::print(format_args!("{}\n", terminal::json_visible(&payload)));
        }
        Ok(if failed { Ended::Failed } else { Ended::Well })
    }

    fn event(&self) -> Result<Bytes> {
        let text = match self.payload.as_deref() {
            None => return Ok(Bytes::from_static(b"{}")),
            Some(path) if path.as_os_str() == "-" => {
                let mut text = Vec::new();
                if std::io::stdin().is_terminal() {
                    note!("reading the event from standard input, up to Ctrl-D");
                }
                let mut input = std::io::stdin().take(EVENT_BYTES + 1);
                input.read_to_end(&mut text).context("reading standard input")?;
                if text.len() as u64 > EVENT_BYTES {
                    bail!(Usage(format!(
                        "standard input has more than {EVENT_BYTES} bytes → a smaller event"
                    )));
                }
                text
            }
            Some(path) => gearshift_files::read(path, EVENT_BYTES)
                .map_err(|error| Usage(format!("--payload {error}")))?,
        };
        if let Err(error) = serde_json::from_slice::<serde::de::IgnoredAny>(&text) {
            bail!(Usage(format!("the event is no JSON: {error} → --payload with another file")));
        }
        Ok(text.into())
    }

    async fn invoke(
        &self,
        on: &On,
        builds: Arc<Builds>,
        row: &Row,
        payload: Bytes,
    ) -> Result<Option<Invoked>> {
        if let Some(invoke) = standing(on, &row.name).await {
            return call(&invoke, &row.name, payload).await.map(Some);
        }
        let run = on.new_run(Path::new(here::RESULTS));
        let settings = Settings {
            owner: here::owner(),
            core_factor: gearshift_measure::core_factor(row, &here::cache()?).value,
            ..Settings::default()
        };
        let up = async {
            let (.., world) = stand(on, builds, &run, row, settings, self.offline).await?;
            let invoke = world.rows.get(&row.name).and_then(InvokeApi::of);
            call(&invoke.context("it has no Invoke API")?, &row.name, payload).await
        };
        let invoked = interrupt::or_take_down(on, &run, up).await?;
        if invoked.is_some() {
            on.end(&run).await?;
        }
        Ok(invoked)
    }
}

/// Where a row's Invoke API is, and what its calls are signed with.
struct InvokeApi {
    url: String,
    region: String,
    keys: Keys,
}

impl InvokeApi {
    fn of(row: &Standing) -> Option<Self> {
        let credentials = row.credentials.as_ref()?;
        Some(Self {
            url: row.endpoints.get("invoke")?.clone(),
            region: row.spec.as_ref()?.settings.region.clone(),
            keys: Keys::of(&credentials.access_key_id, &credentials.secret_access_key),
        })
    }
}

/// The Invoke API of this row, where one is up.
async fn standing(on: &On, row: &str) -> Option<InvokeApi> {
    for (run, bases) in on.live_runs() {
        // A run of another environment may have a row of that name, too, and is not meant.
        if !on.is_among(&bases) {
            continue;
        }
        let world = on.target().observe(&run).await.ok();
        let invoke = world.and_then(|world| InvokeApi::of(world.rows.get(row)?));
        if invoke.is_some() {
            note!("run {run} is up with {row}");
            return invoke;
        }
    }
    None
}

async fn call(invoke: &InvokeApi, function: &str, payload: Bytes) -> Result<Invoked> {
    let client = Client::builder(TokioExecutor::new())
        .retry_canceled_requests(false)
        .build_http::<Full<Bytes>>();
    let url = format!("{}/2015-03-31/functions/{function}/invocations", invoke.url);
    let host = invoke.url.trim_start_matches("http://");
    let request = Request::post(url).header("host", host).header("x-amz-log-type", "Tail");
    let (mut head, ()) = request.body(())?.into_parts();
    invoke.keys.sign(&mut head, &payload, &invoke.region, "lambda");
    let request = Request::from_parts(head, Full::new(payload));
    let answer = client.request(request).await.context("calling the function")?;
    let (head, body) = answer.into_parts();
    let body = body.collect().await.context("reading the function's answer")?.to_bytes();
    let header = |name: &str| Some(head.headers.get(name)?.to_str().ok()?.to_owned());
    let log = header("x-amz-log-result").and_then(|log| BASE64_STANDARD.decode(log).ok());
    Ok(Invoked {
        status: head.status.as_u16(),
        function_error: header("x-amz-function-error"),
        // An answer that is no JSON is shown as the text it is.
        payload: serde_json::from_slice(&body)
            .unwrap_or_else(|_| String::from_utf8_lossy(&body).into_owned().into()),
        log: String::from_utf8_lossy(&log.unwrap_or_default()).into_owned(),
    })
}
