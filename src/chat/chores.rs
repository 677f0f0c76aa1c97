//! The one task that does what has to be done at a certain time, whether anybody asks or not.
//!
//! A chore is a row, written in the batch that makes it necessary. It is deleted when it is done,
//! and doing it twice does no harm, so it survives any crash. A chore that is no longer necessary
//! finds nothing to do. Times are of the [`hearth_base::Clock`]; the runtime only sleeps.

use std::time::Duration;

use hearth_base::RoomNid;
use hearth_store::{Batch, Direction};
use ruma::OwnedUserId;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::{
    Chat, ChatError,
    tables::{CHORES, RESERVATIONS},
};

/// Longest sleep: after it, a clock that was set is noticed.
const SLEEP_MAX: Duration = Duration::from_secs(60);
/// How long to wait after a failure that may pass.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// How many rows are read at once.
const DUE_ROWS: usize = 64;

/// What has to be done.
///
/// New kinds are appended at the end: the order is part of the stored format.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Chore {
    /// Find out whether somebody came in by a code.
    SettleUse {
        /// The code.
        code: String,
        /// Who.
        user: OwnedUserId,
    },
    /// Forget a code that is over.
    ForgetInvite {
        /// The code.
        code: String,
    },
    /// Give somebody back what a mute took.
    EndMute {
        /// Where.
        room: RoomNid,
        /// Who.
        user: OwnedUserId,
    },
    /// End the account of a guest who was away for long.
    EndGuest {
        /// Who.
        user: OwnedUserId,
    },
}

impl Chat {
    /// Adds a chore to the batch that makes it necessary.
    pub(crate) fn put_chore(
        batch: &mut Batch,
        due_ms: u64,
        number: u64,
        chore: &Chore,
    ) -> Result<(), ChatError> {
        Ok(CHORES.put(batch, &(due_ms, number), chore)?)
    }

    /// Does chores when they are due, until `stop` fires.
    pub(crate) async fn do_chores(self, stop: CancellationToken) {
        let mut settled = false;
        loop {
            let wait = match self.do_next_chores(&mut settled).await {
                Ok(wait) => wait,
                Err(error) => {
                    tracing::error!(%error, "chores of chats have to wait");
                    RETRY_AFTER
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.chores_changed().notified() => {}
                () = tokio::time::sleep(wait.min(SLEEP_MAX)) => {}
            }
        }
    }

    async fn do_next_chores(&self, settled: &mut bool) -> Result<Duration, ChatError> {
        if !*settled {
            self.settle_all().await?;
            self.index_moderators_rooms().await?;
            *settled = true;
        }
        self.expire_notifications().await?;
        self.do_due().await
    }

    /// Whom a process that ended was letting in, is in or is not.
    pub(crate) async fn settle_all(&self) -> Result<(), ChatError> {
        let snapshot = self.snapshot().await?;
        let all = RESERVATIONS.scan_all(snapshot.as_ref(), &RESERVATIONS.all()).await?;
        for ((code, user), _) in all.iter().filter(|(_, row)| row.process != self.process()) {
            self.settle_use(code, user).await?;
        }
        Ok(())
    }

    /// Does everything that is due, in the order of the times, and says how long nothing else is.
    pub(crate) async fn do_due(&self) -> Result<Duration, ChatError> {
        loop {
            let snapshot = self.snapshot().await?;
            let (all, forward) = (CHORES.all(), Direction::Forward);
            let rows = CHORES.scan(snapshot.as_ref(), &all, forward, DUE_ROWS).await?;
            if rows.is_empty() {
                return Ok(SLEEP_MAX);
            }
            for (key @ (due_ms, _), chore) in rows {
                let now_ms = self.now_ms();
                if due_ms > now_ms {
                    return Ok(Duration::from_millis(due_ms - now_ms));
                }
                self.do_chore(&chore).await?;
                let mut batch = Batch::new();
                CHORES.delete(&mut batch, &key);
                self.store().commit(batch).await?;
            }
        }
    }

    async fn do_chore(&self, chore: &Chore) -> Result<(), ChatError> {
        let done = match chore {
            Chore::SettleUse { code, user } => self.settle_use(code, user).await,
            Chore::ForgetInvite { code } => self.forget_invite(code).await,
            Chore::EndMute { room, user } => self.end_mute(*room, user).await,
            Chore::EndGuest { user } => self.end_guest(user).await,
        };
        match done {
            Err(error) if !error.is_temporary() => {
                tracing::warn!(?chore, %error, "a chore of chats cannot be done");
                Ok(())
            }
            done => done,
        }
    }
}
