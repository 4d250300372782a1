//! `[cdn]`: edges of nginx with `proxy_cache` at 127.0.0.2 and up, before an nginx that is their origin.

use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use super::dns::named;
use super::{Said, run, start};
use crate::support::ports::free_port;
use crate::support::{Killed, Sandbox, wait_for};

/// Each of these addresses is an edge with a cache of its own.
pub(super) const EDGES: [&str; 3] = ["127.0.0.2", "127.0.0.3", "127.0.0.4"];
/// An edge that shows a certificate for another name, and one where nothing listens.
const WRONG: &str = "127.0.0.6";
const GONE: &str = "127.0.0.7";

fn certificates(dir: &Path) {
    let openssl = |args: &str| run(dir, "openssl", &args.split(' ').collect::<Vec<_>>());
    let new = "-newkey rsa:2048 -nodes";
    openssl(&format!(
        "req -x509 {new} -keyout ca.key -out ca.pem -subj /CN=Root -days 30"
    ));
    for (file, name) in [("static", "static.test"), ("other", "other.test")] {
        std::fs::write(dir.join("ext"), format!("subjectAltName=DNS:{name}\n")).unwrap();
        openssl(&format!(
            "req {new} -keyout {file}.key -out {file}.csr -subj /CN={name}"
        ));
        openssl(&format!(
            "x509 -req -in {file}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -extfile ext -out {file}.pem"
        ));
    }
}

/// An nginx of these servers; as root it stays root, so that it may enter a temporary folder.
fn nginx(dir: &Path, name: &str, http: &str) -> Killed {
    let at = dir.display();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|kind| format!("{kind}_temp_path {at}/{name}-{kind};\n"))
        .collect();
    let config = format!(
        "daemon off; master_process off; user root; pid {at}/{name}.pid; error_log {at}/{name}.log;\nevents {{}}\nhttp {{\naccess_log off;\n{temporary}{http}}}\n"
    );
    let file = dir.join(format!("{name}.conf"));
    std::fs::write(&file, config).unwrap();
    start(
        dir,
        "nginx",
        &[
            "-e",
            "stderr",
            "-c",
            file.to_str().unwrap(),
            "-p",
            dir.to_str().unwrap(),
        ],
    )
}

/// `/app.js` may live for ten minutes, `/brief.js` for a second.
fn origin(dir: &Path, port: u16) -> Killed {
    let at = dir.display();
    let http = format!(
        "server {{ listen 127.0.0.1:{port} ssl; ssl_certificate static.pem; ssl_certificate_key static.key; root {at}/www;
           location = /app.js {{ add_header Cache-Control max-age=600; }}
           location = /brief.js {{ add_header Cache-Control max-age=1; }}
           location = /packed.js {{ gzip on; gzip_types *; gzip_min_length 1; gzip_proxied any; gzip_http_version 1.0; gzip_vary off; add_header Cache-Control max-age=600; }}
           location = /varied.js {{ gzip on; gzip_types *; gzip_min_length 1; gzip_proxied any; gzip_http_version 1.0; gzip_vary on; add_header Cache-Control max-age=600; }}
           location = /secret.js {{ add_header Cache-Control no-store; }} }}\n"
    );
    nginx(dir, "origin", &http)
}

fn edges(dir: &Path, port: u16, origin: u16) -> Killed {
    let at = dir.display();
    let (mut http, vendors) = (String::new(), super::caches::locations());
    for address in EDGES {
        let tls = "ssl_certificate static.pem; ssl_certificate_key static.key;";
        let zone = address.replace('.', "-");
        writeln!(
            http,
            "proxy_cache_path {at}/{zone} keys_zone=z{zone}:1m;
             server {{ listen {address}:{port} ssl; {tls}
               add_header X-Cache-Status $upstream_cache_status always; add_header X-Pop pop{zone} always;
               location / {{ proxy_pass https://127.0.0.1:{origin}; proxy_cache z{zone}; proxy_set_header Host $host; proxy_cache_use_stale error timeout http_502; proxy_connect_timeout 1s; }}
               location = /secret.js {{ proxy_pass https://127.0.0.1:{origin}; proxy_cache z{zone}; proxy_set_header Host $host; proxy_ignore_headers Cache-Control; proxy_cache_valid 10m; }}
               {vendors}
               location = /aged.js {{ add_header Age 300; add_header Cache-Control max-age=60; add_header X-Cache 'HIT from edge'; return 200 aged; }} }}"
        )
        .unwrap();
    }
    writeln!(
        http,
        "server {{ listen {WRONG}:{port} ssl; ssl_certificate other.pem; ssl_certificate_key other.key; }}"
    )
    .unwrap();
    nginx(dir, "edges", &http)
}

pub(super) struct World {
    pub(super) sandbox: Sandbox,
    pub(super) port: u16,
    origin_port: u16,
    resolvers: [u16; 2],
    origin: Killed,
    _servers: Vec<Killed>,
}

impl World {
    pub(super) fn new() -> Self {
        let sandbox = Sandbox::new();
        let dir = sandbox.path();
        certificates(dir);
        std::fs::create_dir(dir.join("www")).unwrap();
        let (port, origin_port) = (free_port(), free_port());
        // Each resolver knows some of the edges, as resolvers in different places do.
        let resolvers = [free_port(), free_port()];
        let zone = |addresses: &[&str]| {
            let records: String = addresses.iter().map(|ip| format!("static A {ip}\n")).collect();
            format!("$TTL 60\n@ SOA ns admin 1 60 60 60 60\n@ NS ns\nns A 127.0.0.1\n{records}")
        };
        std::fs::write(dir.join("here"), zone(&EDGES[..2])).unwrap();
        std::fs::write(dir.join("there"), zone(&EDGES[1..])).unwrap();
        let servers = vec![
            edges(dir, port, origin_port),
            named(dir, resolvers[0], &[("test", "here")]),
            named(dir, resolvers[1], &[("test", "there")]),
        ];
        let origin = origin(dir, origin_port);
        let world = Self {
            sandbox,
            port,
            origin_port,
            resolvers,
            origin,
            _servers: servers,
        };
        world.publish("app.js", "one");
        world.publish("brief.js", "one");
        wait_for("edges and resolvers", Duration::from_secs(20), || {
            (world.look("app.js", "").reason == "up").then_some(())
        });
        world
    }

    /// A new version at the origin; its ETag is of its size and time.
    pub(super) fn publish(&self, file: &str, version: &str) {
        std::fs::write(self.sandbox.path().join("www").join(file), version).unwrap();
    }

    /// An edge forgets what it keeps.
    pub(super) fn purge(&self, edge: &str) {
        let cache = self.sandbox.path().join(edge.replace('.', "-"));
        for entry in std::fs::read_dir(cache).unwrap() {
            std::fs::remove_file(entry.unwrap().path()).unwrap();
        }
    }

    fn origin_line(&self) -> String {
        format!("origin = \"127.0.0.1:{}\"\n", self.origin_port)
    }

    /// Every edge that any of the resolvers knows.
    #[track_caller]
    pub(super) fn look(&self, file: &str, lines: &str) -> Said {
        let [one, two] = self.resolvers;
        self.ask(
            file,
            &format!("ask = [\"udp://127.0.0.1:{one}\", \"udp://127.0.0.1:{two}\"]\n{lines}"),
        )
    }

    #[track_caller]
    pub(super) fn ask(&self, file: &str, lines: &str) -> Said {
        let port = self.port;
        Said::of(
            &self.sandbox,
            &format!(
                "timeout = \"5s\"\n[cdn]\nurl = \"https://static.test:{port}/{file}\"\nroots = \"ca.pem\"\n{lines}\n"
            ),
        )
    }
}

#[test]
fn edges_that_are_wrong_in_one_way_each_are_told_with_their_reason() {
    let mut world = World::new();
    let all = "expect = [\"edges >= 3\", \"pops >= 3\", \"status == 200\", \"cache in [HIT, REVALIDATED]\", \"edges agree etag\", \"edges agree body\", \"edge.etag == origin.etag\"]";
    let all = format!("{}{all}", world.origin_line());
    world.look("app.js", &all).is("up", "");

    // One that is cold has to ask the origin.
    world.purge(EDGES[1]);
    world
        .look("app.js", "expect = [\"cache == HIT\"]")
        .is("assert_failed", "127.0.0.3");
    world.look("app.js", "expect = [\"cache == HIT\"]").is("up", "");

    // A new version at the origin: the copies are fresh and old.
    world.publish("app.js", "two, and longer");
    world.look("app.js", "").is("up", "");
    world
        .look("app.js", &all)
        .is("edge_disagree", "(pop127-0-0-2), 127.0.0.3");
    let within = |span: &str| {
        format!(
            "{}expect = [\"edge.etag == origin.etag within {span}\"]",
            world.origin_line()
        )
    };
    world
        .look("app.js", &within("2s"))
        .is("edge_disagree", "still after 2 s");
    // Two of three fetch it: the third is the odd one.
    world.purge(EDGES[0]);
    world.purge(EDGES[1]);
    world
        .look("app.js", "expect = [\"edges agree etag\"]")
        .is("edge_disagree", "127.0.0.4");
    world.purge(EDGES[2]);
    world.look("app.js", &all).is("assert_failed", "cache MISS");
    world.look("app.js", &all).is("up", "");

    // Copies of a second: all edges have the new version once theirs are too old.
    world.look("brief.js", "").is("up", "");
    world.publish("brief.js", "two, and longer");
    world.look("brief.js", &within("20s")).is("up", "");

    // Older than it may be, whatever its cache says.
    world
        .look("aged.js", "expect = [\"age <= max-age\"]")
        .is("cache_stale", "127.0.0.2:");
    world
        .look("aged.js", "expect = [\"cache in [HIT, REVALIDATED]\"]")
        .is("cache_stale", "age 300 s, max-age 60 s");
    world
        .look("aged.js", "expect = [\"age <= 1h\", \"body == \\\"aged\\\"\"]")
        .is("up", "");

    let with = |edge: &str| format!("edges = [\"127.0.0.2\", \"{edge}\"]");
    world
        .ask("app.js", &with(GONE))
        .is("connect_refused", &format!("the edge {GONE}:{}", world.port));
    world
        .ask("app.js", &with(WRONG))
        .is("cert_name_mismatch", &format!("the edge {WRONG}:{}", world.port));
    world
        .ask("nowhere.js", "edges = \"127.0.0.2\"")
        .is("http_status", "status 404");

    // The origin goes away: fresh copies are still fresh, old ones are stale.
    world.look("app.js", &all).is("up", "");
    world.look("brief.js", "").is("up", "");
    drop(std::mem::replace(&mut world.origin, Killed(idle())));
    std::thread::sleep(Duration::from_millis(2100));
    world.look("app.js", "").is("up", "");
    let origin = world.origin_line();
    world
        .look("app.js", &origin)
        .is("connect_refused", "the edges serve fresh copies");
    world
        .look("brief.js", "")
        .is("cache_stale", "the cache says STALE");
    world
        .look(
            "brief.js",
            &format!("{origin}expect = [\"cache in [HIT, REVALIDATED]\"]"),
        )
        .is("cache_stale", "while the origin fails");
    world.look("never.js", "").is("http_status", "status 502");
}

/// Something to hold in place of a server that is gone.
fn idle() -> std::process::Child {
    std::process::Command::new("true").spawn().unwrap()
}
