//! A side that is a function behind an API.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use gearshift_deploy::{Condition, Happening, Member, MemberState, PoolStanding, SideState};
use gearshift_functions::{
    Answered, Api, Function, FunctionConfig, Gateway, GatewayConfig, InvokeApi, Life, LifeEvent,
};
use gearshift_gear::{Caller, Compute, Dimension, Front};
use gearshift_sandbox::Host;
use gearshift_stores::Metered;
use hyper::Request;
use hyper::body::Incoming;
use rust_decimal::Decimal;

use crate::plane::counted;
use crate::plane::error::{ConditionError, StartError};
use crate::plane::events::EventLog;
use crate::plane::metering::gigabytes;
use crate::plane::paths::{front_path, page_path};
use crate::plane::side::{Opening, SideHost};
use crate::plane::stores::Stores;
use crate::shares::function_shares;

pub(super) struct FunctionSide {
    caller: Caller,
    front: Front,
    /// Its pool's name.
    pool: String,
    function: Arc<Function>,
    gateway: Gateway,
    invoke: InvokeApi,
    stores: Arc<Stores>,
}

impl FunctionSide {
    pub(super) async fn start(opening: Opening<'_>) -> Result<Arc<Self>, StartError> {
        let Opening { config, side, gear, laws, stores, events, .. } = opening;
        let (row, settings) = (&config.wanted.spec.row, &config.wanted.spec.settings);
        let pool = gear.pools.first().ok_or(StartError::NoPool)?;
        let Compute::Function { memory_mb } = pool.compute else {
            return Err(StartError::NotAFunction(pool.compute.to_string()));
        };
        let program = config.program(side)?;
        let stores = stores.ok_or(StartError::NoStores)?;
        let mut variables = stores.variables(program.told_in.as_deref());
        variables.extend(program.variables.iter().cloned());
        variables.extend(
            program
                .told_in
                .as_ref()
                .and_then(|names| names.client_per_call.clone())
                .filter(|_| settings.init_per_call),
        );
        let function = Function::host(FunctionConfig {
            name: row.name.clone(),
            run: config.run.clone(),
            host: Host::detect(),
            member_prefix: format!("{}.fn-{}", row.name, config.incarnation),
            command: program.command.clone(),
            task_root: program.root.clone(),
            image: program.image.clone(),
            handler: program.handler.clone(),
            variables,
            memory_mb,
            timeout: Duration::from_millis(gear.limits.timeout_ms),
            concurrency: gear.limits.concurrency.unwrap_or(1000),
            shares: function_shares(memory_mb, settings),
            cores: config.service_cores.clone(),
            region: settings.region.clone(),
            keys: stores.keys().clone(),
            code_zip_bytes: program.zip_bytes,
            laws: laws.clone(),
            seed: settings.seed,
            idle_reclaim: None,
            told: told(events),
        });
        stores.charge(&function);
        let page = page_path(config, gear.front, &laws)?;
        let gateway = Gateway::new(
            function.clone(),
            GatewayConfig {
                api: if gear.front == Front::RestApi { Api::Rest } else { Api::Http },
                path: front_path(config, gear.front, &laws)?,
                laws,
                seed: settings.seed.wrapping_add(1),
                page: program.page.is_some().then(|| stores.page_route(page)).transpose()?,
            },
        );
        let invoke = InvokeApi::open(function.clone(), 0).await.map_err(StartError::InvokeApi)?;
        let (caller, front) = (settings.caller, gear.front);
        let pool = pool.name().to_owned();
        Ok(Arc::new(Self { caller, front, pool, function, gateway, invoke, stores }))
    }
}

#[async_trait]
impl SideHost for FunctionSide {
    async fn answer(&self, request: Request<Incoming>, peer: SocketAddr) -> Answered {
        self.gateway.answer(request, peer).await
    }

    fn state(&self) -> Result<SideState, Arc<StartError>> {
        Ok(SideState::Ready)
    }

    fn pools(&self) -> BTreeMap<String, PoolStanding> {
        let members = self.function.memory().into_iter().map(|(environment, busy, memory)| {
            let state = if busy { MemberState::Busy } else { MemberState::Idle };
            Member { environment, state, cpu_used_ms: None, memory: Some(counted(memory)) }
        });
        let members = members.collect();
        BTreeMap::from([(self.pool.clone(), PoolStanding { members, ..PoolStanding::default() })])
    }

    fn endpoint(&self) -> Option<(String, String)> {
        Some(("invoke".to_owned(), format!("http://{}", self.invoke.address())))
    }

    fn usage(&self) -> Metered {
        let (function, gateway) = (self.function.usage(), self.gateway.usage());
        let mut used = vec![
            (Dimension::FunctionRequest, Decimal::from(function.requests)),
            (Dimension::FunctionGbSecond, function.gb_seconds),
            (Dimension::FunctionInitGbSecond, function.init_gb_seconds),
            (Dimension::LogIngestGb, gigabytes(function.log_bytes)),
        ];
        let called = self.front.request();
        used.extend(called.map(|called| (called, Decimal::from(gateway.requests))));
        if self.caller == Caller::Home {
            used.push((Dimension::InternetEgressGb, gigabytes(gateway.bytes_out)));
        }
        used
    }

    async fn arrange(&self, condition: &Condition) -> Result<(), ConditionError> {
        match condition {
            Condition::Cold => {
                self.function.retire();
                Ok(())
            }
            Condition::Faulty(plan) => self.stores.set_faults(*plan),
            Condition::SpotNotice => Err(ConditionError::NotInterrupted),
            Condition::CreditsSpent | Condition::CreditsFull => {
                Err(ConditionError::NoCredits("function"))
            }
        }
    }

    /// Its members follow the requests in flight.
    async fn scale(&self, _: &BTreeMap<String, u32>) {}

    async fn stop(&self) {
        self.function.end();
    }
}

/// Has the row's events know what happens to the function's environments.
fn told(events: Arc<EventLog>) -> Arc<dyn Fn(LifeEvent) + Send + Sync> {
    Arc::new(move |event: LifeEvent| {
        let what = match event.what {
            Life::Placed => Happening::Placed,
            Life::Started => Happening::Started,
            Life::Listening => Happening::Listening,
            Life::FirstByte => Happening::FirstByte,
            Life::Log(line) => Happening::Log(line),
            Life::Stopped(why) => Happening::Stopped { why },
        };
        events.happened(&event.environment, what);
    })
}
