//! A static binary, or plain pages.

use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;

use super::{Draft, Folder, fitting, words};

pub(super) fn look(folder: &Folder<'_>) -> Option<Draft> {
    binary(folder).or_else(|| pages(folder))
}

fn binary(folder: &Folder<'_>) -> Option<Draft> {
    let name = folder.names().into_iter().find(|name| is_program(folder, name))?;
    Some(Draft {
        seen: name.clone(),
        command: vec![format!("./{name}")],
        name: fitting(&name),
        before: None,
        doubts: vec!["does it listen on the port in $PORT?".to_owned()],
    })
}

fn is_program(folder: &Folder<'_>, name: &str) -> bool {
    let path = folder.path.join(name);
    let executable = fs::metadata(&path).is_ok_and(|meta| meta.permissions().mode() & 0o111 != 0);
    let mut magic = [0; 4];
    let read =
        gearshift_files::open(&path).is_ok_and(|mut file| file.read_exact(&mut magic).is_ok());
    executable && read && magic == *b"\x7fELF"
}

fn pages(folder: &Folder<'_>) -> Option<Draft> {
    if !folder.has("index.html") {
        return None;
    }
    Some(Draft {
        seen: "index.html".to_owned(),
        name: folder.name(),
        command: words(&["static-web-server", "--host", "$HOST", "--port", "$PORT", "--root", "."]),
        before: Some("cargo install static-web-server".to_owned()),
        doubts: Vec::new(),
    })
}
