//! What a request asks of the object store: its name, its law, what it is billed as.

use std::sync::Arc;

use gearshift_gear::Dimension;
use gearshift_laws::{Law, Laws, LawsError};
use hyper::http::request::Parts;
use hyper::{HeaderMap, Method};

/// The laws of the object store, looked up once.
pub(super) struct ObjectLaws {
    get: Arc<Law>,
    put: Arc<Law>,
    put_conditional: Arc<Law>,
}

impl ObjectLaws {
    pub(super) fn named_in(laws: &Laws) -> Result<Self, LawsError> {
        let named = |id| laws.named(id).map(|law| Arc::new(law.clone()));
        Ok(Self {
            get: named("s3.get_small")?,
            put: named("s3.put_small")?,
            put_conditional: named("s3.put_conditional")?,
        })
    }

    /// The law of a request. Those without one of their own take the nearest: lists and heads the
    /// read's, parts, copies and deletes the write's; what only touches buckets has none.
    pub(super) fn of(&self, asked: &ObjectCall) -> Option<&Arc<Law>> {
        match asked.kind {
            Kind::Read | Kind::List => Some(&self.get),
            Kind::Write if asked.conditional => Some(&self.put_conditional),
            Kind::Write | Kind::Delete => Some(&self.put),
            Kind::Management => None,
        }
    }
}

/// What an operation does to objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Read,
    List,
    Write,
    Delete,
    Management,
}

impl Kind {
    /// What one such request is billed as: PUT, COPY, POST and LIST at the one price, GET and all
    /// others at the other, DELETE and giving up an upload at none. Source:
    /// aws.amazon.com/s3/pricing, "Requests and data retrievals".
    pub(super) fn billed(self) -> Option<Dimension> {
        match self {
            Self::Write | Self::List => Some(Dimension::ObjectWriteRequest),
            Self::Read => Some(Dimension::ObjectReadRequest),
            Self::Delete | Self::Management => None,
        }
    }
}

/// What one request asks for, told by method, path and query as S3's REST API has them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ObjectCall {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// It has a condition on the object that is there.
    pub(super) conditional: bool,
}

impl ObjectCall {
    pub(super) fn of(head: &Parts) -> Self {
        let path = head.uri.path().trim_start_matches('/');
        let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
        let query = head.uri.query().unwrap_or_default();
        let (name, kind) = match (bucket, key) {
            ("", _) => ("ListBuckets", Kind::Management),
            (_, "") => of_bucket(&head.method, query),
            _ => of_object(&head.method, query, &head.headers),
        };
        let has = |header| head.headers.contains_key(header);
        Self { name, kind, conditional: has("if-match") || has("if-none-match") }
    }
}

/// Whether the query has this parameter, with or without a value.
fn asks(query: &str, parameter: &str) -> bool {
    let mut names = query.split('&').map(|pair| pair.split('=').next().unwrap_or_default());
    names.any(|name| name == parameter)
}

fn of_bucket(method: &Method, query: &str) -> (&'static str, Kind) {
    let lists = ["location", "versioning", "policy", "acl", "cors", "uploads"];
    match *method {
        Method::GET if lists.iter().any(|other| asks(query, other)) => {
            ("GetBucketSetting", Kind::Management)
        }
        Method::GET if asks(query, "list-type") => ("ListObjectsV2", Kind::List),
        Method::GET => ("ListObjects", Kind::List),
        Method::POST if asks(query, "delete") => ("DeleteObjects", Kind::Delete),
        Method::HEAD => ("HeadBucket", Kind::Management),
        Method::PUT => ("CreateBucket", Kind::Management),
        Method::DELETE => ("DeleteBucket", Kind::Management),
        _ => ("Unknown", Kind::Management),
    }
}

fn of_object(method: &Method, query: &str, headers: &HeaderMap) -> (&'static str, Kind) {
    match *method {
        Method::GET if asks(query, "uploadId") => ("ListParts", Kind::List),
        Method::GET => ("GetObject", Kind::Read),
        Method::HEAD => ("HeadObject", Kind::Read),
        Method::PUT if asks(query, "partNumber") => ("UploadPart", Kind::Write),
        Method::PUT if headers.contains_key("x-amz-copy-source") => ("CopyObject", Kind::Write),
        Method::PUT => ("PutObject", Kind::Write),
        Method::POST if asks(query, "uploads") => ("CreateMultipartUpload", Kind::Write),
        Method::POST if asks(query, "uploadId") => ("CompleteMultipartUpload", Kind::Write),
        Method::DELETE if asks(query, "uploadId") => ("AbortMultipartUpload", Kind::Delete),
        Method::DELETE => ("DeleteObject", Kind::Delete),
        _ => ("Unknown", Kind::Management),
    }
}

#[cfg(test)]
mod tests {
    use hyper::Request;

    use super::*;

    fn asked(method: &str, uri: &str, headers: &[(&str, &str)]) -> ObjectCall {
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        ObjectCall::of(&request.body(()).expect("a request").into_parts().0)
    }

    #[test]
    fn every_operation_is_held_to_its_law_and_billed_by_its_kind() {
        use Dimension::{ObjectReadRequest as Read, ObjectWriteRequest as Write};
        let laws = ObjectLaws::named_in(&Laws::shipped()).unwrap();
        let source = [("x-amz-copy-source", "/b/other")];
        for (method, uri, headers, name, law, billed) in [
            ("GET", "/b/k", &[][..], "GetObject", "s3.get_small", Some(Read)),
            ("GET", "/b/a/b?x-id=GetObject", &[], "GetObject", "s3.get_small", Some(Read)),
            ("HEAD", "/b/k", &[], "HeadObject", "s3.get_small", Some(Read)),
            ("GET", "/b?list-type=2&prefix=a", &[], "ListObjectsV2", "s3.get_small", Some(Write)),
            ("GET", "/b/", &[], "ListObjects", "s3.get_small", Some(Write)),
            ("PUT", "/b/k", &[], "PutObject", "s3.put_small", Some(Write)),
            ("PUT", "/b/k", &source, "CopyObject", "s3.put_small", Some(Write)),
            ("PUT", "/b/k?partNumber=1&uploadId=u", &[], "UploadPart", "s3.put_small", Some(Write)),
            ("POST", "/b/k?uploads", &[], "CreateMultipartUpload", "s3.put_small", Some(Write)),
            ("DELETE", "/b/k", &[], "DeleteObject", "s3.put_small", None),
            ("POST", "/b?delete", &[], "DeleteObjects", "s3.put_small", None),
            ("DELETE", "/b/k?uploadId=u", &[], "AbortMultipartUpload", "s3.put_small", None),
        ] {
            let asked = asked(method, uri, headers);
            let held = laws.of(&asked).map(|law| law.id.0.as_str());
            assert_eq!((asked.name, held), (name, Some(law)), "{method} {uri}");
            assert_eq!(asked.kind.billed(), billed, "{method} {uri}");
        }
    }

    #[test]
    fn a_condition_makes_a_write_a_compare_and_swap_and_leaves_a_read_a_read() {
        let laws = ObjectLaws::named_in(&Laws::shipped()).unwrap();
        for condition in [("if-match", "\"a\""), ("if-none-match", "*")] {
            let swap = asked("PUT", "/b/k", &[condition]);
            assert_eq!(laws.of(&swap).unwrap().id.0, "s3.put_conditional");
            let read = asked("GET", "/b/k", &[condition]);
            assert_eq!(laws.of(&read).unwrap().id.0, "s3.get_small");
        }
    }

    #[test]
    fn what_only_touches_buckets_has_no_law_and_no_price() {
        let laws = ObjectLaws::named_in(&Laws::shipped()).unwrap();
        for (method, uri) in
            [("GET", "/"), ("PUT", "/b"), ("HEAD", "/b"), ("DELETE", "/b/"), ("GET", "/b?location")]
        {
            let asked = asked(method, uri, &[]);
            assert!(laws.of(&asked).is_none() && asked.kind.billed().is_none(), "{asked:?}");
        }
    }
}
