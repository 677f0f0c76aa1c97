//! The one task that makes changes when they are due, even if nobody asks.
//!
//! Deadlines are of the [`hearth_base::Clock`]; the runtime only does the sleeping.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use tokio::time::timeout;

use crate::{Parts, Shared, limits::TIMER_SLEEP_MS_MAX};

/// Runs until the bus is gone.
pub(crate) async fn run(parts: Weak<Parts>, shared: Arc<Shared>) {
    while let Some(parts) = parts.upgrade() {
        let deadline = parts.expire();
        drop(parts);
        let rescheduled = shared.rescheduled.notified();
        match deadline {
            None => rescheduled.await,
            Some(deadline) => {
                let wait_ms = deadline.saturating_sub(shared.clock.now_ms());
                let wait = Duration::from_millis(wait_ms.clamp(1, TIMER_SLEEP_MS_MAX));
                let _ = timeout(wait, rescheduled).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use hearth_base::{Clock, Random};
    use ruma::{room_id, user_id};

    use crate::{Bus, Hint};

    #[tokio::test]
    async fn a_deadline_is_announced_without_being_asked_for() {
        let bus = Bus::new(Clock::system(), &Random::seeded(1), None);
        let mut hints = bus.subscribe();
        let room = room_id!("!r:hearth");
        bus.typing().start(room, user_id!("@slow:hearth"), 100_000);
        bus.typing().start(room, user_id!("@quick:hearth"), 1);
        for _ in 0..3 {
            assert_eq!(hints.recv().await.unwrap(), Hint::Typing(room.to_owned()));
        }
        assert_eq!(bus.typing().users(room), ["@slow:hearth"]);
    }

    #[tokio::test]
    async fn the_task_ends_with_the_last_handle() {
        let bus = Bus::new(Clock::manual(0), &Random::seeded(1), None);
        let mut hints = bus.subscribe();
        bus.typing().start(room_id!("!r:hearth"), user_id!("@u:hearth"), 100_000);
        tokio::task::yield_now().await;
        assert!(hints.recv().await.is_ok());
        drop(bus);
        // The task holds the last sender of hints.
        assert!(hints.recv().await.is_err());
    }
}
