//! Crates of a Rust program that carries their list: section `.dep-v0`, compressed JSON, which
//! `cargo auditable build` adds (github.com/rust-secure-code/cargo-auditable).

use std::fs;
use std::path::Path;

use elf::ElfBytes;
use elf::endian::AnyEndian;
use serde::Deserialize;

use crate::error::{Explain, ImageError};
use crate::recipe::Crate;

const SECTION: &str = ".dep-v0";

/// Far beyond any list of crates; a section that unpacks to more is something else.
const LARGEST: usize = 16 << 20;

#[derive(Deserialize)]
struct List {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    /// `runtime` or `build`; absent for the former.
    #[serde(default)]
    kind: Option<String>,
}

/// The crates in this program; none where it does not tell.
pub(super) fn crates(program: &Path) -> Result<Vec<Crate>, ImageError> {
    let bytes = fs::read(program).explain("read", program)?;
    Ok(read(&bytes).unwrap_or_default())
}

fn read(bytes: &[u8]) -> Option<Vec<Crate>> {
    let elf = ElfBytes::<AnyEndian>::minimal_parse(bytes).ok()?;
    let section = elf.section_header_by_name(SECTION).ok()??;
    let (compressed, _) = elf.section_data(&section).ok()?;
    let text = miniz_oxide::inflate::decompress_to_vec_zlib_with_limit(compressed, LARGEST).ok()?;
    let list: List = serde_json::from_slice(&text).ok()?;
    let runs = list.packages.into_iter().filter(|package| package.kind.as_deref() != Some("build"));
    Some(runs.map(|package| Crate { name: package.name, version: package.version }).collect())
}
