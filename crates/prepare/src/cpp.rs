//! The C++ function: compiled here together with the real `aws-lambda-cpp` and libcurl, whose
//! sources npm fetches in one package. Without npm the system's libcurl and a runtime client of ours
//! stand in, and say so.

mod carrier;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command as Quick;

use async_trait::async_trait;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use gearshift_gear::{Missing, Program, RuntimeClient};
use tokio::process::Command;

use crate::error::Doing;
use crate::recipe::{Fetch, Made, Recipe, Tools};
use crate::sources::{CPP, Source, page, shared, told_in, with_shared};
use crate::workshop::{Workshop, answer, answer_to, lacking, zip_bytes};
use crate::{PrepareError, entry};

use carrier::{CARRIER, CLIENT, Carried};

const COMPILER_PACKAGES: &str = "apt-get install g++";
/// What takes the place of npm: libcurl with its headers.
const CURL_PACKAGES: &str = "apt-get install nodejs npm, or libcurl4-openssl-dev";
/// As the C++ compiler's description of what it is linked with.
const CARRIED_CURL: &str = "static libcurl";
/// A compilation takes half a gigabyte of memory.
const AT_ONCE: usize = 2;
const FLAGS: [&str; 4] = ["-std=c++17", "-O2", "-DNDEBUG", "-Wall"];
/// The compiler's own libraries go into the program, its symbols do not.
#[cfg(target_os = "linux")]
const LINKING: &[&str] = &["-static-libstdc++", "-static-libgcc", "-s", "-Wl,--gc-sections"];
/// Elsewhere these libraries are the system's, and Apple's compiler refuses `-static-libgcc`.
#[cfg(not(target_os = "linux"))]
const LINKING: &[&str] = &[];

pub(crate) struct Cpp;

#[async_trait]
impl Recipe for Cpp {
    fn build(&self) -> &'static str {
        "function-cpp"
    }

    fn tools(&self) -> Result<Tools, Missing> {
        let missing = |why: String, packages: &str| Missing {
            what: "function-cpp".to_owned(),
            why,
            how_to_get_it: format!("{packages} (or your system's like)"),
        };
        let chosen = std::env::var_os("CXX").map(PathBuf::from);
        let found = ["c++", "g++", "clang++"].iter().find_map(|name| which::which(name).ok());
        let Some(program) = chosen.or(found) else {
            return Err(missing("no C++ compiler is on the path".to_owned(), COMPILER_PACKAGES));
        };
        let version = answer(Quick::new(&program).args(["-dumpfullversion", "-dumpversion"]));
        let Some(version) = version else {
            return Err(missing(format!("{program:?} does not run"), COMPILER_PACKAGES));
        };
        let curl = match carries_curl() {
            true => CARRIED_CURL.to_owned(),
            false => {
                system_curl(&program).map_err(|error| missing(error.to_string(), CURL_PACKAGES))?
            }
        };
        let carrier = if npm() { CARRIER.to_owned() } else { "no npm".to_owned() };
        Ok(Tools { program, version, besides: vec![curl, carrier] })
    }

    fn lacking_packages(&self) -> Vec<&'static str> {
        lacking(&[("c++", "g++"), ("cc", "gcc"), ("npm", "npm"), ("node", "nodejs")])
    }

    fn sources(&self) -> Vec<Source> {
        with_shared(CPP)
    }

    fn fetch(&self) -> Fetch {
        let what = match (npm(), carries_curl()) {
            (true, true) => format!("the sources of {CLIENT} and libcurl"),
            (true, false) => format!("{CLIENT}'s source"),
            (false, _) => "our own sources".to_owned(),
        };
        Fetch {
            what,
            download_mb: if npm() { 2.9 } else { 0.0 },
            disk_mb: 1.3,
            besides: Some("it is compiled, a minute".to_owned()),
            again: None,
        }
    }

    async fn make(
        &self,
        at: &Path,
        tools: &Tools,
        workshop: &Workshop<'_>,
    ) -> Result<Made, PrepareError> {
        let sources = at.join("src");
        entry::write(&sources, CPP)?;
        entry::write(&entry::task(at), shared())?;
        let carried = match npm() {
            true => Some(carrier::fetch(&sources, workshop).await?),
            false => None,
        };
        let bootstrap = bootstrap(at);
        compile(tools, carried.as_ref(), &sources, &bootstrap, workshop).await?;
        let runtime = describe(tools, carried.as_ref());
        fs::remove_dir_all(&sources).doing(|| format!("removing {}", sources.display()))?;
        let mut uploaded = entry::files(&entry::task(at))?;
        uploaded.extend(shared_libraries(&bootstrap));
        Ok(Made { zip_bytes: zip_bytes(uploaded)?, runtime })
    }

    fn program(&self, at: &Path, _tools: &Tools, made: Made) -> Program {
        Program {
            command: vec![bootstrap(at)],
            root: entry::task(at),
            handler: "bootstrap".to_owned(),
            variables: Vec::new(),
            zip_bytes: made.zip_bytes,
            page: Some(page()),
            packages: None,
            image: None,
            health: None,
            told_in: told_in(),
            stores: None,
            runtime: Some(made.runtime),
        }
    }
}

/// Asked of the preprocessor alone, which answers in milliseconds.
fn holds(compiler: &Path, condition: &str, after: &str) -> bool {
    let ask = format!("{after}\n#if !({condition})\n#error it does not hold\n#endif\n");
    let mut preprocess = Quick::new(compiler);
    answer_to(preprocess.args(["-std=c++17", "-x", "c++", "-E", "-"]), &ask).is_some()
}

fn command(compiler: &Tools, sources: &Path) -> Command {
    let mut command = Command::new(&compiler.program);
    command.current_dir(sources).args(FLAGS);
    command
}

fn bootstrap(at: &Path) -> PathBuf {
    entry::task(at).join("bootstrap")
}

/// npm brings the sources of others.
fn npm() -> bool {
    which::which("npm").is_ok()
}

/// libcurl is compiled from the package that npm brings. Its configuration is for Linux; macOS comes
/// with a libcurl of its own.
fn carries_curl() -> bool {
    cfg!(target_os = "linux") && npm() && c_compiler().is_some()
}

/// A compiler for libcurl, which is C: `g++` would take it for C++.
fn c_compiler() -> Option<PathBuf> {
    let chosen = std::env::var_os("CC").map(PathBuf::from);
    chosen.or_else(|| ["cc", "gcc", "clang"].iter().find_map(|name| which::which(name).ok()))
}

/// Why the system's libcurl cannot be used.
#[derive(Debug, thiserror::Error)]
enum NoCurl {
    #[error("{instead} is not on the path, and libcurl's headers are missing")]
    NoHeaders { instead: &'static str },
    #[error("libcurl is older than 7.83")]
    TooOld,
}

/// The system's libcurl with its version.
fn system_curl(compiler: &Path) -> Result<String, NoCurl> {
    if !holds(compiler, "__has_include(<curl/curl.h>)", "") {
        let instead = if npm() { "a C compiler" } else { "npm" };
        return Err(NoCurl::NoHeaders { instead });
    }
    if !holds(compiler, "LIBCURL_VERSION_NUM >= 0x075300", "#include <curl/curlver.h>") {
        return Err(NoCurl::TooOld);
    }
    let version = answer(Quick::new("curl-config").arg("--version"));
    Ok(version.unwrap_or_else(|| "libcurl".to_owned()))
}

fn describe(compiler: &Tools, carried: Option<&Carried>) -> RuntimeClient {
    let curl = &compiler.besides[0];
    match carried {
        Some(Carried { version, curl_version, .. }) => RuntimeClient {
            name: CLIENT.to_owned(),
            version: version.clone(),
            official: true,
            on: match curl == CARRIED_CURL {
                true => format!("C++ {}, {curl} {curl_version}", compiler.version),
                false => format!("C++ {}, {curl}", compiler.version),
            },
            note: None,
        },
        None => RuntimeClient {
            name: "gearshift runtime.h".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            official: false,
            on: format!("C++ {}, {curl}", compiler.version),
            note: Some(format!(
                "{CLIENT}'s source comes through npm: npm is missing → apt-get install npm"
            )),
        },
    }
}

/// Compiles two files at a time, each of them seconds of a header library, and links.
async fn compile(
    compiler: &Tools,
    carried: Option<&Carried>,
    sources: &Path,
    bootstrap: &Path,
    workshop: &Workshop<'_>,
) -> Result<(), PrepareError> {
    let client = carried.map_or(&[] as &[PathBuf], |carried| &carried.client_files);
    let own = CPP.iter().map(|(name, _)| *name).filter(|name| name.ends_with(".cpp"));
    let files: Vec<PathBuf> = own.map(PathBuf::from).chain(client.iter().cloned()).collect();
    let object = |file: &Path| file.with_extension("o").file_name().map(PathBuf::from);
    let objects: Vec<PathBuf> = files.iter().filter_map(|file| object(file)).collect();
    let with_curl = carried.filter(|_| compiler.besides[0] == CARRIED_CURL);
    let mut commands: Vec<Command> = Vec::new();
    for (file, object) in files.iter().zip(&objects) {
        let mut command = command(compiler, sources);
        match carried {
            Some(carried) => command.arg("-I").arg(&carried.client_include),
            None => command.args(["-I", "fallback"]),
        };
        if let Some(carried) = with_curl {
            command.arg("-DCURL_STATICLIB").arg("-I").arg(carried.curl.join("include"));
        }
        command.args(["-I", "."]).arg("-c").arg(file).arg("-o").arg(object);
        commands.push(command);
    }
    let mut linking = command(compiler, sources);
    linking.args(&objects);
    match with_curl.zip(c_compiler()) {
        Some((carried, compiler)) => {
            let parts = carried.compiling_curl(&compiler, sources)?;
            linking.args(&parts.objects);
            commands.extend(parts.commands);
        }
        // Distributions ship no static libcurl that could be linked.
        None => drop(linking.arg("-lcurl")),
    }
    let compiled = commands.into_iter().map(|command| workshop.run("the C++ compiler", command));
    stream::iter(compiled).buffer_unordered(AT_ONCE).try_collect::<()>().await?;
    linking.args(LINKING).arg("-pthread").arg("-o").arg(bootstrap);
    workshop.run("the linker", linking).await
}

/// The shared libraries that are packed beside the program for Lambda, as aws-lambda-cpp's own
/// packager does.
fn shared_libraries(program: &Path) -> Vec<PathBuf> {
    let said = answer(Quick::new("ldd").arg(program)).unwrap_or_default();
    let paths =
        said.lines().filter_map(|line| line.split_whitespace().find(|w| w.starts_with('/')));
    paths.map(PathBuf::from).collect()
}
