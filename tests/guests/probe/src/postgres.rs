//! Runs the statements that a test sends on one connection.
//!
//! ```json
//! { "address": "postgres://…", "ca_root": "PEM", "sync": false, "forget": false,
//!   "steps": [{ "sql": "SELECT $1::int8", "parameters": [{ "int64": 1 }], "execute": false }] }
//! ```

use serde_json::{Value, json};
use spin_sdk::pg::wit::postgres::{Connection, ConnectionBuilder};
use spin_sdk::pg::{
    Column, DbValue, Interval, ParameterValue, PgError, QueryError, RangeBoundKind,
};

/// Opens a connection and runs every step; the answers in their order.
pub(crate) async fn run(plan: &Value) -> Value {
    let connection = match open(plan).await {
        Ok(connection) => connection,
        Err(error) => return show_error(&error),
    };
    let mut answers = Vec::new();
    for step in plan["steps"].as_array().into_iter().flatten() {
        let answer = run_step(&connection, step, plan["sync"] == true).await;
        answers.push(answer.unwrap_or_else(|error| show_error(&error)));
    }
    if plan["forget"] == true {
        std::mem::forget(connection);
    }
    json!(answers)
}

/// Opens connections until the host refuses; how many it gave.
pub(crate) async fn many(plan: &Value) -> Value {
    let mut connections = Vec::new();
    loop {
        match open(plan).await {
            Ok(connection) => connections.push(connection),
            Err(error) => {
                return json!({ "opened": connections.len(), "error": show_error(&error) });
            }
        }
    }
}

async fn open(plan: &Value) -> Result<Connection, PgError> {
    let address = plan["address"].as_str().unwrap().to_owned();
    let sync = plan["sync"] == true;
    let Some(root) = plan["ca_root"].as_str() else {
        return if sync {
            Connection::open(&address)
        } else {
            Connection::open_async(address).await
        };
    };
    let builder = ConnectionBuilder::new(&address);
    builder.set_ca_root(root)?;
    if sync {
        builder.build()
    } else {
        builder.build_async().await
    }
}

async fn run_step(connection: &Connection, step: &Value, sync: bool) -> Result<Value, PgError> {
    let sql = step["sql"].as_str().unwrap().to_owned();
    let parameters = step["parameters"].as_array().into_iter().flatten();
    let parameters: Vec<_> = parameters.map(parameter).collect();
    if step["execute"] == true {
        return Ok(json!(if sync {
            connection.execute(&sql, &parameters)?
        } else {
            connection.execute_async(sql, parameters).await?
        }));
    }
    let (columns, rows) = if sync {
        let set = connection.query(&sql, &parameters)?;
        (set.columns, set.rows)
    } else {
        let (columns, mut stream, ended) = connection.query_async(sql, parameters).await?;
        let mut rows = Vec::new();
        while let Some(row) = stream.next().await {
            rows.push(row);
        }
        ended.await?;
        (columns, rows)
    };
    let columns: Vec<_> = columns.iter().map(show_column).collect();
    if step["count"] == true {
        return Ok(json!(rows.len()));
    }
    let rows: Vec<Vec<_>> = rows
        .iter()
        .map(|row| row.iter().map(show).collect())
        .collect();
    Ok(json!({ "columns": columns, "rows": rows }))
}

fn show_error(error: &PgError) -> Value {
    match error {
        PgError::ConnectionFailed(text) => json!({ "connection-failed": text }),
        PgError::BadParameter(text) => json!({ "bad-parameter": text }),
        PgError::ValueConversionFailed(text) => json!({ "value-conversion-failed": text }),
        PgError::Other(text) => json!({ "other": text }),
        PgError::QueryFailed(QueryError::Text(text)) => json!({ "query-failed": text }),
        PgError::QueryFailed(QueryError::DbError(said)) => json!({ "db-error": {
            "as-text": said.as_text,
            "severity": said.severity,
            "code": said.code,
            "message": said.message,
            "detail": said.detail,
            "extras": said.extras,
        } }),
    }
}

fn show_column(column: &Column) -> Value {
    json!([column.name, format!("{:?}", column.data_type)])
}

fn show_bound<T>(bound: &Option<(T, RangeBoundKind)>) -> Value
where
    T: serde::Serialize,
{
    let kind = |kind: &RangeBoundKind| match kind {
        RangeBoundKind::Inclusive => "inclusive",
        RangeBoundKind::Exclusive => "exclusive",
    };
    json!(
        bound
            .as_ref()
            .map(|(value, bound)| json!([value, kind(bound)]))
    )
}

fn show(value: &DbValue) -> Value {
    match value {
        DbValue::Boolean(value) => json!({ "boolean": value }),
        DbValue::Int8(value) => json!({ "int8": value }),
        DbValue::Int16(value) => json!({ "int16": value }),
        DbValue::Int32(value) => json!({ "int32": value }),
        DbValue::Int64(value) => json!({ "int64": value }),
        DbValue::Floating32(value) => json!({ "floating32": value }),
        DbValue::Floating64(value) => json!({ "floating64": value }),
        DbValue::Str(value) => json!({ "str": value }),
        DbValue::Binary(value) => json!({ "binary": value }),
        DbValue::Date(value) => json!({ "date": value }),
        DbValue::Time(value) => json!({ "time": value }),
        DbValue::Datetime(value) => json!({ "datetime": value }),
        DbValue::Timestamp(value) => json!({ "timestamp": value }),
        DbValue::Uuid(value) => json!({ "uuid": value }),
        DbValue::Jsonb(value) => json!({ "jsonb": String::from_utf8_lossy(value) }),
        DbValue::Decimal(value) => json!({ "decimal": value }),
        DbValue::RangeInt32((lower, upper)) => {
            json!({ "range-int32": [show_bound(lower), show_bound(upper)] })
        }
        DbValue::RangeInt64((lower, upper)) => {
            json!({ "range-int64": [show_bound(lower), show_bound(upper)] })
        }
        DbValue::RangeDecimal((lower, upper)) => {
            json!({ "range-decimal": [show_bound(lower), show_bound(upper)] })
        }
        DbValue::ArrayInt32(values) => json!({ "array-int32": values }),
        DbValue::ArrayInt64(values) => json!({ "array-int64": values }),
        DbValue::ArrayDecimal(values) => json!({ "array-decimal": values }),
        DbValue::ArrayStr(values) => json!({ "array-str": values }),
        DbValue::Interval(value) => {
            json!({ "interval": [value.micros, value.days, value.months] })
        }
        DbValue::DbNull => Value::Null,
        DbValue::Unsupported(bytes) => json!({ "unsupported": bytes }),
    }
}

/// The parameter that a test means: what [`show`] gives.
fn parameter(value: &Value) -> ParameterValue {
    let Some((name, value)) = value.as_object().and_then(|object| object.iter().next()) else {
        return ParameterValue::DbNull;
    };
    match name.as_str() {
        "boolean" => ParameterValue::Boolean(read(value)),
        "int8" => ParameterValue::Int8(read(value)),
        "int16" => ParameterValue::Int16(read(value)),
        "int32" => ParameterValue::Int32(read(value)),
        "int64" => ParameterValue::Int64(read(value)),
        "floating32" => ParameterValue::Floating32(read(value)),
        "floating64" => ParameterValue::Floating64(read(value)),
        "str" => ParameterValue::Str(read(value)),
        "binary" => ParameterValue::Binary(read(value)),
        "date" => ParameterValue::Date(read(value)),
        "time" => ParameterValue::Time(read(value)),
        "datetime" => ParameterValue::Datetime(read(value)),
        "timestamp" => ParameterValue::Timestamp(read(value)),
        "uuid" => ParameterValue::Uuid(read(value)),
        "jsonb" => ParameterValue::Jsonb(read::<String>(value).into_bytes()),
        "decimal" => ParameterValue::Decimal(read(value)),
        "range-int32" => ParameterValue::RangeInt32((bound(&value[0]), bound(&value[1]))),
        "range-int64" => ParameterValue::RangeInt64((bound(&value[0]), bound(&value[1]))),
        "range-decimal" => ParameterValue::RangeDecimal((bound(&value[0]), bound(&value[1]))),
        "array-int32" => ParameterValue::ArrayInt32(read(value)),
        "array-int64" => ParameterValue::ArrayInt64(read(value)),
        "array-decimal" => ParameterValue::ArrayDecimal(read(value)),
        "array-str" => ParameterValue::ArrayStr(read(value)),
        "interval" => {
            let (micros, days, months) = read(value);
            ParameterValue::Interval(Interval {
                micros,
                days,
                months,
            })
        }
        other => panic!("{other} is no kind of parameter"),
    }
}

fn bound<T: serde::de::DeserializeOwned>(value: &Value) -> Option<(T, RangeBoundKind)> {
    let (value, kind): (T, String) = read::<Option<_>>(value)?;
    let kind = match kind.as_str() {
        "inclusive" => RangeBoundKind::Inclusive,
        _ => RangeBoundKind::Exclusive,
    };
    Some((value, kind))
}

fn read<T: serde::de::DeserializeOwned>(value: &Value) -> T {
    serde_json::from_value(value.clone()).unwrap()
}
