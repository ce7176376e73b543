//! Values on their way to the server and back.

use serde_json::{Value, json};
use system_tests::Postgres;

use super::{ask, host};

/// Every kind of parameter with the type of the server that takes it, and how its
/// column is called.
fn kinds() -> Vec<(Value, &'static str, &'static str)> {
    let range = |lower: Value, upper: Value| json!([[lower, "inclusive"], [upper, "exclusive"]]);
    vec![
        (json!({ "boolean": true }), "bool", "Boolean"),
        (json!({ "int16": -32768 }), "int2", "Int16"),
        (json!({ "int32": i32::MIN }), "int4", "Int32"),
        (json!({ "int64": i64::MIN }), "int8", "Int64"),
        (json!({ "floating32": 0.5 }), "float4", "Floating32"),
        (json!({ "floating64": -1.25e300 }), "float8", "Floating64"),
        (json!({ "str": "甲 '乙'" }), "text", "Str"),
        (json!({ "str": "甲" }), "varchar", "Str"),
        (json!({ "binary": [0, 255, 39] }), "bytea", "Binary"),
        (json!({ "date": [-44, 3, 15] }), "date", "Date"),
        (json!({ "time": [23, 59, 59, 999_999_000] }), "time", "Time"),
        (
            json!({ "datetime": [2024, 2, 29, 12, 30, 1, 5_000] }),
            "timestamp",
            "Datetime",
        ),
        (
            json!({ "uuid": "0190f3a8-7b1c-7cde-8f00-123456789abc" }),
            "uuid",
            "Uuid",
        ),
        (
            json!({ "jsonb": "{\"a\": [1, null, \"甲\"]}" }),
            "jsonb",
            "Jsonb",
        ),
        (
            json!({ "decimal": "-123456789012345678901234567890.0000000001" }),
            "numeric",
            "Decimal",
        ),
        (json!({ "decimal": "0.00" }), "numeric", "Decimal"),
        (json!({ "decimal": "NaN" }), "numeric", "Decimal"),
        (
            json!({ "range-int32": range(json!(-1), json!(5)) }),
            "int4range",
            "RangeInt32",
        ),
        (
            json!({ "range-int64": [[i64::MIN, "inclusive"], null] }),
            "int8range",
            "RangeInt64",
        ),
        (
            json!({ "range-decimal": [["0.5", "exclusive"], ["1.50", "inclusive"]] }),
            "numrange",
            "RangeDecimal",
        ),
        (
            json!({ "array-int32": [1, null, -3] }),
            "int4[]",
            "ArrayInt32",
        ),
        (json!({ "array-int32": [] }), "int4[]", "ArrayInt32"),
        (
            json!({ "array-int64": [i64::MAX, null] }),
            "int8[]",
            "ArrayInt64",
        ),
        (
            json!({ "array-decimal": ["1.10", null] }),
            "numeric[]",
            "ArrayDecimal",
        ),
        (
            json!({ "array-str": ["甲", null, ""] }),
            "text[]",
            "ArrayStr",
        ),
        (
            json!({ "interval": [-1_000_001, 40, -14] }),
            "interval",
            "Interval",
        ),
    ]
}

#[tokio::test]
async fn values_of_every_kind_come_back_as_they_were_sent() {
    let postgres = Postgres::start().await;
    let host = host(&postgres).await;
    let select = |kinds: &[(Value, &str, &str)]| {
        let casts = kinds.iter().enumerate();
        let casts = casts.map(|(index, (_, ty, _))| format!("${}::{ty} AS c{index}", index + 1));
        format!("SELECT {}", casts.collect::<Vec<_>>().join(", "))
    };
    let kinds = kinds();
    let sent: Vec<_> = kinds.iter().map(|(value, ..)| value).collect();
    let nulls: Vec<_> = kinds.iter().map(|_| Value::Null).collect();
    let columns = kinds.iter().enumerate();
    let columns: Vec<_> = columns
        .map(|(index, (.., name))| json!([format!("c{index}"), format!("DbDataType::{name}")]))
        .collect();
    for sync in [false, true] {
        let plan = json!({ "address": postgres.url(), "sync": sync, "steps": [
            { "sql": select(&kinds), "parameters": sent },
            { "sql": select(&kinds), "parameters": nulls },
        ] });
        let seen = ask(&host, &plan).await;
        assert_eq!(seen[0]["columns"], json!(columns));
        assert_eq!(seen[0]["rows"], json!([sent]));
        assert_eq!(seen[1]["rows"], json!([nulls]));
    }
}

#[tokio::test]
async fn instants_become_utc_and_what_has_no_form_is_unsupported() {
    let postgres = Postgres::start().await;
    let host = host(&postgres).await;
    let plan = json!({ "address": postgres.url(), "steps": [
        { "sql": "SELECT $1::timestamptz", "parameters": [{ "timestamp": 86_401 }] },
        { "sql": "SELECT 'infinity'::date, 'empty'::int4range, '{{1},{2}}'::int4[], '{}'::json" },
        { "sql": "SELECT 1 AS one WHERE false" },
    ] });
    let seen = ask(&host, &plan).await;
    assert_eq!(
        seen[0]["rows"],
        json!([[{ "datetime": [1970, 1, 2, 0, 0, 1, 0] }]])
    );
    for value in seen[1]["rows"][0].as_array().unwrap() {
        assert!(value["unsupported"].is_array(), "{value}");
    }
    assert_eq!(seen[1]["columns"][3][1], "DbDataType::Other(\"json\")");
    assert_eq!(
        seen[2],
        json!({ "columns": [["one", "DbDataType::Int32"]], "rows": [] })
    );
}
