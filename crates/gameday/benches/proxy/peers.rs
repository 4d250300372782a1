//! The proxies that are compared: processes of their own, each in front of the same upstream.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::process::usage;
pub(crate) use crate::process::{Usage, free, wait_for};

/// What they are to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Bytes and nothing else.
    Tcp,
    /// Requests and answers: nginx' `proxy_pass` beside our HTTP mode with a rule that never matches.
    Http,
}

/// A process that listens and passes on; it ends with this value.
pub(crate) struct Peer {
    pub(crate) name: &'static str,
    pub(crate) address: SocketAddr,
    /// Ours only.
    api: Option<SocketAddr>,
    child: Child,
    _folder: tempfile::TempDir,
}

impl Peer {
    pub(crate) fn gameday(upstream: SocketAddr, mode: Mode) -> Self {
        let protocol = match mode {
            Mode::Tcp => "",
            Mode::Http => {
                "protocol = \"http\"\ntoxic.never = { http = { path = \"/never\", status = 503 } }\n"
            }
        };
        Self::ours("gameday", upstream, protocol)
    }

    /// Our proxy with further lines in its `[proxy.bench]`.
    pub(crate) fn ours(name: &'static str, upstream: SocketAddr, lines: &str) -> Self {
        let (address, api) = (free(), free());
        let mut peer = Self::start(name, address, |folder| {
            let file = folder.join("proxy.toml");
            let table = format!("[proxy.bench]\nlisten = \"{address}\"\nupstream = \"{upstream}\"\n{lines}");
            std::fs::write(&file, table).expect("a writable folder");
            let mut command = Command::new(env!("CARGO_BIN_EXE_gameday"));
            command
                .args(["proxy", "--api", &api.to_string(), "--config"])
                .arg(file);
            command
        });
        peer.api = Some(api);
        peer
    }

    /// `gameday proxy toxic …` on our proxy.
    pub(crate) fn toxic(&self, args: &[&str]) {
        let api = self.api.expect("one of ours");
        let mut command = Command::new(env!("CARGO_BIN_EXE_gameday"));
        command.args(["proxy", "toxic"]).args(args);
        let status = command
            .env("TOXIPROXY_URL", format!("http://{api}"))
            .stdout(Stdio::null())
            .status();
        assert!(status.expect("gameday").success(), "{args:?}");
    }

    pub(crate) fn haproxy(upstream: SocketAddr) -> Self {
        let address = free();
        Self::start("haproxy", address, |folder| {
            let file = folder.join("haproxy.cfg");
            let config = format!(
                "global\n  maxconn 9500\n  maxpipes 100\n  nbthread 2\ndefaults\n  mode tcp\n  option splice-auto\n  timeout connect 5s\n  \
                 timeout client 1h\n  timeout server 1h\nlisten bench\n  bind {address}\n  server upstream {upstream}\n"
            );
            std::fs::write(&file, config).expect("a writable folder");
            let mut command = Command::new("/usr/sbin/haproxy");
            command.arg("-db").arg("-f").arg(file);
            command
        })
    }

    pub(crate) fn nginx(upstream: SocketAddr, mode: Mode) -> Self {
        let address = free();
        Self::start("nginx", address, |folder| {
            let body = match mode {
                Mode::Tcp => format!(
                    "stream {{ server {{ listen {address} backlog=4096; proxy_pass {upstream}; proxy_buffer_size 64k; \
                     proxy_timeout 1h; proxy_half_close on; tcp_nodelay on; }} }}"
                ),
                Mode::Http => format!(
                    "http {{ access_log off; upstream up {{ server {upstream}; keepalive 64; }} server {{ listen {address}; \
                     keepalive_requests 1000000; location / {{ proxy_pass http://up; proxy_http_version 1.1; \
                     proxy_set_header Connection \"\"; }} }} }}"
                ),
            };
            nginx(folder, &body)
        })
    }

    fn start(name: &'static str, address: SocketAddr, command: impl Fn(&Path) -> Command) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = command(folder.path());
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let child = command
            .spawn()
            .unwrap_or_else(|error| panic!("{name}: {error} (just bench-proxy installs what it needs)"));
        wait_for(address, name);
        Self {
            name,
            address,
            api: None,
            child,
            _folder: folder,
        }
    }

    /// Of the process and its children, since their start.
    pub(crate) fn usage(&self) -> Usage {
        usage(self.child.id())
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // nginx' workers end when their master is told to; a killed master would leave them.
        let pid = nix::unistd::Pid::from_raw(self.child.id().cast_signed());
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).ok();
        self.child.wait().ok();
    }
}

/// nginx with two workers and this body, running from a folder.
pub(crate) fn nginx(folder: &Path, body: &str) -> Command {
    let file = folder.join("nginx.conf");
    let config = format!(
        "load_module /usr/lib/nginx/modules/ngx_stream_module.so;\nworker_processes 2;\nworker_rlimit_nofile 20000;\n\
         daemon off;\npid {0}/pid;\nerror_log /dev/null;\nuser root;\nevents {{ worker_connections 18000; }}\n{body}\n",
        folder.display()
    );
    std::fs::write(&file, config).expect("a writable folder");
    let mut command = Command::new("/usr/sbin/nginx");
    command.arg("-p").arg(folder).arg("-c").arg(file);
    command
}
