//! What the application needs: its databases and Redis, each asked at once and
//! given up after a second.

use futures::future::{Either, join_all, select};
use serde::Serialize;
use suoke_guest::{clock, log};
use suoke_redis::Redis;
use suoke_store::Database;

use crate::queries;

/// How long an answer is waited for.
const WAIT_MS_MAX: u64 = 1_000;

/// The databases.
const LABELS: [&str; 5] = ["ai", "care", "health", "identity", "platform"];

/// What was found.
#[derive(Debug, Serialize)]
pub(crate) struct Check {
    pub(crate) name: &'static str,
    pub(crate) healthy: bool,
    pub(crate) latency_ms: i64,
    /// Never the cause, which is logged: everybody may ask.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<&'static str>,
}

/// Asks all of them at the same time.
pub(crate) async fn all() -> Vec<Check> {
    let databases = LABELS.map(|label| Box::pin(check(label, database(label))));
    let (mut found, redis) =
        futures::future::join(join_all(databases), check("redis", redis())).await;
    found.push(redis);
    found
}

async fn database(label: &str) -> Result<(), String> {
    let opened = Database::open(label).await;
    let database = opened.map_err(|error| error.to_string())?;
    queries::answers(&database)
        .await
        .map_err(|error| error.to_string())
}

async fn redis() -> Result<(), String> {
    let answered = async {
        // A key that nobody sets: what counts is that there is an answer.
        Redis::open().await?.get("status:check").await
    };
    answered
        .await
        .map(|_| ())
        .map_err(|error| error.to_string())
}

async fn check(name: &'static str, ask: impl Future<Output = Result<(), String>>) -> Check {
    let started_ms = clock::now_ms();
    let wait = clock::wait_ms(WAIT_MS_MAX);
    let error = match select(Box::pin(ask), Box::pin(wait)).await {
        Either::Left((Ok(()), _)) => None,
        Either::Left((Err(cause), _)) => {
            log::error("not ready", &[("check", name), ("cause", &cause)]);
            Some("does not answer")
        }
        Either::Right(_) => {
            log::error(
                "not ready",
                &[("check", name), ("cause", "no answer in time")],
            );
            Some("does not answer in time")
        }
    };
    Check {
        name,
        healthy: error.is_none(),
        latency_ms: (clock::now_ms() - started_ms).max(0),
        error,
    }
}
