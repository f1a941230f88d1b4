//! What a program needs to start: read from its first bytes.

use elf::abi;
use elf::endian::AnyEndian;
use elf::file::{Class, FileHeader, parse_ident};
use elf::parse::ParsingTable;
use elf::segment::ProgramHeader;

/// As much of a file as is looked at. Linkers put the interpreter's name into the first page.
pub(crate) const LOOKED_AT: usize = 64 * 1024;

/// An ELF program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Program {
    /// As Go calls it; the machine's number where it has no name there.
    pub architecture: String,
    /// The dynamic loader; none in a static program.
    pub interpreter: Option<String>,
}

/// Reads the beginning of a file; none where it is no ELF file.
pub(crate) fn inspect(first: &[u8]) -> Option<Program> {
    let ident_length = abi::EI_NIDENT;
    let ident = parse_ident::<AnyEndian>(first.get(..ident_length)?).ok()?;
    let (endian, class) = (ident.0, ident.1);
    let tail = match class {
        Class::ELF32 => 36,
        Class::ELF64 => 48,
    };
    let header =
        FileHeader::parse_tail(ident, first.get(ident_length..ident_length + tail)?).ok()?;
    let from = usize::try_from(header.e_phoff).ok()?;
    let length = usize::from(header.e_phentsize) * usize::from(header.e_phnum);
    let table = first.get(from..from.checked_add(length)?).unwrap_or_default();
    let segments = ParsingTable::<_, ProgramHeader>::new(endian, class, table);
    let interpreter = segments.iter().find(|segment| segment.p_type == abi::PT_INTERP);
    let interpreter = interpreter.and_then(|segment| {
        let from = usize::try_from(segment.p_offset).ok()?;
        let to = from.checked_add(usize::try_from(segment.p_filesz).ok()?)?;
        let name = first.get(from..to)?.split(|byte| *byte == 0).next()?;
        Some(String::from_utf8_lossy(name).into_owned())
    });
    let architecture = go_name(header.e_machine, endian == AnyEndian::Little);
    Some(Program { architecture, interpreter })
}

fn go_name(machine: u16, little: bool) -> String {
    match (machine, little) {
        (abi::EM_X86_64, _) => "amd64".to_owned(),
        (abi::EM_AARCH64, _) => "arm64".to_owned(),
        (abi::EM_386, _) => "386".to_owned(),
        (abi::EM_ARM, _) => "arm".to_owned(),
        (abi::EM_RISCV, _) => "riscv64".to_owned(),
        (abi::EM_PPC64, true) => "ppc64le".to_owned(),
        (abi::EM_S390, _) => "s390x".to_owned(),
        (number, _) => format!("elf-machine-{number}"),
    }
}

/// This program's architecture, as Go calls it.
pub(crate) fn architecture_here() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" => "386",
        other => other,
    }
}

/// Rust's target that links statically for this architecture.
pub(crate) fn static_triple(architecture: &str) -> String {
    let cpu = match architecture {
        "amd64" => "x86_64",
        "arm64" => "aarch64",
        other => other,
    };
    format!("{cpu}-unknown-linux-musl")
}

/// What starts this file: an ELF program's loader, or what a script names in its first line.
pub(crate) fn started_by(first: &[u8]) -> Option<String> {
    if let Some(line) = first.strip_prefix(b"#!") {
        let line = String::from_utf8_lossy(line.split(|byte| *byte == b'\n').next()?).into_owned();
        return line.split_whitespace().next().map(str::to_owned);
    }
    inspect(first)?.interpreter
}
