//! Prometheus' `http_config` and `tls_config`: who asks, with which headers, and who is trusted.

use super::{Import, is_telling};
use crate::blackbox::{Block, Value};
use crate::import::write::{Step, inline, quoted};

/// Set by the probe itself.
const OURS: [&str; 4] = ["connection", "content-length", "te", "transfer-encoding"];

impl Import<'_> {
    /// A secret that stands in the file or in another one; none when neither key is there.
    fn credential(&mut self, block: &Block, [here, file]: [&str; 2], name: &str) -> Option<String> {
        if !block.text(here).is_empty() {
            return Some(self.secret(block, here, name, "what stands there"));
        }
        let path = block.text(file).to_owned();
        (!path.is_empty()).then(|| self.secret(block, file, name, &format!("what `{path}` holds")))
    }

    /// `auth` of a step.
    pub(super) fn auth(&mut self, block: &Block, step: &mut Step) {
        if let Some((user, password)) = self.basic(block) {
            let basic = [
                ("user".to_owned(), quoted(&user)),
                ("password".to_owned(), quoted(&password)),
            ];
            step.table("auth", &[("basic".to_owned(), inline(&basic))]);
        } else if let Some((_, token)) = self.credentials(block) {
            // Another word than `Bearer` stands among the headers.
            step.table("auth", &[("bearer".to_owned(), quoted(&token))]);
        } else if let Some(oauth2) = block.block("oauth2") {
            self.client_credentials(oauth2, step);
        }
    }

    fn basic(&mut self, block: &Block) -> Option<(String, String)> {
        let basic = block.block("basic_auth")?;
        let user = match basic.text("username") {
            "" => self.credential(basic, ["", "username_file"], "user"),
            user => Some(user.to_owned()),
        };
        let password = self.credential(basic, ["password", "password_file"], "password");
        Some((user.unwrap_or_default(), password.unwrap_or_default()))
    }

    /// `Bearer` or another word, and what follows it.
    fn credentials(&mut self, block: &Block) -> Option<(String, String)> {
        let authorization = block.block("authorization")?;
        let word = match authorization.text("type").trim() {
            "" => "Bearer".to_owned(),
            word => word.to_owned(),
        };
        let name = if word.eq_ignore_ascii_case("bearer") {
            "token"
        } else {
            "credentials"
        };
        let token = self.credential(authorization, ["credentials", "credentials_file"], name)?;
        Some((word, token))
    }

    fn client_credentials(&mut self, oauth2: &Block, step: &mut Step) {
        let text = |name: &str| quoted(oauth2.text(name));
        let secret = self.credential(oauth2, ["client_secret", "client_secret_file"], "client_secret");
        let mut entries = vec![
            ("token_url".to_owned(), text("token_url")),
            ("client_id".to_owned(), text("client_id")),
            ("client_secret".to_owned(), quoted(&secret.unwrap_or_default())),
        ];
        let scopes: Vec<String> = oauth2.texts("scopes").iter().map(|scope| quoted(scope)).collect();
        if !scopes.is_empty() {
            entries.push(("scopes".to_owned(), format!("[{}]", scopes.join(", "))));
        }
        let mut params = Vec::new();
        for (name, value) in oauth2.pairs("endpoint_params") {
            let Value::Text(value) = value else { continue };
            let value = match is_telling(name) {
                true => self.secret(
                    oauth2,
                    "endpoint_params",
                    name,
                    &format!("the parameter `{name}`"),
                ),
                false => value.clone(),
            };
            params.push((name.clone(), quoted(&value)));
        }
        if !params.is_empty() {
            entries.push(("params".to_owned(), inline(&params)));
        }
        let how = "the token is fetched as the step's own requests are made";
        self.leave_typed(
            oauth2,
            &[
                ("tls_config", how),
                ("proxy_url", how),
                ("proxy_from_environment", how),
            ],
        );
        step.table("auth", &[("client_credentials".to_owned(), inline(&entries))]);
    }

    /// Headers of `headers` (texts) and of `named` (values, secrets and files), in TOML; and who asks, where only a
    /// header says it.
    pub(super) fn headers(
        &mut self,
        block: &Block,
        texts: &[(String, Value)],
        named: (&Block, &str),
    ) -> Vec<(String, String)> {
        let mut headers: Vec<(String, String)> = Vec::new();
        for (name, value) in texts {
            if let Value::Text(value) = value {
                self.header(block, "headers", name, value, &mut headers);
            }
        }
        let (from, key) = named;
        for (name, values) in from.pairs(key) {
            let Value::Block(values) = values else { continue };
            for value in values.texts("values") {
                self.header(from, key, name, &value, &mut headers);
            }
            let secrets = values.texts("secrets").len() + values.texts("files").len();
            for _ in 0..secrets {
                let value = self.secret(values, "secrets", name, &format!("the header `{name}`"));
                headers.push((name.clone(), quoted(&value)));
            }
        }
        // A header has one text here.
        let mut seen: Vec<String> = Vec::new();
        headers.retain(|(name, _)| {
            let name = name.to_ascii_lowercase();
            let is_new = !seen.contains(&name);
            if is_new {
                seen.push(name);
            } else {
                self.leave(from, key, format!("`{name}` is sent once here"));
            }
            is_new
        });
        headers
    }

    fn header(
        &mut self,
        block: &Block,
        key: &str,
        name: &str,
        value: &str,
        headers: &mut Vec<(String, String)>,
    ) {
        if OURS.contains(&name.to_ascii_lowercase().as_str()) {
            return self.leave(block, key, format!("`{name}` is set by the probe itself"));
        }
        if value.contains("{{") {
            return self.leave(
                block,
                key,
                format!("`{name}` holds `{{{{`, which begins a variable here"),
            );
        }
        let value = match is_telling(name) {
            true => self.secret(block, key, name, &format!("the header `{name}`")),
            false => value.to_owned(),
        };
        headers.push((name.to_owned(), quoted(&value)));
    }

    /// Who asks, where that has no key of its own: as the header `Authorization`.
    pub(super) fn authorization(
        &mut self,
        block: &Block,
        has_auth: bool,
        headers: &mut Vec<(String, String)>,
    ) {
        if headers
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case("authorization"))
        {
            return;
        }
        let value = if let (Some(basic), false) = (block.block("basic_auth"), has_auth) {
            let what = "`Basic ` and the base64 of user, colon and password";
            self.secret(basic, "password", "authorization", what)
        } else {
            let word = block
                .block("authorization")
                .map(|block| block.text("type").trim());
            let is_bearer = word.is_some_and(|word| word.is_empty() || word.eq_ignore_ascii_case("bearer"));
            match (word.is_some() && !(has_auth && is_bearer))
                .then(|| self.credentials(block))
                .flatten()
            {
                Some((word, token)) => format!("{word} {token}"),
                None => return,
            }
        };
        headers.push(("Authorization".to_owned(), quoted(&value)));
    }

    /// Trust and identity.
    pub(super) fn tls(&mut self, block: Option<&Block>, host_header: Option<&str>, table: &mut Step) {
        if let Some(name) =
            host_header.filter(|_| block.is_none_or(|block| block.text("server_name").is_empty()))
        {
            table.text("server_name", name);
        }
        let Some(block) = block else { return };
        for (theirs, ours) in [("ca_file", "roots"), ("cert_file", "cert"), ("key_file", "key")] {
            if !block.text(theirs).is_empty() {
                table.text(ours, &self.path(block.text(theirs)));
            }
        }
        for (theirs, ours) in [("ca", "roots"), ("cert", "cert"), ("key", "key")] {
            if !block.text(theirs).is_empty() {
                let why = format!("certificates and keys stand in files of their own: `{ours} = \"….pem\"`");
                self.leave(block, theirs, why);
            }
        }
        if !block.text("server_name").is_empty() {
            table.text("server_name", block.text("server_name"));
        }
        if block.flag("insecure_skip_verify") {
            table.raw("insecure", "true");
        }
        let why = "TLS 1.2 and 1.3 are spoken here, whichever the server prefers; `[check.tls]` tells what it would speak";
        if block.text("min_version") == "TLS13" {
            self.leave(block, "min_version", why);
        }
        if !matches!(block.text("max_version"), "" | "TLS13") {
            self.leave(block, "max_version", why);
        }
    }

    /// What a client may say and a probe does not do.
    pub(super) fn no_proxy(&mut self, block: &Block) {
        let why = "a probe goes straight to its target";
        self.leave_typed(
            block,
            &[
                ("proxy_url", why),
                ("no_proxy", why),
                ("proxy_from_environment", why),
                ("proxy_connect_header", why),
                ("skip_resolve_phase_with_proxy", why),
            ],
        );
    }
}
