//! DynamoDB on a loopback port.

mod engine;
mod entrance;
mod errors;
mod link;
mod operation;
mod units;

use std::net::SocketAddr;
use std::sync::Arc;

use dynoxide::Database;
use gearshift_access::Keys;
use gearshift_gear::{Dimension, FaultPlan, KeyKind, TableKey, TableWanted};
use gearshift_laws::Laws;
use serde_json::json;
use tokio::sync::{oneshot, watch};

use crate::connection::{accept, any_port, bind};
use crate::front::StoreServer;
use crate::{FaultCounts, Hook, Metered, StoreError};

use engine::TableEngine;
use entrance::Entrance;
use operation::TableLaws;

/// What a table store bills.
const BILLED: [Dimension; 2] = [Dimension::TableWriteUnit, Dimension::TableReadUnit];

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
    /// Requests are signed with its secret, under any access key id.
    pub keys: Keys,
}

impl TableConfig {
    /// On a free port of 127.0.0.1, without a hook.
    pub fn new(laws: Arc<Laws>, seed: u64, keys: Keys) -> Self {
        Self { laws, seed, hook: None, listen: any_port(), keys }
    }
}

/// An empty in-memory DynamoDB with delays, metering and faults in front. Dropping it ends it, its
/// connections and its data.
pub struct TableStore {
    url: String,
    database: Database,
    front: Arc<StoreServer<TableEngine>>,
    /// Dropping these ends the engine, the listener and every connection.
    ends: Option<(oneshot::Sender<()>, watch::Sender<()>)>,
}

impl TableStore {
    /// Starts a store on the current tokio runtime (I/O and time enabled).
    pub async fn start(config: TableConfig) -> Result<Self, StoreError> {
        let (listener, at) = bind(config.listen).await?;
        let refused = |source| StoreError::Listen { at: any_port(), source };
        let (entrance, engine_listener) = Entrance::open().map_err(refused)?;
        let laws = TableLaws::named_in(&config.laws)?;
        let engine = TableEngine { entrance: Arc::new(entrance), keys: config.keys, laws };
        let front = StoreServer::new(engine, at, &config.laws, config.seed, config.hook, &BILLED)?;
        let front = Arc::new(front);
        let database = Database::memory().map_err(|error| StoreError::Engine(error.to_string()))?;
        let (stop_engine, engine_stopped) = oneshot::channel::<()>();
        let serving =
            dynoxide::server::serve_with_shutdown(engine_listener, database.clone(), async {
                // An error means that the store was dropped: the same signal.
                let _ = engine_stopped.await;
            });
        tokio::spawn(serving);
        let (alive, gone) = watch::channel(());
        tokio::spawn(accept(listener, Arc::clone(&front), gone));
        let ends = Some((stop_engine, alive));
        Ok(Self { url: format!("http://{at}"), database, front, ends })
    }

    /// Where clients reach it, such as `http://127.0.0.1:40123`; what `AWS_ENDPOINT_URL_DYNAMODB`
    /// takes.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Creates a table with the number `id` as its hash key, billed per request.
    ///
    /// # Errors
    /// As [`TableStore::create`].
    pub fn create_table(&self, name: &str) -> Result<(), StoreError> {
        let key = TableKey { name: "id".to_owned(), kind: KeyKind::Number };
        self.create(&TableWanted { name: name.to_owned(), key, sort: None })
    }

    /// Creates a table with these keys, billed per request.
    ///
    /// # Errors
    /// Where DynamoDB would refuse it: a name or key it does not take, or a table that is there.
    pub fn create(&self, table: &TableWanted) -> Result<(), StoreError> {
        let refused = |why: String| StoreError::Table { name: table.name.clone(), why };
        let keys = [Some((&table.key, "HASH")), table.sort.as_ref().map(|key| (key, "RANGE"))];
        let keys = || keys.into_iter().flatten();
        let schema = keys().map(|(key, role)| json!({"AttributeName": key.name, "KeyType": role}));
        let attributes =
            keys().map(|(key, _)| json!({"AttributeName": key.name, "AttributeType": key.kind}));
        let request = serde_json::from_value(json!({
            "TableName": table.name,
            "KeySchema": schema.collect::<Vec<_>>(),
            "AttributeDefinitions": attributes.collect::<Vec<_>>(),
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
    pub fn usage(&self) -> Metered {
        self.front.meter.usage()
    }

    /// Ends the store: its port refuses connections soon after, open ones are closed.
    pub fn stop(mut self) {
        self.ends.take();
    }
}
