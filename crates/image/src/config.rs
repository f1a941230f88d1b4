//! From a recipe to an image's configuration.

use std::collections::BTreeMap;

use serde_json::json;

use crate::build::{Layer, program_path};
use crate::error::ImageError;
use crate::image::Image;
use crate::recipe::{ADAPTER_PATH, Recipe};
use crate::spec::{Config, Healthcheck, History, Platform, RootFs, Run};

/// Looked through for a command without a slash; Docker's own default.
pub(crate) const DEFAULT_PATH: &str =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What stands before a command that is started through the adapter.
pub(crate) const ADAPTED: [&str; 2] = [ADAPTER_PATH, "--"];

/// What of a base's configuration still holds for an image on top of it.
const KEPT: [&str; 4] = ["author", "variant", "os.version", "os.features"];

/// What container engines take (source: moby, user/user.go, "maxID").
const LARGEST_ID: u32 = i32::MAX as u32;

const SECOND: u64 = 1_000_000_000;

/// Refuses what needs no file to be seen wrong.
pub(crate) fn check_settings(recipe: &Recipe, on_base: bool) -> Result<(), ImageError> {
    if recipe.program.is_none() && recipe.command.is_empty() && !on_base {
        return Err(ImageError::recipe(
            "this image would start nothing",
            "give a static program, or a command after `--`",
        ));
    }
    if let Some(path) = &recipe.health {
        if !path.starts_with('/') {
            return Err(ImageError::recipe(
                format!("the health check's path `{path}` does not begin with a slash"),
                "give a path of the service, such as /healthz",
            ));
        }
        if recipe.adapter.is_none() {
            return Err(ImageError::recipe(
                "a health check runs inside the container, and nothing in this image can ask a URL",
                "add Gearshift's adapter, which can: --adapter",
            ));
        }
    }
    if let Some(workdir) = recipe.workdir.as_deref().filter(|path| !path.starts_with('/')) {
        return Err(ImageError::recipe(
            format!("the working directory `{workdir}` does not begin with a slash"),
            "give an absolute path in the image",
        ));
    }
    if let Some(name) = recipe.environment.keys().find(|name| name.is_empty() || name.contains('='))
    {
        return Err(ImageError::recipe(
            format!("`{name}` is no variable's name"),
            "give NAME=VALUE",
        ));
    }
    check_user(&recipe.user, on_base)
}

fn check_user(user: &str, on_base: bool) -> Result<(), ImageError> {
    let known = |part: &str| {
        let named = on_base || ["root", "nonroot"].contains(&part);
        let number = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if number {
            part.parse().is_ok_and(|id: u32| id <= LARGEST_ID)
        } else {
            !part.is_empty() && named
        }
    };
    if user.split(':').count() <= 2 && user.split(':').all(known) {
        return Ok(());
    }
    Err(ImageError::recipe(
        format!("there is no user `{user}` in this image"),
        "give UID[:GID] in numbers up to 2147483647; an image from scratch knows the names root and \
         nonroot only",
    ))
}

/// The configuration; its architecture is not known yet.
pub(crate) fn configure(recipe: &Recipe, base: Option<&Config>, layers: &[Layer]) -> Config {
    let mut config = base.cloned().unwrap_or_default();
    let created = recipe.created.to_string();
    config.rest.retain(|name, _| KEPT.contains(&name.as_str()));
    config.created = Some(created.clone());
    config.rootfs = root_fs(&config.rootfs, layers);
    config.history = history(config.history, base, layers, &created);
    let run = &mut config.config;
    run.user.clone_from(&recipe.user);
    let port = format!("{}/tcp", recipe.port);
    run.exposed_ports.get_or_insert_default().insert(port, json!({}));
    run.env = Some(environment(run.env.take().unwrap_or_default(), recipe));
    if let Some(workdir) = &recipe.workdir {
        run.working_dir.clone_from(workdir);
    } else if run.working_dir.is_empty() {
        "/".clone_into(&mut run.working_dir);
    }
    start(run, recipe);
    if let Some(path) = &recipe.health {
        run.healthcheck = Some(healthcheck(path));
    }
    if !recipe.labels.is_empty() {
        run.labels.get_or_insert_default().extend(recipe.labels.clone());
    }
    config
}

/// What is started: the recipe's program or command, else the base's; through the adapter where
/// there is one.
fn start(run: &mut Run, recipe: &Recipe) {
    let command = Some(recipe.command.clone()).filter(|command| !command.is_empty());
    match (&recipe.program, command) {
        (Some(program), arguments) => {
            run.entrypoint = Some(vec![program_path(program)]);
            run.cmd = arguments;
        }
        (None, Some(command)) => {
            run.entrypoint = Some(command);
            run.cmd = None;
        }
        (None, None) => {}
    }
    let through = ADAPTED.map(str::to_owned);
    let own = run.entrypoint.take().unwrap_or_default();
    if recipe.adapter.is_some() && !own.starts_with(&through) {
        run.entrypoint = Some([&through, own.as_slice()].concat());
    } else {
        run.entrypoint = Some(own).filter(|own| !own.is_empty());
    }
}

fn root_fs(below: &RootFs, layers: &[Layer]) -> RootFs {
    let own = layers.iter().map(|layer| layer.written.diff_id.clone());
    let diff_ids = below.diff_ids.iter().cloned().chain(own).collect();
    RootFs { r#type: "layers".to_owned(), diff_ids }
}

fn history(
    mut below: Vec<History>,
    base: Option<&Config>,
    layers: &[Layer],
    created: &str,
) -> Vec<History> {
    // A base may say nothing of its layers; what is said must still fall to the right ones.
    let told = below.iter().filter(|entry| !entry.empty_layer).count();
    let untold = base.map_or(0, |base| base.rootfs.diff_ids.len()).saturating_sub(told);
    below.extend(
        (0..untold)
            .map(|_| History { comment: Some("of the base".to_owned()), ..History::default() }),
    );
    below.extend(layers.iter().map(|layer| History {
        created: Some(created.to_owned()),
        created_by: Some(format!("gearshift image: {}", layer.made_by)),
        ..History::default()
    }));
    below
}

/// The base's variables in their order, then new ones; each name once.
fn environment(below: Vec<String>, recipe: &Recipe) -> Vec<String> {
    let mut new: BTreeMap<&str, String> =
        recipe.environment.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
    new.entry("PORT").or_insert_with(|| recipe.port.to_string());
    let name_of = |variable: &str| variable.split('=').next().unwrap_or_default().to_owned();
    if !below.iter().any(|variable| name_of(variable) == "PATH") {
        new.entry("PATH").or_insert_with(|| DEFAULT_PATH.to_owned());
    }
    let mut all: Vec<String> = Vec::new();
    for variable in below {
        let name = name_of(&variable);
        let replaced = new.remove(name.as_str()).map(|value| format!("{name}={value}"));
        all.push(replaced.unwrap_or(variable));
    }
    all.extend(new.into_iter().map(|(name, value)| format!("{name}={value}")));
    all
}

fn healthcheck(path: &str) -> Healthcheck {
    let test = ["CMD", ADAPTER_PATH, "health", path].map(str::to_owned).to_vec();
    Healthcheck {
        test,
        interval: 10 * SECOND,
        timeout: 2 * SECOND,
        start_period: 10 * SECOND,
        retries: 3,
        rest: BTreeMap::new(),
    }
}

/// Completes the configuration: the program decides what an image runs on, and a base must agree.
pub(crate) fn for_architecture(
    mut config: Config,
    program: Option<String>,
    base: Option<&Image>,
) -> Result<Config, ImageError> {
    if let Some(base) = base {
        let own = &base.config.architecture;
        return match program.filter(|program| program != own) {
            None => Ok(config),
            Some(program) => Err(ImageError::recipe(
                format!("the program is for {program}, its base for {own}"),
                format!("give a base for it: --platform linux/{program}"),
            )),
        };
    }
    config.architecture = program.unwrap_or_else(|| Platform::here().architecture);
    "linux".clone_into(&mut config.os);
    Ok(config)
}
