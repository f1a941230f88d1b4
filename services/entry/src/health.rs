//! Asking the service beside this process whether it is well: for health checks that run inside a
//! container whose image has no other program that can ask a URL.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

/// For each of connecting, sending and reading. Whoever runs the check usually has a shorter limit.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why a service is not well.
#[derive(Debug, thiserror::Error)]
pub enum Unwell {
    #[error("{path} is no path → give one that begins with a slash, such as /healthz")]
    NoPath { path: String },
    #[error("nothing answers at 127.0.0.1:{port}{path}: {source}")]
    Silent { port: u16, path: String, source: io::Error },
    #[error("127.0.0.1:{port}{path} answers {answer}")]
    Answer { port: u16, path: String, answer: String },
}

/// Asks for `path` on this machine's own address and says whether 2xx or 3xx came back.
///
/// # Errors
/// [`Unwell`], when anything else came, or nothing.
pub fn ask(port: u16, path: &str) -> Result<(), Unwell> {
    let fits = |byte: u8| byte.is_ascii_graphic();
    if !path.starts_with('/') || !path.bytes().all(fits) {
        return Err(Unwell::NoPath { path: path.to_owned() });
    }
    let first_line = first_line_of(port, path);
    let first_line =
        first_line.map_err(|source| Unwell::Silent { port, path: path.to_owned(), source })?;
    let status = first_line.strip_prefix("HTTP/1.").and_then(|rest| rest.split(' ').nth(1));
    match status.and_then(|status| status.parse::<u16>().ok()) {
        Some(200..=399) => Ok(()),
        status => {
            let no_http = || format!("what is no HTTP: {first_line:?}");
            let answer = status.map_or_else(no_http, |status| status.to_string());
            Err(Unwell::Answer { port, path: path.to_owned(), answer })
        }
    }
}

fn first_line_of(port: u16, path: &str) -> io::Result<String> {
    let address = (Ipv4Addr::LOCALHOST, port).into();
    let mut connection = TcpStream::connect_timeout(&address, PATIENCE)?;
    connection.set_write_timeout(Some(PATIENCE))?;
    connection.set_read_timeout(Some(PATIENCE))?;
    let host = format!("127.0.0.1:{port}");
    let agent = concat!("gearshift-entry/", env!("CARGO_PKG_VERSION"));
    connection.write_all(
        format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {agent}\r\nConnection: close\r\n\r\n")
            .as_bytes(),
    )?;
    let mut line = Vec::new();
    // A status line is short; what is longer is something else.
    let mut answer = BufReader::new(io::Read::take(connection, 1024));
    answer.read_until(b'\n', &mut line)?;
    Ok(String::from_utf8_lossy(&line).trim_end().to_owned())
}
