//! Each line once, in order, for whom it belongs to; and a reason for each refused line.

use futures::executor::block_on;
use serde_json::{Value, json};
use suoke_identity::{AuthMethod, Identity};
use suoke_store::{Sql, params};

use super::*;

const USER: &str = "018f0000-0000-7000-8000-000000000001";
const OTHER: &str = "018f0000-0000-7000-8000-000000000002";
const NOW_MS: i64 = 1_767_312_000_000;
const HEAD: &str = "user_id,data_type,value,unit,created_at\n";

async fn health() -> Database {
    Database::open_in_memory("health").await.unwrap()
}

/// `steps` of these minutes.
fn rows(minutes: std::ops::Range<u32>) -> String {
    let row = |minute| format!(",steps,{minute},count,2025-01-02T03:{minute:02}:00Z\n");
    minutes.map(row).collect()
}

/// Somebody who was recognised, or an operator.
fn known(who: &str) -> Identity {
    let is_operator = who == "operator";
    let (method, role) = if is_operator {
        (AuthMethod::Operator, "operator")
    } else {
        (AuthMethod::Jwt, "user")
    };
    Identity {
        user_id: who.to_owned(),
        roles: vec![role.to_owned()],
        scopes: Vec::new(),
        session_id: None,
        token_id: String::new(),
        expires_at: 0,
        method,
    }
}

async fn send(
    db: &mut Database,
    who: &str,
    query: &str,
    media: &str,
    body: &str,
) -> Result<Value, ApiError> {
    let target = format!("/api/v1/health/import?{query}");
    // The first header of a name counts.
    let request = Request::new("POST", &target)
        .with_header("content-type", media)
        .with_json(body);
    let reply = take(db, request, &known(who), NOW_MS).await?;
    Ok(serde_json::from_slice(reply.body_bytes()).unwrap())
}

async fn csv(db: &mut Database, who: &str, from_line: u64, rows: &str) -> Result<Value, ApiError> {
    let query = format!("import_id=i&from_line={from_line}");
    send(db, who, &query, "text/csv", &format!("{HEAD}{rows}")).await
}

async fn count(db: &Database, text: &str) -> i64 {
    db.query_one(text, params![]).await.unwrap()
}

const READINGS: &str = "SELECT count(*) FROM readings";

#[test]
fn pieces_follow_each_other_and_a_repeat_changes_nothing() {
    block_on(async {
        let mut db = health().await;
        let first = csv(&mut db, USER, 2, &rows(0..3)).await.unwrap();
        assert_eq!(
            (&first["accepted"], &first["next_line"]),
            (&json!(3), &json!(5))
        );
        for _ in 0..2 {
            let again = csv(&mut db, USER, 2, &rows(0..3)).await.unwrap();
            assert_eq!(
                (&again["repeated"], &again["next_line"]),
                (&json!(true), &json!(5))
            );
        }
        let second = csv(&mut db, USER, 5, &rows(2..4)).await.unwrap();
        assert_eq!(
            (&second["accepted"], &second["duplicated"]),
            (&json!(1), &json!(1))
        );
        assert_eq!(count(&db, READINGS).await, 4);
        assert_eq!(count(&db, "SELECT count(*) FROM event_outbox").await, 2);
        if Database::tests_use_postgres() {
            assert_eq!(count(&db, "SELECT count(*) FROM readings_other").await, 0);
        }
    });
}

#[test]
fn a_gap_and_an_overlap_are_refused_with_the_line_to_go_on_from() {
    block_on(async {
        let mut db = health().await;
        let gap = csv(&mut db, USER, 5, &rows(0..3)).await.unwrap_err();
        assert_eq!((gap.status(), gap.code()), (409, "import_gap"));
        csv(&mut db, USER, 2, &rows(0..3)).await.unwrap();
        for (from_line, code) in [(6, "import_gap"), (3, "import_overlap")] {
            let refused = csv(&mut db, USER, from_line, &rows(0..9))
                .await
                .unwrap_err();
            assert_eq!((refused.status(), refused.code()), (409, code));
            assert!(format!("{refused:?}").contains("must be 5"), "{refused:?}");
        }
        assert_eq!(count(&db, READINGS).await, 3);
    });
}

#[test]
fn a_refused_line_is_named_with_its_reason_and_stays_known() {
    block_on(async {
        let mut db = health().await;
        let bad = ",steps,-5,count,2025-01-02T03:00:00Z\n,mystery,1,x,2025-01-02T03:00:00Z\nx\n\
                   ,steps,5,count,2025-01-02 03:00:00\n";
        let told = csv(&mut db, USER, 2, &format!("{}{bad}", rows(0..1)))
            .await
            .unwrap();
        let rejects = told["rejects"].as_array().unwrap();
        let named: Vec<(u64, &str)> = rejects
            .iter()
            .map(|each| {
                (
                    each["line"].as_u64().unwrap(),
                    each["code"].as_str().unwrap(),
                )
            })
            .collect();
        assert_eq!(
            named,
            [
                (3, "out_of_range"),
                (4, "unknown_type"),
                (5, "wrong_number_of_fields"),
                (6, "missing_offset")
            ]
        );
        let again = csv(&mut db, USER, 2, &format!("{}{bad}", rows(0..1)))
            .await
            .unwrap();
        assert_eq!(again["rejects"], told["rejects"]);
        let request = Request::new("GET", "/x?limit=3");
        let state = show(&db, &request, USER, "i").await.unwrap();
        let state: Value = serde_json::from_slice(state.body_bytes()).unwrap();
        assert_eq!(
            (&state["accepted"], &state["rejected"], &state["next_line"]),
            (&json!(1), &json!(4), &json!(7))
        );
        assert_eq!(
            (
                state["rejects"].as_array().unwrap().len(),
                &state["next_after_line"]
            ),
            (3, &json!(5))
        );
        let missing = show(&db, &request, OTHER, "i").await.unwrap_err();
        assert_eq!(missing.status(), 404);
    });
}

#[test]
fn lines_of_others_are_for_operators_alone() {
    block_on(async {
        let mut db = health().await;
        let line = format!("{OTHER},steps,5,count,2025-01-02T03:00:00Z\n");
        let own = format!("{USER},steps,5,count,2025-01-02T03:00:00Z\n");
        let told = csv(&mut db, USER, 2, &format!("{line}{own}"))
            .await
            .unwrap();
        assert_eq!(told["rejects"][0]["code"], "forbidden");
        assert_eq!(told["accepted"], 1);
        let nobody = ",steps,5,count,2025-01-02T03:00:00Z\nx,steps,5,count,2025-01-02T03:00:00Z\n";
        let told = csv(&mut db, "operator", 2, &format!("{line}{nobody}{own}"))
            .await
            .unwrap();
        assert_eq!(
            (&told["accepted"], &told["duplicated"]),
            (&json!(1), &json!(1))
        );
        let codes: Vec<&Value> = told["rejects"]
            .as_array()
            .unwrap()
            .iter()
            .map(|each| &each["code"])
            .collect();
        assert_eq!(codes, ["missing_user", "invalid_user"]);
        let of = format!("SELECT count(*) FROM readings WHERE user_id = '{OTHER}'");
        assert_eq!(count(&db, &of).await, 1);
    });
}

#[test]
fn nothing_is_imported_for_who_is_erased() {
    block_on(async {
        let mut db = health().await;
        suoke_store::erased::note(&db, OTHER, 1).await.unwrap();
        let refused = csv(&mut db, OTHER, 2, &rows(0..1)).await.unwrap_err();
        assert_eq!((refused.status(), refused.code()), (401, "account_erased"));
        let line = format!("{OTHER},steps,5,count,2025-01-02T03:00:00Z\n");
        let told = csv(&mut db, "operator", 2, &line).await.unwrap();
        assert_eq!(told["rejects"][0]["code"], "account_erased");
        assert_eq!(count(&db, READINGS).await, 0);
    });
}

#[test]
fn what_is_wrong_with_a_piece_as_a_whole_is_named() {
    block_on(async {
        let mut db = health().await;
        let text = "text/csv";
        for (query, media, body, status) in [
            ("import_id=i&from_line=1", "application/json", "{}", 415),
            ("import_id=a/b&from_line=1", text, HEAD, 400),
            ("import_id=i&from_line=0", text, HEAD, 400),
            ("import_id=i&from_line=1&offset=8", text, HEAD, 400),
            ("import_id=i", text, HEAD, 400),
            ("import_id=i&from_line=1&user_id=u", text, HEAD, 400),
            ("import_id=i&from_line=1", text, "a,b\n", 400),
            (
                "import_id=i&from_line=1",
                "application/x-ndjson",
                &"{}\n".repeat(1_001),
                413,
            ),
        ] {
            let refused = send(&mut db, USER, query, media, body).await.unwrap_err();
            assert_eq!(refused.status(), status, "{query} {media}");
        }
        assert_eq!(count(&db, "SELECT count(*) FROM imports").await, 0);
    });
}

#[test]
fn lines_of_json_are_taken_too() {
    block_on(async {
        let mut db = health().await;
        let body = "{\"type\":\"heart_rate\",\"value\":72,\"unit\":\"bpm\",\"timestamp\":1735787045}\n\
                    {\"data_type\":\"blood_pressure\",\"values\":{\"systolic\":120,\"diastolic\":80},\
                    \"unit\":\"mmHg\",\"created_at\":\"2025-01-02 03:04:05\"}\n";
        let query = "import_id=i&from_line=1&offset=%2B08:00";
        let told = send(&mut db, USER, query, "application/x-ndjson", body)
            .await
            .unwrap();
        assert_eq!(
            (&told["accepted"], &told["next_line"]),
            (&json!(2), &json!(3)),
            "{told}"
        );
    });
}
