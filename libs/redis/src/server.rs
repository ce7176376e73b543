//! A real server for native tests.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "only tests start a server, and they are to fail with what is missing"
)]

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::client::Redis;

/// How long a server may take to listen.
const START_SECONDS_MAX: u64 = 20;

/// A `redis-server` on a socket in a folder of its own. Dropping it ends it.
pub struct TestServer {
    process: Child,
    url: String,
    _folder: tempfile::TempDir,
}

impl TestServer {
    /// Starts one and waits until it answers.
    ///
    /// # Panics
    /// When `redis-server` is not installed or does not start.
    #[must_use]
    pub fn start() -> Self {
        let folder = tempfile::tempdir().expect("there is room for a folder");
        let socket = folder.path().join("redis.sock");
        let process = Command::new("redis-server")
            .args(["--port", "0", "--save", "", "--appendonly", "no"])
            .arg("--unixsocket")
            .arg(&socket)
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server is installed");
        let server = Self {
            process,
            url: format!("redis+unix://{}", socket.display()),
            _folder: folder,
        };
        let _ = server.connect();
        server
    }

    /// A connection of its own.
    ///
    /// # Panics
    /// When the server does not answer.
    #[must_use]
    pub fn connect(&self) -> Redis {
        let deadline = Instant::now() + Duration::from_secs(START_SECONDS_MAX);
        loop {
            match Redis::connect(&self.url) {
                Ok(redis) => return redis,
                Err(error) if Instant::now() > deadline => panic!("redis-server: {error}"),
                Err(_) => std::thread::yield_now(),
            }
        }
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
