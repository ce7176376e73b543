//! The application itself: what its gateway costs, how fast people log in, what
//! a read costs beside a native server, and whether limits hold.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::load::{self, Measured, Work};
use super::server::{Running, Server};
use super::{Options, ROUNDS, WARM_UP_SECONDS};

/// Who asks, behind a number where there are several.
const EMAIL: &str = "bench@example.com";
/// People who log in, one after the other: many attempts for one of them at a
/// time are refused, whatever their passwords.
const PEOPLE: usize = 32;
/// How long after a start Redis knows what is denied; until then the gateway asks
/// the database.
pub(crate) const SWEPT_WITHIN: Duration = Duration::from_secs(12);
/// Wrong logins of each of them: one more would lock.
const REFUSALS_EACH: u32 = 3;
const PASSWORD: &str = "correct horse 1";
/// Logins that wait for each other: one core hashes one at a time.
const LOGIN_CONNECTIONS: u32 = 8;
/// The limit that is measured: so many at once, and so many a second.
const LIMIT_PER_SECOND: u32 = 500;
const LIMIT_CONNECTIONS: u32 = 64;
/// How far off a limit may be.
const LIMIT_ERROR_MAX: f64 = 0.02;
const LIMIT_SECONDS: u32 = 10;

/// What is measured.
#[derive(Clone, Copy)]
pub(crate) enum What {
    Gateway,
    Login,
    Read,
    Limits,
}

impl What {
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "gateway" => Self::Gateway,
            "login" => Self::Login,
            "read" => Self::Read,
            "limits" => Self::Limits,
            _ => return None,
        })
    }
}

/// Measures and prints a table.
pub(crate) fn run(root: &Path, what: What, options: &Options) -> Result<()> {
    let life = Life {
        root,
        options,
        folder: root.join("target/bench/life"),
    };
    match what {
        What::Gateway => life.gateway(),
        What::Login => life.login(),
        What::Read => life.read(),
        What::Limits => life.limits(),
    }
}

/// The application of a repository, in a folder of its own.
pub(crate) struct Life<'a> {
    pub(crate) root: &'a Path,
    pub(crate) options: &'a Options,
    pub(crate) folder: PathBuf,
}

/// Somebody who is logged in at a running application.
struct Session {
    running: Running,
    authorization: String,
}

impl Life<'_> {
    fn gateway(&self) -> Result<()> {
        println!("| hello | requests/s | CPU µs/request | of that the gateway | p50 | p99 |");
        println!("|---|---:|---:|---:|---:|---:|");
        let session = self.start()?;
        let token = Some(session.authorization.clone());
        let mut without_us = None;
        for (name, path, header) in [
            ("without a gateway", "bench/plain", None),
            ("with it, for everybody", "bench/public", None),
            ("with it, logged in", "bench/member", token),
        ] {
            let work = Work::get(path, header, "Hello, world!");
            let best = self.best(&session.running, &work)?;
            let Measured {
                per_second,
                cpu_us,
                p50,
                p99,
                ..
            } = &best;
            let own_us = cpu_us - *without_us.get_or_insert(*cpu_us);
            println!("| {name} | {per_second:.0} | {cpu_us:.1} | {own_us:.1} | {p50} | {p99} |");
        }
        Ok(())
    }

    fn login(&self) -> Result<()> {
        let session = self.start()?;
        let mut bodies = Vec::new();
        for number in 0..PEOPLE {
            let email = format!("{number}.{EMAIL}");
            register(&session.running, &email)?;
            bodies.push(format!(r#"{{"email":"{email}","password":"{PASSWORD}"}}"#));
        }
        let path = "api/v1/auth/login";
        let mut work = Work::post(path, &bodies, "\"access_token\"", &self.folder)?;
        work.connections = LOGIN_CONNECTIONS;
        let best = self.best(&session.running, &work)?;
        let [known, unknown] = refusals(&session.running)?;
        drop(session);
        let seconds = self.options.seconds.to_string();
        let output = Command::new("taskset")
            .args(["-c", "0"])
            .arg(&self.options.native)
            .args(["argon2", &seconds])
            .output()
            .context("cannot start the native program")?;
        let text = String::from_utf8_lossy(&output.stdout);
        ensure!(
            output.status.success(),
            "argon2: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        let native: f64 = text
            .trim()
            .parse()
            .with_context(|| format!("argon2: {text}"))?;
        let ratio = best.per_second / native;
        println!("| on one core | a second | of native |\n|---|---:|---:|");
        println!("| native argon2, the hash alone | {native:.1} | 1.00 |");
        println!("| logins | {:.1} | {ratio:.2} |", best.per_second);
        println!("\n| a wrong login, one after the other | median ms | quartiles | of the first |");
        println!("|---|---:|---:|---:|");
        for (name, spread) in [("wrong password", &known), ("unknown address", &unknown)] {
            let Spread { low, median, high } = spread;
            let ratio = median / known.median;
            println!("| {name} | {median:.1} | {low:.1} to {high:.1} | {ratio:.2} |");
        }
        Ok(())
    }

    fn read(&self) -> Result<()> {
        println!("| one's own user | requests/s | CPU µs/request | of native | p50 | p99 |");
        println!("|---|---:|---:|---:|---:|---:|");
        let folder = self.folder.display().to_string();
        fresh(&self.folder)?;
        let native = Server::native_for(&self.options.native, &["read", "127.0.0.1:0", &folder]);
        let running = native.start()?;
        let token = load::get(&running.address, "/token")?;
        let token = token.lines().last().context("there is no token")?;
        let header = Some(format!("authorization: Bearer {}", token.trim()));
        let path = "api/v1/users/me";
        let native = self.best(&running, &Work::get(path, header, "bench@example.com"))?;
        drop(running);
        let session = self.start()?;
        let header = Some(session.authorization.clone());
        let work = Work::get(path, header, "bench@example.com");
        let life = self.best(&session.running, &work)?;
        for (name, measured) in [("native axum", &native), ("suoke up", &life)] {
            let Measured {
                per_second,
                cpu_us,
                p50,
                p99,
                ..
            } = measured;
            let ratio = cpu_us / native.cpu_us;
            println!("| {name} | {per_second:.0} | {cpu_us:.1} | {ratio:.2} | {p50} | {p99} |");
        }
        Ok(())
    }

    fn limits(&self) -> Result<()> {
        let session = self.start()?;
        let mut work = Work::get("bench/limited", None, "");
        work.connections = LIMIT_CONNECTIONS;
        let (passed, seconds) = load::let_through(&session.running, &work, LIMIT_SECONDS)?;
        let limit = f64::from(LIMIT_PER_SECOND);
        let allowed = limit + limit * seconds;
        let error = f64::from(passed) / allowed - 1.0;
        println!(
            "| {LIMIT_CONNECTIONS} connections, {LIMIT_PER_SECOND}/s | requests |\n|---|---:|"
        );
        println!("| allowed in {seconds:.2} s | {allowed:.0} |");
        println!("| let through | {passed} ({:+.2} %) |", error * 100.0);
        ensure!(error.abs() <= LIMIT_ERROR_MAX, "the limit does not hold");
        Ok(())
    }

    /// The best of several rounds on a server that goes on running.
    pub(crate) fn best(&self, running: &Running, work: &Work) -> Result<Measured> {
        self.best_where(running, work, || Ok(0), |_, _| Ok(()))
    }

    /// [`Life::best`] where `fits` holds for each round and by how much `number` grew
    /// in it.
    pub(crate) fn best_where(
        &self,
        running: &Running,
        work: &Work,
        number: impl Fn() -> Result<u64>,
        fits: impl Fn(&Measured, u64) -> Result<()>,
    ) -> Result<Measured> {
        load::check(running, work)?;
        load::run(running, work, WARM_UP_SECONDS)?;
        let mut best: Option<Measured> = None;
        for round in 1..=ROUNDS {
            let before = number()?;
            let measured = load::run(running, work, self.options.seconds)?;
            fits(&measured, number()?.saturating_sub(before))?;
            eprintln!("round {round}: {}: {measured}", work.name);
            if best
                .as_ref()
                .is_none_or(|best| measured.per_second > best.per_second)
            {
                best = Some(measured);
            }
        }
        best.context("there is no round")
    }

    /// Starts the application on the first core, and registers somebody.
    fn start(&self) -> Result<Session> {
        let running = self.up(|manifest| manifest.to_owned() + &self.more())?;
        let (_, token) = register(&running, EMAIL)?;
        thread::sleep(SWEPT_WITHIN);
        Ok(Session {
            authorization: format!("authorization: Bearer {token}"),
            running,
        })
    }

    /// Starts the application with a changed manifest on the first core.
    pub(crate) fn up(&self, change: impl Fn(&str) -> String) -> Result<Running> {
        fresh(&self.folder)?;
        let manifest = fs::read_to_string(self.root.join("spin.toml"))?;
        let guests = format!("{}/", self.options.guests.display());
        let manifest = manifest.replace("target/wasm32-wasip2/guest/", &guests);
        fs::write(self.folder.join("spin.toml"), change(&manifest))?;
        let config = self.root.join("runtime-config.toml");
        fs::copy(config, self.folder.join("runtime-config.toml"))?;
        let server = Server::application(&self.options.suoke, &self.folder).pinned(variables());
        server.start()
    }

    /// The functions that are asked beside those of the application: the same
    /// one behind nothing, and behind the gateway with several policies.
    fn more(&self) -> String {
        let source = self.options.guests.join("guest_bench_hello.wasm");
        let plain = format!(
            "\n[[trigger.http]]\nroute = \"/bench/plain\"\ncomponent = \"bench-plain\"\n\
             [component.bench-plain]\nsource = {source:?}\n"
        );
        let limited = format!(
            r#"{{"auth":"public","counted":false,"limits":{{"ip":"{LIMIT_PER_SECOND}/s"}}}}"#
        );
        [
            ("public", r#"{"auth":"public"}"#),
            ("member", ""),
            ("limited", &limited),
        ]
        .iter()
        .fold(plain, |text, (name, policy)| {
            text + &format!(
                r#"
[[trigger.http]]
route = "/bench/{name}"
component = "bench-{name}"
dependencies.middleware = [{{ component = "gateway", inherit_configuration = ["allowed_outbound_hosts", "variables"] }}]
[component.bench-{name}]
source = {source:?}
allowed_outbound_hosts = ["http://auth-keys.spin.internal", "http://auth-status.spin.internal", "http://key-status.spin.internal", "{{{{ redis_url }}}}"]
[component.bench-{name}.variables]
gateway_limits = "{{{{ gateway_limits }}}}"
gateway_policy = '{policy}'
identity_audience = "{{{{ identity_audience }}}}"
identity_issuer = "{{{{ identity_issuer }}}}"
redis_url = "{{{{ redis_url }}}}"
"#
            )
        })
    }
}

/// Milliseconds: half of all lie between the quartiles.
struct Spread {
    low: f64,
    median: f64,
    high: f64,
}

/// How long a login is refused for: with a wrong password, and for an address that
/// nobody has. In turns, so that whatever else the machine does hits both.
fn refusals(running: &Running) -> Result<[Spread; 2]> {
    let mut times_ms = [Vec::new(), Vec::new()];
    for _ in 0..REFUSALS_EACH {
        for number in 0..PEOPLE {
            for (times_ms, prefix) in times_ms.iter_mut().zip(["", "nobody-"]) {
                let body =
                    format!(r#"{{"email":"{prefix}{number}.{EMAIL}","password":"wrong horse 1"}}"#);
                let started = Instant::now();
                let answer = load::ask(&running.address, "/api/v1/auth/login", None, &body)?;
                times_ms.push(started.elapsed().as_secs_f64() * 1000.0);
                ensure!(answer.contains("invalid_credentials"), "{answer}");
            }
        }
    }
    let mut spreads = times_ms.into_iter().map(|mut times_ms| {
        times_ms.sort_by(f64::total_cmp);
        let at = |part: usize| times_ms.get(times_ms.len() * part / 4).copied();
        Some(Spread {
            low: at(1)?,
            median: at(2)?,
            high: at(3)?,
        })
    });
    let mut next = || spreads.next().flatten().context("there are no answers");
    Ok([next()?, next()?])
}

/// Registers somebody; their id and access token.
pub(crate) fn register(running: &Running, email: &str) -> Result<(String, String)> {
    let body = format!(r#"{{"email":"{email}","password":"{PASSWORD}","name":"王芳"}}"#);
    let answer = load::ask(&running.address, "/api/v1/users/register", None, &body)?;
    let both = member(&answer, "user_id").zip(member(&answer, "access_token"));
    both.with_context(|| format!("nobody could be registered: {answer}"))
}

/// Logs somebody in; their access token.
pub(crate) fn log_in(running: &Running, email: &str) -> Result<String> {
    let body = format!(r#"{{"email":"{email}","password":"{PASSWORD}"}}"#);
    let answer = load::ask(&running.address, "/api/v1/auth/login", None, &body)?;
    member(&answer, "access_token").with_context(|| format!("nobody could log in: {answer}"))
}

/// A text of an answer in JSON.
fn member(answer: &str, name: &str) -> Option<String> {
    let (_, rest) = answer.split_once(&format!(r#""{name}":""#))?;
    rest.split('"').next().map(str::to_owned)
}

/// Secrets of nobody, and limits that are out of reach.
fn variables() -> Vec<String> {
    const SECRET: &str = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc";
    [
        "gateway_limits=1000000/s",
        "gateway_login_limits=1000000/s",
        &format!("identity_encryption_key={SECRET}"),
        &format!("identity_signing_key={SECRET}"),
        "operator_token=operators-of-this-bench-show-this-token",
    ]
    .into_iter()
    .flat_map(|variable| ["--variable".to_owned(), variable.to_owned()])
    .collect()
}

pub(crate) fn fresh(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    Ok(fs::create_dir_all(folder)?)
}
