//! Where this process runs, as far as its environment tells.

use std::fmt;

/// The surroundings, recognised without any flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// An Amazon ECS task (Fargate or EC2): `ECS_CONTAINER_METADATA_URI_V4` is set.
    Ecs,
    /// A Kubernetes pod: `KUBERNETES_SERVICE_HOST` is set.
    Kubernetes,
    /// An AWS Lambda environment: `AWS_LAMBDA_RUNTIME_API` is set.
    Lambda,
    /// Anything else: an instance, a laptop.
    Plain,
}

impl Place {
    /// Reads the environment through `env`.
    pub fn find(env: &impl Fn(&str) -> Option<String>) -> Self {
        let set = |name| env(name).is_some_and(|value| !value.is_empty());
        if set("AWS_LAMBDA_RUNTIME_API") {
            Self::Lambda
        } else if set("ECS_CONTAINER_METADATA_URI_V4") {
            Self::Ecs
        } else if set("KUBERNETES_SERVICE_HOST") {
            Self::Kubernetes
        } else {
            Self::Plain
        }
    }

    /// The address to listen on: where a load balancer or a cluster network must reach the process,
    /// all of them; else this machine only.
    pub fn default_bind(self) -> std::net::IpAddr {
        match self {
            Self::Ecs | Self::Kubernetes => std::net::Ipv4Addr::UNSPECIFIED.into(),
            Self::Lambda | Self::Plain => std::net::Ipv4Addr::LOCALHOST.into(),
        }
    }

    /// What tells this process from its copies: `$INSTANCE_ID` where set, else the task's id, the
    /// pod's name, the function's log stream (one per environment), else host name and process id.
    pub fn instance(self, env: &impl Fn(&str) -> Option<String>) -> String {
        let set = |name| env(name).filter(|value| !value.is_empty());
        let own = match self {
            Self::Ecs => set("ECS_CONTAINER_METADATA_URI_V4").as_deref().and_then(task_id),
            Self::Kubernetes => set("HOSTNAME"),
            Self::Lambda => set("AWS_LAMBDA_LOG_STREAM_NAME"),
            Self::Plain => None,
        };
        set("INSTANCE_ID")
            .or(own)
            .unwrap_or_else(|| format!("{}-{}", host_name(), std::process::id()))
    }
}

/// The metadata address ends in the container's id. On Fargate that is the task's id, a dash and a
/// number; on EC2 it has no dash and is the container's own. Asking the address itself for the
/// task's name would cost a request at every start.
fn task_id(metadata_uri: &str) -> Option<String> {
    let last = metadata_uri.trim_end_matches('/').rsplit('/').next()?;
    let id = last.split('-').next()?;
    (!id.is_empty()).then(|| id.to_owned())
}

#[cfg(target_os = "linux")]
fn host_name() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .map(|name| name.trim().to_owned())
        .unwrap_or_else(|_| "host".to_owned())
}

#[cfg(not(target_os = "linux"))]
fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ecs => "ECS task",
            Self::Kubernetes => "Kubernetes pod",
            Self::Lambda => "Lambda function",
            Self::Plain => "plain process",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(pairs: &'static [(&'static str, &'static str)]) -> impl Fn(&str) -> Option<String> {
        move |name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
    }

    #[test]
    fn a_fargate_task_listens_everywhere_and_is_called_by_its_task_id() {
        let env = env(&[("ECS_CONTAINER_METADATA_URI_V4", "http://169.254.170.2/v4/0a1b2c-31337")]);
        let place = Place::find(&env);
        assert_eq!((place, place.default_bind().to_string()), (Place::Ecs, "0.0.0.0".to_owned()));
        assert_eq!(place.instance(&env), "0a1b2c");
    }

    #[test]
    fn a_pod_listens_everywhere_and_is_called_by_its_host_name() {
        let env = env(&[("KUBERNETES_SERVICE_HOST", "10.0.0.1"), ("HOSTNAME", "hits-7d9f-x2x")]);
        let place = Place::find(&env);
        assert_eq!(place.default_bind().to_string(), "0.0.0.0");
        assert_eq!(place.instance(&env), "hits-7d9f-x2x");
    }

    #[test]
    fn a_plain_process_listens_on_this_machine_only_and_is_called_by_host_and_process() {
        let env = env(&[("HOSTNAME", "not-this"), ("KUBERNETES_SERVICE_HOST", "")]);
        let place = Place::find(&env);
        assert_eq!((place, place.default_bind().to_string()), (Place::Plain, "127.0.0.1".into()));
        assert_eq!(place.instance(&env), format!("{}-{}", host_name(), std::process::id()));
    }

    #[test]
    fn a_given_instance_id_wins() {
        let env = env(&[
            ("INSTANCE_ID", "i-0abc"),
            ("KUBERNETES_SERVICE_HOST", "10.0.0.1"),
            ("HOSTNAME", "pod"),
        ]);
        assert_eq!(Place::find(&env).instance(&env), "i-0abc");
    }
}
