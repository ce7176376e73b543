//! `cargo xtask bench events`: from publishing to having handled, in memory and
//! through the outbox and the inbox, one event or many in a message.
//!
//! Each line has a host of its own. It first publishes as fast as it can, which
//! gives events a second, then at a pace, which gives the time on the way.

use std::fmt::Write as _;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::load;
use super::server::{Running, Server};

/// Events in a message where there are many.
const BATCH: u32 = 100;
/// Requests that publish at the same time.
const PRODUCERS: u32 = 4;
/// Messages a second while the time on the way is taken.
const PACED_PER_SECOND: u32 = 100;
/// Messages of which the time is taken.
const PACED_MESSAGES: u32 = 500;
/// How long handling may take after publishing.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_millis(2);

/// Where everything is that takes part.
struct Options {
    suoke: PathBuf,
    native: PathBuf,
    guests: PathBuf,
    redis_server: PathBuf,
}

/// One line of the table.
struct Line {
    bus: &'static str,
    durable: bool,
    batch: u32,
    messages: u32,
}

/// What came of it.
struct Measured {
    per_second: f64,
    p50_us: u64,
    p99_us: u64,
    rss_kib: u64,
}

/// Measures and prints a table.
pub(crate) fn run(root: &Path, arguments: &[String]) -> Result<()> {
    let options = options(arguments)?;
    let folder = root.join("target/bench/events");
    let commits = commits_per_second(&options, &folder)?;
    println!("The disk: {commits:.0} commits/s (SQLite, WAL, synchronous = FULL), so at most");
    println!(
        "{:.0} events/s with one commit each for producer and consumer.\n",
        commits / 2.0
    );
    println!("| bus | events | in a message | events/s | of the disk's bound | p50 | p99 | RSS |");
    println!("|---|---|---:|---:|---:|---:|---:|---:|");
    for bus in ["embedded", "redis-server"] {
        for (durable, batch, messages) in [
            (false, 1, 100_000),
            (false, BATCH, 5_000),
            (true, 1, 3_000),
            (true, BATCH, 1_000),
        ] {
            let line = Line {
                bus,
                durable,
                batch,
                messages,
            };
            let measured = measure(&options, &folder, &line)
                .with_context(|| format!("{bus}, durable: {durable}, {batch} in a message"))?;
            println!("{}", show(&line, &measured, commits));
        }
    }
    Ok(())
}

fn options(arguments: &[String]) -> Result<Options> {
    let find = |name: &str| {
        let place = arguments.iter().position(|argument| argument == name);
        let value = place.and_then(|place| arguments.get(place + 1));
        value
            .map(PathBuf::from)
            .with_context(|| format!("{name}: which file or folder"))
    };
    Ok(Options {
        suoke: find("--suoke")?,
        native: find("--native")?,
        guests: find("--guests")?,
        redis_server: find("--redis-server")?,
    })
}

fn show(line: &Line, measured: &Measured, commits: f64) -> String {
    let Measured {
        per_second,
        p50_us,
        p99_us,
        rss_kib,
    } = measured;
    let mut text = String::new();
    let events = if line.durable { "durable" } else { "in memory" };
    let bound = if line.durable {
        format!("{:.2}", per_second / (commits / 2.0))
    } else {
        "–".to_owned()
    };
    // Writing into a string cannot fail.
    let _ = write!(
        text,
        "| {} | {events} | {} | {per_second:.0} | {bound} | {:.2} ms | {:.2} ms | {} MB |",
        line.bus,
        line.batch,
        milliseconds(*p50_us),
        milliseconds(*p99_us),
        rss_kib / 1024,
    );
    text
}

fn milliseconds(us: u64) -> f64 {
    u32::try_from(us).map_or(f64::INFINITY, f64::from) / 1000.0
}

/// Commits a second of one row each, by SQLite in a process of its own.
fn commits_per_second(options: &Options, folder: &Path) -> Result<f64> {
    fresh(folder)?;
    let output = Command::new(&options.native)
        .arg("commits")
        .arg(folder)
        .output()
        .context("cannot start the native program")?;
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(
        output.status.success(),
        "commits: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    text.trim()
        .parse()
        .with_context(|| format!("commits: {text}"))
}

fn fresh(folder: &Path) -> Result<()> {
    if folder.exists() {
        std::fs::remove_dir_all(folder)?;
    }
    Ok(std::fs::create_dir_all(folder)?)
}

fn measure(options: &Options, folder: &Path, line: &Line) -> Result<Measured> {
    fresh(folder)?;
    let redis = match line.bus {
        "embedded" => None,
        _ => Some(Redis::start(&options.redis_server, folder)?),
    };
    let address = redis.as_ref().map_or_else(
        || "redis://127.0.0.1:6379".to_owned(),
        |redis| format!("redis://127.0.0.1:{}", redis.port),
    );
    std::fs::write(
        folder.join("spin.toml"),
        manifest(&options.guests, &address, redis.is_none()),
    )?;
    std::fs::write(folder.join("runtime-config.toml"), CONFIG)?;
    let running = Server::application(&options.suoke, folder).start()?;
    let consumer = if line.durable { "durable" } else { "plain" };

    publish(&running, line, consumer, 100, 0)?;
    handled(&running, consumer, 100)?;
    let started = Instant::now();
    publish_together(&running, line, consumer)?;
    handled(&running, consumer, 100 + line.messages)?;
    let events = f64::from(line.messages) * f64::from(line.batch);
    let per_second = events / started.elapsed().as_secs_f64();

    publish(&running, line, consumer, PACED_MESSAGES, PACED_PER_SECOND)?;
    handled(&running, consumer, 100 + line.messages + PACED_MESSAGES)?;
    let rss_kib = running.rss_kib()?;
    let log = folder
        .join("state/logs")
        .join(format!("{consumer}_stdout.txt"));
    let mut latencies = latencies(&log)?;
    latencies.sort_unstable();
    let quantile = |of_100: usize| latencies.get(latencies.len() * of_100 / 100).copied();
    Ok(Measured {
        per_second,
        p50_us: quantile(50).context("no time was taken")?,
        p99_us: quantile(99).context("no time was taken")?,
        rss_kib,
    })
}

const CONFIG: &str = "[sqlite_database.platform]\ntype = \"spin\"\npath = \"platform.db\"\n\
                      [sqlite_database.care]\ntype = \"spin\"\npath = \"care.db\"\n";

fn manifest(guests: &Path, address: &str, embedded: bool) -> String {
    let component = |name: &str, guest: &str| {
        let source = guests.join(format!("guest_bench_events_{guest}.wasm"));
        format!(
            "[component.{name}]\nsource = {source:?}\nallowed_outbound_hosts = [\"{address}\"]\n\
             sqlite_databases = [\"platform\", \"care\"]\nvariables = {{ redis_url = \"{address}\" }}\n"
        )
    };
    let subscriber = |name: &str| {
        format!(
            "[[trigger.redis]]\nchannel = \"{name}\"\ncomponent = \"{name}\"\n{}",
            component(name, name)
        )
    };
    let inside = if embedded {
        format!("embedded_redis = \"{address}\"\n")
    } else {
        String::new()
    };
    format!(
        "spin_manifest_version = 2\n[application]\nname = \"bench-events\"\nversion = \"0.1.0\"\n\
         [application.trigger.redis]\naddress = \"{address}\"\n[application.tool.suoke]\n{inside}\
         [[trigger.http]]\nroute = \"/publish\"\ncomponent = \"publisher\"\n{}{}{}",
        component("publisher", "publisher"),
        subscriber("plain"),
        subscriber("durable"),
    )
}

fn publish(running: &Running, line: &Line, channel: &str, messages: u32, pace: u32) -> Result<()> {
    let Line { durable, batch, .. } = line;
    let path = format!(
        "/publish?channel={channel}&durable={durable}&messages={messages}&batch={batch}&per_second={pace}"
    );
    load::get(&running.address, &path).map(drop)
}

/// Publishes the messages of a line, a part by each producer.
fn publish_together(running: &Running, line: &Line, channel: &str) -> Result<()> {
    std::thread::scope(|scope| {
        let publish = || publish(running, line, channel, line.messages / PRODUCERS, 0);
        let producers: Vec<_> = (0..PRODUCERS).map(|_| scope.spawn(publish)).collect();
        producers.into_iter().try_for_each(|producer| {
            producer
                .join()
                .unwrap_or_else(|_| bail!("a producer panicked"))
        })
    })
}

/// Waits until a component has handled so many messages.
fn handled(running: &Running, component: &str, messages: u32) -> Result<()> {
    let series = format!(
        "function_calls_total{{component=\"{component}\",trigger=\"redis\",outcome=\"ok\"}} "
    );
    let started = Instant::now();
    loop {
        let metrics = load::get(&running.admin, "/metrics")?;
        let line = metrics.lines().find_map(|line| line.strip_prefix(&series));
        let count: u32 = line.map_or(Ok(0), |count| count.trim().parse())?;
        if count >= messages {
            return Ok(());
        }
        if started.elapsed() > PATIENCE {
            bail!("{component} handled {count} of {messages} messages");
        }
        std::thread::sleep(LOOK_AGAIN);
    }
}

/// Microseconds that events were on their way, as the consumer has printed them.
fn latencies(log: &Path) -> Result<Vec<u64>> {
    let text = std::fs::read_to_string(log).with_context(|| log.display().to_string())?;
    let taken = text
        .lines()
        .filter_map(|line| line.split_once("latency_us ")?.1.trim().parse().ok());
    Ok(taken.collect())
}

/// A `redis-server` that runs until it is dropped.
struct Redis {
    child: Child,
    port: u16,
}

impl Redis {
    fn start(program: &Path, folder: &Path) -> Result<Self> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let child = Command::new(program)
            .args(["--bind", "127.0.0.1", "--port", &port.to_string()])
            .args(["--save", "", "--appendonly", "no", "--dir"])
            .arg(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let redis = Self { child, port };
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            ensure!(started.elapsed() < PATIENCE, "redis-server does not answer");
            std::thread::sleep(LOOK_AGAIN);
        }
        Ok(redis)
    }
}

impl Drop for Redis {
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
    fn durable_lines_are_compared_with_the_disk() {
        let measured = Measured {
            per_second: 700.0,
            p50_us: 1500,
            p99_us: 9990,
            rss_kib: 80 << 10,
        };
        let line = |durable| Line {
            bus: "embedded",
            durable,
            batch: 1,
            messages: 1,
        };
        assert_eq!(
            show(&line(true), &measured, 2000.0),
            "| embedded | durable | 1 | 700 | 0.70 | 1.50 ms | 9.99 ms | 80 MB |"
        );
        assert!(show(&line(false), &measured, 2000.0).contains("| in memory | 1 | 700 | – |"));
    }

    #[test]
    fn the_manifest_is_toml_with_two_subscribers() {
        for embedded in [true, false] {
            let text = manifest(Path::new("/guests"), "redis://127.0.0.1:1", embedded);
            let manifest: toml::Table = text.parse().unwrap();
            let triggers = manifest["trigger"]["redis"].as_array().unwrap();
            assert_eq!(triggers.len(), 2);
        }
    }
}
