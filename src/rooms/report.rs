//! What users report to the administrator: an event, a room or another user (specification,
//! "Reporting Content").
//!
//! Reports are kept in the order in which they came, the newest of them. Deliberately absent: what
//! is done about them.

use hearth_base::limits::{REPORT_REASON_BYTES_MAX, REPORTS_MAX};
use hearth_store::{Batch, CommitError, Direction, Snapshot};
use ruma::{OwnedEventId, OwnedRoomId, OwnedUserId};
use serde::{Deserialize, Serialize};

use crate::{Rooms, RoomsError, tables::REPORTS};

/// How often a report is written again when another one was faster.
const CONFLICT_RETRIES_MAX: usize = 8;
/// Most old reports that a new one removes.
const REMOVED_MAX: usize = 10;

/// What somebody reported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Who.
    pub reporter: OwnedUserId,
    /// What.
    pub reported: Reported,
    /// Why, in the reporter's words.
    pub reason: String,
    /// When, in Unix milliseconds.
    pub at_ms: u64,
}

/// What a report is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reported {
    /// An event that the reporter could see.
    Event {
        /// The room that it is in.
        room_id: OwnedRoomId,
        /// The event.
        event_id: OwnedEventId,
        /// Who sent it.
        sender: OwnedUserId,
    },
    /// A room.
    Room(OwnedRoomId),
    /// A user.
    User(OwnedUserId),
}

impl Rooms {
    /// Keeps a report for the administrator; a very long reason is cut.
    ///
    /// # Errors
    /// The store failed.
    pub async fn report(
        &self,
        reporter: OwnedUserId,
        reported: Reported,
        reason: &str,
    ) -> Result<(), RoomsError> {
        let reason = &reason[..reason.floor_char_boundary(REPORT_REASON_BYTES_MAX)];
        let at_ms = self.clock().now_ms();
        let report = Report { reporter, reported, reason: reason.to_owned(), at_ms };
        for _ in 0..CONFLICT_RETRIES_MAX {
            let snapshot = self.snapshot().await?;
            let last = self.reports(snapshot.as_ref(), None, 1).await?;
            let number = last.first().map_or(1, |(number, _)| number + 1);
            let mut batch = Batch::new();
            REPORTS.insert(&mut batch, &(number,), &report)?;
            let old = REPORTS.between(&(0,), &((number + 1).saturating_sub(REPORTS_MAX),));
            let forward = Direction::Forward;
            for (key, _) in REPORTS.scan(snapshot.as_ref(), &old, forward, REMOVED_MAX).await? {
                REPORTS.delete(&mut batch, &key);
            }
            match self.store().commit(batch).await {
                Ok(_) => return Ok(()),
                Err(CommitError::Conflict { .. }) => {}
                Err(CommitError::Store(error)) => return Err(error.into()),
            }
        }
        Err(RoomsError::Busy)
    }

    /// The latest reports with their numbers, the newest first; those before `before`, if given.
    ///
    /// # Errors
    /// The store failed.
    pub async fn reports(
        &self,
        snapshot: &dyn Snapshot,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<(u64, Report)>, RoomsError> {
        let range = REPORTS.between(&(0,), &(before.unwrap_or(u64::MAX),));
        let rows = REPORTS.scan(snapshot, &range, Direction::Backward, limit).await?;
        Ok(rows.into_iter().map(|((number,), report)| (number, report)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{rooms, user};

    #[tokio::test]
    async fn reports_are_read_back_newest_first() {
        let (rooms, alice) = (rooms(), user("alice"));
        for reason in ["first".to_owned(), "x".repeat(10_000)] {
            let reported = Reported::User(user("bob"));
            rooms.report(alice.clone(), reported, &reason).await.unwrap();
        }
        let snapshot = rooms.snapshot().await.unwrap();
        let reports = rooms.reports(snapshot.as_ref(), None, 10).await.unwrap();
        let reasons: Vec<_> = reports.iter().map(|(_, report)| report.reason.len()).collect();
        assert_eq!(reasons, [REPORT_REASON_BYTES_MAX, 5]);
        let older = rooms.reports(snapshot.as_ref(), Some(reports[0].0), 10).await.unwrap();
        assert_eq!(older, reports[1..]);
    }
}
