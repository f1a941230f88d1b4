//! What AWS needs until a member takes requests, beside what its own code does.

use std::time::Duration;

use gearshift_gear::{Code, Program};
use gearshift_laws::Laws;
use rand::Rng;

use crate::place::PlaneConfig;
use crate::plane::member::Shape;

/// Laws of a member's start, each drawn once, in the order in which they pass. `checked`: a load
/// balancer sends it requests after its first passed health check.
pub(super) fn draw(
    laws: &Laws,
    shape: &Shape,
    checked: bool,
    config: &PlaneConfig,
    program: &Program,
    rng: &mut impl Rng,
) -> Vec<(&'static str, Duration)> {
    let law = |id: &'static str| laws.named(id).expect("the laws' own tests name it");
    let mut drawn = Vec::new();
    match shape {
        Shape::Instance(_) => {
            let boot = "ec2.request_to_ssh_al2023";
            drawn.push((boot, law(boot).draw(rng)));
        }
        // The instance runs and has the image.
        Shape::Task { host: Some(_), .. } => {
            drawn.push(("ecs.ec2_task_start", law("ecs.ec2_task_start").draw(rng)));
        }
        Shape::Task { host: None, .. } => {
            let mb = image_mb(config, program);
            drawn.push(("fargate.placement", law("fargate.placement").draw(rng)));
            drawn.push(("fargate.pull_fixed", law("fargate.pull_fixed").draw(rng)));
            let pulled = law("fargate.pull_per_mb").draw_for_mb(mb, rng);
            drawn.push(("fargate.pull_per_mb", pulled));
            drawn.push(("fargate.container_start", law("fargate.container_start").draw(rng)));
        }
    }
    if checked {
        drawn.push(("alb.first_check", law("alb.first_check").draw(rng)));
    }
    drawn
}

/// Compressed megabytes of the image: the build's own, on the smallest base that runs it.
fn image_mb(config: &PlaneConfig, program: &Program) -> f64 {
    /// `python:3.x-slim`, linux/amd64, compressed. Assumed: registries show 41 to 46 MB.
    const PYTHON_SLIM_MB: f64 = 45.0;
    let base = match config.wanted.spec.row.build.code {
        Code::Python => PYTHON_SLIM_MB,
        _ => 0.0,
    };
    base + program.zip_bytes as f64 / 1e6
}
