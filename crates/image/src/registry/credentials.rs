//! Who pushes and pulls: what was given, else what `docker login` left behind.
//!
//! `config.json` and its helpers: docs.docker.com/reference/cli/docker/login/#credential-stores.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::error::RegistryError;

/// What Docker calls its own registry in `config.json`.
const DOCKER_HUB: &str = "docker.io";
const DOCKER_HUB_KEY: &str = "https://index.docker.io/v1/";

/// A helper's user name where its secret is a token that buys others.
const TOKEN_USER: &str = "<token>";

/// How somebody is known to a registry.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    Password {
        username: String,
        password: String,
    },
    /// A token that buys access tokens.
    Identity(String),
}

impl std::fmt::Debug for Credentials {
    /// Without the secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Password { username, .. } => write!(f, "password of {username}"),
            Self::Identity(_) => f.write_str("identity token"),
        }
    }
}

/// Docker's configuration, as far as it is about credentials.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Config {
    #[serde(default)]
    auths: BTreeMap<String, Auth>,
    #[serde(default)]
    creds_store: Option<String>,
    #[serde(default)]
    cred_helpers: BTreeMap<String, String>,
}

#[derive(Default, Deserialize)]
struct Auth {
    /// `user:password` in base64.
    #[serde(default)]
    auth: Option<String>,
    #[serde(default)]
    identitytoken: Option<String>,
}

/// What a helper prints.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Helped {
    username: String,
    secret: String,
}

/// Docker's own folder: `$DOCKER_CONFIG`, else `~/.docker`.
pub fn docker_folder() -> Option<PathBuf> {
    let given = std::env::var_os("DOCKER_CONFIG").map(PathBuf::from);
    given.or_else(|| Some(Path::new(&std::env::var_os("HOME")?).join(".docker")))
}

/// A `config.json` names some registries; a token in it has a few kilobytes.
const CONFIG_BYTES: u64 = 4 * 1024 * 1024;

/// What this folder has for this registry (`host[:port]`).
pub(super) fn of(registry: &str, folder: &Path) -> Result<Option<Credentials>, RegistryError> {
    let file = folder.join("config.json");
    let text = match gearshift_files::read_text(&file, CONFIG_BYTES) {
        Ok(text) => text,
        Err(error) if error.is_absent() => return Ok(None),
        Err(error) => return Err(unreadable(registry, &file, &error)),
    };
    let config: Config =
        serde_json::from_str(&text).map_err(|error| unreadable(registry, &file, &error))?;
    let names = names(registry);
    let helper = names.iter().find_map(|name| config.cred_helpers.get(name));
    if let Some(helper) = helper.or(config.creds_store.as_ref())
        && let Some(found) = ask(helper, names.last().map_or(registry, String::as_str), registry)?
    {
        return Ok(Some(found));
    }
    let Some(auth) = names.iter().find_map(|name| config.auths.get(name)) else { return Ok(None) };
    if let Some(token) = auth.identitytoken.as_ref().filter(|token| !token.is_empty()) {
        return Ok(Some(Credentials::Identity(token.clone())));
    }
    let Some(auth) = auth.auth.as_ref().filter(|auth| !auth.is_empty()) else { return Ok(None) };
    let pair = STANDARD.decode(auth).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    match pair.as_deref().and_then(|pair| pair.split_once(':')) {
        Some((username, password)) => Ok(Some(password_of(username, password))),
        None => Err(unreadable(registry, &file, &"its auth is not user:password in base64")),
    }
}

/// What a registry may be called in `config.json`; last, what helpers know it by.
fn names(registry: &str) -> Vec<String> {
    if registry == DOCKER_HUB {
        return vec![DOCKER_HUB.to_owned(), DOCKER_HUB_KEY.to_owned()];
    }
    ["https://", "http://", ""].map(|scheme| format!("{scheme}{registry}")).to_vec()
}

fn password_of(username: &str, password: &str) -> Credentials {
    Credentials::Password { username: username.to_owned(), password: password.to_owned() }
}

/// Asks `docker-credential-NAME`; none where it knows nobody.
fn ask(helper: &str, server: &str, registry: &str) -> Result<Option<Credentials>, RegistryError> {
    let program = format!("docker-credential-{helper}");
    let failed = |why: String| RegistryError::Credentials {
        registry: registry.to_owned(),
        why: format!("{program} {why}"),
        next: "repair it, or give --username and --password-stdin".to_owned(),
    };
    let mut command = Command::new(&program);
    command.arg("get").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| failed(format!("does not start: {error}")))?;
    let mut stdin = child.stdin.take().expect("it is piped");
    // One that does not read what it is asked says why on its own.
    let _ = stdin.write_all(server.as_bytes());
    drop(stdin);
    let output = child.wait_with_output().map_err(|error| failed(format!("fails: {error}")))?;
    let printed = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if !output.status.success() {
        // The protocol's own words for "nobody", printed to standard output.
        if printed.contains("credentials not found") {
            return Ok(None);
        }
        let said = [printed, String::from_utf8_lossy(&output.stderr).trim().to_owned()].join(" ");
        return Err(failed(format!("ends with {}: {}", output.status, said.trim())));
    }
    let helped: Helped = serde_json::from_str(&printed)
        .map_err(|_| failed("prints no JSON with Username and Secret".to_owned()))?;
    Ok(Some(match helped.username.as_str() {
        TOKEN_USER => Credentials::Identity(helped.secret),
        username => password_of(username, &helped.secret),
    }))
}

fn unreadable(registry: &str, file: &Path, why: &dyn std::fmt::Display) -> RegistryError {
    RegistryError::Credentials {
        registry: registry.to_owned(),
        why: format!("{} cannot be read: {why}", file.display()),
        next: "repair it with `docker login`, or give --username and --password-stdin".to_owned(),
    }
}
