//! Complaints that are taken, and what is written for them.

use futures::executor::block_on;
use suoke_store::{Sql, params};

use super::*;

#[test]
fn complaints_are_trimmed_and_bounded() {
    assert_eq!(
        checked(" 最近总是失眠，口干 \n").unwrap(),
        "最近总是失眠，口干"
    );
    assert!(checked(&"痛".repeat(2000)).is_ok());
    for (bad, code) in [
        ("  ".to_owned(), "required"),
        ("痛".repeat(2001), "too_long"),
        ("a\u{0}b".to_owned(), "invalid_text"),
    ] {
        let error = checked(&bad).unwrap_err();
        assert_eq!(
            (error.status(), error.errors()[0].code.as_ref()),
            (400, code)
        );
    }
}

#[test]
fn unknown_fields_and_agents_are_refused() {
    for body in [
        r#"{"chief_complaint":"x","user_id":"u"}"#,
        r#"{"chief_complaint":"x","agent":"bob"}"#,
    ] {
        let mut request = Request::new("POST", "/consultation").with_json(body);
        let error = block_on(request.json::<Create>()).unwrap_err();
        assert_eq!(error.code(), "validation_failed");
    }
}

#[test]
fn nobody_is_asked_for_a_token() {
    let request = Request::new("POST", "/consultation").with_json("{}");
    let reply = block_on(suoke_guest::answer(request, route));
    assert_eq!(reply.status(), 401);
    let request = Request::new("GET", "/consultation");
    let reply = block_on(suoke_guest::answer(request, route));
    assert_eq!(
        (reply.status(), reply.header_value("allow")),
        (405, Some("POST"))
    );
}

#[test]
fn the_record_and_its_event_are_one() {
    block_on(async {
        let mut db = Database::open_in_memory("care").await.unwrap();
        let request = Request::new("POST", "/consultation").with_header("x-request-id", "r1");
        let (created, event) = create(&mut db, &request, "u1", "失眠", Agent::Laoke)
            .await
            .unwrap();
        assert_eq!((created.status, created.agent), ("created", "laoke"));
        assert_eq!(
            (event.kind.as_str(), event.sequence),
            ("health.consultation", Some(1))
        );
        assert_eq!(event.correlationid.as_deref(), Some("r1"));
        let told: ConsultationCreated = event.data_as().unwrap();
        assert_eq!(told.consultation_id, created.consultation_id);
        let rows: i64 = db
            .query_one(
                "SELECT count(*) FROM consultations JOIN event_outbox \
                 ON aggregate = 'consultation/' || consultations.id WHERE status = 'created'",
                params![],
            )
            .await
            .unwrap();
        assert_eq!(rows, 1);
    });
}

#[test]
fn nothing_is_opened_for_a_person_who_is_erased() {
    block_on(async {
        let mut db = Database::open_in_memory("care").await.unwrap();
        erased::note(&db, "u1", 1).await.unwrap();
        let request = Request::new("POST", "/consultation");
        let refused = create(&mut db, &request, "u1", "失眠", Agent::Laoke).await;
        let refused = refused.err().unwrap();
        assert_eq!((refused.status(), refused.code()), (401, "account_erased"));
        let text = "SELECT (SELECT count(*) FROM consultations) \
             + (SELECT count(*) FROM event_outbox)";
        let written: i64 = db.query_one(text, params![]).await.unwrap();
        assert_eq!(written, 0);
    });
}
