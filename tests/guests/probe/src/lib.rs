//! A function that does what a test asks for: one path for each behaviour.
#![expect(clippy::unwrap_used, reason = "a broken probe is to fail loudly")]

mod postgres;

use std::cell::Cell;
use std::time::Duration;

use bytes::Bytes;
use futures::SinkExt;
use http_body_util::{BodyExt, Full};
use serde_json::json;
use spin_sdk::http::{IntoResponse, Request, Response, StatusCode, body};
use spin_sdk::http_service;

thread_local! {
    static CALLS: Cell<u32> = const { Cell::new(0) };
}

#[http_service]
async fn handle(request: Request) -> anyhow::Result<impl IntoResponse> {
    CALLS.set(CALLS.get() + 1);
    let path = request.uri().path().to_owned();
    let (_, action) = path.split_at(path.find("/probe").map_or(0, |start| start + 6));
    answer(action, request).await
}

async fn answer(
    action: &str,
    request: Request,
) -> anyhow::Result<spin_sdk::wasip3::http::types::Response> {
    let reply = match action {
        "/hello" => return respond("hello"),
        "/calls" => json!(CALLS.get()),
        "/headers" => headers(&request),
        "/echo" => {
            let body = request.into_body().collect().await?.to_bytes();
            return respond(Response::new(Full::new(body)));
        }
        "/pipe" => return respond(Response::new(request.into_body())),
        "/stream" => return stream(),
        "/status" => {
            let mut response = Response::new(Full::new(Bytes::new()));
            *response.status_mut() = StatusCode::IM_A_TEAPOT;
            return respond(response);
        }
        "/trap" => panic!("asked to trap"),
        "/spin" => loop {
            std::hint::black_box(());
        },
        "/allocate" => {
            let mut held = Vec::new();
            loop {
                held.push(vec![1u8; 1 << 20]);
                std::hint::black_box(&held);
            }
        }
        "/sleep" => {
            spin_sdk::time::sleep(Duration::from_secs(3600)).await;
            json!("awake")
        }
        "/slow" => {
            spin_sdk::time::sleep(Duration::from_millis(300)).await;
            json!("done")
        }
        "/key-value" => key_value().await?,
        "/stored" => {
            let key = request.headers()["x-key"].to_str()?;
            let store = spin_sdk::key_value::Store::open_default().await?;
            let value = store.get(key).await?;
            json!(value.map(|value| String::from_utf8_lossy(&value).into_owned()))
        }
        "/publish" => {
            let address = spin_sdk::variables::get("redis_url").await?;
            let connection = spin_sdk::redis::Connection::open(&address).await?;
            let channel = request.headers()["x-channel"].to_str()?.to_owned();
            let message = request.into_body().collect().await?.to_bytes();
            connection.publish(&channel, &message).await?;
            json!("published")
        }
        "/key-value-denied" => {
            let error = spin_sdk::key_value::Store::open("forbidden").await.err();
            json!(format!("{error:?}"))
        }
        "/key-value-many" => many_stores().await?,
        "/sql" => sql(request).await?,
        "/sqlite" => sqlite().await?,
        "/sqlite-many" => many_connections().await?,
        "/sqlite-open-transaction" => {
            let connection = spin_sdk::sqlite::Connection::open("default").await?;
            connection
                .execute("BEGIN IMMEDIATE", [])
                .await?
                .collect()
                .await?;
            std::mem::forget(connection);
            json!("left open")
        }
        "/variable" => json!(spin_sdk::variables::get("greeting").await?),
        "/variable-unknown" => {
            json!(format!(
                "{:?}",
                spin_sdk::variables::get("other").await.err()
            ))
        }
        "/redis" => redis().await?,
        "/postgres" => postgres::run(&plan(request).await?).await,
        "/postgres-many" => postgres::many(&plan(request).await?).await,
        "/outbound" => outbound(request).await?,
        "/environment" => json!(std::env::vars().collect::<Vec<_>>()),
        "/file" => json!(std::fs::read_to_string("/hello.txt")?),
        "/output" => {
            println!("a line to standard output");
            eprintln!("a line to standard error");
            json!("written")
        }
        _ => json!({ "unknown": action }),
    };
    respond(reply.to_string())
}

fn respond(reply: impl IntoResponse) -> anyhow::Result<spin_sdk::wasip3::http::types::Response> {
    Ok(reply.into_response()?)
}

fn headers(request: &Request) -> serde_json::Value {
    let headers = request.headers().iter();
    let pairs = headers.map(|(name, value)| json!([name.as_str(), value.to_str().unwrap()]));
    json!({
        "method": request.method().as_str(),
        "uri": request.uri().to_string(),
        "headers": pairs.collect::<Vec<_>>(),
    })
}

fn stream() -> anyhow::Result<spin_sdk::wasip3::http::types::Response> {
    let (mut sender, body) = body::stream::<Bytes>();
    spin_sdk::wasip3::spawn(async move {
        for part in 0..5 {
            spin_sdk::time::sleep(Duration::from_millis(20)).await;
            if sender
                .send(Bytes::from(format!("part {part}\n")))
                .await
                .is_err()
            {
                return;
            }
        }
    });
    respond(Response::new(body))
}

async fn key_value() -> anyhow::Result<serde_json::Value> {
    let store = spin_sdk::key_value::Store::open_default().await?;
    store.set("a", b"1").await?;
    store.set("b", b"2").await?;
    let a = store.get("a").await?;
    store.delete("a").await?;
    Ok(json!({
        "a": a,
        "deleted": store.get("a").await?,
        "exists": store.exists("b").await?,
        "keys": store.get_keys().await.collect().await?,
    }))
}

async fn sqlite() -> anyhow::Result<serde_json::Value> {
    let connection = spin_sdk::sqlite::Connection::open("default").await?;
    let run = async |sql: &str| connection.execute(sql, []).await?.collect().await;
    run("CREATE TABLE IF NOT EXISTS probe (n INTEGER PRIMARY KEY, t TEXT)").await?;
    run("BEGIN IMMEDIATE").await?;
    run("DELETE FROM probe").await?;
    run("INSERT INTO probe (t) VALUES ('甲'), ('乙')").await?;
    let changes = connection.changes().await;
    run("COMMIT").await?;
    let rows = run("SELECT t FROM probe ORDER BY n").await?;
    let texts: Vec<&str> = rows.iter().filter_map(|row| row.get(0)).collect();
    let error = run("SELECT 1 FROM nowhere").await.err();
    Ok(json!({ "texts": texts, "changes": changes, "error": format!("{error:?}") }))
}

/// Opens stores until the host refuses; how many it gave.
async fn many_stores() -> anyhow::Result<serde_json::Value> {
    let mut stores = Vec::new();
    loop {
        match spin_sdk::key_value::Store::open_default().await {
            Ok(store) => stores.push(store),
            Err(error) => {
                return Ok(json!({ "opened": stores.len(), "error": format!("{error:?}") }));
            }
        }
    }
}

/// Opens connections until the host refuses; how many it gave.
async fn many_connections() -> anyhow::Result<serde_json::Value> {
    let mut connections = Vec::new();
    loop {
        match spin_sdk::sqlite::Connection::open("default").await {
            Ok(connection) => connections.push(connection),
            Err(error) => {
                return Ok(json!({ "opened": connections.len(), "error": format!("{error:?}") }));
            }
        }
    }
}

/// Runs the statement of the body, with every kind of value as its parameters.
async fn sql(request: Request) -> anyhow::Result<serde_json::Value> {
    use spin_sdk::sqlite::Value;

    let statement = request.into_body().collect().await?.to_bytes();
    let statement = String::from_utf8(statement.to_vec())?;
    let parameters = vec![
        Value::Integer(i64::MIN),
        Value::Real(0.5),
        Value::Text("甲\0".to_owned()),
        Value::Blob(vec![0, 255]),
        Value::Null,
    ];
    let count = statement.matches('?').count().min(parameters.len());
    let parameters = parameters.into_iter().take(count);
    let connection = spin_sdk::sqlite::Connection::open("default").await?;
    let result = match connection.execute(&statement, parameters).await {
        Ok(result) => result,
        Err(error) => return Ok(json!({ "error": format!("{error:?}") })),
    };
    let columns = result.columns().to_vec();
    let show = |value: &Value| match value {
        Value::Integer(integer) => json!({ "integer": integer }),
        Value::Real(real) => json!({ "real": real }),
        Value::Text(text) => json!({ "text": text }),
        Value::Blob(blob) => json!({ "blob": blob }),
        Value::Null => json!(null),
    };
    match result.collect().await {
        Ok(rows) => {
            let rows: Vec<Vec<_>> = rows
                .iter()
                .map(|row| row.values.iter().map(show).collect())
                .collect();
            Ok(json!({ "columns": columns, "rows": rows, "changes": connection.changes().await }))
        }
        Err(error) => Ok(json!({ "error": format!("{error:?}") })),
    }
}

async fn redis() -> anyhow::Result<serde_json::Value> {
    let address = spin_sdk::variables::get("redis_url").await?;
    let connection = spin_sdk::redis::Connection::open(&address).await?;
    connection.set("probe", b"value").await?;
    let value = connection.get("probe").await?;
    let count = connection.incr("probe-count").await?;
    connection.publish("probe-channel", b"message").await?;
    Ok(json!({ "value": value, "counted": count > 0 }))
}

async fn plan(request: Request) -> anyhow::Result<serde_json::Value> {
    let body = request.into_body().collect().await?.to_bytes();
    Ok(serde_json::from_slice(&body)?)
}

async fn outbound(request: Request) -> anyhow::Result<serde_json::Value> {
    let to = request.headers()["x-to"].to_str()?.to_owned();
    match spin_sdk::http::get(&to).await {
        Ok(response) => {
            let status = response.status().as_u16();
            let body = response.into_body().collect().await?.to_bytes();
            Ok(json!({ "status": status, "body": String::from_utf8_lossy(&body) }))
        }
        Err(error) => Ok(json!({ "error": error.to_string() })),
    }
}
