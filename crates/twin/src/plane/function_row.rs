//! A function behind an HTTP API, over a table.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use gearshift_deploy::{Condition, Event, Happening, Member, MemberState, State};
use gearshift_functions::{
    Function, FunctionConfig, Gateway, GatewayConfig, InvokeApi, Life, LifeEvent,
};
use gearshift_gear::{Caller, Dimension, Part, PartKind, Store, UsageLine};
use gearshift_sandbox::Host;
use gearshift_stores::{StoreCall, TableConfig, TableStore};
use jiff::Timestamp;
use rust_decimal::Decimal;

use crate::control::Told;
use crate::place::PlaneConfig;
use crate::plane::row::{front_path, laws};
use crate::shares::function_shares;

/// The table functions count in.
const TABLE: &str = "hits";

pub(super) struct FunctionRow {
    row: String,
    since: Timestamp,
    caller: Caller,
    function: Arc<Function>,
    gateway: Gateway,
    invoke: InvokeApi,
    table: Option<TableStore>,
}

impl FunctionRow {
    pub(super) async fn start(config: &PlaneConfig, memory_mb: u32) -> Result<Self, String> {
        let (row, settings) = (&config.wanted.row, &config.wanted.settings);
        let laws = Arc::new(laws(config));
        // The store reports waits to the function, which is made after it.
        let charged: Arc<OnceLock<Weak<Function>>> = Arc::default();
        let table = match row.gear().store {
            Store::Table => Some(start_table(settings.seed, &laws, charged.clone()).await?),
            Store::Memory => None,
            other => return Err(format!("the {other} store is not built yet")),
        };
        let mut variables = Vec::new();
        if let Some(table) = &table {
            variables.push(("HITS_TABLE".to_owned(), TABLE.to_owned()));
            variables.push(("AWS_ENDPOINT_URL_DYNAMODB".to_owned(), table.url().to_owned()));
        }
        let limits = row.gear().limits;
        let function = Function::host(FunctionConfig {
            name: row.name.clone(),
            run: config.run.clone(),
            host: Host::detect(),
            member_prefix: format!("{}.fn-{}", row.name, config.incarnation),
            command: vec![config.program.clone()],
            variables,
            memory_mb,
            timeout: Duration::from_millis(limits.timeout_ms),
            concurrency: limits.concurrency.unwrap_or(1000),
            shares: function_shares(memory_mb, settings),
            cores: config.service_cores.clone(),
            region: settings.region.clone(),
            code_zip_bytes: config.code_zip_bytes,
            laws: laws.clone(),
            seed: settings.seed,
            idle_reclaim: None,
        });
        let _ = charged.set(Arc::downgrade(&function));
        let gateway = GatewayConfig {
            port: 0,
            path: front_path(config, &laws)?,
            laws,
            seed: settings.seed.wrapping_add(1),
            pages: None,
        };
        let gateway = Gateway::open(function.clone(), gateway).await.map_err(words)?;
        let invoke = InvokeApi::open(function.clone(), 0).await.map_err(words)?;
        let since = Timestamp::now();
        let caller = settings.caller;
        Ok(Self { row: row.name.clone(), since, caller, function, gateway, invoke, table })
    }

    pub(super) fn state(&self) -> Told {
        let mut endpoints =
            BTreeMap::from([("invoke".to_owned(), format!("http://{}", self.invoke.address()))]);
        if let Some(table) = &self.table {
            endpoints.insert("table".to_owned(), table.url().to_owned());
        }
        let members = self.function.environments().into_iter().map(|(environment, busy)| {
            let state = if busy { MemberState::Busy } else { MemberState::Idle };
            Member { environment, state, cpu_used_ms: None }
        });
        Told::State {
            state: State::Ready,
            url: Some(format!("http://{}", self.gateway.address())),
            endpoints,
            members: members.collect(),
        }
    }

    pub(super) fn usage(&self) -> Vec<UsageLine> {
        let (function, gateway) = (self.function.usage(), self.gateway.usage());
        let mut quantities = vec![
            (Dimension::HttpApiRequest, Decimal::from(gateway.requests)),
            (Dimension::FunctionRequest, Decimal::from(function.requests)),
            (Dimension::FunctionGbSecond, function.gb_seconds),
            (Dimension::FunctionInitGbSecond, function.init_gb_seconds),
            (Dimension::LogIngestGb, gigabytes(function.log_bytes)),
        ];
        if let Some(table) = &self.table {
            let (write, read) = table.units();
            quantities.push((Dimension::TableWriteUnit, write));
            quantities.push((Dimension::TableReadUnit, read));
        }
        if self.caller == Caller::Home {
            quantities.push((Dimension::InternetEgressGb, gigabytes(gateway.bytes_out)));
        }
        usage_lines(self.since, quantities)
    }

    pub(super) fn events(&self, since: usize) -> Vec<Event> {
        let event = |event: LifeEvent| Event {
            at: event.at,
            row: self.row.clone(),
            environment: event.environment,
            what: happening(event.what),
        };
        self.function.events(since).into_iter().map(event).collect()
    }

    pub(super) fn arrange(&self, condition: &Condition) -> Result<(), String> {
        match (condition, &self.table) {
            (Condition::Cold, _) => {
                self.function.retire();
                Ok(())
            }
            (Condition::Faulty(plan), Some(table)) => table.set_faults(*plan).map_err(words),
            (Condition::Faulty(_), None) => Err("this row has no store that could fail".to_owned()),
            (Condition::CreditsSpent | Condition::CreditsFull, _) => {
                Err("a function has no burst credits".to_owned())
            }
        }
    }

    pub(super) fn stop(&self) {
        self.function.end();
    }
}

async fn start_table(
    seed: u64,
    laws: &Arc<gearshift_laws::Laws>,
    charged: Arc<OnceLock<Weak<Function>>>,
) -> Result<TableStore, String> {
    let hook = move |call: StoreCall| {
        let function = charged.get().and_then(Weak::upgrade);
        if let (Some(function), Some(key)) = (function, &call.access_key) {
            for part in parts(&call) {
                function.charge(key, part);
            }
        }
    };
    let mut config = TableConfig::new(laws.clone(), seed.wrapping_add(2));
    config.hook = Some(Arc::new(hook));
    let table = TableStore::start(config).await.map_err(words)?;
    table.create_table(TABLE).map_err(words)?;
    Ok(table)
}

/// What a store call adds to its request's time.
fn parts(call: &StoreCall) -> Vec<Part> {
    let declared =
        call.declared.iter().map(|wait| (wait.law.0.clone(), wait.ms, PartKind::Declared));
    let late = call.late_ms.map(|ms| ("table".to_owned(), ms, PartKind::Late));
    declared.chain(late).map(|(name, ms, kind)| Part { name, ms, kind }).collect()
}

fn happening(life: Life) -> Happening {
    match life {
        Life::Placed => Happening::Placed,
        Life::Started => Happening::Started,
        Life::Listening => Happening::Listening,
        Life::FirstByte => Happening::FirstByte,
        Life::Log(line) => Happening::Log(line),
        Life::Stopped(why) => Happening::Stopped { why },
    }
}

pub(super) fn usage_lines(
    since: Timestamp,
    quantities: Vec<(Dimension, Decimal)>,
) -> Vec<UsageLine> {
    let now = Timestamp::now();
    let line = |(dimension, quantity)| UsageLine {
        dimension,
        quantity,
        window: (since, now),
        complete_until: now,
    };
    quantities.into_iter().map(line).collect()
}

/// AWS counts a gigabyte as 2^30 bytes.
pub(super) fn gigabytes(bytes: u64) -> Decimal {
    Decimal::from(bytes) / Decimal::from(1u64 << 30)
}

pub(super) fn words(error: impl std::fmt::Display) -> String {
    error.to_string()
}
