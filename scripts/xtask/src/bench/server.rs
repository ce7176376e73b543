//! Servers that are measured, each pinned to the first core.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};

/// Clock ticks of `/proc`: 100 on every Linux that people run.
const TICKS_PER_SECOND: f64 = 100.0;

/// How to start a server.
pub(crate) struct Server {
    pub(crate) name: &'static str,
    program: std::path::PathBuf,
    arguments: Vec<String>,
    /// The path is only part of the address where one server has all the works.
    has_paths: bool,
    /// Whether it has only the first core.
    is_pinned: bool,
}

impl Server {
    pub(crate) fn native(program: &Path) -> Self {
        Self {
            name: "native hyper",
            program: program.to_owned(),
            arguments: vec!["127.0.0.1:0".to_owned()],
            has_paths: true,
            is_pinned: true,
        }
    }

    pub(crate) fn suoke(program: &Path, guests: &Path, folder: &Path) -> Result<Self> {
        std::fs::write(folder.join("spin.toml"), suoke_manifest(guests))?;
        let mut server = Self::application(program, folder);
        server.is_pinned = true;
        Ok(server)
    }

    /// The application in a folder, on every core.
    pub(crate) fn application(program: &Path, folder: &Path) -> Self {
        let arguments = [
            "up".into(),
            "--from".into(),
            folder.display().to_string(),
            "--state-dir".into(),
            folder.join("state").display().to_string(),
            "--listen".into(),
            "127.0.0.1:0".into(),
            "--admin-listen".into(),
            "127.0.0.1:0".into(),
            "--quiet".into(),
        ];
        Self {
            name: "suoke up",
            program: program.to_owned(),
            arguments: arguments.to_vec(),
            has_paths: true,
            is_pinned: false,
        }
    }

    /// The same with more arguments, on the first core alone.
    pub(crate) fn pinned(mut self, arguments: impl IntoIterator<Item = String>) -> Self {
        self.arguments.extend(arguments);
        self.is_pinned = true;
        self
    }

    /// A server of the native program, named by its first argument.
    pub(crate) fn native_for(program: &Path, arguments: &[&str]) -> Self {
        let mut server = Self::native(program);
        server.name = "native axum";
        server.arguments = arguments.iter().map(|&argument| argument.into()).collect();
        server
    }

    pub(crate) fn wasmtime(program: &Path, guests: &Path, work: &str) -> Self {
        let guest = guests.join(format!("guest_bench_{work}.wasm"));
        // Its own default already reuses instances for several requests.
        let arguments = [
            "serve".into(),
            "--addr=127.0.0.1:0".into(),
            "-Sp3,cli".into(),
            "-Wcomponent-model-async".into(),
            "-Opooling-allocator".into(),
            guest.display().to_string(),
        ];
        Self {
            name: "wasmtime serve",
            program: program.to_owned(),
            arguments: arguments.to_vec(),
            has_paths: false,
            is_pinned: true,
        }
    }

    /// Starts the server and waits until it tells its address.
    pub(crate) fn start(&self) -> Result<Running> {
        let cores = if self.is_pinned { "0" } else { "0-1" };
        let mut child = Command::new("taskset")
            .args(["-c", cores])
            .arg(&self.program)
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", self.program.display()))?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let mut running = Running {
            child,
            address: String::new(),
            admin: String::new(),
            has_paths: self.has_paths,
        };
        // wasmtime tells it on the other stream.
        let told: Box<dyn Read + Send> = match (stdout, stderr) {
            (Some(stdout), Some(stderr)) if self.has_paths => {
                drain(stderr);
                Box::new(stdout)
            }
            (Some(stdout), Some(stderr)) => {
                drain(stdout);
                Box::new(stderr)
            }
            _ => unreachable!("both streams are pipes"),
        };
        let mut told = BufReader::new(told);
        let mut line = String::new();
        while told.read_line(&mut line)? > 0 {
            if let Some((what, address)) = line.split_once("http://") {
                let address = address.split(['/', ' ', '\n']).next().unwrap_or_default();
                if what.starts_with("Metrics") {
                    address.clone_into(&mut running.admin);
                } else {
                    address.clone_into(&mut running.address);
                }
                if self.has_admin() && running.admin.is_empty() {
                    line.clear();
                    continue;
                }
                // What it tells besides is of no interest here.
                std::thread::spawn(move || std::io::copy(&mut told, &mut std::io::sink()));
                return Ok(running);
            }
            line.clear();
        }
        anyhow::bail!("{} did not start", self.name)
    }
}

impl Server {
    /// Whether it tells a second address, for operators.
    fn has_admin(&self) -> bool {
        self.arguments
            .iter()
            .any(|argument| argument == "--admin-listen")
    }
}

/// Shows what the server complains about; a full pipe would stop it.
fn drain(mut stream: impl Read + Send + 'static) {
    std::thread::spawn(move || std::io::copy(&mut stream, &mut std::io::stderr()));
}

fn suoke_manifest(guests: &Path) -> String {
    let component = |name: &str| {
        let source = guests.join(format!("guest_bench_{name}.wasm"));
        format!(
            "[[trigger.http]]\nroute = \"/{name}\"\ncomponent = \"bench-{name}\"\n\
             [component.bench-{name}]\nsource = {source:?}\n"
        )
    };
    format!(
        "spin_manifest_version = 2\n[application]\nname = \"bench\"\nversion = \"0.1.0\"\n{}{}",
        component("hello"),
        component("json")
    )
}

/// A server that runs until it is dropped.
pub(crate) struct Running {
    child: Child,
    pub(crate) address: String,
    /// The operators' address, where there is one.
    pub(crate) admin: String,
    has_paths: bool,
}

impl Running {
    /// Memory that is resident, in KiB.
    pub(crate) fn rss_kib(&self) -> Result<u64> {
        self.status_kib("VmRSS:")
    }

    /// The most memory that was resident since the start, or since
    /// [`forget_peak`](Self::forget_peak), in KiB.
    pub(crate) fn peak_kib(&self) -> Result<u64> {
        self.status_kib("VmHWM:")
    }

    /// Begins anew with the most memory that is resident.
    pub(crate) fn forget_peak(&self) -> Result<()> {
        let path = format!("/proc/{}/clear_refs", self.child.id());
        std::fs::write(&path, "5").with_context(|| path)
    }

    fn status_kib(&self, name: &str) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        number.context("/proc/PID/status has another form")
    }

    /// The path at which the server does a work.
    pub(crate) fn path(&self, work: &str) -> String {
        let name = if self.has_paths { work } else { "" };
        format!("/{name}")
    }

    /// CPU time used so far, in user and kernel mode, in seconds.
    pub(crate) fn cpu_seconds(&self) -> Result<f64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        cpu_seconds(&stat).context("/proc/PID/stat has another form")
    }
}

/// `utime` and `stime` are the 14th and 15th field; the second may hold spaces.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let ticks = |index: usize| fields.get(index)?.parse::<u32>().ok();
    Some(f64::from(ticks(11)? + ticks(12)?) / TICKS_PER_SECOND)
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_is_read_behind_names_with_spaces() {
        let stat = "42 (a b) c) S 1 42 42 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 3 0 99";
        assert_eq!(cpu_seconds(stat), Some(3.0));
    }
}
