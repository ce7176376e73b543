//! Recomputation against a store, compared with a plain recomputation.

mod model;
mod order;

use futures::executor::block_on;
use suoke_store::{Database, Sql, params};

use super::*;
use model::{Person, Stored, ms};

/// Bounds that every transaction reaches.
const TIGHT: Bounds = Bounds {
    marks_max: 2,
    readings_max: 3,
    run_readings_max: 4,
    day_readings_max: 1_000,
};

async fn marks(db: &Database) -> i64 {
    let text = "SELECT COUNT(*) FROM dirty_days";
    db.query_one(text, params![]).await.unwrap()
}

#[test]
fn late_readings_change_days_that_were_computed() {
    block_on(async {
        let mut db = Database::open_in_memory("health").await.unwrap();
        let mut person = Person::new("u", "Asia/Shanghai");
        person.set_zone(&db).await;
        person
            .add(&db, "heart_rate", "2026-03-01T12:00:00+08:00", 70, 0)
            .await;
        assert_eq!(recompute_all(&mut db, Bounds::default()).await.unwrap(), 1);
        person
            .add(&db, "heart_rate", "2026-03-01T00:00:00+08:00", 60, 0)
            .await;
        person
            .add(&db, "heart_rate", "2026-02-28T23:59:59+08:00", 50, 0)
            .await;
        recompute_all(&mut db, Bounds::default()).await.unwrap();
        assert_eq!(Stored::all(&db).await, person.days());
        assert_eq!(marks(&db).await, 0);
        assert_eq!(recompute_all(&mut db, Bounds::default()).await.unwrap(), 0);
    });
}

#[test]
fn a_day_that_became_empty_loses_its_row() {
    block_on(async {
        let mut db = Database::open_in_memory("health").await.unwrap();
        let mut person = Person::new("u", "Asia/Shanghai");
        person
            .add(&db, "blood_pressure", "2026-03-01T12:00:00+08:00", 120, 0)
            .await;
        person
            .add(&db, "spo2", "2026-03-01T12:00:00+08:00", 97, 0)
            .await;
        recompute_all(&mut db, Bounds::default()).await.unwrap();
        assert_eq!(Stored::all(&db).await.len(), 3);
        person.delete(&db, 0).await;
        recompute_all(&mut db, Bounds::default()).await.unwrap();
        let metrics: Vec<_> = Stored::all(&db)
            .await
            .into_iter()
            .map(|day| day.metric)
            .collect();
        assert_eq!(metrics, ["spo2"]);
    });
}

#[test]
fn a_mark_made_while_a_run_is_on_stays() {
    block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("health.db");
        let mut db = Database::open_file("health", &path).await.unwrap();
        let mut person = Person::new("u", "Asia/Shanghai");
        person
            .add(&db, "spo2", "2026-03-01T12:00:00+08:00", 97, 0)
            .await;
        let taken = db
            .transaction(async |tx| {
                let taken = queries::take(tx, 10).await?;
                // Another one of the same day comes before the run is committed.
                person
                    .add(tx, "spo2", "2026-03-01T13:00:00+08:00", 95, 0)
                    .await;
                Ok::<_, StoreError>(taken)
            })
            .await
            .unwrap();
        assert_eq!(taken.len(), 1);
        assert_eq!(marks(&db).await, 1);
        recompute_all(&mut db, Bounds::default()).await.unwrap();
        assert_eq!(Stored::all(&db).await, person.days());
    });
}

#[test]
fn marks_of_a_run_that_fails_are_back() {
    block_on(async {
        let mut db = Database::open_in_memory("health").await.unwrap();
        let mut person = Person::new("u", "Asia/Shanghai");
        person
            .add(&db, "spo2", "2026-03-01T12:00:00+08:00", 97, 0)
            .await;
        let failed: Result<(), StoreError> = db
            .transaction(async |tx| {
                queries::take(tx, 10).await?;
                Err(StoreError::Full)
            })
            .await;
        assert!(failed.is_err());
        assert_eq!(marks(&db).await, 1);
    });
}

#[test]
fn a_type_that_left_the_catalogue_is_passed_over() {
    block_on(async {
        let mut db = Database::open_in_memory("health").await.unwrap();
        let text = "INSERT INTO dirty_days VALUES ('u', 'aura', 1, 86400000, 86400000, 0)";
        db.execute(text, params![]).await.unwrap();
        assert_eq!(recompute_all(&mut db, Bounds::default()).await.unwrap(), 0);
        assert_eq!(marks(&db).await, 0);
    });
}

#[test]
fn dense_days_are_read_in_pieces_and_computed_whole() {
    block_on(async {
        let mut db = Database::open_in_memory("health").await.unwrap();
        let mut person = Person::new("u", "Europe/Berlin");
        person.set_zone(&db).await;
        let first = ms("2026-03-28T00:00:00+01:00");
        // Three days around a change of the clock; the second has the most.
        for (hours, every_ms) in [(0..24, 7_200_000), (24..47, 600_000), (47..71, 3_600_000)] {
            for at in (hours.start * 3_600_000..hours.end * 3_600_000).step_by(every_ms) {
                let rank = u8::try_from(at / 600_000 % 3).unwrap();
                person
                    .add_at(&db, "heart_rate", first + at, 60 + at / 600_000 % 50, rank)
                    .await;
            }
        }
        recompute_all(&mut db, TIGHT).await.unwrap();
        assert_eq!(Stored::all(&db).await, person.days());
        assert_eq!(Stored::all(&db).await.len(), 3);
        assert_eq!(marks(&db).await, 0);
    });
}

#[test]
fn of_too_many_readings_on_one_day_the_newest_count() {
    block_on(async {
        let mut db = Database::open_in_memory("health").await.unwrap();
        let mut person = Person::new("u", "Asia/Shanghai");
        for minute in 0..9 {
            let at_ms = ms("2026-03-01T12:00:00+08:00") + minute * 60_000;
            person.add_at(&db, "spo2", at_ms, 90 + minute, 0).await;
        }
        let bounds = Bounds {
            day_readings_max: 6,
            ..TIGHT
        };
        recompute_all(&mut db, bounds).await.unwrap();
        let days = Stored::all(&db).await;
        assert_eq!(
            (days[0].count, days[0].first, days[0].last),
            (6, 93_000, 98_000)
        );
    });
}

#[test]
fn shadows_are_written_and_taken_back() {
    block_on(async {
        let mut db = Database::open_in_memory("health").await.unwrap();
        let mut person = Person::new("u", "Asia/Shanghai");
        // The better source is on the other side of midnight.
        person
            .add(&db, "spo2", "2026-03-01T00:00:10+08:00", 90, 2)
            .await;
        person
            .add(&db, "spo2", "2026-02-28T23:59:50+08:00", 97, 3)
            .await;
        recompute_all(&mut db, Bounds::default()).await.unwrap();
        let shadowed = "SELECT COUNT(*) FROM readings WHERE shadowed = 1 AND value_milli = 90000";
        assert_eq!(db.query_one::<i64>(shadowed, params![]).await.unwrap(), 1);
        assert_eq!(Stored::all(&db).await, person.days());
        assert_eq!(Stored::all(&db).await.len(), 1);
        person.delete(&db, 1).await;
        recompute_all(&mut db, Bounds::default()).await.unwrap();
        assert_eq!(db.query_one::<i64>(shadowed, params![]).await.unwrap(), 0);
        assert_eq!(Stored::all(&db).await, person.days());
    });
}
