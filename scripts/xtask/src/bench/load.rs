//! The load: what is asked, by wrk from the second core, and what came of it.

use std::fmt;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use super::server::Running;

/// One request that is repeated.
pub(crate) struct Work {
    pub(crate) name: &'static str,
    /// The body, if the work has one.
    body: String,
    /// What the answer must hold: a fast wrong answer counts for nothing.
    expected: &'static str,
    script: Option<PathBuf>,
}

/// Both works, with the script that makes wrk send the body.
pub(crate) fn works(root: &Path, folder: &Path) -> Result<[Work; 2]> {
    let body = std::fs::read_to_string(root.join("tests/guests/bench-json/person.json"))?;
    let script = folder.join("json.lua");
    let lua = format!(
        "wrk.method = \"POST\"\nwrk.headers[\"content-type\"] = \"application/json\"\n\
         wrk.body = [==[{body}]==]\n"
    );
    std::fs::write(&script, lua)?;
    Ok([
        Work {
            name: "hello",
            body: String::new(),
            expected: "Hello, world!",
            script: None,
        },
        Work {
            name: "json",
            body,
            expected: r#""accepted":10,"heart_rate_mean":72.75"#,
            script: Some(script),
        },
    ])
}

/// What one round gave.
pub(crate) struct Measured {
    pub(crate) per_second: f64,
    pub(crate) cpu_us: f64,
    pub(crate) p50: String,
    pub(crate) p99: String,
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            per_second,
            cpu_us,
            p50,
            p99,
        } = self;
        write!(
            f,
            "{per_second:.0}/s, {cpu_us:.1} µs CPU, p50 {p50}, p99 {p99}"
        )
    }
}

/// Asks once and looks at the answer.
pub(crate) fn check(server: &Running, work: &Work) -> Result<()> {
    let answer = ask(&server.address, &server.path(work.name), &work.body)?;
    ensure!(answer.contains(work.expected), "wrong answer: {answer}");
    Ok(())
}

/// Asks for a path; the answer, whose status must be 200, with its head.
pub(crate) fn get(address: &str, path: &str) -> Result<String> {
    ask(address, path, "")
}

fn ask(address: &str, path: &str, body: &str) -> Result<String> {
    let mut stream = TcpStream::connect(address)?;
    let (method, length) = (if body.is_empty() { "GET" } else { "POST" }, body.len());
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    ensure!(answer.starts_with("HTTP/1.1 200"), "wrong answer: {answer}");
    Ok(answer)
}

/// Loads the server for some seconds.
pub(crate) fn run(server: &Running, work: &Work, seconds: u32) -> Result<Measured> {
    let mut wrk = Command::new("taskset");
    wrk.args(["-c", "1", "wrk", "-t1", "-c32", "--latency"]);
    wrk.arg(format!("-d{seconds}s"));
    if let Some(script) = &work.script {
        wrk.arg("-s").arg(script);
    }
    wrk.arg(format!(
        "http://{}{}",
        server.address,
        server.path(work.name)
    ));
    let before = server.cpu_seconds()?;
    let output = wrk.output().context("cannot start wrk")?;
    let cpu_seconds = server.cpu_seconds()? - before;
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "wrk: {text}");
    read(&text, cpu_seconds)
}

fn read(text: &str, cpu_seconds: f64) -> Result<Measured> {
    let after = |start: &str| {
        let line = text
            .lines()
            .map(str::trim)
            .find(|line| line.starts_with(start));
        line.map(|line| line.trim_start_matches(start).trim().to_owned())
    };
    for trouble in ["Non-2xx", "Socket errors"] {
        if let Some(rest) = after(trouble) {
            bail!("{trouble} {rest}");
        }
    }
    let requests = text.lines().find(|line| line.contains(" requests in "));
    let requests = requests.and_then(|line| line.split_whitespace().next()?.parse::<u32>().ok());
    let requests = requests.with_context(|| format!("wrk: {text}"))?;
    let per_second = after("Requests/sec:").and_then(|rate| rate.parse().ok());
    Ok(Measured {
        per_second: per_second.with_context(|| format!("wrk: {text}"))?,
        cpu_us: cpu_seconds * 1e6 / f64::from(requests.max(1)),
        p50: after("50%").unwrap_or_default(),
        p99: after("99%").unwrap_or_default(),
    })
}

#[cfg(test)]
impl Work {
    pub(crate) fn sample() -> Self {
        Self {
            name: "hello",
            body: String::new(),
            expected: "",
            script: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "Running 1s test @ http://127.0.0.1:1/hello\n  \
        Latency Distribution\n     50%  512.00us\n     75%    1.00ms\n     99%    2.41ms\n  \
        50000 requests in 1.00s, 6.32MB read\nRequests/sec:  50000.00\n";

    #[test]
    fn figures_are_read_from_what_wrk_prints() {
        let measured = read(TEXT, 0.5).unwrap();
        assert_eq!(
            measured.to_string(),
            "50000/s, 10.0 µs CPU, p50 512.00us, p99 2.41ms"
        );
    }

    #[test]
    fn failed_requests_count_for_nothing() {
        let text = format!("{TEXT}  Non-2xx or 3xx responses: 7\n");
        assert!(read(&text, 0.5).is_err());
    }
}
