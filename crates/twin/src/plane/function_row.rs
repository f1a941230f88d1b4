//! A function behind an API, over its stores.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use gearshift_access::Keys;
use gearshift_deploy::{
    Condition, Credentials, Event, Happening, Member, MemberState, Memory, State,
};
use gearshift_functions::{
    Api, Function, FunctionConfig, Gateway, GatewayConfig, InvokeApi, Life, LifeEvent,
};
use gearshift_gear::{Caller, Dimension, Front, UsageLine};
use gearshift_sandbox::{Host, MemoryUse};
use jiff::Timestamp;
use rust_decimal::Decimal;

use crate::control::Told;
use crate::place::PlaneConfig;
use crate::plane::row::{front_path, laws, page_path, port_refused};
use crate::plane::stores::Stores;
use crate::shares::function_shares;

pub(super) struct FunctionRow {
    row: String,
    since: Timestamp,
    caller: Caller,
    front: Front,
    function: Arc<Function>,
    gateway: Gateway,
    invoke: InvokeApi,
    stores: Stores,
}

impl FunctionRow {
    pub(super) async fn start(config: &PlaneConfig, memory_mb: u32) -> Result<Self, String> {
        let (row, settings) = (&config.wanted.row, &config.wanted.settings);
        let laws = Arc::new(laws(config)?);
        let page = config.program.page.as_deref();
        let with_page = page.is_some();
        let seed = settings.seed.wrapping_add(2);
        let keys = Keys::random();
        let wanted = config.program.stores.as_deref();
        let stores = Stores::start(row.gear().store, wanted, page, &laws, seed, &keys).await?;
        let mut variables = stores.variables();
        variables.extend(config.program.variables.iter().cloned());
        if settings.init_per_call {
            variables.push(("HITS_INIT".to_owned(), "per-call".to_owned()));
        }
        let limits = row.gear().limits;
        let function = Function::host(FunctionConfig {
            name: row.name.clone(),
            run: config.run.clone(),
            host: Host::detect(),
            member_prefix: format!("{}.fn-{}", row.name, config.incarnation),
            command: config.program.command.clone(),
            task_root: config.program.root.clone(),
            image: config.program.image.clone(),
            handler: config.program.handler.clone(),
            variables,
            memory_mb,
            timeout: Duration::from_millis(limits.timeout_ms),
            concurrency: limits.concurrency.unwrap_or(1000),
            shares: function_shares(memory_mb, settings),
            cores: config.service_cores.clone(),
            region: settings.region.clone(),
            keys,
            code_zip_bytes: config.program.zip_bytes,
            laws: laws.clone(),
            seed: settings.seed,
            idle_reclaim: None,
        });
        stores.charge(&function);
        let page = page_path(config, &laws)?;
        let front = row.gear().front;
        let api = match front {
            Front::RestApi => Api::Rest,
            _ => Api::Http,
        };
        let gateway = GatewayConfig {
            api,
            port: settings.port,
            path: front_path(config, &laws)?,
            laws,
            seed: settings.seed.wrapping_add(1),
            page: if with_page { Some(stores.page_route(page)?) } else { None },
        };
        let gateway = Gateway::open(function.clone(), gateway).await;
        let gateway = gateway.map_err(|error| port_refused(config, &error))?;
        let invoke = InvokeApi::open(function.clone(), 0).await.map_err(words)?;
        let since = Timestamp::now();
        let caller = settings.caller;
        Ok(Self { row: row.name.clone(), since, caller, front, function, gateway, invoke, stores })
    }

    pub(super) fn state(&self) -> Told {
        let invoke = ("invoke".to_owned(), format!("http://{}", self.invoke.address()));
        let mut endpoints = BTreeMap::from([invoke]);
        endpoints.extend(self.stores.endpoints());
        let members = self.function.memory().into_iter().map(|(environment, busy, memory)| {
            let state = if busy { MemberState::Busy } else { MemberState::Idle };
            Member { environment, state, cpu_used_ms: None, memory: Some(counted(memory)) }
        });
        Told::State {
            state: State::Ready,
            url: Some(format!("http://{}", self.gateway.address())),
            endpoints,
            credentials: Some(self.credentials()),
            members: members.collect(),
        }
    }

    /// For people: environments have an access key id of their own.
    fn credentials(&self) -> Credentials {
        let keys = &self.function.config().keys;
        Credentials {
            access_key_id: keys.access_key_id().to_owned(),
            secret_access_key: keys.secret_access_key().to_owned(),
        }
    }

    pub(super) fn usage(&self) -> Vec<UsageLine> {
        let (function, gateway) = (self.function.usage(), self.gateway.usage());
        let mut quantities = vec![
            (Dimension::FunctionRequest, Decimal::from(function.requests)),
            (Dimension::FunctionGbSecond, function.gb_seconds),
            (Dimension::FunctionInitGbSecond, function.init_gb_seconds),
            (Dimension::LogIngestGb, gigabytes(function.log_bytes)),
        ];
        let called = self.front.request();
        quantities.extend(called.map(|called| (called, Decimal::from(gateway.requests))));
        quantities.extend(self.stores.usage());
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
        match condition {
            Condition::Cold => {
                self.function.retire();
                Ok(())
            }
            Condition::Faulty(plan) => self.stores.set_faults(*plan),
            Condition::SpotNotice => Err("functions are not interrupted".to_owned()),
            Condition::CreditsSpent | Condition::CreditsFull => {
                Err("a function has no burst credits".to_owned())
            }
        }
    }

    pub(super) fn stop(&self) {
        self.function.end();
    }
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

/// What the kernel counts, as the world says it.
pub(super) fn counted(memory: MemoryUse) -> Memory {
    Memory { now_bytes: memory.now_bytes, peak_bytes: memory.peak_bytes }
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
