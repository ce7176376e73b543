//! Repeated requests: whoever sends the same `Idempotency-Key` again gets the
//! answer of the first time, and the work is done once.
//!
//! A key belongs to one caller and one function. Its record is `pending` while
//! the function runs, and holds the answer for a day afterwards. When the
//! function failed (5xx) the record is dropped, so that a retry tries again.
//! When it was not heard of any more (deadline, crash) the record stays pending
//! until it expires: what the function did meanwhile is not known.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use suoke_guest::{ApiError, ids};
use suoke_redis::{Redis, RedisError, Script};

use crate::stored::Stored;

/// The header.
pub const HEADER: &str = "idempotency-key";

/// How large the body of such a request may be.
pub const BODY_SIZE_BYTES_MAX: usize = 2 * 1024 * 1024;

/// How long an answer is kept: a day.
const KEEP_MS: u64 = 24 * 60 * 60 * 1000;

/// How much longer than its deadline a request may be pending.
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
    },
    /// The function has answered.
    #[serde(rename = "done")]
    Done {
        /// What was sent.
        fingerprint: String,
        /// Its answer; none when it was too large.
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
#[must_use]
pub fn record_key(function: &str, user_id: &str, key: &str) -> String {
    format!(
        "idem:{}",
        digest(&[function, user_id, key].map(str::as_bytes))
    )
}

/// What makes two requests the same.
#[must_use]
pub fn fingerprint(method: &str, target: &str, media_type: &str, body: &[u8]) -> String {
    digest(&[
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
    crate::cache::hex(&hasher.finalize())
}

/// Claims the work of a request, or finds what came of it.
///
/// # Errors
/// 409 `idempotency_in_progress` while another one does it or when its answer
/// was too large to be kept, 422 `idempotency_key_reused` when the key was
/// sent with something else, 503 when Redis does not answer: without it the
/// work could be done twice.
pub async fn begin(
    redis: &Redis,
    key: String,
    fingerprint: String,
    deadline_ms: u64,
) -> Result<Begun, ApiError> {
    let record = Record::Pending {
        fingerprint: fingerprint.clone(),
        holder: ids::new_id(),
    };
    let pending = serde_json::to_vec(&record)?;
    let ttl_ms = deadline_ms.saturating_add(PENDING_MS_MARGIN);
    let is_ours = redis.set_if_absent(&key, &pending, ttl_ms).await;
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
        Some(Record::Done { answer: None, .. }) => Err(too_large()),
        // It has just expired, or is unreadable: the next try will tell.
        Some(Record::Pending { .. }) | None => Err(in_progress()),
    }
}

impl Claim {
    /// Keeps what came of the work; `None` when it is too large to be kept.
    ///
    /// # Errors
    /// When Redis does not answer. The work is done then, and the record stays
    /// pending until it expires.
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

    /// Gives the work back: it failed, and may be tried again.
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

fn too_large() -> ApiError {
    let detail = "This was done before; its answer was too large to be kept.";
    ApiError::conflict("idempotency_answer_lost", detail)
        .zh("该请求已处理，但其响应过大，未能保留。")
}

fn reused() -> ApiError {
    let detail = "This Idempotency-Key was sent with another request.";
    ApiError::new(422, "idempotency_key_reused", detail).zh("该 Idempotency-Key 已用于另一个请求。")
}
