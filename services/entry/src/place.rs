//! Where this process runs.

/// The places that are told apart, each by what its platform puts into the environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// `AWS_LAMBDA_RUNTIME_API` (docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html).
    Lambda {
        /// `host:port` of the Runtime API.
        runtime_api: String,
    },
    /// `ECS_CONTAINER_METADATA_URI_V4`
    /// (docs.aws.amazon.com/AmazonECS/latest/developerguide/task-metadata-endpoint-v4.html).
    Ecs,
    /// `KUBERNETES_SERVICE_HOST` (kubernetes.io/docs/concepts/services-networking/service).
    Kubernetes,
    /// None of them.
    Plain,
}

impl Place {
    /// The place these variables speak of.
    pub fn of(variable: impl Fn(&str) -> Option<String>) -> Self {
        if let Some(runtime_api) = variable("AWS_LAMBDA_RUNTIME_API") {
            Self::Lambda { runtime_api }
        } else if variable("ECS_CONTAINER_METADATA_URI_V4").is_some() {
            Self::Ecs
        } else if variable("KUBERNETES_SERVICE_HOST").is_some() {
            Self::Kubernetes
        } else {
            Self::Plain
        }
    }
}
