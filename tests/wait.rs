//! Waiting for conditions: look often, give up at a deadline, say what was waited for.

use std::time::{Duration, Instant};

/// How long any condition may take before a story fails.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// How often a condition is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// Looks until `condition` answers, and returns its answer.
///
/// # Panics
/// When [`PATIENCE`] runs out; the message names `what`.
pub async fn until<T, F>(what: &str, mut condition: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    let deadline = Instant::now() + PATIENCE;
    let mut looks = tokio::time::interval(LOOK_EVERY);
    loop {
        looks.tick().await;
        if let Some(answer) = condition().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited {PATIENCE:?} in vain for: {what}");
    }
}
