//! What is found, and that each question has an index.

use futures::executor::block_on;
use serde_json::json;
use suoke_events::streams::{self, NewEvent};
use suoke_identity::caller::headers;
use suoke_store::{Database, Row, Sql, params};

use super::*;

/// Four entries, one each second from 1000 s on, and something else.
async fn identity() -> Database {
    let mut db = Database::open_in_memory(LABEL).await.unwrap();
    for (kind, stream, subject, actor) in [
        ("user.created", "audit", "user/u1", "u1"),
        ("group.created", "audit", "group/g1", "u1"),
        ("group.created", "group", "group/g1", "u1"),
        ("user.updated", "audit", "user/u1", "a1"),
        ("user.deleted", "audit", "user/u1", "a1"),
    ] {
        let event = NewEvent {
            kind: kind.to_owned(),
            data: json!({"fields": ["name"], "details": {"user_id": "u1"}}),
            metadata: json!({"actor": actor, "event_id": "e", "time": "2026-01-02T03:04:05Z"}),
        };
        db.transaction(async |tx| {
            let version = streams::version(tx, stream, subject).await?;
            streams::append(tx, stream, subject, version, &[event]).await
        })
        .await
        .unwrap();
    }
    db.execute(
        "UPDATE stream_events SET created_at = (1000 + position) * 1000",
        params![],
    )
    .await
    .unwrap();
    db
}

async fn found(db: &Database, query: &str) -> Result<Value, ApiError> {
    let request = Request::new("GET", &format!("/api/v1/audit?{query}"));
    let reply = list(db, request.query()?).await?;
    Ok(serde_json::from_slice(reply.body_bytes()).unwrap())
}

#[test]
fn entries_are_found_by_who_what_whom_and_when() {
    block_on(async {
        let db = identity().await;
        for (query, kinds) in [
            (
                "",
                vec![
                    "user.deleted",
                    "user.updated",
                    "group.created",
                    "user.created",
                ],
            ),
            ("actor=a1", vec!["user.deleted", "user.updated"]),
            ("type=group.created", vec!["group.created"]),
            ("subject=user/u1&actor=u1", vec!["user.created"]),
            (
                "from=1970-01-01T00:16:44Z",
                vec!["user.deleted", "user.updated"],
            ),
            (
                "to=1970-01-01T00:16:42Z",
                vec!["group.created", "user.created"],
            ),
            (
                "from=1970-01-01T00:16:42Z&to=1970-01-01T00:16:44Z",
                vec!["user.updated", "group.created"],
            ),
            ("from=2030-01-01T00:00:00Z", vec![]),
            ("actor=nobody", vec![]),
        ] {
            let page = found(&db, query).await.unwrap();
            let entries = page["entries"].as_array().unwrap();
            let told: Vec<&str> = entries
                .iter()
                .map(|one| one["type"].as_str().unwrap())
                .collect();
            assert_eq!(told, kinds, "{query}");
            assert_eq!(page["next_cursor"], Value::Null);
        }
        let page = found(&db, "limit=1").await.unwrap();
        assert_eq!(page["entries"][0]["fields"], json!(["name"]));
        assert_eq!(page["entries"][0]["details"], json!({"user_id": "u1"}));
        let next = format!("limit=2&cursor={}", page["next_cursor"].as_str().unwrap());
        let page = found(&db, &next).await.unwrap();
        assert_eq!(page["entries"][1]["type"], "group.created");
    });
}

#[test]
fn odd_questions_are_refused() {
    block_on(async {
        let db = identity().await;
        for (query, field) in [
            ("from=yesterday", "from"),
            ("to=", "to"),
            ("cursor=x", "cursor"),
            ("actor=", "actor"),
            ("who=u1", "who"),
            ("limit=0", "limit"),
        ] {
            let error = found(&db, query).await.unwrap_err();
            assert_eq!(
                (error.status(), error.errors()[0].field.as_str()),
                (400, field)
            );
        }
    });
}

#[test]
fn every_question_is_answered_by_an_index() {
    block_on(async {
        if Database::tests_use_postgres() {
            // The plans are SQLite's.
            return;
        }
        let db = identity().await;
        for (condition, index) in [
            ("json_extract(metadata, '$.actor') = 'a'", "audit_by_actor"),
            ("type = 'a'", "audit_by_type"),
            ("stream_id = 'a'", "audit_by_subject"),
        ] {
            let text = format!(
                "EXPLAIN QUERY PLAN SELECT id FROM stream_events WHERE stream_type = 'audit' \
                 AND {condition} AND position < 9 ORDER BY position DESC LIMIT 9"
            );
            let plan: Vec<Row> = db.query(&text, params![]).await.unwrap();
            let plan: Vec<String> = plan.iter().map(|row| row.get("detail").unwrap()).collect();
            assert!(plan.len() == 1 && plan[0].contains(index), "{plan:?}");
        }
    });
}

fn asked_by(role: &str, query: &str) -> Request {
    Request::new("GET", &format!("/api/v1/audit{query}"))
        .with_header(headers::USER_ID, "u1")
        .with_header(headers::USER_ROLES, role)
        .with_header(headers::TOKEN_EXPIRES_AT, "1700000000")
        .with_header(headers::AUTH_METHOD, "jwt")
}

#[test]
fn who_is_no_operator_sees_who_looked_at_their_own_health() {
    let ask = |role: &str, query: &str| {
        block_on(suoke_guest::answer(asked_by(role, query), route)).status()
    };
    // As natively there is no database of that label.
    for role in ["user", "user,admin", "operator"] {
        assert_eq!(ask(role, ""), 500, "{role}");
        assert_eq!(ask(role, "?subject=readings/u1"), 500, "{role}");
    }
    for subject in ["user/u1", "readings/u2", "readings/", ""] {
        let query = format!("?subject={subject}");
        assert_eq!(ask("user", &query), 403, "{subject}");
    }
    assert_eq!(ask("admin", "?subject=readings/u2"), 500);
    let nobody = Request::new("GET", "/api/v1/audit");
    assert_eq!(block_on(suoke_guest::answer(nobody, route)).status(), 401);

    block_on(async {
        let mut db = identity().await;
        for user in ["u1", "u2"] {
            let event = NewEvent {
                kind: "health.data.accessed".to_owned(),
                data: json!({"fields": [], "details": {"user_id": user}}),
                metadata: json!({"actor": "operator"}),
            };
            let subject = subject(user);
            db.transaction(async |tx| streams::append(tx, "audit", &subject, 0, &[event]).await)
                .await
                .unwrap();
        }
        let request = asked_by("user", "");
        let asked = may(request.query().unwrap(), &caller(&request).unwrap()).unwrap();
        let reply = list(&db, asked).await.unwrap();
        let page: Value = serde_json::from_slice(reply.body_bytes()).unwrap();
        let entries = page["entries"].as_array().unwrap();
        assert_eq!(entries.len(), 1);
        assert_eq!(entries[0]["subject"], "readings/u1");
        assert_eq!(entries[0]["actor"], "operator");
    });
}
