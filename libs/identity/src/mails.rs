//! Mails: stored sealed in the transaction that needs them, sent afterwards.

use serde::{Deserialize, Serialize};
use suoke_guest::{ApiError, ids};
use suoke_store::{Database, Sql, StoreError, Transaction};

use crate::queries::mails as queries;
use crate::sealed::SealingKey;

/// How long it is tried to send a mail, at most.
pub(crate) const GIVE_UP_MS: i64 = 24 * 60 * 60 * 1000;

/// How long after the first failure it is tried again; doubled with each.
const BACK_OFF_MS: i64 = 30 * 1000;

/// The longest time between two tries.
const BACK_OFF_MS_MAX: i64 = 60 * 60 * 1000;

/// How many mails are sent in one run.
const BATCH_MAILS_MAX: u32 = 20;

/// How many mails are given up in one run because their time is over.
const EXPIRED_MAILS_MAX: u32 = 1000;

/// How long the note about a failure may be, in characters.
const ERROR_CHARS_MAX: usize = 200;

/// A mail as the mail service gets it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    /// The address.
    pub to: String,
    /// What it is about.
    pub subject: String,
    /// What it says.
    pub text: String,
}

/// For whom a mail is.
pub(crate) enum Recipient<'a> {
    /// A user.
    User(&'a str),
    /// Nobody: there is no such user. The work is done all the same.
    Nobody,
}

/// Stores a mail that is of use for so long; none is sent after a day.
pub(crate) async fn queue(
    tx: &Transaction<'_>,
    sealing: &SealingKey,
    recipient: Recipient<'_>,
    purpose: &str,
    letter: &Letter,
    now_ms: i64,
    life_ms: i64,
) -> Result<(), ApiError> {
    let id = ids::new_id();
    let sealed = sealing.seal(&place(&id, purpose), &serde_json::to_vec(letter)?)?;
    let (user_id, sealed, done_at) = match recipient {
        Recipient::User(user_id) => (Some(user_id), sealed, None),
        Recipient::Nobody => (None, Vec::new(), Some(now_ms)),
    };
    let row = queries::NewMail {
        id: &id,
        user_id,
        purpose,
        address_hash: address_hash(sealing, &letter.to),
        sealed,
        expires_at: now_ms + life_ms.min(GIVE_UP_MS),
        done_at,
    };
    Ok(queries::insert(tx, row, now_ms).await?)
}

/// How many mails were asked for to an address since then, sent or not.
pub(crate) async fn count_since(
    sql: &impl Sql,
    sealing: &SealingKey,
    address: &str,
    since_ms: i64,
) -> Result<i64, StoreError> {
    queries::count_since(sql, address_hash(sealing, address), since_ms).await
}

/// What a run did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// Mails that the service took.
    pub sent: u32,
    /// Mails that are tried again.
    pub failed: u32,
    /// Mails that were given up.
    pub dead: u32,
}

/// How many mails wait.
///
/// # Errors
/// When the database fails.
pub async fn waiting(sql: &impl Sql) -> Result<i64, StoreError> {
    queries::waiting(sql).await
}

/// Gives up mails whose time is over, whether there is a mail service or not, and
/// does not keep what they say. Gives how many.
///
/// # Errors
/// When the database fails.
pub async fn expire(sql: &impl Sql, now_ms: i64) -> Result<u64, StoreError> {
    queries::expire(sql, now_ms, EXPIRED_MAILS_MAX).await
}

/// Sends what is due and still of use. A mail is taken before it is sent, so that two runs do not
/// send it at once; when a run ends in the middle, it is sent again.
///
/// # Errors
/// When the database fails.
pub async fn send_due(
    db: &Database,
    sealing: &SealingKey,
    now_ms: i64,
    send: impl AsyncFn(&str, &Letter) -> Result<(), String>,
) -> Result<Sent, StoreError> {
    let expired = expire(db, now_ms).await?;
    let mut sent = Sent {
        dead: u32::try_from(expired).unwrap_or(u32::MAX),
        ..Sent::default()
    };
    for row in queries::take(db, now_ms, BACK_OFF_MS, BACK_OFF_MS_MAX, BATCH_MAILS_MAX).await? {
        let letter = sealing
            .open(&place(&row.id, &row.purpose), &row.sealed)
            .and_then(|letter| serde_json::from_slice::<Letter>(&letter).ok());
        let (failure, is_lost) = match letter {
            Some(letter) => (send(&row.id, &letter).await.err(), false),
            None => (Some("it was sealed with another key".to_owned()), true),
        };
        let Some(failure) = failure else {
            queries::done(db, &row.id, now_ms).await?;
            sent.sent += 1;
            continue;
        };
        let failure: String = failure.chars().take(ERROR_CHARS_MAX).collect();
        queries::failed(db, &row.id, &failure, is_lost.then_some(now_ms)).await?;
        if is_lost {
            sent.dead += 1;
        } else {
            sent.failed += 1;
        }
    }
    Ok(sent)
}

/// Where a mail lies.
fn place(id: &str, purpose: &str) -> String {
    format!("mail|{id}|{purpose}")
}

fn address_hash(sealing: &SealingKey, address: &str) -> Vec<u8> {
    sealing.hash("mail address", address)
}

#[cfg(test)]
mod tests;
