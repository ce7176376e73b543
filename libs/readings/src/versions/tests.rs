//! Whose readings are found with their versions.

use futures::executor::block_on;

use super::*;
use crate::testing::{AT, health, pulse, send, sent, with};

fn pulses<'a>() -> Matching<'a> {
    Matching {
        types: &["heart_rate"],
        bounds: &[],
        corrected: Corrected::Any,
        after: None,
        is_ascending: true,
        limit: MATCHING_MAX,
        deleted: false,
    }
}

#[test]
fn everybody_finds_and_counts_their_own_readings_alone() {
    block_on(async {
        let mut db = health().await;
        send(&mut db, "u1", &[pulse(61, AT)]).await;
        let others = [pulse(72, AT), pulse(73, "2025-12-31T23:01:00Z")];
        send(&mut db, "u2", &others).await;
        for (user_id, expected) in [
            ("u1", &[61_000][..]),
            ("u2", &[72_000, 73_000]),
            ("u3", &[]),
        ] {
            let found = matching(&db, user_id, &pulses()).await.unwrap();
            let values: Vec<i64> = found.iter().map(|stored| stored.values[0].0).collect();
            assert_eq!(values, expected, "{user_id}");
            let count = count(&db, user_id, &pulses()).await.unwrap();
            assert_eq!(count, expected.len() as u64, "{user_id}");
        }
    });
}

#[test]
fn an_id_of_a_client_names_nothing_of_somebody_else() {
    block_on(async {
        let mut db = health().await;
        let named = |value| with(pulse(value, AT), "client_id", "c-1");
        let own = sent(&mut db, "u1", named(61)).await;
        sent(&mut db, "u2", named(72)).await;
        let found = by_client_ids(&db, "u1", &["c-1"]).await.unwrap();
        let ids: Vec<&str> = found.iter().map(|stored| stored.id.as_str()).collect();
        assert_eq!(ids, [own.as_str()]);
        assert!(by_client_ids(&db, "u3", &["c-1"]).await.unwrap().is_empty());
    });
}

#[test]
fn the_versions_of_a_reading_are_nothing_to_somebody_else() {
    block_on(async {
        let mut db = health().await;
        let first = sent(&mut db, "u1", pulse(61, AT)).await;
        let corrected = with(pulse(62, AT), "supersedes", first.as_str());
        sent(&mut db, "u1", corrected).await;
        assert_eq!(versions(&db, "u1", &first).await.unwrap().len(), 2);
        assert!(versions(&db, "u2", &first).await.unwrap().is_empty());
    });
}
