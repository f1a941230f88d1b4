//! The stores of a row, which its sides share: objects always, for a function's page; a table where the
//! row counts in one.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, OnceLock, Weak};

use bytes::Bytes;
use gearshift_access::Keys;
use gearshift_functions::{Answered, Function, Page, PageRoute, Path, access_key, answer};
use gearshift_gear::{EnvironmentId, FaultPlan, Part, PartKind, RowVariables, Store, StoresWanted};
use gearshift_laws::Laws;
use gearshift_stores::{
    Hook, Metered, ObjectConfig, ObjectStore, StoreCall, TableConfig, TableStore,
};
use http_body_util::{BodyExt, Empty};
use hyper::header::{CONNECTION, TRANSFER_ENCODING};
use hyper::{Request, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;

use super::error::{ConditionError, StartError};
use super::store_times::StoreTimes;

/// The table, or the bucket, functions count in.
const COUNTED_IN: &str = "hits";
/// The bucket anybody may read the page from.
const PAGES: &str = "pages";
const PAGE: &str = "index.html";

pub(super) struct Stores {
    counts_in: Store,
    keys: Keys,
    objects: ObjectStore,
    table: Option<TableStore>,
    charged: Arc<Charged>,
}

/// Whom store calls are charged to, by the access key id they were signed with.
struct Charged {
    /// The row's function, which is made after the stores.
    function: OnceLock<Weak<Function>>,
    /// Instances and tasks.
    members: Mutex<HashMap<String, EnvironmentId>>,
    times: Arc<StoreTimes>,
}

impl Stores {
    /// Starts what this row counts in, and the objects, with `page` among them.
    pub(super) async fn start(
        counts_in: Store,
        wanted: Option<&StoresWanted>,
        page: Option<&str>,
        laws: &Arc<Laws>,
        seed: u64,
        times: &Arc<StoreTimes>,
    ) -> Result<Self, StartError> {
        let keys = Keys::random();
        let charged = Arc::new(Charged {
            function: OnceLock::new(),
            members: Mutex::default(),
            times: times.clone(),
        });
        let hook = |what| Some(hook(charged.clone(), what));
        let objects = ObjectConfig {
            hook: hook("objects"),
            ..ObjectConfig::new(laws.clone(), seed, keys.clone())
        };
        let objects = ObjectStore::start(objects).await?;
        if let Some(page) = page {
            objects.create_bucket(PAGES, true)?;
            objects.place(PAGES, PAGE, "text/html; charset=utf-8", page.as_bytes().to_vec())?;
        }
        let with_table = counts_in == Store::Table || wanted.is_some();
        let table = match with_table {
            true => {
                let seed = seed.wrapping_add(1);
                let config = TableConfig {
                    hook: hook("table"),
                    ..TableConfig::new(laws.clone(), seed, keys.clone())
                };
                Some(TableStore::start(config).await?)
            }
            false => None,
        };
        if let (Some(table), Some(wanted)) = (&table, wanted) {
            wanted.tables.iter().try_for_each(|one| table.create(one))?;
            let mut buckets = wanted.buckets.iter();
            buckets.try_for_each(|name| objects.create_bucket(name, false))?;
        }
        match (counts_in, &table) {
            (Store::Table, Some(table)) => table.create_table(COUNTED_IN)?,
            (Store::Object, _) => objects.create_bucket(COUNTED_IN, false)?,
            (Store::File, _) => {
                return Err(StartError::NoFileSystem);
            }
            _ => {}
        }
        Ok(Self { counts_in, keys, objects, table, charged })
    }

    /// What calls of them are signed with; environments have an access key id of their own.
    pub(super) fn keys(&self) -> &Keys {
        &self.keys
    }

    /// From now on store calls are charged to this function's requests.
    pub(super) fn charge(&self, function: &Arc<Function>) {
        let _ = self.charged.function.set(Arc::downgrade(function));
    }

    /// What an instance or a task finds in its environment; its calls are charged to it by its key.
    pub(super) fn for_member(
        &self,
        id: &EnvironmentId,
        told_in: Option<&RowVariables>,
    ) -> Vec<(String, String)> {
        let key = access_key(id);
        let mut members = self.charged.members.lock().expect("no panic while held");
        members.insert(key.clone(), id.clone());
        let mut variables = self.variables(told_in);
        let secret = self.keys.secret_access_key();
        for (name, value) in [
            ("AWS_ACCESS_KEY_ID", key.as_str()),
            ("AWS_SECRET_ACCESS_KEY", secret),
            // No token is checked: the signature says it all.
            ("AWS_SESSION_TOKEN", "twin"),
        ] {
            variables.push((name.to_owned(), value.to_owned()));
        }
        variables
    }

    /// The member is gone, and its key with it.
    pub(super) fn forget(&self, id: &EnvironmentId) {
        self.charged.members.lock().expect("no panic while held").remove(&access_key(id));
    }

    /// What code finds in its environment: where its stores are, and which it counts in.
    pub(super) fn variables(&self, told_in: Option<&RowVariables>) -> Vec<(String, String)> {
        let mut variables = vec![("AWS_ENDPOINT_URL_S3", self.objects.url())];
        if let Some(table) = &self.table {
            variables.push(("AWS_ENDPOINT_URL_DYNAMODB", table.url()));
        }
        let counted_in = match self.counts_in {
            Store::Table => told_in.and_then(|names| names.table.as_deref()),
            Store::Object => told_in.and_then(|names| names.bucket.as_deref()),
            Store::Memory | Store::File => None,
        };
        variables.extend(counted_in.map(|name| (name, COUNTED_IN)));
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        variables.into_iter().map(owned).collect()
    }

    /// Addresses by name, for whoever wants to look into them.
    pub(super) fn endpoints(&self) -> BTreeMap<String, String> {
        let mut endpoints = BTreeMap::from([("objects".to_owned(), self.objects.url().to_owned())]);
        if let Some(table) = &self.table {
            endpoints.insert("table".to_owned(), table.url().to_owned());
        }
        endpoints
    }

    pub(super) fn usage(&self) -> Metered {
        let table = self.table.iter().flat_map(TableStore::usage);
        self.objects.usage().into_iter().chain(table).collect()
    }

    /// Makes the store that is counted in fail like this.
    pub(super) fn set_faults(&self, plan: FaultPlan) -> Result<(), ConditionError> {
        match (self.counts_in, &self.table) {
            (Store::Object, _) => Ok(self.objects.set_faults(plan)?),
            (_, Some(table)) => Ok(table.set_faults(plan)?),
            _ => Err(ConditionError::NoStore),
        }
    }

    /// `GET /` is taken from the object store, as any HTTP client would.
    pub(super) fn page_route(&self, laws: Path) -> Result<PageRoute, StartError> {
        let url: Uri = format!("{}/{PAGES}/{PAGE}", self.objects.url()).parse()?;
        let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
        let fetch = move || -> Page {
            let (client, url) = (client.clone(), url.clone());
            Box::pin(async move {
                let request = Request::get(url).body(Empty::new()).expect("a URL");
                match client.request(request).await {
                    Ok(response) => whole(response).await,
                    Err(_) => bad_gateway(),
                }
            })
        };
        Ok(PageRoute { path: "/".to_owned(), laws, fetch: Arc::new(fetch) })
    }
}

async fn whole(response: hyper::Response<hyper::body::Incoming>) -> Answered {
    let (mut head, body) = response.into_parts();
    // They belong to the connection between gateway and store.
    head.headers.remove(CONNECTION);
    head.headers.remove(TRANSFER_ENCODING);
    match body.collect().await {
        Ok(body) => hyper::Response::from_parts(head, body.to_bytes().into()),
        Err(_) => bad_gateway(),
    }
}

fn bad_gateway() -> Answered {
    answer(StatusCode::BAD_GATEWAY, "application/json", r#"{"message":"Bad Gateway"}"#)
}

fn hook(charged: Arc<Charged>, store: &'static str) -> Hook {
    Arc::new(move |call: StoreCall| {
        let Some(key) = &call.access_key else { return };
        let member = charged.members.lock().expect("no panic while held").get(key).cloned();
        if let Some(member) = member {
            return charged.times.record_call(&member.0, &call, store);
        }
        if let Some(function) = charged.function.get().and_then(Weak::upgrade) {
            for part in parts(&call, store) {
                function.charge(key, part);
            }
        }
    })
}

/// What a store call adds to its request's time.
fn parts(call: &StoreCall, store: &str) -> Vec<Part> {
    let declared =
        call.declared.iter().map(|wait| (wait.law.0.clone(), wait.ms, PartKind::Declared));
    let late = call.late_ms.map(|ms| (store.to_owned(), ms, PartKind::Late));
    declared.chain(late).map(|(name, ms, kind)| Part { name, ms, kind }).collect()
}
