//! What AWS needs until a task takes requests, beside what its own code does.

use std::time::Duration;

use gearshift_gear::Code;
use gearshift_laws::Laws;
use rand::Rng;

use crate::place::PlaneConfig;
use crate::plane::task::Shape;

/// Laws of a task's start, each drawn once, in the order in which they pass.
pub(super) fn draw(
    laws: &Laws,
    shape: &Shape,
    balanced: bool,
    config: &PlaneConfig,
    rng: &mut impl Rng,
) -> Vec<(&'static str, Duration)> {
    let law = |id: &'static str| laws.named(id).expect("the laws' own tests name it");
    let mut drawn = Vec::new();
    match shape.host {
        // The instance runs and has the image.
        Some(_) => drawn.push(("ecs.ec2_task_start", law("ecs.ec2_task_start").draw(rng))),
        None => {
            let mb = image_mb(config);
            drawn.push(("fargate.placement", law("fargate.placement").draw(rng)));
            drawn.push(("fargate.pull_fixed", law("fargate.pull_fixed").draw(rng)));
            let pulled = law("fargate.pull_per_mb").draw_for_mb(mb, rng);
            drawn.push(("fargate.pull_per_mb", pulled));
            drawn.push(("fargate.container_start", law("fargate.container_start").draw(rng)));
        }
    }
    if balanced {
        drawn.push(("alb.first_check", law("alb.first_check").draw(rng)));
    }
    drawn
}

/// Compressed megabytes of the image: the build's own, on the smallest base that runs it.
fn image_mb(config: &PlaneConfig) -> f64 {
    /// `python:3.x-slim`, linux/amd64, compressed. Assumed: registries show 41 to 46 MB.
    const PYTHON_SLIM_MB: f64 = 45.0;
    let base = match config.wanted.row.build.code {
        Code::Python => PYTHON_SLIM_MB,
        _ => 0.0,
    };
    base + config.program.zip_bytes as f64 / 1e6
}
