//! The `suoke` process.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::application::{Application, target};
use crate::http::{Answer, Client, Outgoing};
use crate::poll::{eventually, eventually_within};

/// How long a start may take: where nothing is cached, every component is
/// compiled, by several tests at the same time.
const START_DEADLINE: Duration = Duration::from_secs(900);

/// A running host. Dropping it kills it.
pub struct Host {
    child: Child,
    stdout: Lines,
    stderr: Lines,
    url: String,
    admin: String,
    client: Client,
    _state: TempDir,
}

/// How a host that was asked to stop has ended.
pub struct Stopped {
    /// How the process ended.
    pub status: ExitStatus,
    /// Everything it wrote to standard error.
    pub stderr: String,
}

/// How a host that could not start has ended.
pub struct Failed {
    /// The exit code.
    pub code: i32,
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
}

impl Failed {
    /// Checks that the input was at fault, that nothing was served, and that
    /// the message says all of `words`.
    ///
    /// # Panics
    /// When it is not so.
    #[track_caller]
    pub fn says(&self, words: &[&str]) {
        let all = format!("stdout: {}\nstderr: {}", self.stdout, self.stderr);
        assert_eq!(self.code, 64, "exit code\n{all}");
        assert!(!self.stdout.contains("Serving"), "it listened\n{all}");
        // A wrapped line may break anywhere between two words.
        let text: Vec<&str> = self.stderr.split_whitespace().collect();
        let text = text.join(" ").replace(" │ ", " ").replace(" | ", " ");
        for word in words {
            assert!(text.contains(word), "{word:?} is not said\n{all}");
        }
    }
}

impl Host {
    /// Starts `suoke up` on ports that the system chooses, and waits until it
    /// serves. Each host has its own state; compiled code is shared.
    ///
    /// # Panics
    /// When it does not come up.
    pub async fn start(application: &Application, arguments: &[&str]) -> Self {
        Self::start_with(application, arguments, Client::new()).await
    }

    /// As [`Host::start`], with a client of its own.
    ///
    /// # Panics
    /// When it does not come up.
    pub async fn start_with(application: &Application, arguments: &[&str], client: Client) -> Self {
        let state = tempfile::tempdir().unwrap();
        let mut up = command(application, state.path(), arguments);
        let mut child = up.spawn().unwrap();
        let stdout = Lines::collect(child.stdout.take().unwrap());
        let stderr = Lines::collect(child.stderr.take().unwrap());
        let mut host = Self {
            child,
            stdout,
            stderr,
            url: String::new(),
            admin: String::new(),
            client,
            _state: state,
        };
        host.ready().await;
        host
    }

    /// Waits for the last line that is printed at the start.
    async fn ready(&mut self) {
        let (stdout, stderr) = (self.stdout.clone(), self.stderr.clone());
        let child = &mut self.child;
        let printed = eventually_within(START_DEADLINE, "the host is ready", async || {
            if let Some(status) = child.try_wait().unwrap() {
                panic!("the host ended with {status}:\n{}", stderr.text());
            }
            let json = stdout.find("{").map(|json| format!("{{{json}"));
            stdout.find("Metrics and health: ").or(json)
        })
        .await;
        match printed.split_once(" ") {
            Some((admin, _)) if admin.starts_with("http") => {
                self.admin = admin.trim_end_matches("/metrics").to_owned();
                // Applications without an HTTP trigger serve nothing.
                self.url = self.stdout.find("Serving ").unwrap_or_default();
            }
            _ => {
                let json: Value = serde_json::from_str(&printed).unwrap();
                let url = json.get("base_url").and_then(Value::as_str);
                self.url = url.unwrap().to_owned();
            }
        }
    }

    /// Runs `suoke up`, which must end by itself.
    ///
    /// # Panics
    /// When it goes on.
    pub async fn fails(application: &Application, arguments: &[&str]) -> Failed {
        let state = tempfile::tempdir().unwrap();
        let up = command(application, state.path(), arguments);
        run(up).await
    }

    /// Runs `suoke` with these arguments alone, which must end by itself.
    ///
    /// # Panics
    /// When it goes on.
    pub async fn command(arguments: &[&str]) -> Failed {
        Self::command_with(arguments, &[]).await
    }

    /// As [`Host::command`], with these environment variables.
    ///
    /// # Panics
    /// When it goes on.
    pub async fn command_with(arguments: &[&str], environment: &[(&str, &str)]) -> Failed {
        let mut suoke = clean(&binary());
        suoke.envs(environment.iter().copied());
        suoke.args(arguments).stdin(Stdio::null());
        suoke.stdout(Stdio::piped()).stderr(Stdio::piped());
        run(suoke).await
    }

    /// Where requests are served, with the scheme.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// `ip:port` of the requests' socket.
    ///
    /// # Panics
    /// When the host serves no requests.
    pub fn address(&self) -> &str {
        self.url
            .split_once("://")
            .expect("the host serves requests")
            .1
    }

    /// Where operators ask, with the scheme.
    pub fn admin(&self) -> &str {
        &self.admin
    }

    /// The client that the host's own methods use.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// A request for a path of this host.
    pub fn request(&self, method: &str, path: &str) -> http::request::Builder {
        http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url))
    }

    /// Sends a request.
    pub async fn send(&self, request: http::Request<Outgoing>) -> Answer {
        self.client.send(request).await
    }

    /// Asks for a path.
    ///
    /// # Panics
    /// When there is no answer.
    pub async fn get(&self, path: &str) -> Answer {
        let request = self.request("GET", path).body(crate::whole("")).unwrap();
        self.send(request).await
    }

    /// Sends a body to a path.
    ///
    /// # Panics
    /// When there is no answer.
    pub async fn post(&self, path: &str, body: impl Into<bytes::Bytes>) -> Answer {
        let request = self.request("POST", path).body(crate::whole(body)).unwrap();
        self.send(request).await
    }

    /// Asks for a path of the operators' socket.
    ///
    /// # Panics
    /// When there is no answer.
    pub async fn ask_admin(&self, path: &str) -> Answer {
        let request = http::Request::get(format!("{}{path}", self.admin));
        Client::new()
            .send(request.body(crate::whole("")).unwrap())
            .await
    }

    /// The value of a metric whose name and labels are exactly `series`.
    ///
    /// # Panics
    /// When the metrics cannot be read.
    pub async fn metric(&self, series: &str) -> f64 {
        let text = self.ask_admin("/metrics").await.text();
        let value = text
            .lines()
            .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        value.map_or(0.0, |value| value.parse().unwrap())
    }

    /// Waits until `count` calls of a component are running.
    pub async fn running(&self, component: &str, count: u32) {
        let series = format!("function_calls_running{{component=\"{component}\"}}");
        let count = f64::from(count);
        eventually("the calls are running", async || {
            (self.metric(&series).await == count).then_some(())
        })
        .await;
    }

    /// What was printed to standard output so far.
    pub fn stdout(&self) -> String {
        self.stdout.text()
    }

    /// What was written to standard error so far.
    pub fn stderr(&self) -> String {
        self.stderr.text()
    }

    /// The log so far: standard error, one JSON object a line.
    ///
    /// # Panics
    /// When a line is not JSON.
    pub fn logs(&self) -> Vec<Value> {
        let parse = |line: &str| {
            serde_json::from_str(line)
                .unwrap_or_else(|error| panic!("{line:?} is no JSON: {error}"))
        };
        self.stderr().lines().map(parse).collect()
    }

    /// Waits for a line of the log that says `words`.
    pub async fn logged(&self, words: &str) -> Value {
        eventually(words, async || {
            let mut logs = self.logs().into_iter();
            logs.find(|line| line.to_string().contains(words))
        })
        .await
    }

    /// The process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends the process at once, as a crash does.
    ///
    /// # Panics
    /// When the signal cannot be sent.
    pub fn kill(&self) {
        self.signal("-KILL");
    }

    /// Asks the host to stop, as a service manager does.
    ///
    /// # Panics
    /// When the signal cannot be sent.
    pub fn terminate(&self) {
        self.signal("-TERM");
    }

    fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        let status = Command::new("kill").args([signal, &pid]).status();
        assert!(status.unwrap().success());
    }

    /// Asks the host to stop and waits for its end.
    ///
    /// # Panics
    /// When it does not end.
    pub async fn stop(self) -> Stopped {
        self.terminate();
        self.ended().await
    }

    /// Whether the process has ended.
    ///
    /// # Panics
    /// When the system does not tell.
    pub fn is_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Waits for the host's end.
    ///
    /// # Panics
    /// When it does not end.
    pub async fn ended(mut self) -> Stopped {
        let child = &mut self.child;
        let status = eventually("the host ends", async || child.try_wait().unwrap()).await;
        Stopped {
            status,
            stderr: self.stderr.rest().await,
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the host's log:\n{}", self.stderr());
        }
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `suoke up` on ports that the system chooses.
fn command(application: &Application, state: &Path, arguments: &[&str]) -> Command {
    let mut command = match application.launcher().split_first() {
        None => clean(&binary()),
        Some((launcher, arguments)) => {
            let mut command = clean(Path::new(launcher));
            command.args(arguments).arg(binary());
            command
        }
    };
    command.envs(application.variables());
    command.arg("up");
    if !arguments.contains(&"--from") {
        command.arg("--from").arg(application.folder());
    }
    for (flag, value) in [
        ("--listen", "127.0.0.1:0"),
        ("--admin-listen", "127.0.0.1:0"),
    ] {
        if !arguments.contains(&flag) {
            command.args([flag, value]);
        }
    }
    if !arguments.contains(&"--state-dir") {
        command.arg("--state-dir").arg(state);
    }
    if !arguments.contains(&"--cache-dir") {
        command
            .arg("--cache-dir")
            .arg(target().join("tmp/compiled"));
    }
    command.args(arguments).stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// A command that sees nothing of this process's environment but its path.
fn clean(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear();
    command.envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
    command.env("HOME", "/nonexistent");
    command
}

fn binary() -> PathBuf {
    let path = match std::env::var_os("SUOKE_BIN") {
        Some(path) => PathBuf::from(path),
        None => target().join("debug/suoke"),
    };
    assert!(
        path.is_file(),
        "{} is missing: run cargo build -p suoke first",
        path.display()
    );
    path
}

async fn run(mut command: Command) -> Failed {
    let mut child = Kill(command.spawn().unwrap());
    let stdout = Lines::collect(child.0.stdout.take().unwrap());
    let stderr = Lines::collect(child.0.stderr.take().unwrap());
    let status = eventually("the command ends", async || child.0.try_wait().unwrap()).await;
    Failed {
        code: status.code().expect("it ends by itself"),
        stdout: stdout.rest().await,
        stderr: stderr.rest().await,
    }
}

/// Kills a process when the test gives up.
struct Kill(Child);

impl Drop for Kill {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The lines that a process has written so far.
#[derive(Clone)]
struct Lines {
    lines: Arc<Mutex<Vec<String>>>,
    ended: Arc<Mutex<bool>>,
}

impl Lines {
    fn collect(from: impl Read + Send + 'static) -> Self {
        let lines = Self {
            lines: Arc::default(),
            ended: Arc::default(),
        };
        let writer = lines.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(from).split(b'\n').map_while(Result::ok) {
                let line = String::from_utf8_lossy(&line).into_owned();
                writer.lines.lock().unwrap().push(line);
            }
            *writer.ended.lock().unwrap() = true;
        });
        lines
    }

    fn find(&self, start: &str) -> Option<String> {
        let lines = self.lines.lock().unwrap();
        let found = lines.iter().find_map(|line| line.strip_prefix(start));
        found.map(str::to_owned)
    }

    fn text(&self) -> String {
        self.lines.lock().unwrap().join("\n")
    }

    /// Everything, once the process has closed its end.
    async fn rest(&self) -> String {
        eventually("the output ends", async || {
            self.ended.lock().unwrap().then_some(())
        })
        .await;
        self.text()
    }
}
