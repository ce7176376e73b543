//! The key-value store `blobs`; natively, for tests, a map of the thread.

use suoke_guest::ApiError;

/// The label of the store in the manifest.
#[cfg(target_family = "wasm")]
const LABEL: &str = "blobs";

/// The store of bytes.
#[cfg(target_family = "wasm")]
pub struct Bytes(spin_sdk::key_value::Store);

#[cfg(target_family = "wasm")]
impl Bytes {
    /// Opens the store.
    ///
    /// # Errors
    /// When it is not granted or does not answer.
    pub async fn open() -> Result<Self, ApiError> {
        let opened = spin_sdk::key_value::Store::open(LABEL).await;
        opened.map(Self).map_err(ApiError::unavailable)
    }

    /// Stores bytes in the place of those before.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn set(&self, key: &str, content: &[u8]) -> Result<(), ApiError> {
        let set = self.0.set(key, content).await;
        set.map_err(ApiError::unavailable)
    }

    /// Stores bytes unless the key has some.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn keep(&self, key: &str, content: &[u8]) -> Result<(), ApiError> {
        let is_there = self.0.exists(key).await;
        if is_there.map_err(ApiError::unavailable)? {
            return Ok(());
        }
        self.set(key, content).await
    }

    /// The bytes of a key.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, ApiError> {
        let found = self.0.get(key).await;
        found.map_err(ApiError::unavailable)
    }

    /// Deletes a key; that there is none is fine.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn delete(&self, key: &str) -> Result<(), ApiError> {
        let deleted = self.0.delete(key).await;
        deleted.map_err(ApiError::unavailable)
    }

    /// Up to `limit` keys.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn keys(&self, limit: usize) -> Result<Vec<String>, ApiError> {
        let mut listed = self.0.get_keys().await;
        let mut keys = Vec::new();
        while keys.len() < limit {
            let Some(key) = listed.next().await else {
                listed.result().await.map_err(ApiError::unavailable)?;
                break;
            };
            keys.push(key);
        }
        Ok(keys)
    }

    /// Hands over all keys, `piece_keys` at a time.
    ///
    /// # Errors
    /// When the store fails, and those of `each`.
    pub async fn walk(
        &self,
        piece_keys: usize,
        mut each: impl AsyncFnMut(Vec<String>) -> Result<(), ApiError>,
    ) -> Result<(), ApiError> {
        let mut listed = self.0.get_keys().await;
        let mut keys = Vec::with_capacity(piece_keys);
        while let Some(key) = listed.next().await {
            keys.push(key);
            if keys.len() == piece_keys {
                each(std::mem::take(&mut keys)).await?;
            }
        }
        listed.result().await.map_err(ApiError::unavailable)?;
        each(keys).await
    }
}

#[cfg(not(target_family = "wasm"))]
thread_local! {
    static KEPT: std::cell::RefCell<std::collections::BTreeMap<String, Vec<u8>>> =
        const { std::cell::RefCell::new(std::collections::BTreeMap::new()) };
}

/// The store of bytes: natively a map that belongs to the thread.
#[cfg(not(target_family = "wasm"))]
pub struct Bytes;

#[cfg(not(target_family = "wasm"))]
#[expect(clippy::unused_async, reason = "the same shape as in a component")]
impl Bytes {
    /// Opens the store.
    ///
    /// # Errors
    /// Never.
    pub async fn open() -> Result<Self, ApiError> {
        Ok(Self)
    }

    /// Stores bytes in the place of those before.
    ///
    /// # Errors
    /// Never.
    pub async fn set(&self, key: &str, content: &[u8]) -> Result<(), ApiError> {
        KEPT.with_borrow_mut(|kept| kept.insert(key.to_owned(), content.to_vec()));
        Ok(())
    }

    /// Stores bytes unless the key has some.
    ///
    /// # Errors
    /// Never.
    pub async fn keep(&self, key: &str, content: &[u8]) -> Result<(), ApiError> {
        KEPT.with_borrow_mut(|kept| {
            kept.entry(key.to_owned())
                .or_insert_with(|| content.to_vec());
        });
        Ok(())
    }

    /// The bytes of a key.
    ///
    /// # Errors
    /// Never.
    pub async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, ApiError> {
        Ok(KEPT.with_borrow(|kept| kept.get(key).cloned()))
    }

    /// Deletes a key; that there is none is fine.
    ///
    /// # Errors
    /// Never.
    pub async fn delete(&self, key: &str) -> Result<(), ApiError> {
        KEPT.with_borrow_mut(|kept| kept.remove(key));
        Ok(())
    }

    /// Up to `limit` keys.
    ///
    /// # Errors
    /// Never.
    pub async fn keys(&self, limit: usize) -> Result<Vec<String>, ApiError> {
        Ok(KEPT.with_borrow(|kept| kept.keys().take(limit).cloned().collect()))
    }

    /// Hands over all keys, `piece_keys` at a time.
    ///
    /// # Errors
    /// Those of `each`.
    pub async fn walk(
        &self,
        piece_keys: usize,
        mut each: impl AsyncFnMut(Vec<String>) -> Result<(), ApiError>,
    ) -> Result<(), ApiError> {
        let keys = self.keys(usize::MAX).await?;
        for piece in keys.chunks(piece_keys) {
            each(piece.to_vec()).await?;
        }
        Ok(())
    }
}
