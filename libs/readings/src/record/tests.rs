//! Batches into the store: once, whole, and in any order.

use futures::executor::block_on;
use serde_json::{Value, json};
use suoke_health::view::Status;
use suoke_store::{Sql, params};

use super::*;
use crate::testing::{
    AT, NOW_MS, batch, count, events, health, marks, pulse, send, sent, statuses, try_send, with,
};
use crate::{Filter, find, remove, select};

/// So many readings, one a second, the newest first.
fn many(readings: u32) -> Vec<Value> {
    let at = |second: u32| {
        format!(
            "2025-12-31T{:02}:{:02}:{:02}Z",
            second / 3600,
            second / 60 % 60,
            second % 60
        )
    };
    (0..readings)
        .rev()
        .map(|second| pulse(60 + second % 40, &at(second)))
        .collect()
}

async fn kept(db: &Database) -> Vec<(i64, Status)> {
    let filter = Filter {
        include_all: true,
        ..Filter::default()
    };
    let found = select(db, "u1", &filter).await.unwrap();
    let each = found
        .iter()
        .map(|stored| (stored.values[0].0 / 1_000, stored.status));
    each.collect()
}

#[test]
fn every_size_of_a_batch_is_stored_once() {
    block_on(async {
        for size in [1, 2, 4, 5, 6, 19, 20, 99, 100, 101, 126, 1_000] {
            let mut db = health().await;
            let readings = many(size);
            let outcome = send(&mut db, "u1", &readings).await;
            let size = size as usize;
            assert_eq!((outcome.accepted, outcome.duplicated), (size, 0));
            let again = send(&mut db, "u1", &readings).await;
            assert_eq!((again.accepted, again.duplicated), (0, size));
            let ids = |outcome: &Outcome| {
                let results = outcome.results.iter();
                results
                    .map(|result| result.id.clone().unwrap())
                    .collect::<Vec<_>>()
            };
            assert_eq!(ids(&again), ids(&outcome));
            assert_eq!(count(&db, "readings").await, i64::try_from(size).unwrap());
            assert_eq!(events(&db).await.len(), 1);
        }
    });
}

#[test]
fn what_is_new_among_repeats_is_stored() {
    block_on(async {
        let mut db = health().await;
        send(&mut db, "u1", &many(150)).await;
        db.execute("DELETE FROM dirty_days", params![])
            .await
            .unwrap();
        let outcome = send(&mut db, "u1", &many(160)).await;
        assert_eq!((outcome.accepted, outcome.duplicated), (10, 150));
        assert_eq!(
            outcome.results[9].status,
            suoke_health::batch::Status::Created
        );
        assert_eq!(
            outcome.results[10].status,
            suoke_health::batch::Status::Duplicate
        );
        assert_eq!(count(&db, "readings").await, 160);
        // Only what is new is told and marked.
        let told = events(&db).await.pop().unwrap().1;
        assert_eq!(told["count"], 10);
        let first_ms = told["types"][0]["first_ms"].as_i64().unwrap();
        let last_ms = told["types"][0]["last_ms"].as_i64().unwrap();
        assert_eq!(last_ms - first_ms, 9_000);
        assert_eq!(
            marks(&db).await,
            [("heart_rate".to_owned(), first_ms, last_ms)]
        );
    });
}

#[test]
fn people_and_devices_do_not_share_readings() {
    block_on(async {
        let mut db = health().await;
        let reading = with(pulse(70, AT), "client_id", "c");
        for (user_id, device) in [("u1", "a"), ("u2", "a"), ("u1", "b")] {
            let sent = with(reading.clone(), "device_id", device);
            assert_eq!(
                statuses(&send(&mut db, user_id, &[sent]).await),
                ["created"]
            );
        }
        assert_eq!(count(&db, "readings").await, 3);
    });
}

#[test]
fn everything_that_was_sent_is_kept() {
    block_on(async {
        let mut db = health().await;
        let reading = json!({
            "type": "blood_pressure", "components": {"systolic": 16, "diastolic": 10.67},
            "unit": "kPa", "effective_at": "2026-01-01T07:00:00+08:00",
            "end_at": "2026-01-01T07:01:00+08:00", "context": {"place": "home"},
            "client_id": "c", "device_id": "d", "source": "Medical-Device",
        });
        let id = sent(&mut db, "u1", reading).await;
        let stored = find(&db, "u1", &id).await.unwrap().unwrap();
        assert_eq!(stored.kind.key, "blood_pressure");
        assert_eq!(
            stored
                .values
                .iter()
                .map(|value| value.0)
                .collect::<Vec<_>>(),
            [120_000, 80_000]
        );
        assert_eq!(stored.original_values, [16.0, 10.67]);
        assert_eq!(stored.original_unit, "kPa");
        assert_eq!(
            (stored.effective_ms, stored.offset_minutes),
            (NOW_MS - 3_600_000, 480)
        );
        assert_eq!(stored.end_ms, Some(NOW_MS - 3_540_000));
        assert_eq!(stored.context.as_deref(), Some(r#"{"place":"home"}"#));
        assert_eq!(
            (stored.client_id.as_str(), stored.device_id.as_str()),
            ("c", "d")
        );
        assert_eq!(
            (stored.source.as_str(), stored.source_rank),
            ("Medical-Device", 3)
        );
        assert_eq!(
            (stored.quality.as_str(), stored.status),
            ("ok", Status::Final)
        );
        assert_eq!((stored.created_ms, stored.changed_ms), (NOW_MS, NOW_MS));
    });
}

#[test]
fn another_value_under_the_same_identity_is_refused() {
    block_on(async {
        let mut db = health().await;
        let reading = |value| with(pulse(value, AT), "client_id", "c");
        let outcome = send(&mut db, "u1", &[reading(70)]).await;
        assert_eq!(statuses(&outcome), ["created"]);
        let outcome = send(&mut db, "u1", &[reading(71), pulse(80, AT)]).await;
        assert_eq!(statuses(&outcome), ["value_conflict", "created"]);
        assert_eq!(outcome.results[0].id, None);
        assert_eq!((outcome.accepted, outcome.rejected), (1, 1));
        // Without an id of the client, another value is another reading.
        let outcome = send(&mut db, "u1", &[pulse(81, AT)]).await;
        assert_eq!(statuses(&outcome), ["created"]);
        assert_eq!(count(&db, "readings").await, 3);
    });
}

#[test]
fn a_correction_takes_the_place_of_what_it_corrects() {
    block_on(async {
        let mut db = health().await;
        let old = sent(&mut db, "u1", pulse(170, AT)).await;
        db.execute("DELETE FROM dirty_days", params![])
            .await
            .unwrap();
        let moved = "2025-12-31T22:59:00Z";
        let correction = with(pulse(70, moved), "supersedes", old.as_str());
        let outcome = send(&mut db, "u1", std::slice::from_ref(&correction)).await;
        assert_eq!(statuses(&outcome), ["updated"]);
        assert_eq!((outcome.accepted, outcome.duplicated), (1, 0));
        assert_eq!(
            kept(&db).await,
            [(170, Status::Amended), (70, Status::Final)]
        );
        // Both moments are computed anew.
        let at_ms = NOW_MS - 3_600_000;
        let mark = ("heart_rate".to_owned(), at_ms - 60_000, at_ms);
        assert_eq!(marks(&db).await, [mark]);
        let new = outcome.results[0].id.clone().unwrap();
        let told = events(&db).await;
        let kinds: Vec<_> = told.iter().map(|(kind, _)| kind.as_str()).collect();
        let recorded = "health.reading.recorded";
        assert_eq!(kinds, [recorded, recorded, "health.data.corrected"]);
        let expected = json!({"user_id": "u1", "id": new, "supersedes": old, "type": "heart_rate"});
        assert_eq!(told[2].1, expected);
        // Sent again, it is there already; so is what it corrected.
        assert_eq!(
            statuses(&send(&mut db, "u1", &[correction]).await),
            ["duplicate"]
        );
        assert_eq!(
            statuses(&send(&mut db, "u1", &[pulse(170, AT)]).await),
            ["duplicate"]
        );
        assert_eq!(count(&db, "readings WHERE status = 'final'").await, 1);
    });
}

#[test]
fn only_ones_own_reading_of_that_type_that_counts_is_corrected() {
    block_on(async {
        let mut db = health().await;
        let mine = sent(&mut db, "u1", pulse(170, AT)).await;
        let theirs = sent(&mut db, "u2", pulse(171, AT)).await;
        let gone = sent(&mut db, "u1", pulse(172, AT)).await;
        let request = suoke_guest::Request::new("DELETE", "/");
        let cause = Cause::request("test", &request);
        remove(&mut db, "u1", &gone, NOW_MS, cause).await.unwrap();
        let none = "019a9ec0-6400-7000-8000-000000000000".to_owned();
        let resting = with(pulse(60, AT), "type", "resting_heart_rate");
        for (reading, old) in [
            (pulse(60, AT), &theirs),
            (pulse(60, AT), &gone),
            (pulse(60, AT), &none),
            (resting, &mine),
        ] {
            let correction = with(reading, "supersedes", old.as_str());
            assert_eq!(
                statuses(&send(&mut db, "u1", &[correction]).await),
                ["not_correctable"]
            );
        }
        // Only once.
        let correct = |value| with(pulse(value, AT), "supersedes", mine.as_str());
        let outcome = send(&mut db, "u1", &[correct(70), correct(71)]).await;
        assert_eq!(statuses(&outcome), ["updated", "not_correctable"]);
        assert_eq!(count(&db, "readings WHERE status = 'final'").await, 2);
    });
}

#[test]
fn a_batch_can_correct_itself() {
    block_on(async {
        let mut db = health().await;
        let first = batch("u1", &[pulse(170, AT)]).candidates()[0].id.clone();
        let second = with(pulse(171, AT), "supersedes", first.as_str());
        let second_id = batch("u1", std::slice::from_ref(&second)).candidates()[0]
            .id
            .clone();
        let third = with(pulse(70, AT), "supersedes", second_id.as_str());
        let outcome = send(&mut db, "u1", &[second, third, pulse(170, AT)]).await;
        assert_eq!(statuses(&outcome), ["updated", "updated", "created"]);
        let count = count(
            &db,
            "readings WHERE status = 'final' AND value_milli = 70000",
        )
        .await;
        assert_eq!(count, 1);
        assert_eq!(kept(&db).await.len(), 3);
    });
}

#[test]
fn what_was_deleted_does_not_come_back() {
    block_on(async {
        let mut db = health().await;
        let id = sent(&mut db, "u1", pulse(70, AT)).await;
        let request = suoke_guest::Request::new("DELETE", "/");
        let cause = Cause::request("test", &request);
        remove(&mut db, "u1", &id, NOW_MS, cause).await.unwrap();
        assert_eq!(
            statuses(&send(&mut db, "u1", &[pulse(70, AT)]).await),
            ["deleted"]
        );
        assert_eq!(kept(&db).await, [(70, Status::EnteredInError)]);
        // As the refusal says, another id of the client's stores it anew.
        let anew = with(pulse(70, AT), "client_id", "anew");
        assert_eq!(statuses(&send(&mut db, "u1", &[anew]).await), ["created"]);
    });
}

#[test]
fn late_readings_mark_their_own_days() {
    block_on(async {
        let mut db = health().await;
        let days = [
            AT,
            "2025-12-31T01:00:00Z",
            "1969-12-31T23:59:59.999Z",
            "1900-01-01T00:00:00Z",
        ];
        for at in days {
            send(&mut db, "u1", &[pulse(70, at)]).await;
        }
        let spans: Vec<_> = marks(&db)
            .await
            .into_iter()
            .map(|mark| (mark.1, mark.2))
            .collect();
        let oldest = -2_208_988_800_000;
        let today = (NOW_MS - 23 * 3_600_000, NOW_MS - 3_600_000);
        assert_eq!(spans, [(oldest, oldest), (-1, -1), today]);
        let day: i64 = db
            .query_one("SELECT min(utc_day) FROM dirty_days", params![])
            .await
            .unwrap();
        assert_eq!(day, -25_567);
    });
}

#[test]
fn nothing_is_stored_of_a_person_who_is_erased() {
    block_on(async {
        let mut db = health().await;
        erased::note(&db, "u1", 1).await.unwrap();
        let refused = try_send(&mut db, "u1", &[pulse(70, AT)]).await.unwrap_err();
        assert_eq!((refused.status(), refused.code()), (401, "account_erased"));
        assert_eq!(count(&db, "readings").await, 0);
        assert_eq!(events(&db).await.len(), 0);
    });
}

#[test]
fn the_caller_can_take_a_batch_back() {
    block_on(async {
        let mut db = health().await;
        let request = suoke_guest::Request::new("POST", "/");
        let batch = batch("u1", &[pulse(70, AT), pulse(7_000, AT)]);
        let refused: Result<(), ApiError> = db
            .transaction(async |tx| {
                let cause = Cause::request("test", &request);
                let (outcome, _) = record_in(tx, &batch, "u1", NOW_MS, cause).await?;
                assert_eq!((outcome.accepted, outcome.rejected), (1, 1));
                Err(ApiError::bad_request("refused", "all or nothing"))
            })
            .await;
        assert!(refused.is_err());
        assert_eq!(
            count(&db, "readings").await + count(&db, "dirty_days").await,
            0
        );
        assert_eq!(events(&db).await.len(), 0);
    });
}

#[test]
fn in_any_order_the_same_is_stored() {
    block_on(async {
        let readings = many(60);
        let mut turned = readings.clone();
        turned.reverse();
        turned.rotate_left(17);
        let mut stored = Vec::new();
        for order in [readings, turned] {
            let mut db = health().await;
            for piece in order.chunks(7) {
                send(&mut db, "u1", piece).await;
            }
            let rows: Vec<suoke_store::Row> = db
                .query(
                    "SELECT id, value_milli FROM readings ORDER BY id",
                    params![],
                )
                .await
                .unwrap();
            let rows = rows.iter().map(|row| -> (String, i64) {
                (row.get("id").unwrap(), row.get("value_milli").unwrap())
            });
            stored.push((rows.collect::<Vec<_>>(), marks(&db).await));
        }
        assert_eq!(stored[0], stored[1]);
    });
}

#[test]
fn readings_go_into_the_partition_of_their_month() {
    block_on(async {
        let mut db = health().await;
        let february = pulse(60, "2024-02-29T23:59:59Z");
        send(
            &mut db,
            "u1",
            &[february, pulse(70, "2009-12-31T00:00:00Z")],
        )
        .await;
        if !Database::tests_use_postgres() {
            return;
        }
        assert_eq!(count(&db, "readings_2024_02").await, 1);
        assert_eq!(count(&db, "readings_other").await, 1);
    });
}
