//! Budgets as a prober begins with them: what was kept, and the task that goes on with it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use gameday_core::RegionName;
use tokio::task::JoinSet;

use super::budgets::Budgets;
use super::keep;
use super::promise::{Id, Promise};
use super::seen::Judge;
use super::store::Store;
use crate::cli::LookArgs;
use crate::notify::Board;
use crate::{command, output};

/// A folder's name has at most 255 bytes.
const MOST_NAME: usize = 200;

/// Budgets, and where they are kept.
pub(crate) struct Opened {
    pub(crate) budgets: Arc<Budgets>,
    store: Option<Arc<Store>>,
}

impl Opened {
    /// Reads what was kept.
    ///
    /// # Errors
    /// In words: a folder that was named cannot be used.
    pub(crate) fn new(
        args: &LookArgs,
        promises: BTreeMap<Id, Promise>,
        judge: Judge,
        board: Arc<Board>,
    ) -> Result<Self, String> {
        let store = open_store(args)?;
        let (kept, told) = store.as_ref().map(Store::load).unwrap_or_default();
        board.restore(told);
        let budgets = Budgets::new(board, judge);
        budgets.restore(promises, kept);
        Ok(Self {
            budgets: Arc::new(budgets),
            store: store.map(Arc::new),
        })
    }

    /// Lets time pass.
    pub(crate) fn begin(&self, tasks: &mut JoinSet<()>) {
        tasks.spawn(keep::keep(Arc::clone(&self.budgets), self.store.clone()));
    }

    /// Writes everything down, at the end.
    pub(crate) fn save(&self) {
        if let Some(store) = &self.store {
            keep::save(&self.budgets, store);
        }
    }
}

/// The folder for budgets; without one that is named or can be used, nothing is kept.
fn open_store(args: &LookArgs) -> Result<Option<Store>, String> {
    if let Some(dir) = &args.budgets {
        return Store::open(dir.clone()).map(Some);
    }
    let opened = default_dir(&args.regions).and_then(Store::open);
    let said = opened.map_err(|why| {
        output::say(&format!(
            "warning: error budgets are not kept over a restart: {why}"
        ));
    });
    Ok(said.ok())
}

/// One for each set of regions, so that probers of several regions may share a machine.
fn default_dir(regions: &[RegionName]) -> Result<PathBuf, String> {
    let home = command::state_home()
        .map_err(|_| "no --budgets, and neither XDG_STATE_HOME nor HOME is set".to_owned())?;
    let names: Vec<&str> = regions.iter().map(RegionName::as_str).collect();
    let mut name = names.join("+");
    name.truncate(MOST_NAME);
    Ok(home.join("gameday/budgets").join(name))
}
