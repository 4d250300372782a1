//! Budgets as a prober begins with them: what was kept, who is told, and the tasks that go on with it.

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
use crate::notify::{self, Board, Quiet, ReceiverFile};
use crate::{command, output};

/// A folder's name has at most 255 bytes.
const MOST_NAME: usize = 200;

/// Budgets, and where they are kept.
pub(crate) struct Opened {
    pub(crate) budgets: Arc<Budgets>,
    store: Option<Arc<Store>>,
}

impl Opened {
    /// Reads what was kept, and the secrets of those who are told.
    ///
    /// # Errors
    /// In words: a folder that was named cannot be used, or a secret cannot be had.
    pub(crate) fn new(
        args: &LookArgs,
        (receivers, quiet): (Vec<ReceiverFile>, Option<Quiet>),
        promises: BTreeMap<Id, Promise>,
        judge: Judge,
    ) -> Result<Self, String> {
        let store = open_store(args)?;
        let (kept, told) = store.as_ref().map(Store::load).unwrap_or_default();
        let receivers = receivers
            .into_iter()
            .map(|receiver| receiver.open(|name| std::env::var(name).ok()))
            .collect::<Result<_, _>>()?;
        let board = Board::new(receivers, quiet, told);
        let budgets = Budgets::new(Arc::new(board), judge);
        budgets.restore(promises, kept);
        Ok(Self {
            budgets: Arc::new(budgets),
            store: store.map(Arc::new),
        })
    }

    /// Lets time pass, and tells the receivers; `address` is where the prober's own page is.
    pub(crate) fn begin(&self, tasks: &mut JoinSet<()>, address: &str) {
        tasks.spawn(keep::keep(Arc::clone(&self.budgets), self.store.clone()));
        let board = &self.budgets.board;
        for receiver in 0..board.receivers().len() {
            tasks.spawn(notify::work(Arc::clone(board), receiver, address.to_owned()));
        }
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
