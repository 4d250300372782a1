//! What a hop asks its server, or the proxy on the way.

use std::net::SocketAddr;
use std::sync::Arc;

use hyper::header::COOKIE;

use super::Journey;
use crate::blackbox::client::{Via, hidden};
use crate::blackbox::look::Look;
use crate::net::{self, HttpVersion, Request, Route};
use crate::observation::Fault;

impl Journey<'_> {
    pub(super) async fn request(
        &self,
        look: &mut Look<'_>,
        host: &str,
        port: u16,
        tls: bool,
        via: Option<&Via>,
    ) -> Result<Request, Fault> {
        let at_home = self.url.host_str() == Some(&self.home);
        let mut headers = self.headers.clone();
        self.module.client.sign(look, &mut headers, at_home).await?;
        if let Some(store) = &self.cookies {
            let pairs = store.get_request_values(&self.url);
            let pairs: Vec<String> = pairs.map(|(name, value)| format!("{name}={value}")).collect();
            if !pairs.is_empty() {
                headers.insert(COOKIE, hidden(&pairs.join("; "))?);
            }
        }
        let bracketed = if host.contains(':') {
            format!("[{host}]")
        } else {
            host.to_owned()
        };
        let said = match self.url.port() {
            Some(port) => format!("{bracketed}:{port}"),
            None => bracketed,
        };
        let authority = self.host.clone().unwrap_or_else(|| said.clone());
        let mut target = self.url.path().to_owned();
        if let Some(query) = self.url.query() {
            target = format!("{target}?{query}");
        }
        if let Some(via) = via.filter(|_| !tls) {
            // A proxy is told the whole URL (RFC 9112, 3.2.2), in theirs with the address that was found.
            let place = self.ip.map_or(said, |ip| SocketAddr::new(ip, port).to_string());
            target = format!("http://{place}{target}");
            headers.extend(via.headers.clone());
        }
        Ok(Request {
            private: false,
            method: self.method.clone(),
            url: net::Url {
                tls,
                host: host.to_owned(),
                port,
                authority,
                target,
            },
            headers,
            body: (!self.body.is_empty()).then(|| self.body.clone()),
            route: Arc::new(Route {
                version: HttpVersion::Auto,
                ..Route::default()
            }),
            bare: true,
            reading: Arc::clone(&self.module.reading),
        })
    }
}
