//! The load: what is asked, by wrk from the second core, and what came of it.

use std::fmt;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use super::server::Running;

/// How many requests are on their way at one time.
const CONNECTIONS: u32 = 32;

/// One request that is repeated.
pub(crate) struct Work {
    pub(crate) name: &'static str,
    /// A header that every request has, as `name: value`.
    pub(crate) header: Option<String>,
    pub(crate) connections: u32,
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
    std::fs::write(&script, lua(std::slice::from_ref(&body)))?;
    Ok([
        Work {
            name: "hello",
            header: None,
            connections: CONNECTIONS,
            body: String::new(),
            expected: "Hello, world!",
            script: None,
        },
        Work {
            name: "json",
            header: None,
            connections: CONNECTIONS,
            body,
            expected: r#""accepted":10,"heart_rate_mean":72.75"#,
            script: Some(script),
        },
    ])
}

/// What one round gave.
pub(crate) struct Measured {
    /// How many requests were answered.
    pub(crate) requests: u32,
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
            ..
        } = self;
        write!(
            f,
            "{per_second:.0}/s, {cpu_us:.1} µs CPU, p50 {p50}, p99 {p99}"
        )
    }
}

/// Asks once and looks at the answer.
pub(crate) fn check(server: &Running, work: &Work) -> Result<()> {
    let header = work.header.as_deref();
    let answer = ask(&server.address, &server.path(work.name), header, &work.body)?;
    ensure!(answer.starts_with("HTTP/1.1 200"), "wrong answer: {answer}");
    ensure!(answer.contains(work.expected), "wrong answer: {answer}");
    Ok(())
}

impl Work {
    /// A request for a path, without a body.
    pub(crate) fn get(name: &'static str, header: Option<String>, expected: &'static str) -> Self {
        Self {
            name,
            header,
            connections: CONNECTIONS,
            body: String::new(),
            expected,
            script: None,
        }
    }

    /// A request that sends JSON, one body after the other and then the first
    /// again, through a script in the folder.
    pub(crate) fn post(
        name: &'static str,
        bodies: &[String],
        expected: &'static str,
        folder: &Path,
    ) -> Result<Self> {
        let script = folder.join("post.lua");
        std::fs::write(&script, lua(bodies))?;
        Ok(Self {
            body: bodies.first().cloned().unwrap_or_default(),
            script: Some(script),
            ..Self::get(name, None, expected)
        })
    }
}

impl Work {
    /// What a script of its own asks; `body` is one that it might send.
    pub(crate) fn script(
        name: &'static str,
        script: PathBuf,
        body: String,
        expected: &'static str,
    ) -> Self {
        Self {
            body,
            script: Some(script),
            ..Self::get(name, None, expected)
        }
    }
}

/// The script that makes wrk send bodies in turn.
fn lua(bodies: &[String]) -> String {
    let bodies: String = bodies
        .iter()
        .map(|body| format!("[==[{body}]==],\n"))
        .collect();
    format!(
        "wrk.method = \"POST\"\nwrk.headers[\"content-type\"] = \"application/json\"\n\
         local requests, turn = {{}}, 0\n\
         function init()\nfor at, body in ipairs({{\n{bodies}}}) do\n\
         requests[at] = wrk.format(nil, nil, nil, body)\nend\nend\n\
         function request()\nturn = turn % #requests + 1\nreturn requests[turn]\nend\n"
    )
}

/// Asks for a path; the answer, whose status must be 200, with its head.
pub(crate) fn get(address: &str, path: &str) -> Result<String> {
    let answer = ask(address, path, None, "")?;
    ensure!(answer.starts_with("HTTP/1.1 200"), "wrong answer: {answer}");
    Ok(answer)
}

/// Asks once; the answer with its head, whatever it is. With a body it is a POST of JSON.
pub(crate) fn ask(address: &str, path: &str, header: Option<&str>, body: &str) -> Result<String> {
    let mut stream = TcpStream::connect(address)?;
    let (method, length) = (if body.is_empty() { "GET" } else { "POST" }, body.len());
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n"
    )?;
    if let Some(header) = header {
        write!(stream, "{header}\r\n")?;
    }
    write!(stream, "\r\n{body}")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// Loads the server for some seconds; every answer must be good.
pub(crate) fn run(server: &Running, work: &Work, seconds: u32) -> Result<Measured> {
    let before = server.cpu_seconds()?;
    let text = wrk(server, work, seconds)?;
    let cpu_seconds = server.cpu_seconds()? - before;
    read(&text, cpu_seconds)
}

/// Loads the server for some seconds; how many requests were let through, and
/// in how many seconds.
pub(crate) fn let_through(server: &Running, work: &Work, seconds: u32) -> Result<(u32, f64)> {
    passed(&wrk(server, work, seconds)?)
}

/// What wrk prints.
fn wrk(server: &Running, work: &Work, seconds: u32) -> Result<String> {
    let mut wrk = Command::new("taskset");
    wrk.args(["-c", "1", "wrk", "-t1", "--latency"]);
    wrk.arg(format!("-c{}", work.connections));
    wrk.arg(format!("-d{seconds}s"));
    if let Some(header) = &work.header {
        wrk.arg("-H").arg(header);
    }
    if let Some(script) = &work.script {
        wrk.arg("-s").arg(script);
    }
    wrk.arg(format!(
        "http://{}{}",
        server.address,
        server.path(work.name)
    ));
    let output = wrk.output().context("cannot start wrk")?;
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "wrk: {text}");
    Ok(text.into_owned())
}

fn passed(text: &str) -> Result<(u32, f64)> {
    let read = || {
        let line = text.lines().find(|line| line.contains(" requests in "))?;
        let mut words = line.split_whitespace();
        let requests: u32 = words.next()?.parse().ok()?;
        let seconds = words.nth(2)?.trim_end_matches("s,").parse().ok()?;
        let refused = text.lines().find(|line| line.contains("Non-2xx"));
        let refused = match refused {
            None => 0,
            Some(line) => line.rsplit(' ').next()?.parse::<u32>().ok()?,
        };
        Some((requests.checked_sub(refused)?, seconds))
    };
    read().with_context(|| format!("wrk: {text}"))
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
        requests,
        per_second: per_second.with_context(|| format!("wrk: {text}"))?,
        cpu_us: cpu_seconds * 1e6 / f64::from(requests.max(1)),
        p50: after("50%").unwrap_or_default(),
        p99: after("99%").unwrap_or_default(),
    })
}

#[cfg(test)]
impl Work {
    pub(crate) fn sample() -> Self {
        Self::get("hello", None, "")
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
        assert_eq!(measured.requests, 50_000);
    }

    #[test]
    fn refused_requests_are_not_let_through() {
        let text = format!("{TEXT}  Non-2xx or 3xx responses: 49000\n");
        assert_eq!(passed(&text).unwrap(), (1000, 1.0));
        assert_eq!(passed(TEXT).unwrap(), (50_000, 1.0));
    }

    #[test]
    fn failed_requests_count_for_nothing() {
        let text = format!("{TEXT}  Non-2xx or 3xx responses: 7\n");
        assert!(read(&text, 0.5).is_err());
    }
}
