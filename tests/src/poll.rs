//! Waiting for what happens soon.

use std::time::{Duration, Instant};

/// How long anything may take: far longer than it does, on any machine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(120);
const PAUSE: Duration = Duration::from_millis(20);

/// Asks again and again until there is an answer.
///
/// # Panics
/// When there is none for a very long time.
pub async fn eventually<T>(what: &str, ask: impl AsyncFnMut() -> Option<T>) -> T {
    eventually_within(DEADLINE, what, ask).await
}

/// As [`eventually`], for what may take as long as this.
pub(crate) async fn eventually_within<T>(
    deadline: Duration,
    what: &str,
    mut ask: impl AsyncFnMut() -> Option<T>,
) -> T {
    let started = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(started.elapsed() < deadline, "did not happen: {what}");
        tokio::time::sleep(PAUSE).await;
    }
}
