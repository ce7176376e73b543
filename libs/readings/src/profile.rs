//! Whose readings they are.

use suoke_guest::{ApiError, Request, version};
use suoke_health::profile::Profile;
use suoke_store::{Database, Sql, StoreError, erased};

use crate::marks::mark_all_days;
use crate::queries::profile as queries;

/// A profile with its version.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredProfile {
    /// What they say about themselves.
    pub profile: Profile,
    /// Counts its changes; 0 where there were none.
    pub version: i64,
    /// When it last changed; 0 where it never did.
    pub changed_ms: i64,
}

/// The profile of a person: all defaults where they never set one.
///
/// # Errors
/// When the database fails.
pub async fn profile(sql: &impl Sql, user_id: &str) -> Result<StoredProfile, StoreError> {
    let found = queries::find(sql, user_id).await?;
    Ok(found.unwrap_or_else(|| StoredProfile {
        profile: Profile::default(),
        version: 0,
        changed_ms: 0,
    }))
}

/// Replaces the profile of a person whose caller has seen the current version
/// (`If-Match`). Where the midnights move, every day is marked to be computed anew in
/// the same transaction. Setting the same again changes nothing.
///
/// # Errors
/// 401 `account_erased`, 409 `version_conflict`, or when the database fails.
pub async fn set_profile(
    db: &mut Database,
    request: &Request,
    user_id: &str,
    profile: Profile,
    now_ms: i64,
) -> Result<StoredProfile, ApiError> {
    db.transaction_of(user_id, async |tx| {
        if erased::is_erased(tx, user_id).await? {
            return Err(crate::record::erased());
        }
        let before = self::profile(tx, user_id).await?;
        version::expect(request, before.version)?;
        if before.version > 0 && before.profile == profile {
            return Ok(before);
        }
        let moved = before.profile.timezone != profile.timezone;
        let stored = StoredProfile {
            profile,
            version: before.version + 1,
            changed_ms: now_ms,
        };
        queries::upsert(tx, user_id, &stored).await?;
        if moved {
            mark_all_days(tx, user_id, now_ms).await?;
        }
        Ok(stored)
    })
    .await
}

#[cfg(test)]
mod tests;
