//! Sagas over HTTP.

use futures::executor::block_on;
use serde_json::{Value, json};
use suoke_events::Event;

use super::*;

async fn store(count: u32) -> Database {
    let mut db = Database::open_in_memory(LABEL).await.unwrap();
    for number in 0..count {
        let data = json!({"consultation_id": format!("c{number}"), "chief_complaint": "失眠"});
        let event = Event::new("health.consultation", "consultation-create", &data).unwrap();
        orchestrator::on_event(&mut db, "saga-orchestrator", &event)
            .await
            .unwrap();
    }
    db
}

fn body(reply: &Reply) -> Value {
    serde_json::from_slice(reply.body_bytes()).unwrap()
}

#[test]
fn a_saga_is_shown_with_its_log_and_without_what_the_person_said() {
    block_on(async {
        let db = store(1).await;
        let reply = one(&db, "consultation_c0").await.unwrap();
        let shown = body(&reply);
        assert_eq!(shown["saga"], "health_consultation");
        assert_eq!(
            (&shown["status"], &shown["step"]),
            (&json!("running"), &json!("create_consultation_record"))
        );
        assert_eq!(shown["log"][1]["kind"], "asked");
        assert_eq!(shown["log"][1]["attempt"], 1);
        assert!(!shown.to_string().contains("失眠"));
        assert_eq!(one(&db, "x").await.unwrap_err().status(), 404);
    });
}

#[test]
fn pages_show_everything_once() {
    block_on(async {
        let db = store(5).await;
        let (mut seen, mut target) = (Vec::new(), "/x?limit=2".to_owned());
        loop {
            let reply = list(&db, &Request::new("GET", &target)).await.unwrap();
            let page = body(&reply);
            for saga in page["sagas"].as_array().unwrap() {
                seen.push(saga["saga_id"].as_str().unwrap().to_owned());
            }
            let Some(cursor) = page["next_cursor"].as_str() else {
                break;
            };
            target = format!("/x?limit=2&cursor={cursor}");
        }
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 5);
    });
}

#[test]
fn lists_can_be_filtered_and_odd_queries_are_refused() {
    block_on(async {
        let mut db = store(2).await;
        act(&mut db, "consultation_c0", "cancel").await.unwrap();
        for (query, count) in [
            ("status=compensating", 1),
            ("status=running&saga=health_consultation", 1),
            ("saga=other", 0),
        ] {
            let request = Request::new("GET", &format!("/x?{query}"));
            let page = body(&list(&db, &request).await.unwrap());
            assert_eq!(page["sagas"].as_array().unwrap().len(), count, "{query}");
        }
        for (query, field) in [
            ("limit=0", "limit"),
            ("status=x", "status"),
            ("cursor=x", "cursor"),
        ] {
            let request = Request::new("GET", &format!("/x?{query}"));
            let error = list(&db, &request).await.unwrap_err();
            assert_eq!(
                (error.status(), error.errors()[0].field.as_str()),
                (400, field)
            );
        }
    });
}

#[test]
fn an_action_fits_where_the_saga_stands_or_is_a_conflict() {
    block_on(async {
        let mut db = store(1).await;
        let id = "consultation_c0";
        let reply = act(&mut db, id, "cancel").await.unwrap();
        assert_eq!(
            (reply.status(), &body(&reply)["status"]),
            (202, &json!("compensating"))
        );
        for action in ["cancel", "retry", "abandon"] {
            let error = act(&mut db, id, action).await.unwrap_err();
            assert_eq!((error.status(), error.code()), (409, "saga_state_conflict"));
        }
        assert_eq!(act(&mut db, id, "x").await.unwrap_err().status(), 404);
        assert_eq!(act(&mut db, "x", "retry").await.unwrap_err().status(), 404);
    });
}

#[test]
fn only_operators_get_in_and_methods_depend_on_the_path() {
    let ask = |request: Request| block_on(suoke_guest::answer(request, route));
    let item = |method| Request::new(method, "/x").with_header("spin-path-match-id", "a");
    assert_eq!(ask(Request::new("GET", "/x")).status(), 401);
    assert_eq!(ask(item("GET")).status(), 401);
    assert_eq!(ask(item("POST")).header_value("allow"), Some("GET"));
    let action = |method| item(method).with_header("spin-path-match-action", "retry");
    assert_eq!(ask(action("POST")).status(), 401);
    assert_eq!(ask(action("GET")).header_value("allow"), Some("POST"));
}
