//! Becoming known to a registry: a password, or a token bought with one.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, USER_AGENT, WWW_AUTHENTICATE};
use hyper::http::request::Builder;
use hyper::{Method, Response, StatusCode};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use super::access::{AGENT, Access, Again, Attempt, Call, judged, said, text};
use super::challenge::Challenge;
use super::credentials::Credentials;
use super::error::RegistryError;
use super::http::Content;

impl Access {
    /// What to send as `Authorization` after this answer of status 401.
    pub(super) async fn authorize(
        &self,
        answer: &Response<Incoming>,
        call: &Call,
    ) -> Result<Result<String, Again>, RegistryError> {
        let headers = answer.headers().get_all(WWW_AUTHENTICATE).iter();
        let challenges = headers.filter_map(|header| Challenge::read(header.to_str().ok()?));
        let wanted =
            challenges.max_by_key(|challenge| matches!(challenge, Challenge::Bearer { .. }));
        match (wanted, &self.credentials) {
            (Some(Challenge::Bearer { realm, service, scope }), _) => {
                self.token(&realm, service.as_deref(), scope, call).await
            }
            (Some(Challenge::Basic), Some(Credentials::Password { username, password })) => {
                Ok(Ok(basic(username, password)))
            }
            (Some(Challenge::Basic), _) => {
                Err(self.denied(StatusCode::UNAUTHORIZED, "", &call.what))
            }
            (None, _) => Err(RegistryError::Strange {
                registry: self.registry.clone(),
                what: call.what.clone(),
                why: "it answers 401 without saying what it wants to see".to_owned(),
            }),
        }
    }

    /// Buys a token for all that was asked so far.
    async fn token(
        &self,
        realm: &str,
        service: Option<&str>,
        scope: Option<String>,
        call: &Call,
    ) -> Result<Result<String, Again>, RegistryError> {
        let strange = |why: String| RegistryError::Strange {
            registry: self.registry.clone(),
            what: call.what.clone(),
            why,
        };
        let readable = self.base.starts_with("https:") && !realm.starts_with("https:");
        if readable && self.credentials.is_some() {
            let why = format!("it sends to {realm}, where credentials could be read on the way");
            return Err(strange(why));
        }
        let scopes = self.asked_so_far(scope.as_deref());
        let (request, content) = self.token_request(realm, service, &scopes);
        let answer = match self.http.send(request, &content).await {
            Ok(answer) => judged(answer).await,
            Err(mut none) => {
                none.why = format!("{realm}: {}", none.why);
                return Ok(Err(none.into()));
            }
        };
        let answer = match answer {
            Attempt::Answer(answer) => answer,
            Attempt::Again(again) => return Ok(Err(again)),
        };
        let status = answer.status();
        let body = text(answer).await;
        if !status.is_success() {
            return Err(self.denied(status, &said(&body), &call.what));
        }
        let token: Option<Token> = serde_json::from_str(&body).ok();
        let token = token.and_then(|token| token.token.or(token.access_token));
        let token = token.ok_or_else(|| strange(format!("{realm} gives no token")))?;
        Ok(Ok(format!("Bearer {token}")))
    }

    fn asked_so_far(&self, scope: Option<&str>) -> Vec<String> {
        let mut known = self.known.lock().expect("no holder panics");
        known.scopes.extend(scope.iter().flat_map(|all| all.split(' ')).map(str::to_owned));
        known.scopes.iter().cloned().collect()
    }

    /// With an identity token as OAuth 2 has it, else as Docker does: a query and perhaps a password.
    fn token_request(
        &self,
        realm: &str,
        service: Option<&str>,
        scopes: &[String],
    ) -> (Builder, Content) {
        let request = hyper::Request::builder().header(USER_AGENT, AGENT);
        let mut fields: Vec<(&str, &str)> = service.iter().map(|name| ("service", *name)).collect();
        if let Some(Credentials::Identity(token)) = &self.credentials {
            let all = scopes.join(" ");
            fields.extend([("grant_type", "refresh_token"), ("refresh_token", token.as_str())]);
            fields.extend([("client_id", "gearshift"), ("scope", all.as_str())]);
            let form = Bytes::from(query(&fields));
            let request = request.method(Method::POST).uri(realm);
            let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
            return (request.header(CONTENT_LENGTH, form.len()), Content::Bytes(form));
        }
        fields.extend(scopes.iter().map(|scope| ("scope", scope.as_str())));
        let joint = if realm.contains('?') { '&' } else { '?' };
        let request = request.uri(format!("{realm}{joint}{}", query(&fields)));
        let request = match &self.credentials {
            Some(Credentials::Password { username, password }) => {
                request.header(AUTHORIZATION, basic(username, password))
            }
            _ => request,
        };
        (request, Content::NOTHING)
    }
}

#[derive(Deserialize)]
struct Token {
    #[serde(default)]
    token: Option<String>,
    #[serde(default)]
    access_token: Option<String>,
}

fn basic(username: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{username}:{password}")))
}

fn query(fields: &[(&str, &str)]) -> String {
    let escaped = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let pairs: Vec<_> = fields
        .iter()
        .map(|(name, value)| format!("{}={}", escaped(name), escaped(value)))
        .collect();
    pairs.join("&")
}
