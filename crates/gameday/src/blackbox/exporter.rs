//! What all requests share: the file as it was last loaded, the way out, the last results, and counts.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use gameday_core::{Problem, Source};
use gameday_probe::blackbox::{Asked, Config, Module, Probed};
use gameday_probe::{Connector, Environment};
use jiff::Timestamp;

use super::history::{Entry, History};
use crate::cli::BlackboxArgs;

/// What Prometheus allows when it does not say.
const DEFAULT_TIMEOUT: f64 = 120.0;

pub(super) struct Exporter {
    file: PathBuf,
    config: RwLock<Arc<Config>>,
    connector: Connector,
    environment: Environment,
    offset: f64,
    pub(super) history: Mutex<History>,
    pub(super) counts: Counts,
}

/// Counts of the exporter itself.
#[derive(Debug)]
pub(super) struct Counts {
    pub(super) unknown_modules: AtomicU64,
    pub(super) scrapes: AtomicU64,
    pub(super) loaded: AtomicU64,
    /// Milliseconds since 1970.
    pub(super) loaded_at: AtomicU64,
}

impl Exporter {
    /// Loads the file for the first time.
    pub(super) fn load(file: PathBuf, args: &BlackboxArgs) -> Result<Self, Vec<Problem>> {
        let config = Config::load(&Source::read(&file)?)?;
        let exporter = Self {
            file,
            config: RwLock::new(Arc::new(config)),
            connector: Connector::default(),
            environment: std::env::vars().collect(),
            offset: args.timeout_offset.get().as_secs_f64(),
            history: Mutex::new(History::new(args.history_limit)),
            counts: Counts {
                unknown_modules: AtomicU64::new(0),
                scrapes: AtomicU64::new(0),
                loaded: AtomicU64::new(0),
                loaded_at: AtomicU64::new(0),
            },
        };
        exporter.note_load();
        Ok(exporter)
    }

    /// Loads the file again, whole or not at all.
    ///
    /// # Errors
    /// Its problems, drawn.
    pub(super) fn reload(&self) -> Result<(), String> {
        let loaded = Source::read(&self.file).and_then(|source| Config::load(&source));
        match loaded {
            Ok(config) => {
                *self.config.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(config);
                self.note_load();
                Ok(())
            }
            Err(problems) => {
                self.counts.loaded.store(0, Ordering::Relaxed);
                Err(Problem::draw_all(&problems))
            }
        }
    }

    fn note_load(&self) {
        let now = u64::try_from(Timestamp::now().as_millisecond()).unwrap_or(0);
        self.counts.loaded.store(1, Ordering::Relaxed);
        self.counts.loaded_at.store(now, Ordering::Relaxed);
    }

    pub(super) fn config(&self) -> Arc<Config> {
        let config = self.config.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&config)
    }

    /// Looks once, and remembers it.
    pub(super) async fn probe(&self, name: &str, module: Arc<Module>, asked: Asked<'_>) -> Arc<Entry> {
        let probed: Probed = module.probe(asked, &self.connector, &self.environment).await;
        let entry = Entry {
            module_name: name.to_owned(),
            target: asked.target.to_owned(),
            module,
            probed,
        };
        let mut history = self.history.lock().unwrap_or_else(PoisonError::into_inner);
        history.add(entry)
    }

    /// How long a probe may take: what Prometheus allows less the way back, and not over the module's own.
    ///
    /// # Errors
    /// In Go's words: the header is no number.
    pub(super) fn timeout(&self, header: Option<&str>, module: &Module) -> Result<Duration, String> {
        let allowed = match header {
            None | Some("") => DEFAULT_TIMEOUT,
            Some(text) => match text.parse::<f64>() {
                Ok(0.0) => DEFAULT_TIMEOUT,
                Ok(seconds) => seconds,
                Err(_) => return Err(format!("strconv.ParseFloat: parsing {text:?}: invalid syntax")),
            },
        };
        let most = allowed - self.offset;
        let own = module.timeout.map_or(0.0, |timeout| timeout.as_secs_f64());
        // A scrape that is shorter than the offset leaves the module's own; without one nothing is left.
        let seconds = if (own < most && own > 0.0) || most < 0.0 {
            own
        } else {
            most
        };
        Ok(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::from_secs_f64(DEFAULT_TIMEOUT)))
    }
}
