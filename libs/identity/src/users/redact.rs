//! Takes addresses and names out of the events of a user who is erased, and out of what
//! consumers here could not handle of them.

use serde_json::{Value, json};
use suoke_store::{Sql, StoreError};

use super::queries;

/// Events of one read.
const EVENTS_MAX: u32 = 50;

/// Redacts every event of an aggregate that told of somebody.
pub(super) async fn events(sql: &impl Sql, aggregate: &str) -> Result<(), StoreError> {
    let mut after = 0;
    loop {
        let told = queries::told(sql, aggregate, after, EVENTS_MAX).await?;
        let Some(last) = told.last() else {
            return Ok(());
        };
        after = last.position;
        for event in &told {
            queries::set_payload(sql, &event.id, &payload(&event.payload)).await?;
        }
    }
}

/// An event without what it said of the person; nothing is left of what is no event.
fn payload(payload: &str) -> String {
    let Ok(mut event) = serde_json::from_str::<Value>(payload) else {
        return String::new();
    };
    if let Some(data) = event.get_mut("data").and_then(Value::as_object_mut) {
        for name in ["email", "name"] {
            if let Some(value) = data.get_mut(name) {
                *value = Value::from("");
            }
        }
        if let Some(Value::Array(changes)) = data.get_mut("changes") {
            for change in changes {
                *change = json!({"field": change["field"], "old_value": null, "new_value": null});
            }
        }
    }
    event.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_personal_goes_and_the_rest_stays() {
        let created = json!({"id": "1", "data": {"user_id": "u", "email": "e", "name": "n"}});
        assert_eq!(
            payload(&created.to_string()),
            json!({"id": "1", "data": {"user_id": "u", "email": "", "name": ""}}).to_string()
        );
        let changes = json!([{"field": "name", "old_value": "a", "new_value": "b"}]);
        let updated = json!({"data": {"user_id": "u", "changes": changes}});
        let left = json!([{"field": "name", "old_value": null, "new_value": null}]);
        assert_eq!(
            payload(&updated.to_string()),
            json!({"data": {"user_id": "u", "changes": left}}).to_string()
        );
        assert_eq!(payload("{"), "");
    }
}
