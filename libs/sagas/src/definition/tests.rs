//! Definitions that are ours, and such that are refused.

use std::collections::BTreeSet;

use serde_json::json;

use super::*;

fn order() -> Value {
    json!({
        "name": "order",
        "version": 1,
        "starts_on": "order.placed",
        "saga_id_from": "order_{order_id}",
        "context": ["order_id", "amount"],
        "steps": [
            {"name": "reserve", "command": "stock.reserve", "participants": ["stock"]},
            {"name": "pay", "command": "payment.take", "participants": ["a", "b"]}
        ]
    })
}

fn refused(pointer: &str, value: Value) -> String {
    let mut order = order();
    *order.pointer_mut(pointer).unwrap() = value;
    let error = Definition::parse("order.json", &order.to_string()).unwrap_err();
    error.to_string()
}

#[test]
fn ours_are_fine_and_differ() {
    let all = Definition::all().unwrap();
    let names: BTreeSet<&String> = all.iter().map(|one| &one.name).collect();
    let ids: BTreeSet<&String> = all.iter().map(|one| &one.saga_id_from).collect();
    assert_eq!((names.len(), ids.len()), (all.len(), all.len()));
    for (definition, (file, _)) in all.iter().zip(FILES) {
        assert_eq!(format!("{}.json", definition.name), file);
    }
}

#[test]
fn what_is_left_out_has_the_documented_defaults() {
    let order = Definition::parse("order.json", &order().to_string()).unwrap();
    let step = &order.steps[0];
    assert!(order.enabled);
    assert_eq!(step.reply_to, "saga.reply");
    assert_eq!(
        (step.timeout_ms, step.tries_max, step.undo_tries_max),
        (30_000, 3, 5)
    );
}

#[test]
fn errors_name_definition_step_field_and_mend() {
    for (pointer, value, told) in [
        (
            "/name",
            json!("Order"),
            "saga \"Order\", field \"name\": is no name; write a-z",
        ),
        (
            "/version",
            json!(0),
            "field \"version\": is 0; count from 1",
        ),
        (
            "/starts_on",
            json!("x."),
            "field \"starts_on\": is no event type; write names with dots",
        ),
        (
            "/saga_id_from",
            json!("order"),
            "field \"saga_id_from\": names no field",
        ),
        (
            "/saga_id_from",
            json!("a/{b}"),
            "field \"saga_id_from\": cannot be an id",
        ),
        (
            "/steps",
            json!([]),
            "saga \"order\", field \"steps\": has 0 steps; write 1 to 32",
        ),
        (
            "/steps/1/name",
            json!("reserve"),
            "step \"reserve\", field \"name\": stands twice",
        ),
        (
            "/steps/0/command",
            json!(""),
            "step \"reserve\", field \"command\": is no event type",
        ),
        (
            "/steps/0/participants",
            json!([]),
            "step \"reserve\", field \"participants\": has 0",
        ),
        (
            "/steps/1/participants/1",
            json!("a"),
            "step \"pay\", field \"participants\": names one twice",
        ),
        (
            "/steps/0",
            json!({"name": "a", "command": "b", "participants": ["c"], "timeout_ms": 5, "tries_max": 0}),
            "saga \"order\", step \"a\", field \"timeout_ms\": is 5; write 100 to 86400000; \
             saga \"order\", step \"a\", field \"tries_max\": is 0; write 1 to 10",
        ),
        (
            "/steps/0",
            json!({"name": "a", "command": "b"}),
            "saga \"order.json\", step \"0\", field \"(all of it)\": missing field `participants`; add it",
        ),
        (
            "/steps/0/command",
            json!(7),
            "saga \"order.json\", step \"0\", field \"command\": invalid type: integer `7`, \
             expected a string; write what is expected",
        ),
    ] {
        let message = refused(pointer, value);
        assert!(message.contains(told), "{message}\n{told}");
    }
    let error = Definition::parse("x.json", "{").unwrap_err().to_string();
    assert!(
        error.starts_with("saga \"x.json\", field \"(all of it)\": EOF"),
        "{error}"
    );
}

#[test]
fn the_id_is_made_of_the_data() {
    let order = Definition::parse("order.json", &order().to_string()).unwrap();
    let id = |value: Value| order.saga_id(value.as_object().unwrap());
    assert_eq!(id(json!({"order_id": "a-1"})).as_deref(), Ok("order_a-1"));
    for odd in [
        json!({}),
        json!({"order_id": 7}),
        json!({"order_id": ""}),
        json!({"order_id": "a/b"}),
        json!({"order_id": "x".repeat(65)}),
    ] {
        assert_eq!(id(odd), Err("order_id".to_owned()));
    }
}

#[test]
fn the_context_keeps_what_the_definition_names_and_all_where_it_names_nothing() {
    let mut order = Definition::parse("order.json", &order().to_string()).unwrap();
    let placed = json!({"order_id": "o1", "amount": 7, "email": "fang@example.com"});
    let placed = placed.as_object().unwrap();
    let kept = order.context_of(placed.clone());
    assert_eq!(Value::Object(kept), json!({"order_id": "o1", "amount": 7}));
    order.context = None;
    assert_eq!(&order.context_of(placed.clone()), placed);
}

#[test]
fn odd_fields_of_the_context_are_told() {
    let message = refused("/context", json!(["a", "b c", "a"]));
    for told in [
        "field \"context\": names one twice; name each once",
        "field \"context\": has what is no field; write letters",
    ] {
        assert!(message.contains(told), "{message}");
    }
}

#[test]
fn a_registration_keeps_nothing_of_a_person_but_the_id() {
    let all = Definition::all().unwrap();
    let found = all.iter().find(|one| one.name == "user_registration");
    assert_eq!(found.unwrap().context, Some(vec!["user_id".to_owned()]));
}

/// A registration outlives an outage: whoever registered uses their account already.
#[test]
fn a_registration_waits_for_hours_before_it_gives_up_a_step() {
    let all = Definition::all().unwrap();
    let registration = all.iter().find(|one| one.name == "user_registration");
    for step in &registration.unwrap().steps {
        for tries in [step.tries_max, step.undo_tries_max] {
            let waits_ms = u64::from(step.timeout_ms) * u64::from(tries);
            assert!(waits_ms >= 4 * 60 * 60 * 1000, "{}", step.name);
        }
    }
}
