//! Profiles over HTTP.

use futures::executor::block_on;
use serde_json::{Value, json};

use super::*;

const NOW_MS: i64 = 1_767_225_600_000;

async fn ask(db: &mut Database, request: Request) -> (u16, Value, Option<String>) {
    match handle(db, request, "u1", NOW_MS).await {
        Ok(reply) => {
            let shown = serde_json::from_slice(reply.body_bytes()).unwrap();
            (
                reply.status(),
                shown,
                reply.header_value("etag").map(str::to_owned),
            )
        }
        Err(error) => (error.status(), error.code().into(), None),
    }
}

fn put(body: &Value) -> Request {
    Request::new("PUT", "/").with_json(&body.to_string())
}

#[test]
fn who_said_nothing_has_a_profile_of_defaults() {
    block_on(async {
        let mut db = Database::open_in_memory(LABEL).await.unwrap();
        let (status, shown, tag) = ask(&mut db, Request::new("GET", "/")).await;
        let expected = json!({"timezone": "Asia/Shanghai", "sex": null, "birth_date": null,
            "height_cm": null, "altitude_m": null, "rules": {"blood_pressure": "cn-htn-2024",
            "glucose": "who-cn", "bmi": "ws-t-428-2013"}});
        assert_eq!((status, shown), (200, expected));
        assert_eq!(tag.as_deref(), Some("\"0\""));
    });
}

#[test]
fn a_profile_is_replaced_by_who_has_seen_it() {
    block_on(async {
        let mut db = Database::open_in_memory(LABEL).await.unwrap();
        let body = json!({"sex": "female", "rules": {"glucose": "ada"}});
        let (status, shown, tag) = ask(&mut db, put(&body).with_header("if-match", "\"0\"")).await;
        assert_eq!((status, tag.as_deref()), (200, Some("\"1\"")));
        assert_eq!(shown["rules"]["glucose"], "ada");
        assert_eq!(shown["changed_at"], "2026-01-01T00:00:00.000Z");
        let (status, code, _) =
            ask(&mut db, put(&json!({})).with_header("if-match", "\"0\"")).await;
        assert_eq!((status, code), (409, json!("version_conflict")));
        let (_, shown, tag) = ask(&mut db, put(&json!({}))).await;
        assert_eq!(
            (&shown["sex"], tag.as_deref()),
            (&Value::Null, Some("\"2\""))
        );
    });
}

#[test]
fn what_is_wrong_is_named() {
    block_on(async {
        let mut db = Database::open_in_memory(LABEL).await.unwrap();
        for (body, field) in [
            (json!({"timezone": "Shanghai"}), "timezone"),
            (json!({"height_cm": 300}), "height_cm"),
            (json!({"height_cm": "tall"}), "height_cm"),
            (json!({"weight": 70}), "weight"),
            (json!({"rules": {"bmi": "who"}}), "rules.bmi"),
            (json!({"sex": "x"}), "sex"),
        ] {
            let error = handle(&mut db, put(&body), "u1", NOW_MS).await.unwrap_err();
            assert_eq!(error.status(), 400, "{body}");
            let fields: Vec<_> = error
                .errors()
                .iter()
                .map(|error| error.field.clone())
                .collect();
            assert_eq!(fields, [field], "{body}");
        }
    });
}
