//! A headless browser of the Chromium family, and what can be seen through it.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde::de::DeserializeOwned;

const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
/// A browser that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(90);
/// What a browser asks its maker for on its own is switched off: the page is to be heard alone.
const QUIET: [&str; 17] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--disable-features=NetworkTimeServiceQuerying,OptimizationHints,MediaRouter,Translate",
    "--component-updater=url-source=http://127.0.0.1:1",
    "--gaia-url=http://127.0.0.1:1",
    "--allow-browser-signin=false",
    "--incognito",
    "--enable-logging=stderr",
];
const FRAME: &str = include_str!("frame.html");
const LOOK: &str = include_str!("look.js");
const PRESS: &str = include_str!("press.js");

/// Where pages and pictures are left for people: `target/tmp/screens`.
pub fn screens() -> Screens {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("screens");
    fs::create_dir_all(&dir).unwrap();
    Screens { dir }
}

pub struct Screens {
    dir: PathBuf,
}

impl Screens {
    fn keep(&self, name: &str, html: &str) -> PathBuf {
        let path = self.dir.join(format!("{name}.html"));
        fs::write(&path, html).unwrap();
        path
    }
}

#[derive(Clone, Copy)]
pub enum Scheme {
    Light,
    Dark,
}

/// What the page itself and the browser around it said.
#[derive(Debug, Default, Deserialize)]
pub struct Seen {
    pub scroll_width: u32,
    pub scroll_height: u32,
    /// Pictures that are not mere decoration.
    pub charts: usize,
    /// Those without words for who does not see them.
    pub nameless: Vec<String>,
    /// Texts in pictures that leave the picture, and pairs that lie on each other.
    pub clipped: Vec<String>,
    pub overlapping: Vec<String>,
    #[serde(skip)]
    pub console: Vec<String>,
    /// First lines of what came in at the proxy.
    #[serde(skip)]
    pub requests: Vec<String>,
}

/// What pressing a button came to: `saved` or `copied`, the file's ending or how the text begins,
/// its size in bytes or letters, and the first word that is shown.
#[derive(Debug, Deserialize, PartialEq)]
pub struct Pressed(pub String, pub String, pub usize, pub String);

pub struct Browser {
    program: PathBuf,
}

struct Ran {
    out: String,
    console: Vec<String>,
    requests: Vec<String>,
}

impl Browser {
    pub fn find() -> Self {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let places: Vec<PathBuf> = std::env::split_paths(&path).collect();
        let programs = NAMES.iter().flat_map(|name| places.iter().map(move |dir| dir.join(name)));
        let program = programs.into_iter().find(|program| program.is_file());
        let program = program.unwrap_or_else(|| {
            panic!(
                "no browser: none of {} is on the path → apt-get install chromium (Debian, Ubuntu), \
                 dnf install chromium (Fedora)",
                NAMES.join(", ")
            )
        });
        Self { program }
    }

    /// Opens a page and looks at it. In a frame: a window is not made narrower than 500 pixels.
    pub fn look(&self, name: &str, html: &str, width: u32) -> Seen {
        let page = screens().keep(&format!("{name}-framed"), &with_script(html, LOOK));
        let file = page.file_name().unwrap().to_string_lossy();
        let frame = FRAME.replace("PAGE", &file).replace("WIDTH", &width.to_string());
        let frame = screens().keep(&format!("{name}-frame"), &frame);
        let flags = ["--dump-dom", "--window-size=1600,1000", "--virtual-time-budget=5000"];
        let ran = self.open(&frame, &flags.map(str::to_owned));
        let seen: Seen = report(&ran.out);
        fs::remove_file(page).unwrap();
        fs::remove_file(frame).unwrap();
        Seen { console: ran.console, requests: ran.requests, ..seen }
    }

    /// Presses all buttons in turn, where copying is granted or refused.
    pub fn press_all(&self, name: &str, html: &str, granted: bool) -> Vec<Pressed> {
        let clipboard = if granted { "granted" } else { "refused" };
        let page = with_script(html, &PRESS.replace("CLIPBOARD", clipboard));
        let path = screens().keep(&format!("{name}-pressed"), &page);
        // Narrow enough for the phone's layout.
        let flags = ["--dump-dom", "--virtual-time-budget=20000", "--window-size=500,900"];
        let ran = self.open(&path, &flags.map(str::to_owned));
        assert_eq!(ran.console, Vec::<String>::new(), "while pressing buttons");
        fs::remove_file(path).unwrap();
        report(&ran.out)
    }

    /// A picture of this width and height, kept as `NAME.png`.
    pub fn screenshot(
        &self,
        name: &str,
        html: &str,
        (width, height): (u32, u32),
        scheme: Scheme,
    ) -> Picture {
        let page = screens().keep(name, html);
        let picture = screens().dir.join(format!("{name}.png"));
        let scheme = match scheme {
            Scheme::Dark => 0,
            Scheme::Light => 1,
        };
        let flags = [
            format!("--screenshot={}", picture.display()),
            format!("--window-size={width},{height}"),
            format!("--blink-settings=preferredColorScheme={scheme}"),
        ];
        self.open(&page, &flags);
        Picture::read(&picture)
    }

    fn open(&self, page: &Path, flags: &[String]) -> Ran {
        let profile = tempfile::tempdir().unwrap();
        let (out, log) = (profile.path().join("out"), profile.path().join("log"));
        let (port, requests) = proxy();
        let mut child = Command::new(&self.program)
            .args(QUIET)
            .args(flags)
            .arg(format!("--user-data-dir={}", profile.path().join("profile").display()))
            // Loopback too: nothing but the file may be asked for.
            .arg(format!("--proxy-server=127.0.0.1:{port}"))
            .arg("--proxy-bypass-list=<-loopback>")
            .arg(format!("file://{}", page.display()))
            .stdin(Stdio::null())
            .stdout(File::create(&out).unwrap())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap_or_else(|error| panic!("{} does not start: {error}", self.program.display()));
        let began = Instant::now();
        while child.try_wait().unwrap().is_none() {
            if began.elapsed() > PATIENCE {
                child.kill().unwrap();
                panic!("{} hangs at {}", self.program.display(), page.display());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let log = fs::read(&log).unwrap();
        let log = String::from_utf8_lossy(&log);
        let console = log.lines().filter(|line| line.contains("CONSOLE")).map(str::to_owned);
        let requests = requests.lock().unwrap().clone();
        let out = String::from_utf8_lossy(&fs::read(&out).unwrap()).into_owned();
        Ran { out, console: console.collect(), requests }
    }
}

/// A proxy that lets nothing through and notes what was asked of it.
fn proxy() -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let requests = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&requests);
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut first = String::new();
            let _ = BufReader::new(&stream).read_line(&mut first);
            noted.lock().unwrap().push(first.trim().to_owned());
            let _ = (&stream)
                .write_all(b"HTTP/1.1 403 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        }
    });
    (port, requests)
}

fn with_script(html: &str, script: &str) -> String {
    html.replacen("</head>", &format!("<script>{script}</script></head>"), 1)
}

/// What the script left in the document.
fn report<T: DeserializeOwned>(dom: &str) -> T {
    let text = dom.split("<pre id=\"seen\">").nth(1).and_then(|rest| rest.split("</pre>").next());
    let text = text.unwrap_or_else(|| panic!("the page's script did not run: {dom:.2000}"));
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

pub struct Picture {
    pub width: u32,
    /// How many pixels have which colour.
    counts: HashMap<[u8; 3], usize>,
}

impl Picture {
    fn read(path: &Path) -> Self {
        let file = File::open(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let mut decoder = png::Decoder::new(std::io::BufReader::new(file));
        decoder.set_transformations(png::Transformations::normalize_to_color8());
        let mut reader = decoder.read_info().unwrap();
        let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut bytes).unwrap();
        let mut counts = HashMap::new();
        for pixel in bytes.chunks_exact(info.color_type.samples()) {
            *counts.entry([pixel[0], pixel[1], pixel[2]]).or_default() += 1;
        }
        Self { width: info.width, counts }
    }

    pub fn colours(&self) -> usize {
        self.counts.len()
    }

    /// The most common colour's lightness, 0 to 255.
    pub fn ground(&self) -> u8 {
        let (colour, _) = self.most();
        (colour.iter().map(|part| u32::from(*part)).sum::<u32>() / 3) as u8
    }

    /// The share of pixels of any other colour.
    pub fn inked(&self) -> f64 {
        let all: usize = self.counts.values().sum();
        1.0 - *self.most().1 as f64 / all as f64
    }

    fn most(&self) -> (&[u8; 3], &usize) {
        self.counts.iter().max_by_key(|(_, count)| **count).expect("a picture has pixels")
    }
}
