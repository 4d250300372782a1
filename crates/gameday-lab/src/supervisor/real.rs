//! Starts PostgreSQL, Redis, Prometheus and Alertmanager.

use std::fs::DirBuilder;
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt as _, chown};
use std::path::Path;

use tokio::task::JoinSet;
use tokio_postgres::NoTls;

use super::crew::{Crew, Part};
use super::health;
use super::plan::Plan;
use crate::programs::Programs;
use crate::statements::SCHEMA;
use crate::{LabError, api};

/// Starts Prometheus and Alertmanager; they become ready while the rest is started.
pub(super) async fn start_alerting(
    crew: &mut Crew,
    plan: &Plan,
    programs: &Programs,
) -> Result<(), LabError> {
    let dir = crew.dir().to_owned();
    let at = |name: &str| dir.join(name).display().to_string();
    let prometheus = [
        format!("--config.file={}", at("prometheus.yml")),
        format!("--storage.tsdb.path={}", at("prometheus")),
        format!("--web.listen-address={}", plan.prometheus),
        format!("--web.external-url=http://{}", plan.prometheus),
        "--web.enable-lifecycle".to_owned(),
    ];
    crew.start(plan.foreign("prometheus", &programs.prometheus, &strs(&prometheus)))
        .await?;
    let alertmanager = [
        format!("--config.file={}", at("alertmanager.yml")),
        format!("--storage.path={}", at("alertmanager")),
        format!("--web.listen-address={}", plan.alertmanager),
        format!("--web.external-url=http://{}", plan.alertmanager),
        "--cluster.listen-address=".to_owned(),
    ];
    crew.start(plan.foreign("alertmanager", &programs.alertmanager, &strs(&alertmanager)))
        .await
}

/// Makes a database, starts PostgreSQL on it and creates the tables; returns what starts it again.
pub(super) async fn start_ledger(
    crew: &mut Crew,
    plan: &Plan,
    programs: &Programs,
) -> Result<Part, LabError> {
    let home = crew.dir().join("postgres");
    DirBuilder::new()
        .mode(0o700)
        .create(&home)
        .map_err(LabError::io("make PostgreSQL's folder"))?;
    if let Some((uid, gid)) = programs.postgres_user {
        crew.let_others_pass()?;
        chown(&home, Some(uid), Some(gid)).map_err(LabError::io("give PostgreSQL its folder"))?;
    }
    let data = data_folder(&home);
    let user = programs.postgres_user;
    let initdb = [
        "-D",
        &data,
        "-U",
        "payments",
        "--auth=trust",
        "-E",
        "UTF8",
        "--locale=C",
        "--no-sync",
    ];
    crew.finish(plan.foreign_as("initdb", &programs.initdb, &initdb, user))
        .await?;
    let port = plan.ledger.port().to_string();
    let settings = [
        // A practice ledger need not survive a power cut; what it has committed survives the end of its process.
        "fsync=off",
        "synchronous_commit=on",
        "full_page_writes=off",
        "max_connections=200",
        "shared_buffers=32MB",
        // Loopback only: a socket in a deep temporary folder would have too long a name.
        "unix_socket_directories=",
        "listen_addresses=127.0.0.1",
    ];
    let mut args = vec!["-D", &data, "-p", &port];
    settings.iter().for_each(|setting| args.extend(["-c", setting]));
    let part = plan.foreign_as("postgres", &programs.postgres, &args, user);
    crew.start(part.clone()).await?;
    crew.until_ready("postgres", || health::ledger_answers(plan.ledger))
        .await?;
    create_tables(plan.ledger)
        .await
        .map_err(|source| LabError::Ledger {
            doing: "create the ledger's tables".into(),
            source,
        })?;
    Ok(part)
}

/// Starts a Redis that keeps nothing on disk.
pub(super) async fn start_cache(crew: &mut Crew, plan: &Plan, programs: &Programs) -> Result<(), LabError> {
    let (port, dir) = (plan.cache.port().to_string(), crew.dir().display().to_string());
    let args = [
        ["--port", &port],
        ["--bind", "127.0.0.1"],
        ["--dir", &dir],
        ["--save", ""],
        ["--appendonly", "no"],
        ["--maxmemory", "64mb"],
        ["--maxmemory-policy", "allkeys-lru"],
    ];
    crew.start(plan.foreign("redis", &programs.redis, args.as_flattened()))
        .await
}

async fn create_tables(ledger: SocketAddr) -> Result<(), tokio_postgres::Error> {
    let mut config = api::ledger_config();
    config.host(ledger.ip().to_string()).port(ledger.port());
    let (client, connection) = config.connect(NoTls).await?;
    let mut driving = JoinSet::new();
    driving.spawn(connection);
    client.batch_execute(SCHEMA).await
}

fn data_folder(home: &Path) -> String {
    home.join("data").display().to_string()
}

fn strs(args: &[String]) -> Vec<&str> {
    args.iter().map(String::as_str).collect()
}
