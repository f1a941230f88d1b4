//! The JavaScript function: the AWS SDK and the real `aws-lambda-ric`, whose core is compiled here.
//! Where that cannot be, a runtime client of ours stands in and says so.

use std::fs;
use std::path::Path;

use async_trait::async_trait;
use gearshift_gear::{Missing, Program, RuntimeClient};
use tokio::process::Command;

use crate::error::Doing;
use crate::recipe::{Fetch, Made, Recipe, Tools};
use crate::sources::{JAVASCRIPT, Source, page, shared, told_in, with_shared};
use crate::workshop::{Workshop, answer, find, lacking, zip_bytes};
use crate::{PrepareError, entry};

/// The oldest Node.js the locked packages take.
const OLDEST: u32 = 20;
const CLIENT: &str = "aws-lambda-ric";
/// What the client's installation compiles with.
const TOOLCHAIN: [&str; 5] = ["cmake", "c++", "make", "python3", "xz"];
const TOOLCHAIN_PACKAGES: &str = "apt-get install cmake g++ make python3 xz-utils";
/// What of the sources belongs to the runtime; the rest is uploaded.
const NOT_UPLOADED: [&str; 4] =
    ["bootstrap.mjs", "bootstrap.sh", "package-lock.json", "package.json"];

pub(crate) struct JavaScript;

#[async_trait]
impl Recipe for JavaScript {
    fn build(&self) -> &'static str {
        "function-js"
    }

    fn tools(&self) -> Result<Tools, Missing> {
        let missing = |why: String| Missing {
            what: "function-js".to_owned(),
            why,
            how_to_get_it: format!("apt-get install nodejs npm ({OLDEST} or newer)"),
        };
        let [node, _] = find(["node", "npm"])
            .map_err(|program| missing(format!("{program} is not on the path")))?;
        let ask = "console.log(process.execPath + ' ' + process.versions.node)";
        let said = answer(std::process::Command::new(&node).args(["-e", ask]));
        let said = said.ok_or_else(|| missing(format!("{} does not run", node.display())))?;
        let (program, version) = said.rsplit_once(' ').unwrap_or((&said, ""));
        let major = version.split('.').next().and_then(|number| number.parse().ok()).unwrap_or(0);
        if major < OLDEST {
            return Err(missing(format!("node is {version}; {OLDEST} or newer is needed")));
        }
        // With a toolchain that was missing before, the entry is another one.
        let toolchain = match find(TOOLCHAIN) {
            Ok(_) => "toolchain".to_owned(),
            Err(missing) => format!("no {missing}"),
        };
        Ok(Tools { program: program.into(), version: version.to_owned(), besides: vec![toolchain] })
    }

    fn lacking_packages(&self) -> Vec<&'static str> {
        lacking(&[
            ("node", "nodejs"),
            ("npm", "npm"),
            ("cmake", "cmake"),
            ("c++", "g++"),
            ("make", "make"),
            ("python3", "python3"),
            ("xz", "xz-utils"),
        ])
    }

    fn sources(&self) -> Vec<Source> {
        with_shared(JAVASCRIPT)
    }

    fn fetch(&self) -> Fetch {
        let compiled = "its runtime client is compiled, a minute or two".to_owned();
        Fetch {
            what: format!("the AWS SDK and {CLIENT}"),
            download_mb: 8.0,
            disk_mb: 39.0,
            besides: find(TOOLCHAIN).is_ok().then_some(compiled),
            again: None,
        }
    }

    async fn make(
        &self,
        at: &Path,
        tools: &Tools,
        workshop: &Workshop<'_>,
    ) -> Result<Made, PrepareError> {
        let (uploaded, runtime): (Vec<Source>, Vec<Source>) =
            JAVASCRIPT.iter().partition(|(name, _)| !NOT_UPLOADED.contains(name));
        entry::write(&entry::task(at), &uploaded)?;
        entry::write(&entry::task(at), shared())?;
        entry::write(at, &runtime)?;
        let mut fetch = npm(tools, at);
        fetch.args(["ci", "--omit=dev", "--ignore-scripts"]);
        workshop.run("npm", fetch).await?;
        let runtime = self.client(tools, at, workshop).await?;
        Ok(Made { zip_bytes: zip_bytes(entry::files(&entry::task(at))?)?, runtime })
    }

    fn program(&self, at: &Path, tools: &Tools, made: Made) -> Program {
        let program = tools.program.clone();
        let client = match made.runtime.official {
            true => at.join("node_modules").join(CLIENT).join("index.mjs"),
            false => at.join("bootstrap.mjs"),
        };
        let handler = "app.handler";
        Program {
            command: vec![
                "/bin/sh".into(),
                at.join("bootstrap.sh"),
                program,
                client,
                handler.into(),
            ],
            root: entry::task(at),
            handler: handler.to_owned(),
            variables: Vec::new(),
            zip_bytes: made.zip_bytes,
            page: Some(page()),
            packages: Some(at.join("node_modules").into()),
            image: None,
            health: None,
            told_in: told_in(),
            stores: None,
            runtime: Some(made.runtime),
        }
    }
}

impl JavaScript {
    /// Compiles the official client's core, or says why ours stands in.
    async fn client(
        &self,
        tools: &Tools,
        at: &Path,
        workshop: &Workshop<'_>,
    ) -> Result<RuntimeClient, PrepareError> {
        let on = format!("Node.js {}", tools.version);
        let stands_in = |why: String| RuntimeClient {
            name: "gearshift bootstrap.mjs".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            official: false,
            on: on.clone(),
            note: Some(format!(
                "{CLIENT} is compiled where it is installed: {why} → {TOOLCHAIN_PACKAGES}"
            )),
        };
        if let Err(missing) = find(TOOLCHAIN) {
            return Ok(stands_in(format!("{missing} is missing")));
        }
        let mut rebuild = npm(tools, at);
        rebuild.args(["rebuild", CLIENT, "--foreground-scripts"]);
        match workshop.run("npm", rebuild).await {
            Ok(()) => Ok(RuntimeClient {
                name: CLIENT.to_owned(),
                version: installed(at)?,
                official: true,
                on,
                note: None,
            }),
            // A compiler that does not get through is no reason to do without the row.
            Err(PrepareError::ToolFailed { how, said, .. }) if !was_killed(&how, &said) => {
                Ok(stands_in(format!("{how}, {said}")))
            }
            Err(error) => Err(error),
        }
    }
}

/// Itself, or a compiler it started: that says nothing about the compiler.
fn was_killed(how: &str, said: &str) -> bool {
    how.starts_with("signal") || said.contains("Killed") || said.contains("Terminated")
}

fn npm(node: &Tools, at: &Path) -> Command {
    let mut npm = Command::new("npm");
    npm.current_dir(at)
        .args(["--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"])
        .env("npm_config_fetch_retries", "1");
    // Headers that came with it need not be fetched by its build tool.
    let prefix = node.program.parent().and_then(Path::parent);
    if let Some(prefix) = prefix.filter(|prefix| prefix.join("include/node/node.h").exists()) {
        npm.env("npm_config_nodedir", prefix);
    }
    npm
}

/// The version of the client that lies there.
fn installed(at: &Path) -> Result<String, PrepareError> {
    let path = at.join("node_modules").join(CLIENT).join("package.json");
    let text = fs::read_to_string(&path).doing(|| format!("reading {}", path.display()))?;
    let package: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    package["version"].as_str().map(str::to_owned).ok_or_else(|| PrepareError::Unexpected {
        tool: "npm".to_owned(),
        what: format!("{} has no version", path.display()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_file_pins_what_runs_by_version_and_hash_and_names_no_registry() {
        let lock = entry::text_of(JAVASCRIPT, "package-lock.json");
        assert!(!lock.contains("\"resolved\""), "an address stands in package-lock.json");
        let lock: serde_json::Value = serde_json::from_str(lock).expect("JSON");
        let packages = lock["packages"].as_object().expect("packages");
        for (name, package) in packages.iter().filter(|(name, _)| !name.is_empty()) {
            assert!(package["integrity"].as_str().is_some_and(|hash| hash.starts_with("sha512-")));
            assert!(package["version"].is_string(), "{name}");
        }
        assert!(packages.contains_key(&format!("node_modules/{CLIENT}")));
        assert!(packages.contains_key("node_modules/@aws-sdk/client-dynamodb"));
    }
}
