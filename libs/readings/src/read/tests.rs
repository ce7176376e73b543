//! Readings as they are looked up.

use futures::executor::block_on;
use serde_json::{Value, json};
use suoke_store::Database;

use super::*;
use crate::testing::{NOW_MS, health, pulse, send, sent, with};
use crate::{Cause, remove};

fn weight(value: f64, at: &str) -> Value {
    json!({"type": "body_weight", "value": value, "unit": "kg", "effective_at": at})
}

/// Minutes before the new year.
fn minute(minute: u32) -> String {
    format!("2025-12-31T23:{minute:02}:00Z")
}

async fn filled() -> Database {
    let mut db = health().await;
    let mut readings: Vec<Value> = (0..10).map(|at| pulse(60 + at, &minute(at))).collect();
    readings.push(with(weight(70.0, &minute(5)), "device_id", "scale"));
    readings.push(weight(71.0, "1965-01-01T00:00:00Z"));
    readings.push(pulse(99, "1964-01-01T00:00:00Z"));
    send(&mut db, "u1", &readings).await;
    send(&mut db, "u2", &[pulse(200, &minute(1))]).await;
    db
}

async fn values(db: &Database, filter: &Filter<'_>) -> Vec<i64> {
    let found = select(db, "u1", filter).await.unwrap();
    found
        .iter()
        .map(|stored| stored.values[0].0 / 1_000)
        .collect()
}

#[test]
fn filters_let_through_what_they_name() {
    block_on(async {
        let db = filled().await;
        let at = |minute: i64| Some(NOW_MS - 3_600_000 + minute * 60_000);
        let cases: [(Filter<'_>, &[i64]); 7] = [
            (
                Filter {
                    types: &["body_weight"],
                    ..Filter::default()
                },
                &[70, 71],
            ),
            (
                Filter {
                    from_ms: at(8),
                    ..Filter::default()
                },
                &[69, 68],
            ),
            (
                Filter {
                    from_ms: at(4),
                    to_ms: at(5),
                    ..Filter::default()
                },
                &[64],
            ),
            (
                Filter {
                    types: &["heart_rate"],
                    from_ms: at(4),
                    to_ms: at(6),
                    ..Filter::default()
                },
                &[65, 64],
            ),
            (
                Filter {
                    device: Some("scale"),
                    ..Filter::default()
                },
                &[70],
            ),
            (
                Filter {
                    types: &["heart_rate"],
                    device: Some("scale"),
                    ..Filter::default()
                },
                &[],
            ),
            (
                Filter {
                    types: &["heart_rate", "body_weight"],
                    limit: 2,
                    ..Filter::default()
                },
                &[69, 68],
            ),
        ];
        for (filter, expected) in cases {
            assert_eq!(values(&db, &filter).await, expected, "{filter:?}");
        }
        let before_1970 = Filter {
            to_ms: Some(-1),
            ..Filter::default()
        };
        let mut old = values(&db, &before_1970).await;
        old.sort_unstable();
        assert_eq!(old, [71, 99]);
    });
}

#[test]
fn pages_show_everything_once() {
    block_on(async {
        let db = filled().await;
        for types in [&[] as &[&str], &["heart_rate", "body_weight"]] {
            let (mut seen, mut before) = (Vec::new(), None);
            loop {
                let filter = Filter {
                    types,
                    before,
                    limit: 3,
                    ..Filter::default()
                };
                let page = select(&db, "u1", &filter).await.unwrap();
                let Some(last) = page.last() else { break };
                before = Cursor::parse(&Cursor::after(last).to_string());
                assert!(before.is_some());
                seen.extend(page.into_iter().map(|stored| stored.id));
            }
            assert_eq!(seen.len(), 13, "{types:?}");
            seen.sort();
            seen.dedup();
            assert_eq!(seen.len(), 13, "{types:?}");
        }
    });
}

#[test]
fn what_counts_no_longer_is_shown_only_to_who_asks_for_it() {
    block_on(async {
        let mut db = health().await;
        let id = sent(&mut db, "u1", pulse(70, &minute(0))).await;
        let request = suoke_guest::Request::new("DELETE", "/");
        let cause = Cause::request("test", &request);
        remove(&mut db, "u1", &id, NOW_MS, cause).await.unwrap();
        for types in [&[] as &[&str], &["heart_rate"]] {
            let filter = Filter {
                types,
                ..Filter::default()
            };
            assert!(select(&db, "u1", &filter).await.unwrap().is_empty());
            let all = Filter {
                include_all: true,
                ..filter
            };
            assert_eq!(select(&db, "u1", &all).await.unwrap().len(), 1);
        }
        assert!(latest(&db, "u1", &["heart_rate"]).await.unwrap().is_empty());
        assert!(
            series(&db, "u1", "heart_rate", 0, i64::MAX)
                .await
                .unwrap()
                .is_empty()
        );
        assert!(find(&db, "u1", &id).await.unwrap().is_some());
        assert!(find(&db, "u2", &id).await.unwrap().is_none());
    });
}

#[test]
fn the_newest_of_each_type_is_found() {
    block_on(async {
        let db = filled().await;
        let types = ["heart_rate", "body_weight", "spo2"];
        let mut found: Vec<_> = latest(&db, "u1", &types)
            .await
            .unwrap()
            .into_iter()
            .map(|stored| (stored.kind.key, stored.values[0].0 / 1_000))
            .collect();
        found.sort_unstable();
        assert_eq!(found, [("body_weight", 70), ("heart_rate", 69)]);
        assert!(latest(&db, "u1", &[]).await.unwrap().is_empty());
    });
}

#[test]
fn a_series_is_in_the_order_of_time() {
    block_on(async {
        let mut db = filled().await;
        let odd = with(
            with(pulse(250, &minute(59)), "context", "run"),
            "source",
            "fitbit",
        );
        send(&mut db, "u1", &[odd]).await;
        let points = series(&db, "u1", "pulse_rate", 0, i64::MAX).await.unwrap();
        assert_eq!(points.len(), 11);
        assert!(points.is_sorted_by_key(|point| point.at_ms));
        let last = points.last().unwrap();
        assert_eq!(
            (last.value, last.value2, last.rank),
            (Milli(250_000), None, 2)
        );
        assert_eq!(
            (last.is_plausible, last.context.as_deref()),
            (false, Some("\"run\""))
        );
        let (from_ms, to_ms) = (points[2].at_ms, points[4].at_ms);
        let part = series(&db, "u1", "heart_rate", from_ms, to_ms)
            .await
            .unwrap();
        assert_eq!(part, points[2..4]);
    });
}
