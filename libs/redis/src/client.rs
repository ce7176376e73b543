//! The commands that functions use.

use std::rc::Rc;

use crate::connection::Connection;
use crate::error::RedisError;
use crate::script::Script;
use crate::value::Value;

/// An open connection; clones share it.
#[derive(Clone)]
pub struct Redis(Rc<Connection>);

impl Redis {
    /// Connects to the address in the variable `redis_url`.
    ///
    /// # Errors
    /// When the variable is missing, the address is not allowed, or nobody
    /// answers there.
    pub async fn open() -> Result<Self, RedisError> {
        Connection::open().await.map(Self::with)
    }

    fn with(connection: Connection) -> Self {
        Self(Rc::new(connection))
    }

    /// The value of a key, if there is one.
    ///
    /// # Errors
    /// When Redis does not answer or the key holds no string.
    pub async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, RedisError> {
        match self.one("GET", &[key.as_bytes()]).await? {
            Value::Nil => Ok(None),
            Value::Bytes(bytes) => Ok(Some(bytes)),
            Value::Status(_) | Value::Int(_) => Err(RedisError::unexpected("GET")),
        }
    }

    /// Sets a key, for `ttl_ms` milliseconds or until it is deleted.
    ///
    /// # Errors
    /// When Redis does not answer or has no room left.
    pub async fn set(
        &self,
        key: &str,
        value: &[u8],
        ttl_ms: Option<u64>,
    ) -> Result<(), RedisError> {
        match ttl_ms {
            None => self.one("SET", &[key.as_bytes(), value]).await?,
            Some(ttl_ms) => {
                let ttl = ttl_ms.max(1).to_string();
                let args = [key.as_bytes(), value, b"PX", ttl.as_bytes()];
                self.one("SET", &args).await?
            }
        };
        Ok(())
    }

    /// Sets a key for `ttl_ms` milliseconds, unless it exists; says whether it
    /// did not.
    ///
    /// # Errors
    /// When Redis does not answer or has no room left.
    pub async fn set_if_absent(
        &self,
        key: &str,
        value: &[u8],
        ttl_ms: u64,
    ) -> Result<bool, RedisError> {
        let ttl = ttl_ms.max(1).to_string();
        let args = [key.as_bytes(), value, b"NX", b"PX", ttl.as_bytes()];
        Ok(self.one("SET", &args).await? != Value::Nil)
    }

    /// Deletes keys and says how many of them existed.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub async fn delete<K: AsRef<str>>(&self, keys: &[K]) -> Result<u64, RedisError> {
        if keys.is_empty() {
            return Ok(0);
        }
        let args: Vec<&[u8]> = keys.iter().map(|key| key.as_ref().as_bytes()).collect();
        let count = self.one("DEL", &args).await?.as_int();
        count
            .and_then(|count| u64::try_from(count).ok())
            .ok_or_else(|| RedisError::unexpected("DEL"))
    }

    /// Runs a script: by its name, and with its text when the server does not
    /// know it yet. Arrays in its answer are flattened, as the host's interface
    /// does; a nil in an array ends it, as in Redis.
    ///
    /// # Errors
    /// When Redis does not answer or the script fails.
    pub async fn eval<K: AsRef<str>, A: AsRef<[u8]>>(
        &self,
        script: &Script,
        keys: &[K],
        args: &[A],
    ) -> Result<Vec<Value>, RedisError> {
        let count = keys.len().to_string();
        let mut all: Vec<&[u8]> = Vec::with_capacity(2 + keys.len() + args.len());
        all.push(script.sha1().as_bytes());
        all.push(count.as_bytes());
        all.extend(keys.iter().map(|key| key.as_ref().as_bytes()));
        all.extend(args.iter().map(AsRef::as_ref));
        match self.command("EVALSHA", &all).await {
            Err(error) if error.is_script_missing() => {
                if let Some(first) = all.first_mut() {
                    *first = script.source().as_bytes();
                }
                self.command("EVAL", &all).await
            }
            other => other,
        }
    }

    /// Any other command, with what it answers, flattened.
    ///
    /// # Errors
    /// When Redis does not answer or refuses the command.
    pub async fn command<A: AsRef<[u8]>>(
        &self,
        name: &str,
        args: &[A],
    ) -> Result<Vec<Value>, RedisError> {
        let args = args.iter().map(|arg| arg.as_ref().to_vec()).collect();
        self.0.run(name, args).await
    }

    async fn one(&self, name: &str, args: &[&[u8]]) -> Result<Value, RedisError> {
        let mut values = self.command(name, args).await?;
        match (values.pop(), values.is_empty()) {
            (Some(value), true) => Ok(value),
            _ => Err(RedisError::unexpected(name)),
        }
    }
}

#[cfg(not(target_family = "wasm"))]
impl Redis {
    /// A Redis that remembers its keys, for native tests. It runs no scripts.
    #[must_use]
    pub fn memory(memory: &crate::Memory) -> Self {
        Self::with(Connection::memory(memory.clone()))
    }

    /// Connects a native test to a real server.
    ///
    /// # Errors
    /// When nobody answers there.
    #[cfg(feature = "native")]
    pub fn connect(url: &str) -> Result<Self, RedisError> {
        Connection::connect(url).map(Self::with)
    }
}
