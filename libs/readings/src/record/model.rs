//! Any sequence of sending, correcting and deleting against a model of a few lines.

use std::collections::BTreeMap;

use futures::executor::block_on;
use proptest::prelude::*;
use suoke_store::{Row, Sql, params};

use crate::testing::{AT, NOW_MS, health, marks, pulse, send, statuses, with};
use crate::{Cause, remove};

/// What a client does with the reading it calls by a number.
#[derive(Clone, Debug)]
enum Act {
    Send(u8, u32),
    Correct(u8, u32),
    Delete(u8),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let (name, value) = (0..3_u8, 60..63_u32);
    let act = prop_oneof![
        3 => (name.clone(), value.clone()).prop_map(|(name, value)| Act::Send(name, value)),
        2 => (name.clone(), value).prop_map(|(name, value)| Act::Correct(name, value)),
        1 => name.prop_map(Act::Delete),
    ];
    prop::collection::vec(act, 1..20)
}

/// One reading of the model.
#[derive(Debug, Default)]
struct Known {
    /// The value that was sent first.
    first: Option<u32>,
    /// The newest version.
    last_id: Option<String>,
    /// Its value, while it counts.
    counts: Option<u32>,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_store_does_what_the_model_says(acts in acts()) {
        block_on(async {
            let mut db = health().await;
            let mut model = BTreeMap::<u8, Known>::new();
            for act in acts {
                let (Act::Send(name, _) | Act::Correct(name, _) | Act::Delete(name)) = act;
                let known = model.entry(name).or_default();
                let reading = |value| with(pulse(value, AT), "client_id", format!("c{name}"));
                match act {
                    Act::Send(_, value) => {
                        let outcome = send(&mut db, "u1", &[reading(value)]).await;
                        let expected = match known.first {
                            None => "created",
                            Some(_) if known.counts.is_none() => "deleted",
                            Some(first) if first == value => "duplicate",
                            Some(_) => "value_conflict",
                        };
                        assert_eq!(statuses(&outcome), [expected]);
                        if known.first.is_none() {
                            known.first = Some(value);
                            known.counts = Some(value);
                            known.last_id.clone_from(&outcome.results[0].id);
                        }
                    }
                    Act::Correct(_, value) => {
                        let Some(last_id) = known.last_id.clone() else { continue };
                        let correction = with(reading(value), "supersedes", last_id);
                        let outcome = send(&mut db, "u1", &[correction]).await;
                        let is_there = known.counts.is_some();
                        let expected = if is_there { "updated" } else { "not_correctable" };
                        assert_eq!(statuses(&outcome), [expected]);
                        if is_there {
                            known.counts = Some(value);
                            known.last_id.clone_from(&outcome.results[0].id);
                        }
                    }
                    Act::Delete(_) => {
                        let Some(last_id) = known.last_id.clone() else { continue };
                        let request = suoke_guest::Request::new("DELETE", "/");
                        let cause = Cause::request("test", &request);
                        remove(&mut db, "u1", &last_id, NOW_MS, cause).await.unwrap();
                        known.counts = None;
                    }
                }
            }
            let rows: Vec<Row> = db
                .query(
                    "SELECT client_id, value_milli FROM readings WHERE status = 'final' \
                     ORDER BY client_id",
                    params![],
                )
                .await
                .unwrap();
            let stored: Vec<(String, i64)> = rows
                .iter()
                .map(|row| (row.get("client_id").unwrap(), row.get("value_milli").unwrap()))
                .collect();
            let expected: Vec<(String, i64)> = model
                .iter()
                .filter_map(|(name, known)| Some((format!("c{name}"), i64::from(known.counts?) * 1_000)))
                .collect();
            assert_eq!(stored, expected);
            let is_marked = !marks(&db).await.is_empty();
            assert_eq!(is_marked, model.values().any(|known| known.first.is_some()));
        });
    }
}
