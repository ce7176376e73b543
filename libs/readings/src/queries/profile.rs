//! The SQL of profiles.

use suoke_health::profile::{Profile, Sex};
use suoke_store::{Row, Sql, StoreError, params};

use crate::profile::StoredProfile;

/// The profile of a person, if they set one.
pub(crate) async fn find(
    sql: &impl Sql,
    user_id: &str,
) -> Result<Option<StoredProfile>, StoreError> {
    let row: Option<Row> = sql
        .query_optional(
            "SELECT timezone, sex, birth_date, height_cm, altitude_m, rules, version, changed_ms \
             FROM profiles WHERE user_id = ?1",
            params![user_id],
        )
        .await?;
    let Some(row) = row else { return Ok(None) };
    let (sex, rules): (String, String) = (row.get("sex")?, row.get("rules")?);
    let profile = Profile {
        timezone: row.get("timezone")?,
        sex: Sex::parse(&sex),
        birth_date: row.get("birth_date")?,
        height_cm: row.get("height_cm")?,
        altitude_m: row.get("altitude_m")?,
        // A rule set that is gone gives way to the default.
        rules: serde_json::from_str(&rules).unwrap_or_default(),
    };
    Ok(Some(StoredProfile {
        profile,
        version: row.get("version")?,
        changed_ms: row.get("changed_ms")?,
    }))
}

/// Stores a profile in the place of the one before.
pub(crate) async fn upsert(
    sql: &impl Sql,
    user_id: &str,
    stored: &StoredProfile,
) -> Result<(), StoreError> {
    let profile = &stored.profile;
    let rules = serde_json::to_string(&profile.rules).unwrap_or_default();
    sql.execute(
        "INSERT INTO profiles (user_id, timezone, sex, birth_date, height_cm, altitude_m, rules, \
         version, changed_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) \
         ON CONFLICT (user_id) DO UPDATE SET timezone = excluded.timezone, sex = excluded.sex, \
         birth_date = excluded.birth_date, height_cm = excluded.height_cm, \
         altitude_m = excluded.altitude_m, rules = excluded.rules, version = excluded.version, \
         changed_ms = excluded.changed_ms",
        params![
            user_id,
            &profile.timezone,
            profile.sex.map_or("", Sex::as_str),
            profile.birth_date.as_ref(),
            profile.height_cm,
            profile.altitude_m,
            rules,
            stored.version,
            stored.changed_ms
        ],
    )
    .await
}
