//! How long this process waits. No station runs in it, so tokio's timers, a millisecond coarse, are good enough.

use core::time::Duration;

/// What comes of `future` if it ends in time.
#[expect(clippy::disallowed_methods, reason = "a millisecond is nothing to a browser")]
pub(super) async fn within<F: Future>(time: Duration, future: F) -> Option<F::Output> {
    tokio::time::timeout(time, future).await.ok()
}

/// Waits.
#[expect(clippy::disallowed_methods, reason = "a millisecond is nothing to a browser")]
pub(super) async fn pause(time: Duration) {
    tokio::time::sleep(time).await;
}
