//! The FastAPI build, prepared with the real `pip`, run, and found again.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use gearshift_gear::Program;
use gearshift_prepare::{Look, Preparer};
use walkdir::WalkDir;

const BUILD: &str = "fastapi";

/// Ended when dropped.
struct Running {
    process: Child,
    address: String,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Running {
    fn start(program: &Program) -> Self {
        let mut process = Command::new(&program.command[0])
            .args(&program.command[1..])
            .current_dir(&program.root)
            .envs(program.variables.iter().map(|(name, value)| (name, value)))
            .env("PORT", "0")
            // What is not compiled yet would be, and show.
            .env("PYTHONDONTWRITEBYTECODE", "")
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut said = String::new();
        let stderr = process.stderr.take().expect("it is piped");
        BufReader::new(stderr).read_line(&mut said).expect("it says where it listens");
        let address = said.split("http://").nth(1).and_then(|rest| rest.split(' ').next());
        let address = address.unwrap_or_else(|| panic!("{said}")).to_owned();
        Self { process, address }
    }

    /// The body of the answer to GET.
    fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).expect("it listens");
        let request = format!("GET {path} HTTP/1.1\r\nhost: hits\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).expect("an HTTP answer")
    }
}

#[tokio::test]
async fn what_was_prepared_counts_shows_its_page_and_compiles_nothing_at_its_start() {
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("prepared");
    let program = Preparer::new(&cache).prepare(BUILD, &[], &|_| {}).await.expect("it is prepared");
    let runtime = program.runtime.as_ref().expect("it says what runs it").to_string();
    assert!(runtime.starts_with("uvicorn ") && runtime.contains(" on CPython 3."), "{runtime}");
    // With its packages: without them it would be some 20 KB.
    assert!(program.zip_bytes > 5_000_000, "{}", program.zip_bytes);

    let entry = program.root.parent().expect("an entry of the cache");
    let before = files(entry);
    let service = Running::start(&program);
    assert_eq!([service.get("/hits"), service.get("/hits")], ["1", "2"]);
    assert_eq!(service.get("/"), include_str!("../../../services/hits/src/page.html"));
    drop(service);
    assert_eq!(files(entry), before);

    assert_eq!(Preparer::new(&cache).look(BUILD), Look::ready(program));
}

fn files(directory: &Path) -> BTreeSet<PathBuf> {
    let entries = WalkDir::new(directory).into_iter();
    entries.map(|entry| entry.expect("it can be read").into_path()).collect()
}
