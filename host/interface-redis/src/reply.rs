//! From a server's replies to what guests see.

use host_embedded_redis::Reply;
use redis::{ErrorKind, RedisError, Value};

use crate::bindings::spin::redis::redis::{Error, RedisResult};

/// The reply of an embedded server in the shape of the client's.
///
/// # Errors
/// When the reply is an error.
pub(crate) fn from_embedded(reply: Reply) -> Result<Value, Error> {
    Ok(match reply {
        Reply::Nil => Value::Nil,
        Reply::Status(word) if word == "OK" => Value::Okay,
        Reply::Status(word) => Value::SimpleString(word.into_owned()),
        Reply::Error(text) => return Err(Error::Other(text)),
        Reply::Integer(number) => Value::Int(number),
        Reply::Bulk(bytes) => Value::BulkString(bytes),
        Reply::Array(items) => {
            let items = items.into_iter().map(from_embedded);
            Value::Array(items.collect::<Result<_, _>>()?)
        }
    })
}

/// What a guest sees of a failure: the server's own words, where it has spoken.
pub(crate) fn failure(error: &RedisError) -> Error {
    if error.kind() == ErrorKind::UnexpectedReturnType {
        return Error::TypeError;
    }
    Error::Other(match (error.code(), error.detail()) {
        (Some(code), Some(detail)) => format!("{code} {detail}"),
        _ if error.is_timeout() => "the server did not answer in time".to_owned(),
        _ => error.to_string(),
    })
}

/// Bytes of a reply, as far as they come from the server.
pub(crate) fn size_bytes(value: &Value) -> usize {
    const SCALAR_BYTES: usize = 8;
    let all = |values: &[Value]| values.iter().map(size_bytes).fold(0, usize::saturating_add);
    let pairs = |pairs: &[(Value, Value)]| {
        pairs.iter().fold(0usize, |sum, (key, value)| {
            sum.saturating_add(size_bytes(key))
                .saturating_add(size_bytes(value))
        })
    };
    SCALAR_BYTES.saturating_add(match value {
        Value::BulkString(bytes) => bytes.len(),
        Value::SimpleString(text) | Value::VerbatimString { text, .. } => text.len(),
        Value::Array(items) | Value::Set(items) => all(items),
        Value::Push { data, .. } => all(data),
        Value::Map(items) => pairs(items),
        Value::Attribute { data, attributes } => size_bytes(data).saturating_add(pairs(attributes)),
        _ => 0,
    })
}

/// Everything in a reply, one after the other: nesting is lost.
///
/// # Errors
/// `type-error` for replies that have no such form, such as maps.
pub(crate) fn flatten(value: Value) -> Result<Vec<RedisResult>, Error> {
    let mut results = Vec::new();
    flatten_into(value, &mut results)?;
    Ok(results)
}

fn flatten_into(value: Value, results: &mut Vec<RedisResult>) -> Result<(), Error> {
    let result = match value {
        Value::Nil => RedisResult::Nil,
        Value::Int(number) => RedisResult::Int64(number),
        Value::Boolean(yes) => RedisResult::Int64(i64::from(yes)),
        Value::BulkString(bytes) => RedisResult::Binary(bytes),
        Value::SimpleString(text) => RedisResult::Status(text),
        Value::Okay => RedisResult::Status("OK".to_owned()),
        Value::Double(number) => RedisResult::Binary(number.to_string().into_bytes()),
        Value::BigNumber(digits) => RedisResult::Binary(digits),
        Value::Array(items) | Value::Set(items) => {
            return items
                .into_iter()
                .try_for_each(|item| flatten_into(item, results));
        }
        Value::ServerError(error) => return Err(failure(&RedisError::from(error))),
        _ => return Err(Error::TypeError),
    };
    results.push(result);
    Ok(())
}

/// A value that may be absent.
pub(crate) fn optional_bytes(value: Value) -> Result<Option<Vec<u8>>, Error> {
    match value {
        Value::Nil => Ok(None),
        Value::BulkString(bytes) => Ok(Some(bytes)),
        Value::SimpleString(text) => Ok(Some(text.into_bytes())),
        _ => Err(Error::TypeError),
    }
}

/// A number.
pub(crate) fn integer(value: &Value) -> Result<i64, Error> {
    match value {
        Value::Int(number) => Ok(*number),
        _ => Err(Error::TypeError),
    }
}

/// How many.
pub(crate) fn count(value: &Value) -> Result<u32, Error> {
    u32::try_from(integer(value)?).map_err(|_| Error::TypeError)
}

/// Several texts.
pub(crate) fn texts(value: Value) -> Result<Vec<String>, Error> {
    let (Value::Array(items) | Value::Set(items)) = value else {
        return Err(Error::TypeError);
    };
    let text = |item| match item {
        Value::BulkString(bytes) => String::from_utf8(bytes).map_err(|_| Error::TypeError),
        Value::SimpleString(text) => Ok(text),
        _ => Err(Error::TypeError),
    };
    items.into_iter().map(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bulk(text: &str) -> Value {
        Value::BulkString(text.as_bytes().to_vec())
    }

    #[test]
    fn nested_replies_are_flattened_in_order() {
        let reply = Value::Array(vec![
            Value::Int(1),
            Value::Set(vec![bulk("a"), Value::Nil]),
            Value::Okay,
            Value::Boolean(true),
            Value::Double(1.5),
        ]);
        let text = format!("{:?}", flatten(reply).unwrap());
        let expected = r#"[RedisResult::Int64(1), RedisResult::Binary([97]), RedisResult::Nil, RedisResult::Status("OK"), RedisResult::Int64(1), RedisResult::Binary([49, 46, 53])]"#;
        assert_eq!(text, expected);
    }

    #[test]
    fn maps_have_no_flat_form() {
        let map = Value::Map(vec![(bulk("a"), bulk("b"))]);
        assert!(matches!(flatten(map), Err(Error::TypeError)));
    }

    #[test]
    fn sizes_count_everything_inside() {
        let reply = Value::Array(vec![
            bulk("12345"),
            Value::Map(vec![(bulk("k"), bulk("v"))]),
        ]);
        assert_eq!(size_bytes(&reply), 8 + (8 + 5) + (8 + (8 + 1) + (8 + 1)));
    }

    #[test]
    fn members_that_are_no_text_are_a_type_error() {
        let reply = Value::Array(vec![Value::BulkString(vec![0xff])]);
        assert!(matches!(texts(reply), Err(Error::TypeError)));
    }
}
