//! The function `hits` with a counter that loses hits on purpose: it reads, adds, writes back, and
//! takes any failed read for "nothing counted yet". Exists so that a counter test can be seen to
//! fail; never deployed.

use std::process::ExitCode;
use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use hits::StoreChoice;
use hits::store::{HitStore, StoreError, client};

fn main() -> ExitCode {
    function_rust::run(async |choice| match choice {
        StoreChoice::Memory | StoreChoice::File { .. } => hits::store::open(&choice).await,
        StoreChoice::Table { name, region } => {
            Arc::new(LostUpdate { client: client(&region).await, table: name })
        }
    })
}

struct LostUpdate {
    client: Client,
    table: String,
}

impl LostUpdate {
    async fn read(&self) -> Option<u64> {
        let read = self.client.get_item().table_name(&self.table).key("id", number(0)).send().await;
        read.ok()?.item()?.get("hits")?.as_n().ok()?.parse().ok()
    }
}

fn number(value: u64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

#[async_trait]
impl HitStore for LostUpdate {
    async fn add(&self) -> Result<u64, StoreError> {
        let hits = self.read().await.unwrap_or(0) + 1;
        let written = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("id", number(0))
            .update_expression("SET hits = :hits")
            .expression_attribute_values(":hits", number(hits))
            .send()
            .await;
        match written {
            Ok(_) => Ok(hits),
            Err(why) => Err(StoreError::Unknown {
                store: format!("table {}", self.table),
                why: why.to_string(),
            }),
        }
    }

    async fn count(&self) -> Result<u64, StoreError> {
        Ok(self.read().await.unwrap_or(0))
    }
}
