//! A library that reads the key-value store of whoever uses it.

use spin_sdk::key_value::Store;

wit_bindgen::generate!({ path: "wit", world: "library" });

use exports::test::library::reader::Guest;

struct Reader;

impl Guest for Reader {
    async fn read(key: String) -> Result<Option<String>, String> {
        let store = Store::open_default()
            .await
            .map_err(|error| error.to_string())?;
        let value = store.get(&key).await.map_err(|error| error.to_string())?;
        Ok(value.map(|value| String::from_utf8_lossy(&value).into_owned()))
    }
}

export!(Reader);
