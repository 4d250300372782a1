//! Who listens where in one lab, and how each part is started.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use nix::sys::signal::Signal;
use serde::Serialize;
use serde_json::json;

use super::crew::{Crew, Part};
use crate::alerting::AlertingSettings;
use crate::api::{ApiSettings, PASSWORD};
use crate::cache::CacheSettings;
use crate::dns::{self, DnsSettings};
use crate::exec::ExecSettings;
use crate::ledger::LedgerSettings;
use crate::load::LoadSettings;
use crate::ports::{Hold, Ports};
use crate::psp::PspSettings;
use crate::{LabError, LabExports, LabKind, ports, rules};

/// The fault proxy's proxies: in front of the ledger, the cache, the payment service provider, and the name server.
const DB: &str = "payments-db";
const CACHE: &str = "payments-cache";
const PSP: &str = "payments-psp";
const DNS: &str = "payments-dns";

/// The addresses of one lab.
#[derive(Debug)]
pub(super) struct Plan {
    kind: LabKind,
    /// Requests a second that its users make.
    rps: u32,
    parent: u32,
    pub api: SocketAddr,
    pub ledger: SocketAddr,
    /// The ledger as the API sees it.
    proxied_ledger: SocketAddr,
    pub cache: SocketAddr,
    /// The cache as the API sees it.
    proxied_cache: SocketAddr,
    pub psp: SocketAddr,
    /// The provider as the API sees it.
    proxied_psp: SocketAddr,
    pub dns: SocketAddr,
    /// The name server as users see it.
    proxied_dns: SocketAddr,
    /// The load's metrics.
    pub load: SocketAddr,
    pub proxy_api: SocketAddr,
    pub prometheus: SocketAddr,
    pub alertmanager: SocketAddr,
    webhook: SocketAddr,
}

impl Plan {
    /// Draws free ports, which are this lab's for as long as the second value is held.
    pub(super) fn draw(kind: LabKind, rps: u32) -> Result<(Self, Hold), LabError> {
        let Ports { addresses, hold } = ports::free().map_err(LabError::io("find free ports"))?;
        let [
            api,
            ledger,
            proxied_ledger,
            cache,
            proxied_cache,
            psp,
            proxied_psp,
            dns,
            proxied_dns,
            load,
            proxy_api,
            prometheus,
            alertmanager,
            webhook,
        ] = addresses;
        let parent = std::process::id();
        let plan = Plan {
            kind,
            rps,
            parent,
            api,
            ledger,
            proxied_ledger,
            cache,
            proxied_cache,
            psp,
            proxied_psp,
            dns,
            proxied_dns,
            load,
            proxy_api,
            prometheus,
            alertmanager,
            webhook,
        };
        Ok((plan, hold))
    }

    /// Writes the files that the foreign programs and the proxy read.
    pub(super) fn write_files(&self, dir: &Path) -> Result<(), LabError> {
        let entry = |name: &str, protocol: &str, listen: SocketAddr, upstream: SocketAddr| {
            format!(
                "[proxy.{name}]\nprotocol = \"{protocol}\"\nlisten = \"{listen}\"\nupstream = \"{upstream}\"\n"
            )
        };
        let proxy = entry(DB, "postgres", self.proxied_ledger, self.ledger)
            + &entry(CACHE, "redis", self.proxied_cache, self.cache)
            + &entry(PSP, "http", self.proxied_psp, self.psp)
            + &entry(DNS, "dns", self.proxied_dns, self.dns);
        write(dir, "proxy.toml", &proxy)?;
        if self.kind == LabKind::Real {
            let (api, alertmanager) = (self.api.to_string(), self.alertmanager.to_string());
            write(
                dir,
                "prometheus.yml",
                &rules::prometheus_yaml(&api, &alertmanager, "rules.yml"),
            )?;
            write(dir, "rules.yml", &rules::rules_yaml())?;
            write(
                dir,
                "alertmanager.yml",
                &rules::alertmanager_yaml(&self.webhook_url()),
            )?;
        }
        Ok(())
    }

    /// The fault proxy: a program as anybody would start it.
    pub(super) fn proxy(&self, crew: &Crew) -> Part {
        let config = crew.dir().join("proxy.toml").display().to_string();
        let args = ["proxy", "--config", &config, "--api", &self.proxy_api.to_string()];
        self.foreign("proxy", crew.program(), &args)
    }

    /// The payments API.
    pub(super) fn api(&self) -> Part {
        let settings = ApiSettings {
            parent: self.parent,
            listen: self.api,
            ledger: self.proxied_ledger,
            cache: self.proxied_cache,
            psp: self.proxied_psp,
        };
        own("api", "api", &settings)
    }

    /// Somebody else's service.
    pub(super) fn psp(&self) -> Part {
        own(
            "psp",
            "psp",
            &PspSettings {
                parent: self.parent,
                listen: self.psp,
            },
        )
    }

    /// Who knows the API's name.
    pub(super) fn dns(&self) -> Part {
        own(
            "dns",
            "dns",
            &DnsSettings {
                parent: self.parent,
                listen: self.dns,
            },
        )
    }

    /// Its users.
    pub(super) fn load(&self) -> Part {
        own(
            "load",
            "load",
            &LoadSettings {
                parent: self.parent,
                api: self.api,
                listen: self.load,
                rps: self.rps,
            },
        )
    }

    /// What stands in for PostgreSQL.
    pub(super) fn embedded_ledger(&self, dir: &Path) -> Part {
        own(
            "ledger",
            "ledger",
            &LedgerSettings {
                parent: self.parent,
                listen: self.ledger,
                data: dir.join("ledger.db"),
            },
        )
    }

    /// What stands in for Redis.
    pub(super) fn embedded_cache(&self) -> Part {
        own(
            "cache",
            "cache",
            &CacheSettings {
                parent: self.parent,
                listen: self.cache,
            },
        )
    }

    /// What stands in for Prometheus and Alertmanager.
    pub(super) fn alerting(&self) -> Part {
        let settings = AlertingSettings {
            parent: self.parent,
            api: self.api,
            prometheus: self.prometheus,
            alertmanager: self.alertmanager,
            webhook: self.webhook_url(),
        };
        own("alerting", "alerting", &settings)
    }

    /// A program that is not gameday's own, run as this user.
    pub(super) fn foreign(&self, name: &'static str, program: &Path, args: &[&str]) -> Part {
        self.foreign_as(name, program, args, None)
    }

    /// A program that is not gameday's own, run as another user if one is named.
    pub(super) fn foreign_as(
        &self,
        name: &'static str,
        program: &Path,
        args: &[&str],
        user: Option<(u32, u32)>,
    ) -> Part {
        let settings = ExecSettings {
            parent: self.parent,
            program: program.to_owned(),
            args: args.iter().map(|&arg| arg.to_owned()).collect(),
            user,
            quit: name == "postgres",
        };
        // PostgreSQL waits for its clients on SIGTERM, and does not on SIGINT.
        let stop = if settings.quit {
            Signal::SIGINT
        } else {
            Signal::SIGTERM
        };
        Part {
            name,
            role: "exec",
            settings: json!(settings),
            stop,
        }
    }

    /// What scenarios are told.
    pub(super) fn exports(&self, crew: &Crew) -> LabExports {
        let url = |address: SocketAddr| format!("http://{address}");
        let mut pids: BTreeMap<String, u32> = crew.pids().collect();
        pids.insert("supervisor".into(), self.parent);
        LabExports {
            kind: self.kind,
            api: url(self.api),
            load: url(self.load),
            proxy_api: url(self.proxy_api),
            prometheus: url(self.prometheus),
            alertmanager: url(self.alertmanager),
            webhook: self.webhook_url(),
            named_api: format!("http://{}:{}", dns::NAME, self.api.port()),
            resolver: self.proxied_dns.to_string(),
            dir: PathBuf::from(crew.dir()),
            env: BTreeMap::from([(PASSWORD.to_owned(), crew.password().to_owned())]),
            pids,
        }
    }

    fn webhook_url(&self) -> String {
        format!("http://{}/webhook", self.webhook)
    }
}

fn own(name: &'static str, role: &'static str, settings: &impl Serialize) -> Part {
    Part {
        name,
        role,
        settings: json!(settings),
        stop: Signal::SIGTERM,
    }
}

fn write(dir: &Path, name: &str, text: &str) -> Result<(), LabError> {
    let path = dir.join(name);
    OpenOptions::new()
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(&path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(LabError::io(format!("write {}", path.display())))
}
