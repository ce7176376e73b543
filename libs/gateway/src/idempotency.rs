//! Repeated requests: whoever sends the same `Idempotency-Key` again gets the
//! answer of the first time, and the work is done once.
//!
//! A key belongs to one caller and one function. Its record is `pending` while
//! the function runs, and holds the answer for a day afterwards. What a function
//! did that failed (5xx), was late, broke off or was not heard of any more is not
//! known: the record says for a day that the answer is lost, so that nothing
//! happens twice. Only a request that never reached the function gives it back.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use suoke_guest::{ApiError, ids, secret};
use suoke_redis::{Redis, RedisError, Script};

use crate::stored::Stored;

/// The header.
pub const HEADER: &str = "idempotency-key";

/// How large the body of such a request may be.
pub const BODY_SIZE_BYTES_MAX: usize = 2 * 1024 * 1024;

/// How long an answer is kept: a day.
const KEEP_MS: u64 = 24 * 60 * 60 * 1000;

/// How much longer than its deadline a request is taken to be worked on: the
/// body of its answer takes time, and clocks of hosts differ.
const PENDING_MS_MARGIN: u64 = 30_000;

/// How long a key may be.
const KEY_CHARS_MAX: usize = 255;

static FINISH: Script = Script::new(include_str!("finish.lua"));

/// What is known of a key.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Record {
    /// The function runs.
    #[serde(rename = "pending")]
    Pending {
        /// What was sent.
        fingerprint: String,
        /// Who waits for it.
        holder: String,
        /// When nobody waits any more, in milliseconds since the Unix epoch.
        #[serde(default)]
        late_ms: i64,
    },
    /// The function has answered.
    #[serde(rename = "done")]
    Done {
        /// What was sent.
        fingerprint: String,
        /// Its answer; none when it could not be kept.
        answer: Option<Stored>,
    },
}

/// A request whose work is ours to do.
#[derive(Debug, PartialEq, Eq)]
pub struct Claim {
    key: String,
    fingerprint: String,
    pending: Vec<u8>,
}

/// What to do with a request.
#[derive(Debug, PartialEq, Eq)]
pub enum Begun {
    /// Do it.
    Fresh(Claim),
    /// It was done: this came of it.
    Replay(Stored),
}

/// Checks what was sent as a key.
///
/// # Errors
/// 400 `idempotency_key_invalid` unless it is 1 to 255 visible characters.
pub fn checked(key: &[u8]) -> Result<&str, ApiError> {
    let text = std::str::from_utf8(key).ok();
    text.filter(|text| (1..=KEY_CHARS_MAX).contains(&text.len()))
        .filter(|text| text.bytes().all(|byte| byte.is_ascii_graphic()))
        .ok_or_else(|| {
            let detail = "Idempotency-Key: send 1 to 255 visible ASCII characters.";
            ApiError::bad_request("idempotency_key_invalid", detail)
                .zh("Idempotency-Key 须为 1 到 255 个可见 ASCII 字符。")
        })
}

/// Where the record of a caller's key is.
///
/// What the caller may do is no part of it, but of the [`fingerprint`]: a key
/// that comes again with other rights is refused, and not done anew.
#[must_use]
pub fn record_key(function: &str, user_id: &str, key: &str) -> String {
    format!(
        "idem:{}",
        digest(&[function, user_id, key].map(str::as_bytes))
    )
}

/// What makes two requests the same; `rights` are those of the caller, as
/// [`headers::rights`](crate::headers::rights) writes them.
#[must_use]
pub fn fingerprint(
    rights: &str,
    method: &str,
    target: &str,
    media_type: &str,
    body: &[u8],
) -> String {
    digest(&[
        rights.as_bytes(),
        method.as_bytes(),
        target.as_bytes(),
        media_type.as_bytes(),
        body,
    ])
}

/// A digest of parts that cannot be confused with other parts.
fn digest(parts: &[&[u8]]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part.len().to_be_bytes());
        hasher.update(part);
    }
    secret::hex(&hasher.finalize())
}

/// What is kept of an answer: nothing when the function failed, since it may
/// have done a part, or when the answer is too large.
#[must_use]
pub fn kept(status: u16, headers: &[(String, Vec<u8>)], body: &[u8]) -> Option<Stored> {
    (status < 500)
        .then(|| Stored::of(status, headers, body))
        .flatten()
}

/// Claims the work of a request, or finds what came of it. `now_ms` is this
/// host's clock, in milliseconds since the Unix epoch.
///
/// # Errors
/// 409 `idempotency_in_progress` while another one does it,
/// `idempotency_answer_lost` when what came of it was not kept, 422 `idempotency_key_reused` when the key was
/// sent with something else, 503 when Redis does not answer: without it the
/// work could be done twice.
pub async fn begin(
    redis: &Redis,
    key: String,
    fingerprint: String,
    deadline_ms: u64,
    now_ms: i64,
) -> Result<Begun, ApiError> {
    let takes_ms = i64::try_from(deadline_ms.saturating_add(PENDING_MS_MARGIN));
    let record = Record::Pending {
        fingerprint: fingerprint.clone(),
        holder: ids::new_id(),
        late_ms: now_ms.saturating_add(takes_ms.unwrap_or(i64::MAX)),
    };
    let pending = serde_json::to_vec(&record)?;
    let is_ours = redis.set_if_absent(&key, &pending, KEEP_MS).await;
    if is_ours.map_err(unreachable)? {
        return Ok(Begun::Fresh(Claim {
            key,
            fingerprint,
            pending,
        }));
    }
    let known = redis.get(&key).await.map_err(unreachable)?;
    let known: Option<Record> = known.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    match known {
        Some(
            Record::Pending {
                fingerprint: other, ..
            }
            | Record::Done {
                fingerprint: other, ..
            },
        ) if other != fingerprint => Err(reused()),
        Some(Record::Done {
            answer: Some(answer),
            ..
        }) => Ok(Begun::Replay(answer)),
        Some(Record::Done { answer: None, .. }) => Err(lost()),
        Some(Record::Pending { late_ms, .. }) if late_ms <= now_ms => Err(lost()),
        // It has just expired, or is unreadable: the next try will tell.
        Some(Record::Pending { .. }) | None => Err(in_progress()),
    }
}

impl Claim {
    /// Keeps what came of the work for a day; `None` when the function was
    /// called and its answer is not [`kept`].
    ///
    /// # Errors
    /// When Redis does not answer. The record stays pending then until it
    /// expires, after a day as well.
    pub async fn finish(self, redis: &Redis, answer: Option<Stored>) -> Result<(), RedisError> {
        let record = Record::Done {
            fingerprint: self.fingerprint,
            answer,
        };
        let done = serde_json::to_vec(&record).unwrap_or_default();
        let keep_ms = KEEP_MS.to_string();
        let args = [self.pending.as_slice(), &done, keep_ms.as_bytes()];
        redis.eval(&FINISH, &[&self.key], &args).await.map(|_| ())
    }

    /// Gives the work back: the function was not called.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub async fn release(self, redis: &Redis) -> Result<(), RedisError> {
        let args = [self.pending.as_slice(), b"", b"0"];
        redis.eval(&FINISH, &[&self.key], &args).await.map(|_| ())
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "used as map_err(unreachable)"
)]
fn unreachable(error: RedisError) -> ApiError {
    ApiError::unavailable(format!("idempotency: {error}"))
}

fn in_progress() -> ApiError {
    let detail = "A request with this Idempotency-Key is being worked on.";
    ApiError::conflict("idempotency_in_progress", detail)
        .zh("使用该 Idempotency-Key 的请求正在处理中。")
        .header("retry-after", "1")
}

fn lost() -> ApiError {
    let detail = "This was begun before, and what came of it was not kept: look before you \
                  ask for it again with another key.";
    ApiError::conflict("idempotency_answer_lost", detail)
        .zh("该请求此前已开始处理，但其结果未能保留；请先核实，再用新的 Idempotency-Key 重试。")
}

fn reused() -> ApiError {
    let detail = "This Idempotency-Key was sent with another request.";
    ApiError::new(422, "idempotency_key_reused", detail).zh("该 Idempotency-Key 已用于另一个请求。")
}
