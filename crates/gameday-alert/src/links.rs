//! Whether the links of an alert that arrived lead anywhere: what on-call would click on at 3 am.
//!
//! Each is asked for once, without credentials. Addresses of the own network are asked as well, since that is where
//! runbooks are.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use gameday_core::{LinkChecked, redact_url};
use reqwest::redirect::{Attempt, Policy};
use reqwest::{Client, Method, StatusCode, Url};

use crate::error::{one_line, root_cause};

/// More links than this are no drill's; the rest is not asked for.
const MOST_LINKS: usize = 32;
/// So many are asked for at once.
const AT_ONCE: usize = 8;
/// A person would not wait longer.
const PATIENCE: Duration = Duration::from_secs(5);
const MOST_REDIRECTS: usize = 5;

/// A link of an alert.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Link {
    /// The alert's name.
    pub alert: String,
    /// The annotation that holds it.
    pub annotation: String,
    /// Where it leads.
    pub url: String,
}

/// Asks for each link once; those of several alerts that are the same are asked for together.
pub async fn try_links(links: Vec<Link>) -> Vec<LinkChecked> {
    let Ok(client) = client() else { return Vec::new() };
    let mut by_url: BTreeMap<String, Vec<Link>> = BTreeMap::new();
    for link in links {
        by_url.entry(link.url.clone()).or_default().push(link);
    }
    let ask = |(url, links): (String, Vec<Link>)| {
        let client = &client;
        async move {
            let found = follow(client, &url).await;
            links
                .into_iter()
                .map(|link| checked(link, &found))
                .collect::<Vec<_>>()
        }
    };
    let asked = stream::iter(by_url).take(MOST_LINKS).map(ask).buffered(AT_ONCE);
    asked.flat_map(stream::iter).collect().await
}

/// A status, or why there is none; and whether it is as good as dead.
struct Found {
    status: Option<u16>,
    dead: Option<String>,
}

fn checked(link: Link, found: &Found) -> LinkChecked {
    LinkChecked {
        alert: link.alert,
        annotation: link.annotation,
        url: redact_url(&one_line(&link.url)),
        status: found.status,
        dead: found.dead.clone(),
    }
}

async fn follow(client: &Client, url: &str) -> Found {
    let parsed = url
        .trim()
        .parse::<Url>()
        .map_err(|error| format!("it is no URL: {error}"));
    let parsed = parsed.and_then(|url| match url.scheme() {
        "http" | "https" => Ok(without_user(url)),
        other => Err(format!("`{}` is nothing that can be asked for", one_line(other))),
    });
    let url = match parsed {
        Ok(url) => url,
        Err(why) => {
            return Found {
                status: None,
                dead: Some(why),
            };
        }
    };
    // Some servers know no HEAD, or answer it with less than they would a GET.
    let head = ask(client, Method::HEAD, &url).await;
    match head {
        Ok(status) if !status.is_client_error() && !status.is_server_error() => of_status(status),
        Err(why) if why.final_ => Found {
            status: None,
            dead: Some(why.text),
        },
        _ => match ask(client, Method::GET, &url).await {
            Ok(status) => of_status(status),
            Err(why) => Found {
                status: None,
                dead: Some(why.text),
            },
        },
    }
}

/// Why there was no answer, and whether another way of asking would not help.
struct Failure {
    text: String,
    final_: bool,
}

async fn ask(client: &Client, method: Method, url: &Url) -> Result<StatusCode, Failure> {
    let answer = client.request(method, url.clone()).send().await;
    // The body is not read: that there is one is all that matters.
    answer.map(|answer| answer.status()).map_err(|error| Failure {
        text: match (error.is_timeout(), error.is_redirect()) {
            (true, _) => format!("no answer within {} s", PATIENCE.as_secs()),
            (_, true) => format!(
                "it redirects in a circle, too often or to what is no page: {}",
                root_cause(&error)
            ),
            _ => root_cause(&error),
        },
        final_: error.is_timeout() || error.is_connect() || error.is_redirect(),
    })
}

/// What asks who one is leads somewhere.
fn of_status(status: StatusCode) -> Found {
    let alive = matches!(status.as_u16(), 200..=299 | 401 | 403 | 407 | 429);
    Found {
        status: Some(status.as_u16()),
        dead: (!alive).then(|| match status.is_redirection() {
            true => format!("it answers {} and leads to no page", status.as_u16()),
            false => format!("it answers {}", status.as_u16()),
        }),
    }
}

/// A user in a link would be sent as credentials.
fn without_user(mut url: Url) -> Url {
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url
}

fn client() -> reqwest::Result<Client> {
    Client::builder()
        .connect_timeout(PATIENCE)
        .timeout(PATIENCE)
        .redirect(Policy::custom(go_on))
        .referer(false)
        .no_proxy()
        .user_agent(concat!("gameday/", env!("CARGO_PKG_VERSION")))
        .build()
}

fn go_on(attempt: Attempt<'_>) -> reqwest::redirect::Action {
    let url = attempt.url();
    let has_user = !url.username().is_empty() || url.password().is_some();
    if attempt.previous().len() > MOST_REDIRECTS {
        attempt.error(format!("more than {MOST_REDIRECTS} redirects"))
    } else if has_user || !matches!(url.scheme(), "http" | "https") {
        attempt.error("a redirect to another scheme, or with a user in it")
    } else {
        attempt.follow()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// Serves what each path says; returns where, and what was asked.
    async fn serve() -> (String, std::sync::Arc<std::sync::Mutex<Vec<String>>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let asked = std::sync::Arc::<std::sync::Mutex<Vec<String>>>::default();
        let book = asked.clone();
        let mut serving = tokio::task::JoinSet::new();
        serving.spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut buffer = vec![0; 4096];
                let read = stream.read(&mut buffer).await.unwrap_or(0);
                let head = String::from_utf8_lossy(&buffer[..read]).into_owned();
                let line = head.lines().next().unwrap_or_default().to_owned();
                let status = match line.split(' ').nth(1).unwrap_or_default() {
                    "/gone" => "404 Not Found\r\n",
                    "/login" => "401 Unauthorized\r\n",
                    "/loop" => "302 Found\r\nLocation: /loop\r\n",
                    "/moved" => "302 Found\r\nLocation: /page\r\n",
                    "/file" => "302 Found\r\nLocation: file:///etc/passwd\r\n",
                    "/get" if line.starts_with("HEAD") => "405 Method Not Allowed\r\n",
                    _ => "200 OK\r\n",
                };
                book.lock().unwrap().push(head);
                let answer = format!("HTTP/1.1 {status}Content-Length: 0\r\nConnection: close\r\n\r\n");
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        // Ends with the runtime of its test.
        std::mem::forget(serving);
        (base, asked)
    }

    fn link(url: String) -> Link {
        Link {
            alert: "X".into(),
            annotation: "runbook_url".into(),
            url,
        }
    }

    #[tokio::test]
    async fn links_are_dead_or_alive() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (base, asked) = serve().await;
        let cases = [
            ("/page", Some(200), None),
            ("/moved", Some(200), None),
            ("/get", Some(200), None),
            ("/login", Some(401), None),
            ("/gone", Some(404), Some("it answers 404")),
            ("/loop", None, Some("redirects")),
            ("/file", Some(302), Some("leads to no page")),
        ];
        for (path, status, dead) in cases {
            let found = try_links(vec![link(format!("{base}{path}"))]).await.remove(0);
            assert_eq!(found.status, status, "{found:?}");
            match dead {
                None => assert_eq!(found.dead, None, "{path}"),
                Some(why) => assert!(found.dead.as_deref().unwrap().contains(why), "{found:?}"),
            }
        }
        for (url, why) in [
            ("see the wiki", "no URL"),
            ("javascript:alert(1)", "nothing that can be asked for"),
            ("http://127.0.0.1:1/x", "refused"),
        ] {
            let found = try_links(vec![link(url.to_owned())]).await.remove(0);
            assert!(found.dead.as_deref().unwrap().contains(why), "{found:?}");
        }
        asked.lock().unwrap().clear();
        let with_user = base.replace("http://", "http://ana:secret@");
        let found = try_links(vec![
            link(format!("{with_user}/page?token=abc")),
            link(format!("{with_user}/page?token=abc")),
        ])
        .await;
        assert_eq!(found.len(), 2, "one for each alert");
        let asked = asked.lock().unwrap();
        assert_eq!(asked.len(), 1, "asked for once: {asked:?}");
        assert!(!asked[0].to_lowercase().contains("authorization"), "{asked:?}");
        assert!(
            !format!("{found:?}").contains("secret") && !format!("{found:?}").contains("abc"),
            "{found:?}"
        );
    }
}
