//! A registry that fails as told: stands before a real one, passes on what it is not told to spoil,
//! and writes down what was asked.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// What becomes of one request.
#[derive(Clone, Debug)]
pub enum Fault {
    /// It is answered with this, from the status on, and not passed on.
    Answer(String),
    /// The line breaks after so many bytes of the request's body, which are passed on.
    CutRequest(u64),
    /// The line breaks after so many bytes of the answer, headers included.
    CutAnswer(u64),
    /// This byte of the answer's body is another.
    DamageAnswer(u64),
}

/// A fault, and the requests that meet it.
#[derive(Clone, Debug)]
struct Rule {
    method: String,
    /// A part of the path.
    path: String,
    times: usize,
    fault: Fault,
}

/// One request, as it came.
#[derive(Clone, Debug, Default)]
pub struct Criteria {
    pub method: String,
    pub path: String,
    headers: Vec<(String, String)>,
}

impl Criteria {
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    pub fn length(&self) -> u64 {
        self.header("content-length").and_then(|text| text.parse().ok()).unwrap_or(0)
    }
}

/// Says what a request is answered with, where it is not passed on.
type Guard = Box<dyn Fn(&Criteria) -> Option<String> + Send + Sync>;

struct Shared {
    behind: u16,
    rules: Mutex<Vec<Rule>>,
    asked: Mutex<Vec<Criteria>>,
    guard: Mutex<Option<Guard>>,
    /// Uploads by their path, where parts of them are kept.
    kept: Mutex<Option<Kept>>,
}

type Kept = BTreeMap<String, Vec<u8>>;

/// Stands until the test's process ends.
#[derive(Clone)]
pub struct Faulty {
    pub port: u16,
    shared: Arc<Shared>,
}

impl Faulty {
    /// Before the registry on this port.
    pub fn before(behind: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (rules, asked, guard, kept) = Default::default();
        let shared = Arc::new(Shared { behind, rules, asked, guard, kept });
        let faulty = Self { port, shared: shared.clone() };
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let shared = shared.clone();
                thread::spawn(move || _ = serve(&shared, connection));
            }
        });
        faulty
    }

    pub fn image(&self, name: &str) -> String {
        format!("127.0.0.1:{}/{name}", self.port)
    }

    /// Spoils the next so many requests of this kind.
    pub fn spoil(&self, times: usize, method: &str, path: &str, fault: Fault) {
        let (method, path) = (method.to_owned(), path.to_owned());
        self.shared.rules.lock().unwrap().push(Rule { method, path, times, fault });
    }

    pub fn guard(&self, guard: impl Fn(&Criteria) -> Option<String> + Send + Sync + 'static) {
        *self.shared.guard.lock().unwrap() = Some(Box::new(guard));
    }

    /// Keeps what arrives of an upload that is cut, as registries may and `docker-registry` does not.
    pub fn keep_parts(&self) {
        *self.shared.kept.lock().unwrap() = Some(Kept::new());
    }

    /// The requests of this kind so far.
    pub fn asked(&self, method: &str, path: &str) -> Vec<Criteria> {
        let asked = self.shared.asked.lock().unwrap();
        let fits = |asked: &&Criteria| asked.method == method && asked.path.contains(path);
        asked.iter().filter(fits).cloned().collect()
    }
}

/// One request a connection.
fn serve(shared: &Shared, client: TcpStream) -> io::Result<()> {
    let mut reader = BufReader::new(client.try_clone()?);
    let Some(asked) = read_head(&mut reader)? else { return Ok(()) };
    shared.asked.lock().unwrap().push(asked.clone());
    let fault = next_fault(shared, &asked);
    let guarded = shared.guard.lock().unwrap().as_ref().and_then(|guard| guard(&asked));
    let answer = match &fault {
        Some(Fault::Answer(answer)) => Some(answer.clone()),
        _ => guarded,
    };
    if let Some(answer) = answer {
        io::copy(&mut reader.take(asked.length()), &mut io::sink())?;
        return (&client).write_all(format!("HTTP/1.1 {answer}").as_bytes());
    }
    if asked.path.contains("/blobs/uploads/") && shared.kept.lock().unwrap().is_some() {
        return keep(shared, &asked, fault, reader, client);
    }
    let behind = TcpStream::connect(("127.0.0.1", shared.behind))?;
    pass_on(&asked, &behind)?;
    let sent = match fault {
        Some(Fault::CutRequest(most)) => asked.length().min(most),
        _ => asked.length(),
    };
    io::copy(&mut reader.take(sent), &mut &behind)?;
    if sent < asked.length() {
        client.shutdown(Shutdown::Both)?;
        return behind.shutdown(Shutdown::Both);
    }
    match fault {
        Some(Fault::CutAnswer(most)) => {
            io::copy(&mut behind.take(most), &mut &client)?;
            client.shutdown(Shutdown::Both)
        }
        Some(Fault::DamageAnswer(at)) => damaged(behind, &client, at),
        _ => io::copy(&mut &behind, &mut &client).map(|_| ()),
    }
}

/// Takes part in an upload (distribution-spec 1.1, pushing a blob in chunks).
fn keep(
    shared: &Shared,
    asked: &Criteria,
    fault: Option<Fault>,
    reader: impl Read,
    mut client: TcpStream,
) -> io::Result<()> {
    let (place, query) = asked.path.split_once('?').unwrap_or((&asked.path, ""));
    let most = match fault {
        Some(Fault::CutRequest(most)) => asked.length().min(most),
        _ => asked.length(),
    };
    let mut arrived = Vec::new();
    reader.take(most).read_to_end(&mut arrived)?;
    let mut kept = shared.kept.lock().unwrap();
    let uploads = kept.as_mut().unwrap();
    let number = uploads.len();
    let answer = match asked.method.as_str() {
        "POST" => {
            uploads.insert(format!("{place}{number}"), Vec::new());
            format!("202 Accepted\r\nLocation: {place}{number}\r\n")
        }
        "PUT" => {
            let digest = query.rsplit("digest=").next().unwrap();
            store(shared.behind, place, digest, &uploads[place])?
        }
        method => {
            let whole = uploads.get_mut(place).unwrap();
            let from =
                asked.header("content-range").map_or("0", |range| range.split('-').next().unwrap());
            if method == "PATCH" && from != whole.len().to_string() {
                "416 Range Not Satisfiable\r\n".to_owned()
            } else {
                whole.extend(arrived);
                let last = whole.len().saturating_sub(1);
                let status = if method == "GET" { "204 No Content" } else { "202 Accepted" };
                format!("{status}\r\nLocation: {place}\r\nRange: 0-{last}\r\n")
            }
        }
    };
    if most < asked.length() {
        return client.shutdown(Shutdown::Both);
    }
    client.write_all(
        format!("HTTP/1.1 {answer}Content-Length: 0\r\nConnection: close\r\n\r\n").as_bytes(),
    )
}

/// Hands a whole blob on to the registry behind.
fn store(behind: u16, place: &str, digest: &str, blob: &[u8]) -> io::Result<String> {
    let ask = |method: &str, path: &str, body: &[u8]| {
        let mut connection = TcpStream::connect(("127.0.0.1", behind))?;
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n"
        );
        connection.write_all(head.as_bytes())?;
        connection.write_all(body)?;
        let mut answer = String::new();
        connection.read_to_string(&mut answer)?;
        io::Result::Ok(answer)
    };
    let begun = ask("POST", &place[..=place.rfind('/').unwrap()], b"")?;
    let place = begun.lines().find_map(|line| line.strip_prefix("Location: http://x")).unwrap();
    let ended = ask("PUT", &format!("{place}&digest={digest}"), blob)?;
    let status = ended.lines().next().unwrap().split_once(' ').unwrap().1;
    Ok(format!("{status}\r\n"))
}

fn next_fault(shared: &Shared, asked: &Criteria) -> Option<Fault> {
    let mut rules = shared.rules.lock().unwrap();
    let meets = |rule: &&mut Rule| {
        rule.times > 0 && rule.method == asked.method && asked.path.contains(&rule.path)
    };
    let rule = rules.iter_mut().find(meets)?;
    rule.times -= 1;
    Some(rule.fault.clone())
}

fn read_head(reader: &mut impl BufRead) -> io::Result<Option<Criteria>> {
    let mut first = String::new();
    if reader.read_line(&mut first)? == 0 {
        return Ok(None);
    }
    let mut words = first.split(' ').map(str::to_owned);
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.push((name.to_owned(), value.to_owned()));
    }
    Ok(Some(Criteria { method, path, headers }))
}

/// The head of a request, to a registry that wants to see no credentials.
fn pass_on(asked: &Criteria, mut behind: &TcpStream) -> io::Result<()> {
    let mut head = format!("{} {} HTTP/1.1\r\nConnection: close\r\n", asked.method, asked.path);
    for (name, value) in &asked.headers {
        if !["authorization", "connection"].contains(&name.to_lowercase().as_str()) {
            head += &format!("{name}: {value}\r\n");
        }
    }
    behind.write_all(format!("{head}\r\n").as_bytes())
}

fn damaged(behind: TcpStream, mut client: &TcpStream, at: u64) -> io::Result<()> {
    let mut answer = Vec::new();
    { behind }.read_to_end(&mut answer)?;
    let body = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
    answer[body + usize::try_from(at).unwrap()] ^= 1;
    client.write_all(&answer)
}
