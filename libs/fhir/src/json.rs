//! Members of JSON objects, where one that is not there is null.

use serde_json::Value;

/// A member; null where there is none.
pub fn at<'a>(value: &'a Value, name: &str) -> &'a Value {
    value.get(name).unwrap_or(&Value::Null)
}

/// Sets a member of an object; anything else stays as it is.
pub fn set(object: &mut Value, name: &str, value: impl Into<Value>) {
    if let Some(members) = object.as_object_mut() {
        members.insert(name.to_owned(), value.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn members_that_are_not_there_are_null() {
        let mut object = json!({ "a": 1 });
        set(&mut object, "b", "x");
        assert_eq!(
            (at(&object, "b"), at(&object, "c")),
            (&json!("x"), &Value::Null)
        );
        let mut text = json!("x");
        set(&mut text, "b", 1);
        assert_eq!((&text, at(&text, "b")), (&json!("x"), &Value::Null));
    }
}
