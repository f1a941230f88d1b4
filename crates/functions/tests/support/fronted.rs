//! A function behind one of API Gateway's APIs.

use std::sync::Arc;

use gearshift_functions::{Api, Gateway, GatewayConfig, Path};
use gearshift_laws::Laws;

use super::Hosted;
use super::client::{Answered, post, send};

pub struct Fronted {
    pub gateway: Gateway,
    pub hosted: Hosted,
}

impl Fronted {
    /// An API without laws before this function.
    pub async fn by(api: Api, hosted: Hosted) -> Self {
        let config = GatewayConfig {
            api,
            port: 0,
            laws: Arc::new(Laws::shipped().off()),
            path: Path::default(),
            seed: 7,
            page: None,
        };
        let gateway = Gateway::open(hosted.function.clone(), config).await.expect("a free port");
        Self { gateway, hosted }
    }

    /// The answer to a function that returns this.
    pub async fn answer_to(&self, returned: &str) -> Answered {
        let request = post("/").header("content-type", "application/json");
        let answer = send(self.gateway.address(), request, returned.to_owned()).await;
        self.hosted.rest().await;
        answer
    }
}
