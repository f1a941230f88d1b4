//! A function behind one of API Gateway's APIs.

use std::net::SocketAddr;
use std::sync::Arc;

use gearshift_functions::{Api, Gateway, GatewayConfig, Path, Server};
use gearshift_laws::Laws;

use super::Hosted;
use super::client::{Answered, post, send};

pub struct Fronted {
    pub gateway: Arc<Gateway>,
    server: Server,
    pub hosted: Hosted,
}

impl Fronted {
    /// An API without laws before this function.
    pub async fn by(api: Api, hosted: Hosted) -> Self {
        let config = GatewayConfig {
            api,
            laws: Arc::new(Laws::shipped().off()),
            path: Path::default(),
            seed: 7,
            page: None,
        };
        let gateway = Arc::new(Gateway::new(hosted.function.clone(), config));
        let serving = gateway.clone();
        let server = Server::start(0, move |request, peer| {
            let gateway = serving.clone();
            async move { gateway.answer(request, peer).await }
        });
        Self { gateway, server: server.await.expect("a free port"), hosted }
    }

    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// The answer to a function that returns this.
    pub async fn answer_to(&self, returned: &str) -> Answered {
        let request = post("/").header("content-type", "application/json");
        let answer = send(self.address(), request, returned.to_owned()).await;
        self.hosted.rest().await;
        answer
    }
}
