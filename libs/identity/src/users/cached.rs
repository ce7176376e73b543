//! Users as they were read lately, in Redis for all instances and hosts.
//!
//! Whoever changes a user forgets them here after the commit; where that fails, the
//! event of the change does it (`user-forget`). What is forgotten is found by nobody,
//! and gone from Redis within [`TTL_MS`].

use suoke_cache::{Cache, Freshness, Local, Settings};
use suoke_guest::{ApiError, log};
use suoke_redis::RedisError;
use suoke_store::Sql;

use super::Account;

/// For how long a user is kept.
pub const TTL_MS: u64 = 1_800_000;

/// Instances keep nothing themselves: who has changed something sees it at once.
static USERS: Local = Local::new(Settings {
    name: "users",
    ttl_ms: TTL_MS,
    freshness: Freshness::Changing { local_stale_ms: 0 },
    local_items_max: 0,
    local_bytes_max: 0,
    value_bytes_max: 64 * 1024,
    // Reading takes less than waiting for another to read.
    lock_ms: 0,
});

/// A user, erased ones too, as [`super::get`] gives them.
///
/// # Errors
/// 404.
pub async fn get(sql: &impl Sql, user_id: &str) -> Result<Account, ApiError> {
    let load = async || super::get(sql, user_id).await;
    Cache::new(&USERS).get_or_load(user_id, load).await
}

/// Forgets a user who was changed.
///
/// # Errors
/// When Redis does not answer.
pub async fn forget(user_id: &str) -> Result<(), RedisError> {
    Cache::new(&USERS).invalidate(user_id).await
}

/// [`forget`] as well as it can be done: a failure is left to the event of the change.
pub async fn try_forget(user_id: &str) {
    if let Err(error) = forget(user_id).await {
        let cause = error.to_string();
        log::warn("a changed user is left to its event", &[("cause", &cause)]);
    }
}
