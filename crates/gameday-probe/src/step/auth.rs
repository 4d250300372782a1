//! Says who asks: basic, bearer, or a token of OAuth 2.0's client credentials.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use gameday_core::Reason;
use hyper::Method;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use serde_json::Value;
use url::form_urlencoded;

use super::{Asking, Stop};
use crate::net::{Request, Url};
use crate::observation::Fault;
use crate::plan::Auth;
use crate::template::Template;
use crate::values::Values;

/// A token is renewed so long before it ends.
const MARGIN: Duration = Duration::from_secs(10);
/// How long a token is used whose end is not told.
const DEFAULT_LIFE: Duration = Duration::from_mins(5);

/// How a token is got (RFC 6749, 4.4), and the one that is still good.
#[derive(Debug)]
pub(crate) struct ClientCredentials {
    pub(crate) token_url: Template,
    pub(crate) client_id: Template,
    pub(crate) client_secret: Template,
    pub(crate) scopes: Vec<String>,
    /// Parameters beside, e.g. `audience`.
    pub(crate) params: Vec<(String, Template)>,
    /// Id and secret in the body instead of the `Authorization` header (RFC 6749, 2.3.1).
    pub(crate) in_body: bool,
    pub(crate) token: Mutex<Option<Token>>,
}

/// A token and its end. No `Debug` of its text.
pub(crate) struct Token {
    text: String,
    ends: Instant,
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(***)")
    }
}

impl Asking<'_, '_> {
    /// Adds the `Authorization` header; what it holds is never shown.
    pub(super) async fn authorize(
        &mut self,
        auth: &Auth,
        request: &mut Request,
        values: &mut Values<'_>,
        deadline: Instant,
    ) -> Result<(), Stop> {
        let text = match auth {
            Auth::Basic { user, password } => {
                let text = basic(&user.render(values)?, &password.render(values)?);
                // Encoded, a secret is as good as bare.
                values.hide(text.trim_start_matches("Basic "));
                text
            }
            Auth::Bearer(token) => format!("Bearer {}", token.render(values)?),
            Auth::ClientCredentials(how) => format!("Bearer {}", self.token(how, values, deadline).await?),
        };
        let value = HeaderValue::from_str(&text);
        let mut value =
            value.map_err(|_| Fault::new(Reason::AuthFailed, "its credentials are no printable line"))?;
        value.set_sensitive(true);
        request.headers.insert(AUTHORIZATION, value);
        Ok(())
    }

    async fn token(
        &mut self,
        how: &ClientCredentials,
        values: &mut Values<'_>,
        deadline: Instant,
    ) -> Result<String, Stop> {
        let kept = how.kept();
        let text = match kept {
            Some(text) => text,
            None => {
                let request = how.request(values)?;
                let response = self.exchange(&request, deadline).await?;
                // Other tokens may stand in it, whose names nobody knows.
                self.session.evidence.hide_last_body();
                how.take(response.status, response.text())?
            }
        };
        values.hide(&text);
        Ok(text)
    }
}

impl ClientCredentials {
    fn kept(&self) -> Option<String> {
        let token = self.token.lock().unwrap_or_else(PoisonError::into_inner);
        let good = token.as_ref().filter(|token| token.ends > Instant::now());
        good.map(|token| token.text.clone())
    }

    /// A token that was refused is good no more, whatever its end.
    pub(super) fn forget(&self) {
        *self.token.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn request(&self, values: &Values<'_>) -> Result<Request, Stop> {
        let url = self.token_url.render(values)?;
        let url = Url::parse(&url)
            .map_err(|wrong| Fault::new(Reason::CannotLook, format!("`token_url`: {wrong}")))?;
        let (id, secret) = (self.client_id.render(values)?, self.client_secret.render(values)?);
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "client_credentials");
        if !self.scopes.is_empty() {
            form.append_pair("scope", &self.scopes.join(" "));
        }
        if self.in_body {
            form.append_pair("client_id", &id)
                .append_pair("client_secret", &secret);
        }
        for (name, value) in &self.params {
            form.append_pair(name, &value.render(values)?);
        }
        let mut request = Request::get(url);
        request.method = Method::POST;
        request.private = true;
        request.body = Some(form.finish().into());
        let is_form = HeaderValue::from_static("application/x-www-form-urlencoded");
        request.headers.insert(CONTENT_TYPE, is_form);
        if !self.in_body
            && let Ok(value) = HeaderValue::from_str(&basic(&encoded(&id), &encoded(&secret)))
        {
            request.headers.insert(AUTHORIZATION, value);
        }
        Ok(request)
    }

    /// Reads the answer (RFC 6749, 5) and keeps the token.
    fn take(&self, status: u16, body: Result<String, String>) -> Result<String, Fault> {
        let failed =
            |why: String| Fault::new(Reason::AuthFailed, format!("no token from `token_url`: {why}"));
        let answer: Value = serde_json::from_str(&body.map_err(failed)?)
            .map_err(|_| failed(format!("status {status} and a body that is not JSON")))?;
        let Some(text) = answer["access_token"].as_str().filter(|_| status < 400) else {
            let error = answer["error"]
                .as_str()
                .unwrap_or("no `access_token` in its answer");
            return Err(failed(format!("status {status}, {error}")));
        };
        let life = answer["expires_in"]
            .as_u64()
            .map_or(DEFAULT_LIFE, Duration::from_secs);
        let token = Token {
            text: text.to_owned(),
            ends: Instant::now() + life.min(Duration::from_hours(24)).saturating_sub(MARGIN),
        };
        *self.token.lock().unwrap_or_else(PoisonError::into_inner) = Some(token);
        Ok(text.to_owned())
    }
}

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}")))
}

/// RFC 6749, 2.3.1: id and secret are form-encoded first.
fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
