//! DynamoDB on a loopback port.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use dynoxide::Database;
use gearshift_gear::FaultPlan;
use gearshift_laws::Laws;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rust_decimal::Decimal;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};

use crate::connection;
use crate::faults::Injector;
use crate::front::Front;
use crate::meter::Meter;
use crate::operation::TableLaws;
use crate::{FaultCounts, Hook, StoreError};

/// How a table store is started.
#[derive(Clone)]
pub struct TableConfig {
    /// `ddb.get_eventual`, `ddb.get_strong`, `ddb.put`, `ddb.update_add` and
    /// `tls.new_conn_in_region_wire` are used.
    pub laws: Arc<Laws>,
    /// Where the draws of laws and faults start.
    pub seed: u64,
    /// Told about every request.
    pub hook: Option<Hook>,
    /// Loopback only; port 0 for a free one.
    pub listen: SocketAddr,
}

impl TableConfig {
    /// On a free port of 127.0.0.1, without a hook.
    pub fn new(laws: Arc<Laws>, seed: u64) -> Self {
        Self { laws, seed, hook: None, listen: (Ipv4Addr::LOCALHOST, 0).into() }
    }
}

/// An empty in-memory DynamoDB with delays, metering and faults in front. Dropping it ends it, its
/// connections and its data.
pub struct TableStore {
    url: String,
    database: Database,
    front: Arc<Front>,
    /// Dropping these ends the engine, the listener and every connection.
    ends: Option<(oneshot::Sender<()>, watch::Sender<()>)>,
}

impl TableStore {
    /// Starts a store on the current tokio runtime (I/O and time enabled).
    pub async fn start(config: TableConfig) -> Result<Self, StoreError> {
        if !config.listen.ip().is_loopback() {
            return Err(StoreError::NotLoopback(config.listen));
        }
        let laws = TableLaws::of(&config.laws)?;
        let database = Database::memory().map_err(|error| StoreError::Engine(error.to_string()))?;
        let engine = bind((Ipv4Addr::LOCALHOST, 0).into()).await?;
        let listener = bind(config.listen).await?;
        let (engine_at, at) = (address(&engine)?, address(&listener)?);

        let (stop_engine, engine_stopped) = oneshot::channel::<()>();
        tokio::spawn(dynoxide::server::serve_with_shutdown(engine, database.clone(), async {
            // An error means that the store was dropped: the same signal.
            let _ = engine_stopped.await;
        }));
        let (alive, gone) = watch::channel(());
        let front = Arc::new(Front {
            engine: engine_at,
            laws,
            rng: Mutex::new(StdRng::seed_from_u64(config.seed)),
            // Another stream than the laws', so that a fault plan does not move their draws.
            faults: Injector::new(config.seed.wrapping_add(0x9e37_79b9_7f4a_7c15)),
            meter: Meter::default(),
            hook: config.hook,
        });
        tokio::spawn(connection::accept(listener, Arc::clone(&front), gone));
        let ends = Some((stop_engine, alive));
        Ok(Self { url: format!("http://{at}"), database, front, ends })
    }

    /// Where clients reach it, such as `http://127.0.0.1:40123`; what `AWS_ENDPOINT_URL_DYNAMODB`
    /// takes.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Creates a table with the number `id` as its hash key, billed per request.
    pub fn create_table(&self, name: &str) -> Result<(), StoreError> {
        let refused = |why: String| StoreError::Table { name: name.to_owned(), why };
        let request = serde_json::from_value(json!({
            "TableName": name,
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "N"}],
            "BillingMode": "PAY_PER_REQUEST",
        }))
        .map_err(|error| refused(error.to_string()))?;
        self.database.create_table(request).map_err(|error| refused(error.to_string()))?;
        Ok(())
    }

    /// From the next request on, item requests fail like this; `FaultPlan::default()` ends it.
    pub fn set_faults(&self, plan: FaultPlan) -> Result<(), StoreError> {
        self.front.faults.set(plan)
    }

    /// Faults put in since the start.
    pub fn faults_injected(&self) -> FaultCounts {
        self.front.faults.counts()
    }

    /// Write and read units since the start, as AWS bills them.
    pub fn units(&self) -> (Decimal, Decimal) {
        self.front.units()
    }

    /// Ends the store: its port refuses connections soon after, open ones are closed.
    pub fn stop(mut self) {
        self.ends.take();
    }
}

async fn bind(at: SocketAddr) -> Result<TcpListener, StoreError> {
    TcpListener::bind(at).await.map_err(|source| StoreError::Listen { at, source })
}

fn address(listener: &TcpListener) -> Result<SocketAddr, StoreError> {
    listener
        .local_addr()
        .map_err(|source| StoreError::Listen { at: (Ipv4Addr::LOCALHOST, 0).into(), source })
}
