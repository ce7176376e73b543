//! Bytes and what is known of them.

use futures::executor::block_on;
use serde_json::{Value, json};
use suoke_health::blob::is_blob_id;
use suoke_store::params;

use super::*;
use crate::testing::{AT, NOW_MS, count, health, send, sent, statuses};
use crate::{Cause, find as find_reading, remove as remove_reading};

fn wave(data: Value) -> Value {
    json!({"type": "ecg_waveform", "effective_at": AT, "data": data})
}

fn with_samples(samples: &[i32]) -> Value {
    wave(json!({"frequency_hz": 250, "unit": "mV", "samples": samples}))
}

async fn put_one(db: &mut Database, user_id: &str, content: &[u8]) -> (Blob, bool) {
    put(db, user_id, "image/png", content, NOW_MS)
        .await
        .unwrap()
}

#[test]
fn equal_bytes_of_a_person_are_one_blob() {
    block_on(async {
        let mut db = health().await;
        let (first, is_new) = put_one(&mut db, "u1", b"abc").await;
        assert!(is_new && is_blob_id(&first.id));
        assert_eq!((first.bytes, first.media_type.as_str()), (3, "image/png"));
        assert_eq!(put_one(&mut db, "u1", b"abc").await, (first.clone(), false));
        let (other, is_new) = put_one(&mut db, "u2", b"abc").await;
        assert!(is_new && other.id != first.id && other.sha256 == first.sha256);
        assert_eq!(content("u1", &first.id).await.unwrap().unwrap(), b"abc");
        assert!(content("u2", &first.id).await.unwrap().is_none());
        assert!(find(&db, "u2", &first.id).await.unwrap().is_none());
    });
}

#[test]
fn samples_live_as_long_as_their_reading() {
    block_on(async {
        let mut db = health().await;
        let id = sent(&mut db, "u1", with_samples(&[1, 2, 3])).await;
        let stored = find_reading(&db, "u1", &id).await.unwrap().unwrap();
        let data: Value = serde_json::from_str(stored.data.as_deref().unwrap()).unwrap();
        let blob = data["blob"].as_str().unwrap().to_owned();
        assert_eq!(content("u1", &blob).await.unwrap().unwrap(), b"[1,2,3]");
        let known = find(&db, "u1", &blob).await.unwrap().unwrap();
        assert_eq!(known.media_type, SAMPLES_MEDIA_TYPE);
        // While the reading counts, its samples stay.
        assert_eq!(
            remove(&mut db, "u1", &blob).await.unwrap(),
            RemovedBlob::InUse
        );
        assert_eq!(sweep_samples(&mut db, NOW_MS + 1, 9).await.unwrap(), 0);
        let outcome = send(&mut db, "u1", &[with_samples(&[1, 2, 3])]).await;
        assert_eq!(statuses(&outcome), ["duplicate"]);
        let request = suoke_guest::Request::new("DELETE", "/");
        let cause = Cause::request("test", &request);
        remove_reading(&mut db, "u1", &id, NOW_MS, cause)
            .await
            .unwrap();
        assert_eq!(sweep_samples(&mut db, NOW_MS + 1, 9).await.unwrap(), 0);
        db.execute("DELETE FROM readings", params![]).await.unwrap();
        assert_eq!(sweep_samples(&mut db, NOW_MS, 9).await.unwrap(), 0);
        assert_eq!(sweep_samples(&mut db, NOW_MS + 1, 9).await.unwrap(), 1);
        assert!(content("u1", &blob).await.unwrap().is_none());
        assert_eq!(count(&db, "blobs").await, 0);
    });
}

#[test]
fn a_waveform_names_only_a_blob_of_ones_own() {
    block_on(async {
        let mut db = health().await;
        let (mine, _) = put_one(&mut db, "u1", b"\x01\x00").await;
        let (theirs, _) = put_one(&mut db, "u2", b"\x01\x00").await;
        let naming =
            |blob: &str| wave(json!({"frequency_hz": 250, "unit": "mV", "blob": blob, "count": 1}));
        let outcome = send(&mut db, "u1", &[naming(&theirs.id), naming(&mine.id)]).await;
        assert_eq!(statuses(&outcome), ["unknown_blob", "created"]);
        assert_eq!(
            remove(&mut db, "u1", &mine.id).await.unwrap(),
            RemovedBlob::InUse
        );
    });
}

#[test]
fn what_nobody_needs_is_removed_once() {
    block_on(async {
        let mut db = health().await;
        let (blob, _) = put_one(&mut db, "u1", b"abc").await;
        assert_eq!(
            remove(&mut db, "u2", &blob.id).await.unwrap(),
            RemovedBlob::Absent
        );
        assert_eq!(
            remove(&mut db, "u1", &blob.id).await.unwrap(),
            RemovedBlob::Now
        );
        assert!(content("u1", &blob.id).await.unwrap().is_none());
        assert_eq!(
            remove(&mut db, "u1", &blob.id).await.unwrap(),
            RemovedBlob::Absent
        );
        // What people store themselves is never swept.
        put_one(&mut db, "u1", b"abc").await;
        assert_eq!(sweep_samples(&mut db, i64::MAX, 9).await.unwrap(), 0);
    });
}

#[test]
fn nothing_is_left_of_the_bytes_of_somebody_who_is_erased() {
    block_on(async {
        let mut db = health().await;
        let bytes = Bytes::open().await.unwrap();
        for key in ["u1/left", "u11/left"] {
            bytes.set(key, b"x").await.unwrap();
        }
        erased::note(&db, "u1", 1).await.unwrap();
        assert_eq!(erase_bytes("u1").await.unwrap(), 1);
        let refused = crate::testing::try_send(&mut db, "u1", &[with_samples(&[1])]).await;
        assert_eq!(refused.unwrap_err().code(), "account_erased");
        assert_eq!(bytes.keys(9).await.unwrap(), ["u11/left"]);
    });
}

#[test]
fn erasure_takes_the_bytes_too() {
    block_on(async {
        let mut db = health().await;
        for content in [b"a", b"b", b"c"] {
            put_one(&mut db, "u1", content).await;
        }
        let (theirs, _) = put_one(&mut db, "u2", b"a").await;
        assert_eq!(erase(&mut db, "u1", 2).await.unwrap(), 2);
        assert_eq!(erase(&mut db, "u1", 2).await.unwrap(), 1);
        assert_eq!(erase(&mut db, "u1", 2).await.unwrap(), 0);
        let keys = Bytes::open().await.unwrap().keys(9).await.unwrap();
        assert_eq!(keys, [key("u2", &theirs.id)]);
        erased::note(&db, "u1", 1).await.unwrap();
        let refused = put(&mut db, "u1", "image/png", b"a", 1).await.unwrap_err();
        assert_eq!(refused.code(), "account_erased");
    });
}

#[test]
fn bytes_without_a_row_are_swept_unless_the_row_comes() {
    block_on(async {
        let mut db = health().await;
        let (blob, _) = put_one(&mut db, "u1", b"abc").await;
        let bytes = Bytes::open().await.unwrap();
        for key in ["u1/left", "u2/left", "nobody"] {
            bytes.set(key, b"x").await.unwrap();
        }
        let late = Blob {
            id: "left".to_owned(),
            ..blob.clone()
        };
        let left = suspects(&db, 100).await.unwrap();
        queries::insert(&db, "u2", &late).await.unwrap();
        assert_eq!(sweep_suspects(&mut db, left).await.unwrap(), 2);
        let keys = bytes.keys(9).await.unwrap();
        assert_eq!(keys, [key("u1", &blob.id), "u2/left".to_owned()]);
        let nothing = async || panic!("there is nothing to wait for");
        // Keys before those without a row do not hide them.
        for number in 0..=PIECE_KEYS {
            let content = format!("{number}");
            put_one(&mut db, "u1", content.as_bytes()).await;
        }
        bytes.set("z/left", b"x").await.unwrap();
        assert_eq!(sweep_bytes(&mut db, 1, async || {}).await.unwrap(), 1);
        assert_eq!(sweep_bytes(&mut db, 100, nothing).await.unwrap(), 0);
    });
}

/// Everything that takes bytes away, in two steps with room between them.
#[test]
fn what_is_stored_again_while_it_is_removed_has_its_bytes() {
    block_on(async {
        let mut db = health().await;
        let (blob, _) = put_one(&mut db, "u1", b"abc").await;
        let (id, theirs) = (blob.id.as_str(), key("u1", &blob.id));
        // Between the row and the bytes.
        let removed = remove_row(&mut db, "u1", id).await.unwrap();
        assert_eq!(removed, RemovedBlob::Now);
        assert!(put_one(&mut db, "u1", b"abc").await.1);
        let left = delete_bytes(&mut db, "u1", std::slice::from_ref(&theirs)).await;
        assert_eq!(left.unwrap(), 0);
        assert_eq!(content("u1", id).await.unwrap().unwrap(), b"abc");

        // Between the bytes and the row of the upload: whoever removes, and whoever sweeps.
        let bytes = Bytes::open().await.unwrap();
        for is_swept in [false, true] {
            bytes.set(&theirs, b"abc").await.unwrap();
            if is_swept {
                let swept = sweep_old(&mut db, i64::MAX, 9).await.unwrap();
                assert_eq!(swept, 1);
            } else {
                let removed = remove(&mut db, "u1", id).await.unwrap();
                assert_eq!(removed, RemovedBlob::Now);
            }
            assert!(content("u1", id).await.unwrap().is_none());
            let noted = note(&mut db, "u1", blob.clone(), b"abc").await.unwrap();
            assert!(noted.1);
            assert_eq!(content("u1", id).await.unwrap().unwrap(), b"abc");
        }

        // Bytes that looked as if nobody had them.
        queries::delete(&db, "u1", id, &queries::Which::All)
            .await
            .unwrap();
        let left = suspects(&db, 9).await.unwrap();
        assert_eq!(left, [theirs]);
        put_one(&mut db, "u1", b"abc").await;
        assert_eq!(sweep_suspects(&mut db, left).await.unwrap(), 0);
        assert_eq!(content("u1", id).await.unwrap().unwrap(), b"abc");
    });
}

#[test]
fn samples_that_were_removed_before_their_reading_was_stored_are_there_again() {
    block_on(async {
        let mut db = health().await;
        let batch = crate::testing::batch("u1", &[with_samples(&[1, 2])]);
        let candidates = batch.candidates();
        put_samples(&db, "u1", candidates).await.unwrap();
        let left = suspects(&db, 9).await.unwrap();
        assert_eq!(sweep_suspects(&mut db, left).await.unwrap(), 1);
        let all: Vec<_> = candidates.iter().collect();
        note_samples(&db, "u1", &all, NOW_MS).await.unwrap();
        let blob = candidates[0].samples.as_ref().unwrap().blob.clone();
        assert_eq!(content("u1", &blob).await.unwrap().unwrap(), b"[1,2]");
    });
}

#[test]
fn what_a_reading_refers_to_meanwhile_is_not_swept() {
    block_on(async {
        let mut db = health().await;
        sent(&mut db, "u1", with_samples(&[1, 2])).await;
        let ids = queries::ids(&db, "u1", 9).await.unwrap();
        let which = queries::Which::Unreferenced;
        assert_eq!(delete_all(&mut db, "u1", &ids, &which).await.unwrap(), 0);
        assert!(content("u1", &ids[0]).await.unwrap().is_some());
    });
}
