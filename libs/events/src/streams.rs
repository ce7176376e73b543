//! Streams: state that is the sum of its events.
//!
//! A stream has a type and an id; its versions count from 1 without gaps. Who
//! appends says which version it has seen: of two writers one wins, and the other
//! is told. Every 100 versions the state is stored whole, so that loading reads
//! at most the events since.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use suoke_guest::{clock, ids};
use suoke_store::{Sql, Transaction};

use crate::error::EventError;
use crate::queries::streams as queries;

/// How many versions lie between two snapshots.
pub const SNAPSHOT_VERSIONS: u64 = 100;

/// How many events are read together.
const PAGE_EVENTS: u32 = 500;

/// State that events make.
pub trait Aggregate: Default + Serialize + DeserializeOwned {
    /// The type of its streams: `billing-usage`.
    const STREAM_TYPE: &'static str;

    /// What an event changes. It must not fail: what is stored has happened.
    fn apply(&mut self, event: &StreamEvent);
}

/// An event that is to be appended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewEvent {
    /// What happened.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its data.
    pub data: Value,
    /// Who did it, in which request, and the like.
    #[serde(default)]
    pub metadata: Value,
}

/// An event of a stream.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StreamEvent {
    /// Its id.
    pub id: String,
    /// Its number in the stream, from 1 on.
    pub version: u64,
    /// What happened.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its data.
    pub data: Value,
    /// Who did it, in which request, and the like.
    pub metadata: Value,
    /// When, in RFC 3339.
    pub time: String,
}

/// The state of a stream, and how many events made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded<A> {
    /// The state.
    pub state: A,
    /// The version of its newest event: 0 when there is none.
    pub version: u64,
}

/// Appends events to a stream whose newest version is `expected_version`; gives
/// the newest version afterwards.
///
/// # Errors
/// [`EventError::Conflict`] when the stream has another version.
pub async fn append(
    tx: &Transaction<'_>,
    stream_type: &str,
    stream_id: &str,
    expected_version: u64,
    events: &[NewEvent],
) -> Result<u64, EventError> {
    let version = queries::version(tx, stream_type, stream_id).await?;
    if version != expected_version {
        return Err(EventError::Conflict {
            stream: format!("{stream_type}/{stream_id}"),
            expected: expected_version,
            actual: version,
        });
    }
    let now_ms = clock::now_ms();
    let mut version = version;
    for event in events {
        version += 1;
        let row = queries::NewRow {
            id: ids::new_id(),
            stream_type,
            stream_id,
            version,
            kind: &event.kind,
            data: event.data.to_string(),
            metadata: event.metadata.to_string(),
        };
        queries::insert(tx, row, now_ms).await?;
    }
    Ok(version)
}

/// [`append`] to the stream of an aggregate, which stores its state whole when
/// another 100 versions are complete.
///
/// # Errors
/// [`EventError::Conflict`] when the stream has another version.
pub async fn append_to<A: Aggregate>(
    tx: &Transaction<'_>,
    stream_id: &str,
    expected_version: u64,
    events: &[NewEvent],
) -> Result<u64, EventError> {
    let version = append(tx, A::STREAM_TYPE, stream_id, expected_version, events).await?;
    if version / SNAPSHOT_VERSIONS > expected_version / SNAPSHOT_VERSIONS {
        let loaded = load::<A>(tx, stream_id).await?;
        let state = serde_json::to_string(&loaded.state).map_err(EventError::work)?;
        let (kind, version) = (A::STREAM_TYPE, loaded.version);
        queries::save_snapshot(tx, kind, stream_id, version, state, clock::now_ms()).await?;
    }
    Ok(version)
}

/// The state of an aggregate: its snapshot, and the events since.
///
/// # Errors
/// When the database fails.
pub async fn load<A: Aggregate>(sql: &impl Sql, stream_id: &str) -> Result<Loaded<A>, EventError> {
    let snapshot = queries::snapshot(sql, A::STREAM_TYPE, stream_id).await?;
    // A snapshot of another shape is as good as none: the events are the truth.
    let known = snapshot.and_then(|row| {
        let state = serde_json::from_str(&row.state).ok()?;
        let version = row.version;
        Some(Loaded { state, version })
    });
    let start = known.unwrap_or_else(|| Loaded {
        state: A::default(),
        version: 0,
    });
    replay_from(sql, stream_id, start).await
}

/// The state of an aggregate from all its events, without the snapshot.
///
/// # Errors
/// When the database fails.
pub async fn replay<A: Aggregate>(
    sql: &impl Sql,
    stream_id: &str,
) -> Result<Loaded<A>, EventError> {
    let start = Loaded {
        state: A::default(),
        version: 0,
    };
    replay_from(sql, stream_id, start).await
}

async fn replay_from<A: Aggregate>(
    sql: &impl Sql,
    stream_id: &str,
    mut loaded: Loaded<A>,
) -> Result<Loaded<A>, EventError> {
    loop {
        let kind = A::STREAM_TYPE;
        let events = read(sql, kind, stream_id, loaded.version, PAGE_EVENTS).await?;
        if events.is_empty() {
            return Ok(loaded);
        }
        for event in &events {
            loaded.state.apply(event);
            loaded.version = event.version;
        }
    }
}

/// The events of a stream after a version, oldest first.
///
/// # Errors
/// When the database fails.
pub async fn read(
    sql: &impl Sql,
    stream_type: &str,
    stream_id: &str,
    after_version: u64,
    limit: u32,
) -> Result<Vec<StreamEvent>, EventError> {
    let rows = queries::read(sql, stream_type, stream_id, after_version, limit).await?;
    let events = rows.into_iter().map(|row| StreamEvent {
        id: row.id,
        version: row.version,
        kind: row.kind,
        data: serde_json::from_str(&row.data).unwrap_or_default(),
        metadata: serde_json::from_str(&row.metadata).unwrap_or_default(),
        time: clock::rfc3339(row.created_at),
    });
    Ok(events.collect())
}

/// The newest version of a stream: 0 when there is none.
///
/// # Errors
/// When the database fails.
pub async fn version(
    sql: &impl Sql,
    stream_type: &str,
    stream_id: &str,
) -> Result<u64, EventError> {
    Ok(queries::version(sql, stream_type, stream_id).await?)
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use proptest::prelude::*;
    use serde_json::json;
    use suoke_store::{Database, params};

    use super::*;

    #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
    struct Usage {
        total: i64,
        trail: Vec<u64>,
    }

    impl Aggregate for Usage {
        const STREAM_TYPE: &'static str = "usage";

        fn apply(&mut self, event: &StreamEvent) {
            self.total += event.data["used"].as_i64().unwrap_or_default();
            self.trail.push(event.version);
        }
    }

    fn used(count: i64) -> NewEvent {
        NewEvent {
            kind: "used".to_owned(),
            data: json!({ "used": count }),
            metadata: json!({ "actor": "a" }),
        }
    }

    async fn platform() -> Database {
        Database::open_in_memory("platform").await.unwrap()
    }

    async fn save(
        db: &mut Database,
        expected: u64,
        events: &[NewEvent],
    ) -> Result<u64, EventError> {
        db.transaction(async |tx| append_to::<Usage>(tx, "u1", expected, events).await)
            .await
    }

    #[test]
    fn versions_count_from_one_and_streams_for_themselves() {
        block_on(async {
            let mut db = platform().await;
            assert_eq!(save(&mut db, 0, &[used(1), used(2)]).await.unwrap(), 2);
            let other = db
                .transaction(async |tx| append(tx, "usage", "u2", 0, &[used(3)]).await)
                .await;
            assert_eq!(other.unwrap(), 1);
            let events = read(&db, "usage", "u1", 1, 10).await.unwrap();
            assert_eq!((events.len(), events[0].version), (1, 2));
            assert_eq!(events[0].metadata["actor"], "a");
            assert_eq!(version(&db, "usage", "none").await.unwrap(), 0);
        });
    }

    #[test]
    fn of_two_writers_with_one_version_one_wins() {
        block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("platform.db");
            let mut first = Database::open_file("platform", &path).await.unwrap();
            let mut second = Database::open_file("platform", &path).await.unwrap();
            assert_eq!(save(&mut first, 0, &[used(1)]).await.unwrap(), 1);
            let lost = save(&mut second, 0, &[used(2)]).await.unwrap_err();
            assert!(
                matches!(
                    lost,
                    EventError::Conflict {
                        expected: 0,
                        actual: 1,
                        ..
                    }
                ),
                "{lost}"
            );
            assert_eq!(save(&mut second, 1, &[used(2)]).await.unwrap(), 2);
            let ahead = save(&mut first, 9, &[used(1)]).await;
            assert!(matches!(ahead, Err(EventError::Conflict { actual: 2, .. })));
        });
    }

    #[test]
    fn a_snapshot_of_another_shape_is_passed_over() {
        block_on(async {
            let mut db = platform().await;
            let hundred: Vec<NewEvent> = (0..100).map(used).collect();
            save(&mut db, 0, &hundred).await.unwrap();
            db.execute("UPDATE stream_snapshots SET state = '[]'", params![])
                .await
                .unwrap();
            let loaded = load::<Usage>(&db, "u1").await.unwrap();
            assert_eq!((loaded.version, loaded.state.total), (100, 4950));
        });
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(30))]
        #[test]
        fn snapshot_and_later_events_equal_a_full_replay(
            batches in proptest::collection::vec((1usize..90, -9i64..10), 1..8)
        ) {
            block_on(async {
                let mut db = platform().await;
                let mut version = 0;
                for (count, value) in batches {
                    let events: Vec<NewEvent> = (0..count).map(|_| used(value)).collect();
                    version = save(&mut db, version, &events).await.unwrap();
                }
                let loaded = load::<Usage>(&db, "u1").await.unwrap();
                assert_eq!(loaded, replay::<Usage>(&db, "u1").await.unwrap());
                assert_eq!(loaded.version, version);
                let counted: Vec<u64> = (1..=version).collect();
                assert_eq!(loaded.state.trail, counted);
                let snapshots: i64 = db
                    .query_one("SELECT count(*) FROM stream_snapshots", params![])
                    .await
                    .unwrap();
                assert_eq!(snapshots > 0, version >= SNAPSHOT_VERSIONS);
            });
        }
    }
}
