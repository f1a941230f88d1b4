//! A registry that wants a token, asks for patience, fails, or cuts the line.

use std::io::Write;
use std::process::Stdio;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::build::json;
use crate::common::Folder;
use crate::faulty::{Criteria, Fault, Faulty};
use crate::registry::{said, with_hits};
use crate::server::{PASSWORD, Server, Setup, USER};

fn faulty() -> Option<(Server, Faulty)> {
    let server = Server::or_skip(Setup::default())?;
    let faulty = Faulty::before(server.port);
    Some((server, faulty))
}

fn push(folder: &Folder, faulty: &Faulty) -> std::process::Output {
    folder.run(&["image", "push", "image", &faulty.image("hits:1"), "--plain-http", "--json"])
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!("{status}\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}")
}

/// Lets pass whoever has a token for what is asked; gives tokens for a password.
fn token_guard(port: u16) -> impl Fn(&Criteria) -> Option<String> {
    move |asked| {
        let authorization = asked.header("authorization").unwrap_or_default();
        if asked.path.starts_with("/token?") {
            let expected = format!("Basic {}", STANDARD.encode(format!("{USER}:{PASSWORD}")));
            if authorization != expected {
                let body = r#"{"errors":[{"code":"UNAUTHORIZED","message":"wrong password"}]}"#;
                return Some(answer("401 Unauthorized", "", body));
            }
            let push =
                asked.path.contains("push") && asked.path.contains("service=test%20registry");
            let token = if push { "for-pushing" } else { "for-pulling" };
            return Some(answer("200 OK", "", &format!(r#"{{"access_token":"{token}"}}"#)));
        }
        let writes = !["GET", "HEAD"].contains(&asked.method.as_str());
        let fits = match authorization {
            "Bearer for-pushing" => true,
            "Bearer for-pulling" => !writes,
            _ => false,
        };
        let actions = if writes { "pull,push" } else { "pull" };
        let challenge = format!(
            "WWW-Authenticate: Bearer realm=\"http://127.0.0.1:{port}/token\",\
             service=\"test registry\",scope=\"repository:hits:{actions}\"\r\n"
        );
        (!fits).then(|| answer("401 Unauthorized", &challenge, "{}"))
    }
}

#[test]
fn a_registry_that_answers_401_gets_a_token_for_each_thing_it_asks_one_for() {
    let Some((_server, faulty)) = faulty() else { return };
    faulty.guard(token_guard(faulty.port));
    let (folder, built) = with_hits();
    let push = |password: &str| {
        let mut command =
            folder.gearshift(&["image", "push", "image", &faulty.image("hits:1"), "--plain-http"]);
        command.args(["--username", USER, "--password-stdin"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(password.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    };
    let refused = push("guess");
    assert_eq!(refused.status.code(), Some(1));
    assert!(said(&refused).contains("401: wrong password"), "{}", said(&refused));
    // As `aws ecr get-login-password` prints it: with a line's end.
    let pushed = push(&format!("{PASSWORD}\n"));
    assert!(pushed.status.success(), "{}", said(&pushed));
    let bought = faulty.asked("GET", "/token").len();
    assert_eq!(bought, 3, "one refused, one to look, one to write");
    let printed = String::from_utf8(pushed.stdout).unwrap();
    assert!(printed.contains(built["digest"].as_str().unwrap()), "{printed}");
}

#[test]
fn a_registry_that_answers_429_is_waited_for_as_long_as_it_asks() {
    let Some((_server, faulty)) = faulty() else { return };
    let (folder, _) = with_hits();
    let later = answer("429 Too Many Requests", "Retry-After: 1\r\n", "{}");
    faulty.spoil(2, "HEAD", "/blobs/", Fault::Answer(later.clone()));
    faulty.spoil(2, "PUT", "/manifests/", Fault::Answer(later));
    let pushed = push(&folder, &faulty);
    assert!(pushed.status.success(), "{}", said(&pushed));
    assert_eq!(faulty.asked("PUT", "/manifests/1").len(), 3);
}

#[test]
fn a_registry_that_asks_for_an_hour_is_given_up_with_its_own_words() {
    let Some((_server, faulty)) = faulty() else { return };
    let (folder, _) = with_hits();
    let body = r#"{"errors":[{"code":"TOOMANYREQUESTS","message":"pull rate limit"}]}"#;
    let later = answer("429 Too Many Requests", "Retry-After: 3600\r\n", body);
    faulty.spoil(1, "POST", "/uploads/", Fault::Answer(later));
    let pushed = push(&folder, &faulty);
    assert_eq!(pushed.status.code(), Some(1));
    let said = said(&pushed);
    assert!(
        said.contains("429: pull rate limit (it asks for 3600 s)") && said.contains('→'),
        "{said}"
    );
}

#[test]
fn a_registry_that_answers_500_is_asked_again_and_at_last_named() {
    let Some((_server, faulty)) = faulty() else { return };
    let (folder, _) = with_hits();
    let broken = answer("500 Internal Server Error", "", "<html>");
    for (method, path) in [("POST", "/uploads/"), ("PATCH", "/uploads/"), ("PUT", "/uploads/")] {
        faulty.spoil(1, method, path, Fault::Answer(broken.clone()));
    }
    let pushed = push(&folder, &faulty);
    assert!(pushed.status.success(), "{}", said(&pushed));
    faulty.spoil(100, "PUT", "/manifests/", Fault::Answer(broken));
    let refused = push(&folder, &faulty);
    assert_eq!(refused.status.code(), Some(1));
    let said = said(&refused);
    let expected = "fails at writing hits:1: status 500, 5 times in a row → try again later";
    assert!(said.contains(expected), "{said}");
}

#[test]
fn an_upload_that_is_cut_goes_on_where_the_line_broke() {
    let Some((_server, faulty)) = faulty() else { return };
    faulty.keep_parts();
    let (folder, built) = with_hits();
    let size = built["layers"][1]["compressed_bytes"].as_u64().unwrap();
    faulty.spoil(1, "PATCH", "/uploads/", Fault::CutRequest(1_000_000));
    faulty.spoil(2, "PATCH", "/uploads/", Fault::CutRequest(1_500_000));
    let pushed = push(&folder, &faulty);
    assert!(pushed.status.success(), "{}", said(&pushed));
    let blobs = json(&String::from_utf8(pushed.stdout).unwrap())["blobs"].clone();
    assert_eq!(blobs[1]["resumed"], 2, "{blobs}");
    let of_program: Vec<_> =
        faulty.asked("PATCH", "").into_iter().filter(|a| a.length() > 100_000).collect();
    assert_eq!(of_program.len(), 3, "{of_program:?}");
    for later in &of_program[1..] {
        let range = later.header("content-range").expect("a part");
        let from: u64 = range.split('-').next().unwrap().parse().unwrap();
        assert!(from > 0 && from + later.length() == size, "{range} of {size}");
    }
    folder.text(&["image", "show", &faulty.image("hits:1"), "--plain-http"]);
}

#[test]
fn an_upload_that_is_cut_begins_anew_where_the_registry_keeps_no_parts() {
    let Some((_server, faulty)) = faulty() else { return };
    let (folder, built) = with_hits();
    faulty.spoil(2, "PATCH", "/uploads/", Fault::CutRequest(1_500_000));
    let pushed = push(&folder, &faulty);
    assert!(pushed.status.success(), "{}", said(&pushed));
    let show =
        folder.isolated(&["image", "show", &faulty.image("hits:1"), "--plain-http", "--json"]);
    assert_eq!(json(&show)["digest"], built["digest"]);
}

#[test]
fn an_upload_that_is_cut_every_time_says_how_far_it_came() {
    let Some((_server, faulty)) = faulty() else { return };
    let (folder, _) = with_hits();
    faulty.spoil(100, "PATCH", "/uploads/", Fault::CutRequest(0));
    let pushed = push(&folder, &faulty);
    assert_eq!(pushed.status.code(), Some(1));
    let said = said(&pushed);
    assert!(said.contains("0 of 196 bytes sent") && said.contains("→ "), "{said}");
}

#[test]
fn an_upload_whose_last_answer_is_lost_is_found_to_be_there() {
    let Some((_server, faulty)) = faulty() else { return };
    let (folder, _) = with_hits();
    faulty.spoil(2, "PUT", "/uploads/", Fault::CutAnswer(0));
    let pushed = push(&folder, &faulty);
    assert!(pushed.status.success(), "{}", said(&pushed));
}

#[test]
fn a_download_that_is_cut_goes_on_where_the_line_broke() {
    let Some((_server, faulty)) = faulty() else { return };
    let (folder, built) = with_hits();
    assert!(push(&folder, &faulty).status.success());
    let program = built["layers"][1]["digest"].as_str().unwrap();
    faulty.spoil(2, "GET", program, Fault::CutAnswer(1_000_000));
    let show =
        folder.isolated(&["image", "show", &faulty.image("hits:1"), "--plain-http", "--json"]);
    assert_eq!(json(&show)["digest"], built["digest"]);
    let asked = faulty.asked("GET", program);
    assert_eq!(asked.len(), 3);
    for later in &asked[1..] {
        let range = later.header("range").expect("a part");
        let from: u64 =
            range.strip_prefix("bytes=").unwrap().trim_end_matches('-').parse().unwrap();
        assert!(from > 500_000, "{range}");
    }
}

#[test]
fn a_damaged_download_is_named_and_not_kept() {
    let Some((_server, faulty)) = faulty() else { return };
    let (folder, built) = with_hits();
    assert!(push(&folder, &faulty).status.success());
    let program = built["layers"][1]["digest"].as_str().unwrap();
    faulty.spoil(1, "GET", program, Fault::DamageAnswer(2_000_000));
    let name = faulty.image("hits:1");
    let show = ["image", "show", &name, "--plain-http", "--json"];
    let refused = folder.run_isolated(&show);
    let said = said(&refused);
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(
        said.contains(program) && said.contains("is damaged") && said.contains("pull again"),
        "{said}"
    );
    assert_eq!(json(&folder.isolated(&show))["digest"], built["digest"]);
}

#[test]
fn what_is_not_there_and_who_is_no_registry_is_told() {
    let Some((_server, faulty)) = faulty() else { return };
    let folder = Folder::new();
    let show = |name: String| folder.run(&["image", "show", &name, "--plain-http"]);
    let missing = show(faulty.image("nothing:1"));
    assert!(said(&missing).contains("has no image nothing:1"), "{}", said(&missing));
    let port = crate::tool::free_port();
    let nobody = show(format!("127.0.0.1:{port}/hits"));
    assert!(said(&nobody).contains("cannot be reached"), "{}", said(&nobody));
    faulty.spoil(1, "GET", "/manifests/", Fault::Answer(answer("200 OK", "", "<html>")));
    let page = show(faulty.image("hits:1"));
    assert!(said(&page).contains("is no image"), "{}", said(&page));
}
