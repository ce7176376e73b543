//! The connection below [`Redis`](crate::Redis): Spin's interface in a
//! component, memory or a client of its own in native tests.

#[cfg(target_family = "wasm")]
pub(crate) use spin::Connection;

#[cfg(not(target_family = "wasm"))]
pub(crate) use native::Connection;

#[cfg(target_family = "wasm")]
mod spin {
    //! Spin's Redis interface.

    use spin_sdk::redis::{self, Error, RedisParameter, RedisResult};
    use spin_sdk::variables;

    use crate::error::RedisError;
    use crate::value::Value;

    /// An open connection.
    pub(crate) struct Connection(redis::Connection);

    impl Connection {
        pub(crate) async fn open() -> Result<Self, RedisError> {
            let address = variables::get("redis_url").await;
            let address = address.map_err(|_| RedisError::NoAddress)?;
            let opened = redis::Connection::open(&address).await;
            opened.map(Self).map_err(|error| told("open", error))
        }

        pub(crate) async fn run(
            &self,
            name: &str,
            args: Vec<Vec<u8>>,
        ) -> Result<Vec<Value>, RedisError> {
            let args = args.into_iter().map(RedisParameter::Binary);
            let replies = self.0.execute(name, args).await;
            let replies = replies.map_err(|error| told(name, error))?;
            Ok(replies.into_iter().map(value).collect())
        }
    }

    fn value(reply: RedisResult) -> Value {
        match reply {
            RedisResult::Nil => Value::Nil,
            RedisResult::Status(word) => Value::Status(word),
            RedisResult::Int64(number) => Value::Int(number),
            RedisResult::Binary(bytes) => Value::Bytes(bytes),
        }
    }

    fn told(command: &str, error: Error) -> RedisError {
        match error {
            Error::InvalidAddress => RedisError::Address,
            Error::TooManyConnections => {
                RedisError::Unavailable("too many connections are open".to_owned())
            }
            Error::TypeError => RedisError::unexpected(command),
            Error::Other(text) => RedisError::told(command, &text),
        }
    }
}

#[cfg(not(target_family = "wasm"))]
mod native {
    //! Memory, or a real server with the feature `native`.

    use crate::error::RedisError;
    use crate::memory::Memory;
    use crate::value::Value;

    /// An open connection.
    pub(crate) enum Connection {
        Memory(Memory),
        #[cfg(feature = "native")]
        Server(std::cell::RefCell<redis::Connection>),
    }

    impl Connection {
        #[expect(clippy::unused_async, reason = "the same shape as in a component")]
        pub(crate) async fn open() -> Result<Self, RedisError> {
            Err(RedisError::Unavailable("there is no host".to_owned()))
        }

        pub(crate) fn memory(memory: Memory) -> Self {
            Self::Memory(memory)
        }

        #[cfg(feature = "native")]
        pub(crate) fn connect(url: &str) -> Result<Self, RedisError> {
            let client = redis::Client::open(url).map_err(|_| RedisError::Address)?;
            let connection = client.get_connection();
            let connection = connection.map_err(|error| told("open", &error))?;
            Ok(Self::Server(std::cell::RefCell::new(connection)))
        }

        #[expect(clippy::unused_async, reason = "the same shape as in a component")]
        pub(crate) async fn run(
            &self,
            name: &str,
            args: Vec<Vec<u8>>,
        ) -> Result<Vec<Value>, RedisError> {
            match self {
                Self::Memory(memory) => memory.run(name, &args),
                #[cfg(feature = "native")]
                Self::Server(connection) => {
                    let mut command = redis::cmd(name);
                    for arg in &args {
                        command.arg(arg.as_slice());
                    }
                    let reply = command.query::<redis::Value>(&mut *connection.borrow_mut());
                    let mut values = Vec::new();
                    let reply = reply.map_err(|error| told(name, &error))?;
                    flatten(name, reply, &mut values)?;
                    Ok(values)
                }
            }
        }
    }

    /// Nesting is lost, as in the host's interface.
    #[cfg(feature = "native")]
    fn flatten(name: &str, reply: redis::Value, values: &mut Vec<Value>) -> Result<(), RedisError> {
        let value = match reply {
            redis::Value::Nil => Value::Nil,
            redis::Value::Int(number) => Value::Int(number),
            redis::Value::BulkString(bytes) => Value::Bytes(bytes),
            redis::Value::SimpleString(word) => Value::Status(word),
            redis::Value::Okay => Value::Status("OK".to_owned()),
            redis::Value::Array(items) => {
                let mut items = items.into_iter();
                return items.try_for_each(|item| flatten(name, item, values));
            }
            _ => return Err(RedisError::unexpected(name)),
        };
        values.push(value);
        Ok(())
    }

    #[cfg(feature = "native")]
    fn told(command: &str, error: &redis::RedisError) -> RedisError {
        match error.code() {
            Some(code) => RedisError::told(command, code),
            None => RedisError::Unavailable(error.to_string()),
        }
    }
}
