//! A real Redis server.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::poll::eventually;

/// Ports that may be taken by somebody else between finding and using them.
const PORTS_TRIED: u32 = 20;

/// A `redis-server` of its own. Dropping it kills it.
pub struct Redis {
    folder: TempDir,
    port: u16,
    child: Option<Child>,
}

impl Redis {
    /// Starts a server on a free port.
    ///
    /// # Panics
    /// When `redis-server` is missing or does not come up.
    pub async fn start() -> Self {
        for _ in 0..PORTS_TRIED {
            let mut redis = Self::stopped();
            if redis.restart().await {
                return redis;
            }
        }
        panic!("redis-server finds no free port");
    }

    /// A server that is not started yet; nothing listens on its port.
    ///
    /// # Panics
    /// When no port is free.
    pub fn stopped() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        Self {
            folder: tempfile::tempdir().unwrap(),
            port: listener.local_addr().unwrap().port(),
            child: None,
        }
    }

    /// Starts the server, again on the same port; false when the port is taken.
    ///
    /// # Panics
    /// When `redis-server` is missing.
    pub async fn restart(&mut self) -> bool {
        self.kill();
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--port", &self.port.to_string()]);
        command.args(["--save", "", "--appendonly", "no", "--dir"]);
        command.arg(self.folder.path()).stdin(Stdio::null());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        self.child = Some(command.spawn().expect("redis-server is installed"));
        let url = self.url();
        let child = self.child.as_mut().unwrap();
        eventually("redis-server answers", async || {
            if child.try_wait().unwrap().is_some() {
                return Some(false);
            }
            let client = redis::Client::open(url.as_str()).unwrap();
            let mut connection = client.get_multiplexed_async_connection().await.ok()?;
            let pong: Result<String, _> = redis::cmd("PING").query_async(&mut connection).await;
            pong.ok().map(|_| true)
        })
        .await
    }

    /// Ends the server at once; its port stays its own.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// `redis://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Publishes a message; how many subscribers received it.
    ///
    /// # Panics
    /// When the server does not answer.
    pub async fn publish(&self, channel: &str, message: &[u8]) -> u64 {
        let client = redis::Client::open(self.url()).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        let mut publish = redis::cmd("PUBLISH");
        let publish = publish.arg(channel).arg(message);
        publish.query_async(&mut connection).await.unwrap()
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
    }
}
