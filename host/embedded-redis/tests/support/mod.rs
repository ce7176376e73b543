//! A real Redis server of a test's own: a free port, a temporary folder, stopped on drop.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How long a server may take to answer after its start.
const START_DEADLINE: Duration = Duration::from_secs(20);

/// A running `redis-server`.
pub struct RealRedis {
    process: Child,
    folder: TempDir,
    port: u16,
}

impl RealRedis {
    /// Starts a server on a free port.
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        // Another process can take the port between the look and the start.
        for _ in 0..10 {
            let port = free_port();
            if let Some(process) = launch(port, folder.path()) {
                return Self {
                    process,
                    folder,
                    port,
                };
            }
        }
        panic!("redis-server does not start");
    }

    /// The address of the server.
    pub fn address(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// A connection that waits for its replies.
    #[allow(dead_code, reason = "not every test that shares this file needs it")]
    pub fn connect(&self) -> redis::Connection {
        let client = redis::Client::open(self.address()).unwrap();
        client.get_connection().unwrap()
    }

    /// Stops the server and leaves its port free.
    #[allow(dead_code, reason = "not every test that shares this file needs it")]
    pub fn stop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Starts the server again, on the same port.
    #[allow(dead_code, reason = "not every test that shares this file needs it")]
    pub fn start_again(&mut self) {
        self.process = launch(self.port, self.folder.path()).unwrap();
    }
}

impl Drop for RealRedis {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A port nobody listens on.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// Starts a server and waits until it answers; `None` when it ends instead.
fn launch(port: u16, folder: &Path) -> Option<Child> {
    let mut process = Command::new("redis-server")
        .args(["--port", &port.to_string()])
        .args(["--bind", "127.0.0.1"])
        .args(["--save", "", "--appendonly", "no"])
        .arg("--dir")
        .arg(folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let client = redis::Client::open(format!("redis://127.0.0.1:{port}")).unwrap();
    let deadline = Instant::now() + START_DEADLINE;
    loop {
        if process.try_wait().unwrap().is_some() {
            return None;
        }
        if client.get_connection().is_ok() {
            return Some(process);
        }
        assert!(Instant::now() < deadline, "redis-server does not answer");
        std::thread::sleep(Duration::from_millis(10));
    }
}
