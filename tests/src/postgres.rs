//! A real PostgreSQL server.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::poll::eventually;

/// Ports that may be taken by somebody else between finding and using them.
const PORTS_TRIED: u32 = 20;
/// Who runs the server where the tests run as root: the server refuses to.
const ORDINARY_USER: &str = "nobody";
const USER: &str = "suoke";
const PASSWORD: &str = "of the tests";

/// A PostgreSQL server of its own. Dropping it ends it.
pub struct Postgres {
    folder: TempDir,
    port: u16,
    child: Option<Child>,
    tls: bool,
}

impl Postgres {
    /// Starts a server on a free port.
    ///
    /// # Panics
    /// When PostgreSQL is missing or does not come up.
    pub async fn start() -> Self {
        Self::start_with(None).await
    }

    /// Starts a server that offers TLS with a certificate and its key, in PEM.
    ///
    /// # Panics
    /// When PostgreSQL is missing or does not come up.
    pub async fn start_encrypted(certificate: &str, key: &str) -> Self {
        Self::start_with(Some((certificate, key))).await
    }

    async fn start_with(tls: Option<(&str, &str)>) -> Self {
        for _ in 0..PORTS_TRIED {
            let mut postgres = Self::made(tls);
            if postgres.restart().await {
                return postgres;
            }
        }
        panic!("postgres finds no free port");
    }

    /// A server with an empty database that is not started yet.
    fn made(tls: Option<(&str, &str)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let postgres = Self {
            folder: tempfile::tempdir().unwrap(),
            port: listener.local_addr().unwrap().port(),
            child: None,
            tls: tls.is_some(),
        };
        let open = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(postgres.folder.path(), open).unwrap();
        std::fs::create_dir(postgres.data()).unwrap();
        std::fs::write(postgres.path("password"), PASSWORD).unwrap();
        postgres.init();
        if let Some((certificate, key)) = tls {
            postgres.write("server.crt", certificate);
            postgres.write("server.key", key);
        }
        postgres
    }

    fn init(&self) {
        self.give_away(self.folder.path());
        self.give_away(&self.data());
        let mut init = as_ordinary_user("initdb");
        init.arg("--pgdata").arg(self.data());
        init.args(["--username", USER, "--auth", "scram-sha-256", "--pwfile"]);
        init.arg(self.path("password"));
        init.args(["--encoding", "UTF8", "--locale", "C", "--no-sync"]);
        let done = init.output().expect("PostgreSQL is installed");
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "initdb: {said}");
    }

    /// Puts a file into the server's folder that only the server may read.
    fn write(&self, name: &str, text: &str) {
        let path = self.data().join(name);
        std::fs::write(&path, text).unwrap();
        let closed = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(&path, closed).unwrap();
        self.give_away(&path);
    }

    fn data(&self) -> PathBuf {
        self.path("data")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Lets the server's user write where only its maker may.
    fn give_away(&self, path: &Path) {
        if is_root() {
            let mut chown = Command::new("chown");
            assert!(
                chown
                    .arg(ORDINARY_USER)
                    .arg(path)
                    .status()
                    .unwrap()
                    .success()
            );
        }
    }

    /// Starts the server, again on the same port and with its data; false when
    /// the port is taken.
    ///
    /// # Panics
    /// When PostgreSQL is missing.
    pub async fn restart(&mut self) -> bool {
        self.kill();
        let mut command = as_ordinary_user("postgres");
        command.arg("-D").arg(self.data());
        command.args(["-p", &self.port.to_string()]);
        for setting in [
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "fsync=on",
            "max_connections=200",
            "log_min_messages=warning",
            if self.tls { "ssl=on" } else { "ssl=off" },
        ] {
            command.args(["-c", setting]);
        }
        let log = std::fs::File::options();
        let log = log.clone().create(true).append(true).open(self.path("log"));
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(Stdio::from(log.unwrap()));
        self.child = Some(command.spawn().expect("PostgreSQL is installed"));
        let config = self.config();
        let child = self.child.as_mut().unwrap();
        eventually("postgres answers", async || {
            if child.try_wait().unwrap().is_some() {
                return Some(false);
            }
            let connected = config.connect(tokio_postgres::NoTls).await;
            connected.ok().map(|_| true)
        })
        .await
    }

    /// Ends the server as a crash does; its port and its data stay its own.
    pub fn kill(&mut self) {
        let Some(mut child) = self.child.take() else {
            return;
        };
        // Its processes end with it, without writing anything more.
        let mut quit = Command::new("kill");
        let asked = quit.args(["-QUIT", &child.id().to_string()]).status();
        if !asked.is_ok_and(|status| status.success()) {
            let _ = child.kill();
        }
        let _ = child.wait();
    }

    /// `ip:port`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The address of the database, with user and password.
    pub fn url(&self) -> String {
        let password = PASSWORD.replace(' ', "%20");
        format!(
            "postgres://{USER}:{password}@{}/postgres?sslmode=disable",
            self.address()
        )
    }

    fn config(&self) -> tokio_postgres::Config {
        self.url().parse().unwrap()
    }

    /// Runs statements and gives the texts of all rows.
    ///
    /// # Panics
    /// When the server refuses one.
    pub async fn sql(&self, statements: &str) -> Vec<Vec<Option<String>>> {
        let (client, connection) = self.config().connect(tokio_postgres::NoTls).await.unwrap();
        let connection = tokio::spawn(connection);
        let messages = client.simple_query(statements).await.unwrap();
        drop(client);
        let _ = connection.await;
        let rows = messages.into_iter().filter_map(|message| match message {
            tokio_postgres::SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        });
        rows.map(|row| {
            (0..row.len())
                .map(|index| row.get(index).map(str::to_owned))
                .collect()
        })
        .collect()
    }

    /// What the server has written to its log.
    ///
    /// # Panics
    /// When the log cannot be read.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the server's log:\n{}", self.log());
        }
        self.kill();
    }
}

fn is_root() -> bool {
    let me = Command::new("id").arg("-u").output().unwrap();
    me.stdout == b"0\n"
}

/// A program of PostgreSQL, run by somebody who is not root.
fn as_ordinary_user(program: &str) -> Command {
    let program = programs().join(program);
    let mut command = if is_root() {
        let mut command = Command::new("setpriv");
        command.args([
            "--reuid",
            ORDINARY_USER,
            "--regid",
            "65534",
            "--clear-groups",
            "--",
        ]);
        command.arg(program);
        command
    } else {
        Command::new(program)
    };
    // The folder of the tests may be closed to others.
    command.current_dir("/");
    command
}

/// The folder of PostgreSQL's programs, which Debian keeps off the PATH: on the
/// PATH, where `scripts/test` puts what it has unpacked, or of the system.
fn programs() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).find(|folder| folder.join("initdb").is_file());
    let below = |folder: PathBuf| {
        let versions = std::fs::read_dir(folder).ok()?;
        let folders = versions.filter_map(|version| Some(version.ok()?.path().join("bin")));
        folders
            .filter(|folder| folder.join("initdb").is_file())
            .max()
    };
    on_path
        .or_else(|| below(PathBuf::from("/usr/lib/postgresql")))
        .expect("PostgreSQL is installed: scripts/test gets it")
}
