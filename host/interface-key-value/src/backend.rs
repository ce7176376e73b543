//! Stores in a SQLite file.

use std::sync::Arc;

use host_sqlite::{Database, Rows, SqliteError, Value};

/// One label's keys and values.
pub struct SqliteStore {
    label: String,
    database: Arc<Database>,
}

impl SqliteStore {
    /// The store `label` in a database, whose table is made if needed.
    ///
    /// # Errors
    /// When the table cannot be made.
    pub async fn open(label: &str, database: Arc<Database>) -> Result<Self, SqliteError> {
        let store = Self {
            label: label.to_owned(),
            database,
        };
        store
            .execute(
                "CREATE TABLE IF NOT EXISTS spin_key_value (store TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, PRIMARY KEY (store, key))",
                Vec::new(),
            )
            .await?;
        Ok(store)
    }

    /// The value of a key.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn get(&self, key: String) -> Result<Option<Vec<u8>>, SqliteError> {
        let sql = "SELECT value FROM spin_key_value WHERE store = ?1 AND key = ?2";
        let rows = self.execute(sql, self.with_key(key)).await?;
        Ok(
            match rows
                .rows
                .into_iter()
                .next()
                .and_then(|row| row.into_iter().next())
            {
                Some(Value::Blob(value)) => Some(value),
                _ => None,
            },
        )
    }

    /// Sets the value of a key.
    ///
    /// # Errors
    /// When the database fails or is full.
    pub async fn set(&self, key: String, value: Vec<u8>) -> Result<(), SqliteError> {
        let sql = "INSERT INTO spin_key_value (store, key, value) VALUES (?1, ?2, ?3) ON CONFLICT (store, key) DO UPDATE SET value = excluded.value";
        let mut parameters = self.with_key(key);
        parameters.push(Value::Blob(value));
        self.execute(sql, parameters).await.map(drop)
    }

    /// Removes a key; a missing one is no error.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete(&self, key: String) -> Result<(), SqliteError> {
        let sql = "DELETE FROM spin_key_value WHERE store = ?1 AND key = ?2";
        self.execute(sql, self.with_key(key)).await.map(drop)
    }

    /// Whether a key has a value.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn exists(&self, key: String) -> Result<bool, SqliteError> {
        let sql = "SELECT 1 FROM spin_key_value WHERE store = ?1 AND key = ?2";
        Ok(!self.execute(sql, self.with_key(key)).await?.rows.is_empty())
    }

    /// Every key, in order.
    ///
    /// # Errors
    /// When the database fails or the keys are over the size of a result.
    pub async fn keys(&self) -> Result<Vec<String>, SqliteError> {
        let sql = "SELECT key FROM spin_key_value WHERE store = ?1 ORDER BY key";
        let rows = self
            .execute(sql, vec![Value::Text(self.label.clone())])
            .await?;
        let keys = rows
            .rows
            .into_iter()
            .flatten()
            .filter_map(|value| match value {
                Value::Text(key) => Some(key),
                _ => None,
            });
        Ok(keys.collect())
    }

    fn with_key(&self, key: String) -> Vec<Value> {
        vec![Value::Text(self.label.clone()), Value::Text(key)]
    }

    async fn execute(&self, sql: &str, parameters: Vec<Value>) -> Result<Rows, SqliteError> {
        self.database
            .session()?
            .execute(sql.to_owned(), parameters)
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn labels_do_not_share_keys() {
        let database = Database::memory("labels", host_sqlite::SqliteLimits::default()).unwrap();
        let one = SqliteStore::open("one", database.clone()).await.unwrap();
        let two = SqliteStore::open("two", database).await.unwrap();
        one.set("k".into(), b"1".to_vec()).await.unwrap();
        one.set("k".into(), b"2".to_vec()).await.unwrap();
        assert_eq!(one.get("k".into()).await.unwrap().unwrap(), b"2");
        assert_eq!(two.get("k".into()).await.unwrap(), None);
        assert!(!two.exists("k".into()).await.unwrap());
        two.delete("k".into()).await.unwrap();
        assert_eq!(one.keys().await.unwrap(), ["k"]);
        one.delete("k".into()).await.unwrap();
        assert!(one.keys().await.unwrap().is_empty());
    }
}
