//! How rows answered, and what one does otherwise than another: that breaks when a service is moved.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::RowResult;

/// How a row answered one request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Answer {
    /// Such as `POST /orders` or `POST / with 7 MB`.
    pub request: String,
    pub status: Option<u16>,
    /// Those of the service, by name, each value that was sent.
    pub headers: BTreeMap<String, Vec<String>>,
    pub bytes: u64,
    /// Of the body, hex.
    pub sha256: String,
    /// It came in chunks, without its length being known.
    pub streamed: bool,
    /// What was different the second time on this row: `body` or a header's name.
    pub varies: BTreeSet<String>,
    /// Why there was none.
    pub error: Option<String>,
}

/// Something that one row does otherwise than another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Difference {
    pub row: String,
    /// The row that it is held against: the first that answered.
    pub than: String,
    pub request: String,
    /// `status`, `body`, `streaming`, `answer`, or a header's name.
    pub what: String,
    pub here: String,
    pub there: String,
}

/// What each row does otherwise than the first that answered.
pub fn differences(rows: &[RowResult]) -> Vec<Difference> {
    let mut answering = rows.iter().filter(|row| !row.answers.is_empty());
    let Some(first) = answering.next() else { return Vec::new() };
    answering.flat_map(|row| between(row, first)).collect()
}

fn between(row: &RowResult, first: &RowResult) -> Vec<Difference> {
    let mut found = Vec::new();
    for (here, there) in row.answers.iter().zip(&first.answers) {
        let mut differs = |what: &str, here_is: String, there_is: String| {
            found.push(Difference {
                row: row.row.clone(),
                than: first.row.clone(),
                request: here.request.clone(),
                what: what.to_owned(),
                here: here_is,
                there: there_is,
            });
        };
        let said = |answer: &Answer| match (&answer.error, answer.status) {
            (Some(error), _) => error.clone(),
            (None, status) => status.map(|status| status.to_string()).unwrap_or_default(),
        };
        if here.error.is_some() != there.error.is_some() {
            differs("answer", said(here), said(there));
            continue;
        }
        if here.status != there.status {
            // Its headers and body are those of another answer.
            differs("status", said(here), said(there));
            continue;
        }
        let varies = |name: &str| here.varies.contains(name) || there.varies.contains(name);
        let names: BTreeSet<&String> = here.headers.keys().chain(there.headers.keys()).collect();
        let value = |of: Option<&Vec<String>>| match of {
            Some(values) => values.join(" | "),
            None => "none".to_owned(),
        };
        for name in names.into_iter().filter(|name| !varies(name)) {
            let (a, b) = (here.headers.get(name), there.headers.get(name));
            if a != b {
                differs(name, value(a), value(b));
            }
        }
        if here.sha256 != there.sha256 && !varies("body") {
            let size = |answer: &Answer| format!("{} bytes", answer.bytes);
            differs("body", size(here), size(there));
        }
        if here.streamed != there.streamed {
            let word = |answer: &Answer| if answer.streamed { "streamed" } else { "in one piece" };
            differs("streaming", word(here).to_owned(), word(there).to_owned());
        }
    }
    found
}

/// What two answers of one row to one request do not have in common.
pub fn varying(first: &Answer, second: &Answer) -> BTreeSet<String> {
    let names = first.headers.keys().chain(second.headers.keys());
    let mut varies: BTreeSet<String> = names
        .filter(|name| first.headers.get(*name) != second.headers.get(*name))
        .cloned()
        .collect();
    if first.sha256 != second.sha256 {
        varies.insert("body".to_owned());
    }
    varies
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;

    fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Answer {
        let header = |(name, value): &(&str, &str)| ((*name).to_owned(), vec![(*value).to_owned()]);
        Answer {
            request: "GET /".to_owned(),
            status: Some(status),
            headers: headers.iter().map(header).collect(),
            bytes: body.len() as u64,
            sha256: format!("{:x}", Sha256::digest(body)),
            streamed: false,
            varies: BTreeSet::new(),
            error: None,
        }
    }

    fn rows(there: Answer, here: Answer) -> Vec<String> {
        let row = |name, answer| RowResult {
            answers: vec![answer],
            ..RowResult::empty(gearshift_gear::CATALOGUE.row(name).unwrap())
        };
        let found = differences(&[row("ec2", there), row("lambda", here)]);
        found.iter().map(|one| format!("{}: {} {}", one.what, one.here, one.there)).collect()
    }

    #[test]
    fn equal_answers_differ_in_nothing() {
        let one = answer(200, &[("content-type", "text/html")], "a");
        assert_eq!(rows(one.clone(), one), Vec::<String>::new());
    }

    #[test]
    fn another_status_header_or_body_is_told_once_each() {
        let there = answer(200, &[("etag", "1"), ("vary", "a")], "a");
        assert_eq!(rows(there.clone(), answer(413, &[], "too large")), ["status: 413 200"]);
        let other = answer(200, &[("etag", "2")], "ab");
        assert_eq!(rows(there, other), ["etag: 2 1", "vary: none a", "body: 2 bytes 1 bytes"]);
    }

    #[test]
    fn what_varies_on_one_row_is_no_difference_between_two() {
        let mut there = answer(200, &[("etag", "1")], "a");
        there.varies = ["etag", "body"].map(str::to_owned).into();
        assert_eq!(rows(there, answer(200, &[("etag", "2")], "b")), Vec::<String>::new());
        let again = answer(200, &[("etag", "2")], "b");
        let varies = varying(&answer(200, &[("etag", "1")], "a"), &again);
        assert_eq!(varies, ["body", "etag"].map(str::to_owned).into());
    }
}
