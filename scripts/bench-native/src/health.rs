//! What `POST /api/v1/health/readings:batch` does, as a native server: axum, the
//! signature and the claims of an access token, the same checks (`libs/health`), and the
//! same rows in the same tables in one durable transaction.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use ed25519_dalek::{SigningKey, VerifyingKey};
use rusqlite::{Connection, TransactionBehavior, params, params_from_iter, types::Value};
use suoke_health::batch::{Batch, Candidate, Fate, Outcome};
use suoke_health::{Milli, source, submission};

use crate::read::{self, KEY};

/// The tables of the application.
const MIGRATIONS: [&str; 6] = [
    include_str!("../../../libs/store/migrations/events.sql"),
    include_str!("../../../libs/store/migrations/health/0002_readings.sql"),
    include_str!("../../../libs/store/migrations/health/0003_records.sql"),
    include_str!("../../../libs/store/migrations/health/0004_erased_users.sql"),
    include_str!("../../../libs/store/migrations/health/0005_health_data.sql"),
    include_str!("../../../libs/store/migrations/health/0006_days.sql"),
];
const COLUMNS: usize = 19;
/// As the application's outbox has it.
const ATTEMPTS_MAX: u32 = 8;
const FIRST_ATTEMPT_MS: i64 = 10_000;

struct Server {
    key: VerifyingKey,
    token: String,
    connection: Mutex<Connection>,
    events: AtomicU64,
}

/// Serves until the process is ended.
pub(crate) fn serve(address: &str, folder: &Path) -> Result<()> {
    let connection = read::open(&folder.join("native-health.db"))?;
    for migration in MIGRATIONS {
        connection.execute_batch(migration)?;
    }
    let key = SigningKey::from_bytes(&KEY);
    let server = Arc::new(Server {
        token: read::token(&key)?,
        key: key.verifying_key(),
        connection: Mutex::new(connection),
        events: AtomicU64::new(0),
    });
    let router = Router::new()
        .route(
            "/token",
            get(async |State(server): State<Arc<Server>>| server.token.clone()),
        )
        .route("/api/v1/health/readings:batch", post(ingest))
        .with_state(server);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind(address).await?;
        println!("Serving http://{}", listener.local_addr()?);
        axum::serve(listener, router).await.context("serving")
    })
}

async fn ingest(State(server): State<Arc<Server>>, headers: HeaderMap, body: Bytes) -> Response {
    let Some(claims) = read::claims(&headers, &server.key) else {
        return StatusCode::UNAUTHORIZED.into_response();
    };
    let stored = tokio::task::spawn_blocking(move || {
        let Ok(submission) = submission::parse(&body) else {
            return Ok(None);
        };
        let now_ms = now_ms();
        let batch = Batch::prepare(submission, &claims.sub, now_ms);
        server.record(&batch, &claims.sub, now_ms).map(Some)
    });
    match stored.await {
        Ok(Ok(Some(outcome))) => Json(outcome).into_response(),
        Ok(Ok(None)) => StatusCode::UNPROCESSABLE_ENTITY.into_response(),
        Ok(Err(_)) | Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(0))
}

impl Server {
    /// Rows, marks and event in one transaction.
    fn record(&self, batch: &Batch, user_id: &str, now_ms: i64) -> Result<Outcome> {
        let connection = self.connection.lock();
        let mut connection = connection.unwrap_or_else(PoisonError::into_inner);
        let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let erased = "SELECT count(*) FROM erased_users WHERE user_id = ?1";
        let erased: i64 = tx
            .prepare_cached(erased)?
            .query_row([user_id], |row| row.get(0))?;
        anyhow::ensure!(erased == 0, "the user is erased");
        let created = insert(&tx, user_id, batch.candidates(), now_ms)?;
        // As the application does at first: whoever sends something again is not measured.
        anyhow::ensure!(
            created == batch.candidates().len(),
            "some were there before"
        );
        let fates = vec![Fate::Created; created];
        if created > 0 {
            for day in batch.dirty_days(&fates) {
                let mark = "INSERT INTO dirty_days (user_id, type, utc_day, from_ms, to_ms, \
                    marked_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
                    ON CONFLICT (user_id, type, utc_day) DO UPDATE SET \
                    from_ms = min(from_ms, excluded.from_ms), \
                    to_ms = max(to_ms, excluded.to_ms)";
                let row = params![
                    user_id,
                    day.kind,
                    day.utc_day,
                    day.from_ms,
                    day.to_ms,
                    now_ms
                ];
                tx.prepare_cached(mark)?.execute(row)?;
            }
            self.tell(&tx, batch, &fates, user_id, now_ms)?;
        }
        tx.commit()?;
        Ok(batch.outcome(&fates))
    }

    fn tell(
        &self,
        tx: &Connection,
        batch: &Batch,
        fates: &[Fate],
        user_id: &str,
        now_ms: i64,
    ) -> Result<()> {
        let aggregate = format!("readings/{user_id}");
        let next = "INSERT INTO event_sequences (aggregate, last) VALUES (?1, 1) \
            ON CONFLICT (aggregate) DO UPDATE SET last = last + 1 RETURNING last";
        let sequence: i64 = tx
            .prepare_cached(next)?
            .query_row([&aggregate], |row| row.get(0))?;
        let number = self.events.fetch_add(1, Ordering::Relaxed);
        let id = format!("{now_ms:012x}-7000-8000-{number:012x}");
        let data = serde_json::to_value(batch.recorded(user_id, fates))?;
        let payload = serde_json::json!({
            "specversion": "1.0",
            "id": id,
            "source": "/components/health-ingest",
            "type": "health.reading.recorded",
            "subject": aggregate,
            "datacontenttype": "application/json",
            "correlationid": id,
            "sequence": sequence.to_string(),
            "data": data,
        });
        let insert = "INSERT INTO event_outbox (id, type, aggregate, sequence, correlation_id, \
            payload, attempts_max, created_at, started_at, next_attempt_at) \
            VALUES (?1, 'health.reading.recorded', ?2, ?3, ?1, ?4, ?5, ?6, ?6, ?7)";
        tx.prepare_cached(insert)?.execute(params![
            id,
            aggregate,
            sequence,
            payload.to_string(),
            ATTEMPTS_MAX,
            now_ms,
            now_ms + FIRST_ATTEMPT_MS
        ])?;
        Ok(())
    }
}

/// Inserts what is new in one statement; how many.
fn insert(tx: &Connection, user_id: &str, candidates: &[Candidate], now_ms: i64) -> Result<usize> {
    let places = (0..candidates.len()).map(|row| {
        let places = (1..=COLUMNS).map(|column| format!("?{}", row * COLUMNS + column));
        format!("({})", places.collect::<Vec<_>>().join(","))
    });
    let text = format!(
        "INSERT INTO readings (user_id, id, device_id, client_id, type, value_milli, \
         value2_milli, original_value, original_value2, original_unit, effective_ms, end_ms, \
         offset_minutes, context, quality, source, source_rank, created_ms, changed_ms) \
         VALUES {} ON CONFLICT DO NOTHING",
        places.collect::<Vec<_>>().join(",")
    );
    let mut values: Vec<Value> = Vec::with_capacity(candidates.len() * COLUMNS);
    for candidate in candidates {
        let reading = &candidate.reading;
        let milli = |at: usize| reading.values.get(at).map(|value: &Milli| value.0);
        let original = |at: usize| reading.original_values.get(at).copied();
        values.extend::<[Value; COLUMNS]>([
            user_id.to_owned().into(),
            candidate.id.clone().into(),
            reading.device_id.clone().into(),
            reading.client_id.clone().unwrap_or_default().into(),
            reading.kind.key.to_owned().into(),
            milli(0).into(),
            milli(1).into(),
            original(0).into(),
            original(1).into(),
            reading.original_unit.to_owned().into(),
            reading.effective_ms.into(),
            reading.end_ms.into(),
            i64::from(reading.offset_minutes).into(),
            reading.context.clone().into(),
            reading.quality.as_str().to_owned().into(),
            reading.source.clone().into(),
            i64::from(source::rank(&reading.source)).into(),
            now_ms.into(),
            now_ms.into(),
        ]);
    }
    Ok(tx
        .prepare_cached(&text)?
        .execute(params_from_iter(values))?)
}
