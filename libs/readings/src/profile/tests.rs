//! Profiles and what follows from them.

use futures::executor::block_on;
use suoke_health::profile::{PressureRules, Rules, Sex};
use suoke_store::params;

use super::*;
use crate::testing::{AT, NOW_MS, count, health, marks, pulse, send};

async fn set(db: &mut Database, profile: &Profile, known: Option<&str>) -> Result<i64, ApiError> {
    let mut request = Request::new("PUT", "/");
    if let Some(known) = known {
        request = request.with_header("if-match", known);
    }
    let stored = set_profile(db, &request, "u1", profile.clone(), NOW_MS).await?;
    assert_eq!(stored, self::profile(db, "u1").await?);
    Ok(stored.version)
}

#[test]
fn everything_of_a_profile_is_kept() {
    block_on(async {
        let mut db = health().await;
        let before = profile(&db, "u1").await.unwrap();
        assert_eq!((before.profile, before.version), (Profile::default(), 0));
        let full = Profile {
            timezone: "Europe/Berlin".to_owned(),
            sex: Some(Sex::Female),
            birth_date: Some("1990-02-03".to_owned()),
            height_cm: Some(165.5),
            altitude_m: Some(-20),
            rules: Rules {
                blood_pressure: PressureRules::Aha2017,
                ..Rules::default()
            },
        };
        assert_eq!(set(&mut db, &full, None).await.unwrap(), 1);
        assert_eq!(profile(&db, "u1").await.unwrap().profile, full);
        assert_eq!(
            set(&mut db, &Profile::default(), Some("\"1\""))
                .await
                .unwrap(),
            2
        );
        assert_eq!(
            profile(&db, "u1").await.unwrap().profile,
            Profile::default()
        );
        assert_eq!(profile(&db, "u2").await.unwrap().version, 0);
    });
}

#[test]
fn only_who_has_seen_a_profile_changes_it() {
    block_on(async {
        let mut db = health().await;
        let tall = Profile {
            height_cm: Some(190.0),
            ..Profile::default()
        };
        assert_eq!(set(&mut db, &tall, Some("\"0\"")).await.unwrap(), 1);
        let refused = set(&mut db, &Profile::default(), Some("\"0\""))
            .await
            .unwrap_err();
        assert_eq!(
            (refused.status(), refused.code()),
            (409, "version_conflict")
        );
        // The same again is no change.
        assert_eq!(set(&mut db, &tall, None).await.unwrap(), 1);
    });
}

#[test]
fn other_midnights_mark_every_day() {
    block_on(async {
        let mut db = health().await;
        let days = [
            AT,
            "2025-12-30T01:00:00Z",
            "2025-12-30T02:00:00Z",
            "1969-12-31T23:00:00Z",
        ];
        let readings: Vec<_> = days.iter().map(|at| pulse(70, at)).collect();
        send(&mut db, "u1", &readings).await;
        send(&mut db, "u2", &[pulse(70, AT)]).await;
        let marked = marks(&db).await;
        db.execute("DELETE FROM dirty_days", params![])
            .await
            .unwrap();
        let tall = Profile {
            height_cm: Some(190.0),
            ..Profile::default()
        };
        set(&mut db, &tall, None).await.unwrap();
        assert_eq!(count(&db, "dirty_days").await, 0);
        let moved = Profile {
            timezone: "UTC".to_owned(),
            ..tall
        };
        set(&mut db, &moved, None).await.unwrap();
        // All of theirs, nothing of another: as when the readings came.
        assert_eq!(marks(&db).await, marked[..3]);
    });
}

#[test]
fn who_is_erased_has_no_profile() {
    block_on(async {
        let mut db = health().await;
        erased::note(&db, "u1", 1).await.unwrap();
        let refused = set(&mut db, &Profile::default(), None).await.unwrap_err();
        assert_eq!(refused.code(), "account_erased");
        assert_eq!(count(&db, "profiles").await, 0);
    });
}
