//! `hearth search reindex`: the index of messages again, from the beginning.
//!
//! A running server has the data directory to itself. So the command only takes the index away,
//! which the server notices within seconds, and watches the new one grow. Without a server it makes
//! the index itself; interrupted, it leaves the rest to the next one that follows the log.

use std::{path::Path, time::Duration};

use hearth_base::{Clock, Random};
use hearth_search::{Progress, Search, take_away};
use indicatif::{ProgressBar, ProgressStyle};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::CommandError;
use crate::{
    config::Settings,
    data_dir::{DataDir, DataDirError},
    logging,
    parts::{open_rooms, open_store},
    wiring::WiringError,
};

/// How often the index is asked how far it is.
const LOOK_TIME: Duration = Duration::from_millis(100);
const BAR: &str = "{bar:40} {percent}% of {len} changes, {eta} left";

/// Makes the index again, or has the running server do it, and returns when it is complete.
pub(super) fn reindex(settings: &Settings) -> Result<(), CommandError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        match DataDir::open(&settings.data_dir, &settings.server_name, &Random::system()) {
            Ok(data_dir) => {
                logging::start(&settings.log)?;
                Ok(make(settings, &data_dir).await?)
            }
            Err(DataDirError::InUse(path)) => {
                let directory = DataDir::search_in(&path);
                take_away(&directory).map_err(WiringError::from)?;
                println!("The server is running and makes the index again while it serves.");
                watch(&directory).await;
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    })
}

async fn make(settings: &Settings, data_dir: &DataDir) -> Result<(), WiringError> {
    let (clock, random, tasks) = (Clock::system(), Random::system(), TaskTracker::new());
    let store = open_store(settings, data_dir).await?;
    let rooms = open_rooms(settings, data_dir, &store, &clock, &random, &tasks)?;
    let (directory, shutdown) = (data_dir.search(), CancellationToken::new());
    take_away(&directory)?;
    let search = Search::open(Some(&directory), store.clone(), rooms, &tasks, shutdown.clone())?;
    watch(&directory).await;
    shutdown.cancel();
    tasks.close();
    tasks.wait().await;
    drop(search);
    Ok(store.close().await?)
}

/// Shows how far the index is until it is complete.
async fn watch(directory: &Path) {
    let bar = ProgressBar::no_length();
    if let Ok(style) = ProgressStyle::with_template(BAR) {
        bar.set_style(style);
    }
    loop {
        if let Some(progress) = Progress::read(directory) {
            let count = |position: i64| u64::try_from(position).unwrap_or_default();
            bar.set_length(count(progress.of.0));
            bar.set_position(count(progress.done.0));
            if progress.is_complete() {
                bar.finish();
                println!("The index is complete.");
                return;
            }
        }
        tokio::time::sleep(LOOK_TIME).await;
    }
}
