//! The OpenAPI document as a page, which every service and function serves as a file.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use serde_json::{Map, Value};

#[test]
fn the_docs_page_shows_the_openapi_document() {
    let routes = Path::new(env!("CARGO_MANIFEST_DIR")).join("../hits/src");
    let document = fs::read_to_string(routes.join("openapi.json")).expect("it is in the tree");
    let page = page(&serde_json::from_str(&document).expect("openapi.json is JSON"));
    let file = routes.join("docs.html");
    if std::env::var_os("UPDATE_DOCS_PAGE").is_some() {
        fs::write(&file, &page).expect("the tree can be written to");
    }
    assert!(
        fs::read_to_string(&file).is_ok_and(|is| is == page),
        "docs.html is not what openapi.json says → UPDATE_DOCS_PAGE=1 cargo test -p gearshift-services docs"
    );
}

const HEAD: &str = "<!doctype html><html lang=en><meta charset=utf-8>\
<meta name=viewport content='width=device-width,initial-scale=1'><title>hits: routes</title><style>\
:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;\
padding:0 1rem}h2{font-size:1rem;margin:2rem 0 .25rem}code{font-family:ui-monospace,monospace}\
p,ul{margin:.25rem 0}small{opacity:.75}</style>";

fn page(document: &Value) -> String {
    let mut html = HEAD.to_owned();
    let info = &document["info"];
    write!(
        html,
        "<h1>{}</h1><p>{}</p><p><a href=openapi.json>openapi.json</a></p>",
        text(&info["title"]),
        text(&info["description"])
    )
    .expect("writing to a string");
    for (path, operations) in members(&document["paths"]) {
        for (method, operation) in members(operations).filter(|(name, _)| *name != "parameters") {
            html += &section(path, method, operation);
        }
    }
    html
}

fn section(path: &str, method: &str, operation: &Value) -> String {
    let mut html = format!(
        "<h2><code>{} {}</code></h2><p>{}</p><ul>",
        escape(&method.to_uppercase()),
        escape(path),
        text(&operation["summary"])
    );
    for (status, response) in members(&operation["responses"]) {
        let types = members(&response["content"]).map(|(name, _)| escape(name));
        write!(
            html,
            "<li><code>{}</code> {} <small>{}</small>",
            escape(status),
            text(&response["description"]),
            types.collect::<Vec<_>>().join(", ")
        )
        .expect("writing to a string");
    }
    html + "</ul>"
}

fn members(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter).map(|(key, value)| (key.as_str(), value))
}

fn text(value: &Value) -> String {
    escape(value.as_str().unwrap_or_default())
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
