//! The laws a request passes on its way to the code.

use gearshift_functions::Path;
use gearshift_gear::{Front, LawId};
use gearshift_laws::Laws;

use crate::place::PlaneConfig;
use crate::plane::error::StartError;

/// The laws as these settings want them.
pub(super) fn laws(config: &PlaneConfig) -> Result<Laws, StartError> {
    let settings = &config.wanted.spec.settings;
    let laws = Laws::shipped().scaled_by(&settings.law_factors)?;
    Ok(if settings.physics { laws } else { laws.off() })
}

/// The laws a request passes between caller and gateway, when it goes no further.
pub(super) fn page_path(
    config: &PlaneConfig,
    front: Front,
    laws: &Laws,
) -> Result<Path, StartError> {
    let ids = [config.wanted.spec.settings.caller.round_trip(), gateway(front)];
    Ok(Path::new(laws, &ids)?)
}

/// The laws a request passes between caller and code.
pub(super) fn front_path(
    config: &PlaneConfig,
    front: Front,
    laws: &Laws,
) -> Result<Path, StartError> {
    let mut ids = vec![config.wanted.spec.settings.caller.round_trip()];
    match front {
        Front::Direct => {}
        Front::HttpApi | Front::RestApi => {
            let hops = ["apigw.to_lambda_transit", "lambda.warm_overhead"];
            ids.extend([gateway(front)].into_iter().chain(hops.map(LawId::from)));
        }
        Front::LoadBalancer => ids.extend(["alb.added", "alb.to_target"].map(LawId::from)),
        // What it adds itself is measured: it is the real one.
        Front::Balancer => ids.push(LawId::from("alb.to_target")),
        Front::ClusterService => return Err(StartError::FrontNotBuilt(front)),
    }
    Ok(Path::new(laws, &ids)?)
}

/// What an API before a function takes itself.
fn gateway(front: Front) -> LawId {
    LawId::from(if front == Front::RestApi { "apigw.rest_own" } else { "apigw.http_own" })
}
