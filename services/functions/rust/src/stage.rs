//! Stages of an API.

use lambda_http::http::Uri;
use lambda_http::http::uri::PathAndQuery;
use lambda_http::request::RequestContext;
use lambda_http::{Request, RequestExt};

/// The request as the routes know it: a stage other than `$default` stands in front of the path
/// (`/prod/hits`) and is taken away.
pub fn without_stage(mut request: Request) -> Request {
    if let Some(uri) = stage(&request).and_then(|stage| strip(&request, &stage)) {
        *request.uri_mut() = uri;
    }
    request
}

fn stage(request: &Request) -> Option<String> {
    match request.request_context_ref()? {
        RequestContext::ApiGatewayV2(context) => context.stage.clone(),
        _ => None,
    }
}

fn strip(request: &Request, stage: &str) -> Option<Uri> {
    let prefix = format!("/{stage}");
    let path = match request.uri().path().strip_prefix(&prefix)? {
        // lambda_http puts the stage in front of a path that does not begin with `/stage/`, so
        // the stage's own root arrives as `/prod/prod`.
        _ if request.raw_http_path() == prefix => "/",
        rest if rest.starts_with('/') => rest,
        _ => return None,
    };
    let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
    let mut parts = request.uri().clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(format!("{path}{query}")).ok()?);
    Uri::from_parts(parts).ok()
}
