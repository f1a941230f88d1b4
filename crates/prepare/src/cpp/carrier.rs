//! The npm package that carries the sources of AWS's C++ runtime client and of libcurl: fetched,
//! checked against its pinned hash, unpacked without other programs.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use flate2::read::GzDecoder;
use lzma_rust2::XzReader;
use sha2::{Digest, Sha512};
use tokio::process::Command;

use crate::error::Doing;
use crate::sources::JAVASCRIPT;
use crate::workshop::Workshop;
use crate::{PrepareError, entry};

pub(super) const CLIENT: &str = "aws-lambda-cpp";
/// AWS ships both sources inside its client for Node.js.
pub(super) const CARRIER: &str = "aws-lambda-ric";
const CURL: &str = "curl";

/// Where libcurl's C files lie in its source. What this build does without compiles to nothing.
const CURL_FOLDERS: [&str; 3] = ["lib", "lib/vauth", "lib/vtls"];
/// The linker leaves out what is not used, function by function; warnings are its makers' affair.
const CURL_FLAGS: [&str; 7] = [
    "-O2",
    "-w",
    "-ffunction-sections",
    "-fdata-sections",
    "-DHAVE_CONFIG_H",
    "-DBUILDING_LIBCURL",
    "-DCURL_STATICLIB",
];
/// How many compilers share libcurl's files: each start of a compiler costs as much as a small file.
const CURL_PARTS: usize = 4;

/// What the package holds, unpacked.
pub(super) struct Carried {
    /// Of the client.
    pub(super) version: String,
    pub(super) client_include: PathBuf,
    pub(super) client_files: Vec<PathBuf>,
    /// libcurl's source.
    pub(super) curl: PathBuf,
    pub(super) curl_version: String,
}

/// The compilation of libcurl.
pub(super) struct CurlParts {
    pub(super) commands: Vec<Command>,
    /// What they make.
    pub(super) objects: Vec<PathBuf>,
}

/// Fetches the package and unpacks it beside the function's sources.
pub(super) async fn fetch(
    sources: &Path,
    workshop: &Workshop<'_>,
) -> Result<Carried, PrepareError> {
    let carrier = sources.join("carrier");
    fs::create_dir(&carrier).doing(|| format!("making {}", carrier.display()))?;
    let (version, integrity) = pinned();
    let mut npm = Command::new("npm");
    npm.current_dir(&carrier).args(["pack", "--loglevel=error", "--fetch-retries=1"]);
    npm.arg(format!("{CARRIER}@{version}"));
    workshop.run("npm", npm).await?;
    let package = carrier.join(format!("{CARRIER}-{version}.tgz"));
    verify(&package, &integrity)?;
    unpack(&package, &carrier, |file| Ok(Box::new(GzDecoder::new(file))))?;
    let part = |name: &str| -> Result<PathBuf, PrepareError> {
        let at = sources.join(name);
        let archive = carrier.join(format!("package/deps/{name}.tar.xz"));
        unpack(&archive, &at, |file| Ok(Box::new(XzReader::new(file, true))))?;
        Ok(at)
    };
    let (client, curl) = (part(CLIENT)?, part(CURL)?);
    let version = version_of(&client.join("CMakeLists.txt"), "VERSION ")?;
    let curl_version =
        version_of(&curl.join("include/curl/curlver.h"), "#define LIBCURL_VERSION ")?;
    write_version(&client, &version)?;
    let files = ["runtime.cpp", "logging.cpp", "version.cpp"];
    Ok(Carried {
        version,
        client_include: client.join("include"),
        client_files: files.map(|name| client.join("src").join(name)).to_vec(),
        curl,
        curl_version,
    })
}

impl Carried {
    /// libcurl's files, shared among a few compilers that work in a directory of their own.
    pub(super) fn compiling_curl(
        &self,
        compiler: &Path,
        sources: &Path,
    ) -> Result<CurlParts, PrepareError> {
        let at = sources.join("curl-objects");
        fs::create_dir(&at).doing(|| format!("making {}", at.display()))?;
        let mut files = Vec::new();
        for folder in CURL_FOLDERS.map(|folder| self.curl.join(folder)) {
            let listed = fs::read_dir(&folder).doing(|| format!("reading {}", folder.display()))?;
            let paths = listed.flatten().map(|entry| entry.path());
            files.extend(paths.filter(|path| is_c(path)));
        }
        files.sort();
        let name = |file: &PathBuf| file.with_extension("o").file_name().map(|name| at.join(name));
        let objects = files.iter().filter_map(name).collect();
        let commands = files.chunks(files.len().div_ceil(CURL_PARTS)).map(|files| {
            let mut command = Command::new(compiler);
            command.current_dir(&at).args(CURL_FLAGS);
            // What its configure script would write.
            command.arg("-I").arg(sources.join("curl-config"));
            command.arg("-I").arg(self.curl.join("lib"));
            command.arg("-I").arg(self.curl.join("include")).arg("-c").args(files);
            command
        });
        Ok(CurlParts { commands: commands.collect(), objects })
    }
}

/// A file of C. The archive was packed on macOS, which puts a file `._x.c` with its own attributes
/// beside `x.c`.
fn is_c(path: &Path) -> bool {
    let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
    !hidden && path.extension().is_some_and(|kind| kind == "c")
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
    Err(unexpected(format!("{CARRIER} has another hash than the one that is pinned")))
}

/// Unpacks a compressed tar archive; nothing in it is written outside of `to`.
fn unpack(
    archive: &Path,
    to: &Path,
    decompress: impl FnOnce(File) -> io::Result<Box<dyn Read>>,
) -> Result<(), PrepareError> {
    let unpacking = || {
        let mut archive = tar::Archive::new(decompress(File::open(archive)?)?);
        archive.set_preserve_permissions(false);
        archive.unpack(to)
    };
    unpacking().doing(|| format!("unpacking {}", archive.display()))
}

/// The version that stands behind these words on a line of its own, in quotes or not.
fn version_of(path: &Path, behind: &str) -> Result<String, PrepareError> {
    let text = fs::read_to_string(path).doing(|| format!("reading {}", path.display()))?;
    let version = text.lines().find_map(|line| line.trim().strip_prefix(behind));
    let version = version.map(|version| version.trim().trim_matches('"').to_owned());
    version.ok_or_else(|| unexpected(format!("{} names no version", path.display())))
}

fn unexpected(what: String) -> PrepareError {
    PrepareError::Unexpected { tool: "npm".to_owned(), what }
}

/// What the client's own build would generate.
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
