//! Uses a library that it imports: when it is called, and to answer requests.

use spin_sdk::http::{IntoResponse, Request};
use spin_sdk::http_service;

wit_bindgen::generate!({ path: "../lib-reader/wit", world: "application" });

use exports::test::library::user::Guest;
use test::library::reader;

struct User;

impl Guest for User {
    async fn ask(key: String) -> Result<Option<String>, String> {
        reader::read(key).await
    }

    async fn greet() -> String {
        "hello".to_owned()
    }
}

/// Answers with what the library reads under `key`.
#[http_service]
async fn handle(_request: Request) -> anyhow::Result<impl IntoResponse> {
    let read = reader::read("key".to_owned()).await;
    let value = read.map_err(anyhow::Error::msg)?;
    Ok(value.unwrap_or_else(|| "nothing".to_owned()))
}

export!(User);
