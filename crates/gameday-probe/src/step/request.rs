//! Fills the places of a step's request.

use bytes::Bytes;
use gameday_core::Reason;
use hyper::header::{ACCEPT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue};
use url::form_urlencoded;
use uuid::Uuid;

use super::Stop;
use crate::net::{ACCEPTED, Request, Url};
use crate::observation::Fault;
use crate::plan::{BodyTemplate, Part, PartContent, StepPlan};
use crate::template::Template;
use crate::values::{Missing, Values};

/// The request without what the run adds to it: cookies, a token, the trace.
pub(super) fn request(step: &StepPlan, values: &Values<'_>) -> Result<Request, Stop> {
    let url = with_query(step.url.render(values)?, step, values)?;
    let url = Url::parse(&url).map_err(|wrong| unusable(&step.url, format!("its URL: {wrong}")))?;
    let mut headers = HeaderMap::new();
    for (name, template) in &step.headers {
        let value = HeaderValue::from_str(&template.render(values)?);
        let mut value = value.map_err(|_| {
            let message = format!("its header `{name}` would not be one printable line");
            unusable(template, message)
        })?;
        // It stays with the host that it was written for, and out of HTTP/2's tables.
        value.set_sensitive(template.is_private());
        headers.append(name, value);
    }
    if step.compressed {
        headers
            .entry(ACCEPT_ENCODING)
            .or_insert(HeaderValue::from_static(ACCEPTED));
    }
    let body = match &step.body {
        None => None,
        Some(body) => {
            let (media_type, bytes) = render(body, values)?;
            let media_type = HeaderValue::from_str(&media_type);
            let default =
                media_type.map_err(|_| Fault::new(Reason::CannotLook, "its body has no usable type"))?;
            headers.entry(CONTENT_TYPE).or_insert(default);
            Some(bytes)
        }
    };
    Ok(Request {
        method: step.method.clone(),
        url,
        headers,
        body,
        route: step.route.clone(),
        bare: false,
        reading: step.reading.clone(),
        private: false,
    })
}

fn with_query(mut url: String, step: &StepPlan, values: &Values<'_>) -> Result<String, Missing> {
    if step.query.is_empty() {
        return Ok(url);
    }
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in &step.query {
        query.append_pair(name, &value.render(values)?);
    }
    url.push(if url.contains('?') { '&' } else { '?' });
    url.push_str(&query.finish());
    Ok(url)
}

/// A body and its type.
fn render(body: &BodyTemplate, values: &Values<'_>) -> Result<(String, Bytes), Missing> {
    Ok(match body {
        BodyTemplate::Json(json) => (
            "application/json".to_owned(),
            json.render(values)?.to_string().into(),
        ),
        BodyTemplate::Text(text) => (
            "text/plain; charset=utf-8".to_owned(),
            text.render(values)?.into(),
        ),
        BodyTemplate::Bytes(bytes) => ("application/octet-stream".to_owned(), bytes.clone()),
        BodyTemplate::Form(fields) => {
            let mut form = form_urlencoded::Serializer::new(String::new());
            for (name, value) in fields {
                form.append_pair(name, &value.render(values)?);
            }
            (
                "application/x-www-form-urlencoded".to_owned(),
                form.finish().into(),
            )
        }
        BodyTemplate::Multipart(parts) => multipart(parts, values)?,
    })
}

/// RFC 7578, 4; the boundary is random, so that no content can hold it.
fn multipart(parts: &[Part], values: &Values<'_>) -> Result<(String, Bytes), Missing> {
    let boundary = Uuid::new_v4().simple().to_string();
    let mut body = Vec::new();
    for part in parts {
        let name = quoted(&part.name);
        body.extend_from_slice(
            format!("--{boundary}\r\nContent-Disposition: form-data; name={name}").as_bytes(),
        );
        match &part.content {
            PartContent::Text(text) => {
                body.extend_from_slice(b"\r\n\r\n");
                body.extend_from_slice(text.render(values)?.as_bytes());
            }
            PartContent::File {
                file_name,
                media_type,
                bytes,
            } => {
                let file_name = quoted(file_name);
                let head = format!("; filename={file_name}\r\nContent-Type: {media_type}\r\n\r\n");
                body.extend_from_slice(head.as_bytes());
                body.extend_from_slice(bytes);
            }
        }
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    Ok((format!("multipart/form-data; boundary={boundary}"), body.into()))
}

/// As browsers write names (WHATWG HTML, 4.10.21.8).
fn quoted(name: &str) -> String {
    let name = name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A");
    format!("\"{name}\"")
}

/// What cannot be sent is the service's doing only when the service gave the value.
fn unusable(template: &Template, message: String) -> Fault {
    let reason = if template.has_value() {
        Reason::SaveFailed
    } else {
        Reason::CannotLook
    };
    Fault::new(reason, message)
}
