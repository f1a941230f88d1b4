//! S3 on a loopback port.

mod body;
mod buckets;
mod convert;
mod engine;
mod listing;
mod operation;
mod service;

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use gearshift_access::Keys;
use gearshift_gear::{Dimension, FaultPlan};
use gearshift_laws::Laws;
use s3s::dto::Checksum;
use tokio::sync::watch;

use crate::connection::{accept, any_port, bind};
use crate::front::StoreServer;
use crate::{FaultCounts, Hook, Metered, StoreError};

use buckets::{About, Buckets, Condition, Object};
use engine::ObjectEngine;
use operation::ObjectLaws;

/// What an object store bills.
const BILLED: [Dimension; 2] = [Dimension::ObjectWriteRequest, Dimension::ObjectReadRequest];

/// What a store keeps at most, in memory.
const CAPACITY_BYTES: usize = 256 * 1024 * 1024;

/// How an object store is started.
#[derive(Clone)]
pub struct ObjectConfig {
    /// `s3.get_small`, `s3.put_small`, `s3.put_conditional` and `tls.new_conn_in_region_wire` are
    /// used.
    pub laws: Arc<Laws>,
    /// Where the draws of laws and faults start.
    pub seed: u64,
    /// Told about every request.
    pub hook: Option<Hook>,
    /// Loopback only; port 0 for a free one.
    pub listen: SocketAddr,
    /// Requests are signed with its secret, under any access key id.
    pub keys: Keys,
    /// What the store keeps at most, in memory; 256 MiB where nothing speaks against it.
    pub capacity_bytes: usize,
}

impl ObjectConfig {
    /// On a free port of 127.0.0.1, without a hook.
    pub fn new(laws: Arc<Laws>, seed: u64, keys: Keys) -> Self {
        let listen = any_port();
        Self { laws, seed, hook: None, listen, keys, capacity_bytes: CAPACITY_BYTES }
    }
}

/// An empty in-memory S3 with delays, metering and faults in front. Requests are signed with
/// [`ObjectConfig::keys`]. Dropping it ends it, its connections and its data.
pub struct ObjectStore {
    url: String,
    buckets: Arc<Buckets>,
    front: Arc<StoreServer<ObjectEngine>>,
    /// Dropping this ends the listener and every connection.
    ends: Option<watch::Sender<()>>,
}

impl ObjectStore {
    /// Starts a store on the current tokio runtime (I/O and time enabled).
    pub async fn start(config: ObjectConfig) -> Result<Self, StoreError> {
        let (listener, at) = bind(config.listen).await?;
        let laws = ObjectLaws::named_in(&config.laws)?;
        let buckets = Arc::new(Buckets::new(config.capacity_bytes));
        let engine = ObjectEngine::new(buckets.clone(), laws, &config.keys, config.capacity_bytes);
        let front = StoreServer::new(engine, at, &config.laws, config.seed, config.hook, &BILLED)?;
        let front = Arc::new(front);
        let (alive, gone) = watch::channel(());
        tokio::spawn(accept(listener, Arc::clone(&front), gone));
        Ok(Self { url: format!("http://{at}"), buckets, front, ends: Some(alive) })
    }

    /// Where clients reach it, such as `http://127.0.0.1:40123`; what `AWS_ENDPOINT_URL_S3` takes.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Creates a bucket; of a public one anybody may read objects.
    pub fn create_bucket(&self, name: &str, public: bool) -> Result<(), StoreError> {
        let refused = |why| StoreError::Bucket { name: name.to_owned(), why: format!("{why:?}") };
        self.buckets.create(name, public).map_err(refused)
    }

    /// Puts an object there without a request, as a deployment would: not delayed, not metered.
    pub fn place(
        &self,
        bucket: &str,
        key: &str,
        content_type: &str,
        content: impl Into<Bytes>,
    ) -> Result<(), StoreError> {
        let about = About { content_type: Some(content_type.to_owned()), ..About::default() };
        let object = Object::new(content.into(), about, Checksum::default());
        let placed = self.buckets.put(bucket, key, object, &Condition::Nothing);
        let refused = |why| StoreError::Bucket { name: bucket.to_owned(), why: format!("{why:?}") };
        placed.map(|_| ()).map_err(refused)
    }

    /// From the next request on, object requests fail like this; `FaultPlan::default()` ends it.
    pub fn set_faults(&self, plan: FaultPlan) -> Result<(), StoreError> {
        self.front.faults.set(plan)
    }

    /// Faults put in since the start.
    pub fn faults_injected(&self) -> FaultCounts {
        self.front.faults.counts()
    }

    /// Requests since the start, as AWS bills them.
    pub fn usage(&self) -> Metered {
        self.front.meter.usage()
    }

    /// Ends the store: its port refuses connections soon after, open ones are closed.
    pub fn stop(mut self) {
        self.ends.take();
    }
}
