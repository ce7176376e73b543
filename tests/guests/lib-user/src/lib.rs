//! Uses a library that it imports.

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

export!(User);
