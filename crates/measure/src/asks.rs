//! What is asked of the service that is compared.

use gearshift_gear::Row;
use gearshift_load::{Expect, ExpectBody, Job, Mode, Request};

/// The requests a service is measured with, and how it counts.
#[derive(Clone, Debug, PartialEq)]
pub struct Asks {
    /// At least one; the first is also what cold starts are measured with.
    pub requests: Vec<Request>,
    /// None: nothing is known of what it keeps.
    pub counter: Option<CounterPaths>,
    /// Someone else's service: what it keeps is found out, not required.
    pub own: bool,
}

/// Where a service counts: `add` raises the counter by one and answers with the new value, `read`
/// with the value, both as a bare decimal number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CounterPaths {
    pub add: String,
    pub add_method: String,
    pub read: String,
}

impl Asks {
    /// What is asked of the built-in service.
    pub fn hits() -> Self {
        let expect = Expect { status: 200, body: ExpectBody::Count };
        let count = Request {
            path: "/hits".to_owned(),
            method: "GET".to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
            weight: 1,
            expect,
        };
        let counter = CounterPaths {
            add: "/hits".to_owned(),
            add_method: "POST".to_owned(),
            read: "/hits/count".to_owned(),
        };
        Self { requests: vec![count], counter: Some(counter), own: false }
    }

    /// What is asked of this row: where its pools have routes, the same on each of them. The built-in
    /// service answers at a route itself, with who it is; what is counted behind several members is
    /// not one count.
    pub fn of_row(&self, row: &Row) -> Self {
        let pools = row.gear().pools.iter();
        let routes: Vec<&str> = pools.filter_map(|pool| pool.route.as_deref()).collect();
        if routes.is_empty() {
            return self.clone();
        }
        let on = |route: &str| -> Vec<Request> {
            if self.own {
                let at = |request: &Request| Request {
                    path: format!("{route}{}", request.path),
                    ..request.clone()
                };
                return self.requests.iter().map(at).collect();
            }
            let expect = Expect { status: 200, body: ExpectBody::Any };
            let first = self.requests[0].clone();
            vec![Request { path: route.to_owned(), expect, ..first }]
        };
        let requests = routes.into_iter().flat_map(on).collect();
        Self { requests, counter: None, own: self.own }
    }

    /// All kinds of requests by weight.
    pub fn job(&self, url: &str, mode: Mode) -> Job {
        Job { mix: self.requests.clone(), ..Job::new(url, mode) }
    }

    /// The first kind alone.
    pub fn first(&self, url: &str, mode: Mode) -> Job {
        Job { mix: self.requests[..1].to_vec(), ..Job::new(url, mode) }
    }
}
