//! `oauth2`: a token by client credentials (RFC 6749, 4.4), kept as long as it is good.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use gameday_core::{Problems, Reason};
use hyper::Method;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use serde_json::Value as Json;
use url::form_urlencoded;

use super::super::config::{Block, Value};
use super::super::look::Look;
use super::super::tls::{Text, Tls};
use super::{basic, hidden};
use crate::net::{Request, Route, Url};
use crate::observation::Fault;

/// A token is renewed so long before it ends.
const MARGIN: Duration = Duration::from_secs(10);
/// How long a token is used whose end is not told.
const DEFAULT_LIFE: Duration = Duration::from_mins(5);

pub(super) struct OAuth2 {
    client_id: String,
    secret: Option<Text>,
    scopes: String,
    token_url: String,
    params: Vec<(String, String)>,
    tls: Tls,
    kept: Mutex<Option<(String, Instant)>>,
}

/// Without the token.
impl std::fmt::Debug for OAuth2 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OAuth2")
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

impl OAuth2 {
    pub(super) fn read(block: &Block, problems: &Problems<'_>) -> Self {
        for key in ["client_id", "token_url"] {
            if block.text(key).is_empty() {
                problems.add(block.span.clone(), format!("oauth2: the key `{key}` is missing"));
            }
        }
        let params = block.pairs("endpoint_params").iter();
        let params = params.filter_map(|(name, value)| match value {
            Value::Text(text) => Some((name.clone(), text.clone())),
            _ => None,
        });
        Self {
            client_id: block.text("client_id").to_owned(),
            secret: Text::read(block, "client_secret", "client_secret_file", problems),
            scopes: block.texts("scopes").join(" "),
            token_url: block.text("token_url").to_owned(),
            params: params.collect(),
            tls: Tls::read(block.block("tls_config"), problems),
            kept: Mutex::default(),
        }
    }

    pub(super) async fn token(&self, look: &Look<'_>) -> Result<String, Fault> {
        if let Some(token) = self.kept() {
            return Ok(token);
        }
        let failed =
            |why: String| Fault::new(Reason::AuthFailed, format!("no token from `token_url`: {why}"));
        let request = self.request().map_err(failed)?;
        let answer = look.connector.exchange(&request, look.deadline).await;
        let response = answer.result.map_err(|fault| failed(fault.message))?;
        let said: Json = serde_json::from_slice(&response.body.kept)
            .map_err(|_| failed(format!("status {} and a body that is not JSON", response.status)))?;
        let Some(token) = said["access_token"].as_str().filter(|_| response.status < 400) else {
            let error = said["error"]
                .as_str()
                .unwrap_or("no `access_token` in its answer");
            return Err(failed(format!("status {}, {error}", response.status)));
        };
        let life = said["expires_in"]
            .as_u64()
            .map_or(DEFAULT_LIFE, Duration::from_secs);
        let ends = Instant::now() + life.min(Duration::from_hours(24)).saturating_sub(MARGIN);
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = Some((token.to_owned(), ends));
        Ok(token.to_owned())
    }

    fn kept(&self) -> Option<String> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let good = kept.as_ref().filter(|(_, ends)| *ends > Instant::now());
        good.map(|(token, _)| token.clone())
    }

    fn request(&self) -> Result<Request, String> {
        let secret = self
            .secret
            .as_ref()
            .map_or_else(|| Ok(String::new()), Text::get)?;
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "client_credentials");
        if !self.scopes.is_empty() {
            form.append_pair("scope", &self.scopes);
        }
        for (name, value) in &self.params {
            form.append_pair(name, value);
        }
        let mut request = Request::get(Url::parse(&self.token_url)?);
        request.method = Method::POST;
        request.body = Some(form.finish().into());
        let is_form = HeaderValue::from_static("application/x-www-form-urlencoded");
        request.headers.insert(CONTENT_TYPE, is_form);
        // RFC 6749, 2.3.1: id and secret are form-encoded first.
        let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let who =
            hidden(&basic(&encoded(&self.client_id), &encoded(&secret))).map_err(|fault| fault.message)?;
        request.headers.insert(AUTHORIZATION, who);
        let route = Route {
            tls: self.tls.own()?,
            ..Route::default()
        };
        request.route = Arc::new(route);
        Ok(request)
    }
}
