//! The unread counts of a room, as far as the client asked for them.

use hearth_rooms::{Reader, Room, UnreadCounts};
use hearth_rules::PushRules;
use ruma::{
    UInt,
    api::client::sync::sync_events::{UnreadNotificationsCount, v3::JoinedRoom},
};

use crate::{SyncError, answer::View};

impl View<'_> {
    /// Puts the unread counts of a room into its part of the answer.
    pub(crate) async fn count_unread(
        &self,
        room: &Room,
        joined: &mut JoinedRoom,
    ) -> Result<(), SyncError> {
        let rules = self.push_rules().await?;
        let reader = Reader { user_id: self.user_id(), rules, ignored: &self.ignored };
        let rooms = self.sync.rooms();
        let unread = rooms.unread(self.snapshot, room, self.position, reader).await?;
        if self.filter().room.timeline.unread_thread_notifications {
            joined.unread_notifications = to_ruma(unread.main);
            let threads = unread.threads.iter();
            joined.unread_thread_notifications =
                threads.map(|(root, counts)| (root.clone(), to_ruma(*counts))).collect();
        } else {
            joined.unread_notifications = to_ruma(unread.total());
        }
        Ok(())
    }

    /// The user's push rules, read once an answer.
    async fn push_rules(&self) -> Result<&PushRules, SyncError> {
        let read = async || {
            let rules = self.sync.accounts().push_rules(self.user_id()).await?;
            Ok::<_, SyncError>(PushRules::new(self.user_id(), &rules))
        };
        self.push_rules.get_or_try_init(read).await
    }
}

fn to_ruma(counts: UnreadCounts) -> UnreadNotificationsCount {
    let mut unread = UnreadNotificationsCount::new();
    unread.notification_count = Some(UInt::new_saturating(counts.notifications));
    unread.highlight_count = Some(UInt::new_saturating(counts.highlights));
    unread
}
