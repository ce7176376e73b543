//! Health data: batches taken in beside a native server that does the same, a million
//! readings aggregated, and questions to tables that grow.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::Options;
use super::life::{self, Life};
use super::load::{self, Measured, Work};
use super::server::{Running, Server};

/// Readings of one batch.
const BATCH: usize = 100;
/// Clients that send batches.
const CONNECTIONS: u32 = 8;
/// Readings that are aggregated at once.
const AGGREGATED: u64 = 1_000_000;
/// How many rows the tables have, step by step.
const GROWTH: [u64; 4] = [10_000, 100_000, 1_000_000, 10_000_000];
/// The most where nothing else is said.
const ROWS_MAX: u64 = 1_000_000;
/// Who asks, in turn.
const PEOPLE: usize = 8;
/// Longest that computing all days may take.
const PATIENCE: Duration = Duration::from_secs(1_800);
/// The schedule that aggregates, and when it fires on its own during a measurement.
const AGGREGATE: &str = "health-aggregate-cron-trigger";
const EVERY_FIVE_MINUTES: &str =
    "cron_expression = \"0 */5 * * * *\"\ncomponent = \"health-aggregate\"";
const ONCE_A_YEAR: &str = "cron_expression = \"0 0 0 1 1 *\"\ncomponent = \"health-aggregate\"";

/// What is asked of a growing table, and a name for it.
const QUESTIONS: [(&str, &str); 5] = [
    (
        "readings of a type, newest 50",
        "/api/v1/health/readings?type=heart_rate&limit=50",
    ),
    (
        "figures of 28 days",
        "/api/v1/health/aggregates?type=heart_rate&resolution=1d&{28}",
    ),
    (
        // As many days as are filled.
        "figures of 30 days by month",
        "/api/v1/health/aggregates?type=heart_rate&resolution=1mo&{30}",
    ),
    (
        "figures of a day by five minutes",
        "/api/v1/health/aggregates?type=heart_rate&resolution=5m&{1}",
    ),
    (
        "trend of 28 days",
        "/api/v1/health/trends?type=resting_heart_rate&days=28",
    ),
];

/// Measures and prints tables. First argument may be `ingest`, `aggregate` or `grow`;
/// `--rows N` is how far tables grow.
pub(crate) fn run(root: &Path, arguments: &[String]) -> Result<()> {
    let mut rest: Vec<String> = arguments.to_vec();
    let what = match rest.first().map(String::as_str) {
        Some("ingest" | "aggregate" | "grow") => Some(rest.remove(0)),
        _ => None,
    };
    let mut rows_max = ROWS_MAX;
    if let Some(place) = rest.iter().position(|argument| argument == "--rows") {
        let rows = rest.get(place + 1).and_then(|rows| rows.parse().ok());
        rows_max = rows.context("--rows: how many")?;
        rest.drain(place..place + 2);
    }
    let options = super::options(&rest)?;
    let bench = Bench {
        life: Life {
            root,
            options: &options,
            folder: root.join("target/bench/health"),
        },
        options: &options,
    };
    let is_wanted = |name: &str| what.as_deref().is_none_or(|what| what == name);
    if is_wanted("ingest") {
        bench.ingest()?;
    }
    if is_wanted("aggregate") {
        bench.aggregate()?;
    }
    if is_wanted("grow") {
        bench.grow(rows_max)?;
    }
    Ok(())
}

struct Bench<'a> {
    life: Life<'a>,
    options: &'a Options,
}

/// The application with people who are registered.
struct Application {
    running: Running,
    /// Id and token of each.
    people: Vec<(String, String)>,
    database: PathBuf,
}

impl Bench<'_> {
    fn ingest(&self) -> Result<()> {
        println!(
            "| batches of {BATCH} readings | batches/s | readings/s | CPU µs/batch | of native | p50 | p99 |"
        );
        println!("|---|---:|---:|---:|---:|---:|---:|");
        life::fresh(&self.life.folder)?;
        let folder = self.life.folder.display().to_string();
        let native = Server::native_for(&self.options.native, &["health", "127.0.0.1:0", &folder]);
        let running = native.start()?;
        let token = load::get(&running.address, "/token")?;
        let token = token.lines().last().context("there is no token")?;
        let rows = self.life.folder.join("native-health.db");
        let native = self.taken_in(&running, token.trim(), &rows)?;
        drop(running);
        // Only what the native server does, too: nobody listens to the event.
        let application = self.start(1, |manifest| {
            without_listeners(manifest, "health.reading.recorded")
        })?;
        let (_, token) = application.people.first().context("nobody is registered")?;
        let durable = self.taken_in(&application.running, token, &application.database)?;
        drop(application);
        let application = self.start(1, str::to_owned)?;
        let (_, token) = application.people.first().context("nobody is registered")?;
        let whole = self.taken_in(&application.running, token, &application.database)?;
        for (name, measured) in [
            ("native axum and rusqlite", &native),
            ("suoke up, nobody listens", &durable),
            ("suoke up, with all who listen", &whole),
        ] {
            let Measured {
                per_second,
                cpu_us,
                p50,
                p99,
                ..
            } = measured;
            let (readings, ratio) = (per_second * BATCH as f64, cpu_us / native.cpu_us);
            println!(
                "| {name} | {per_second:.0} | {readings:.0} | {cpu_us:.0} | {ratio:.2} | {p50} | {p99} |"
            );
        }
        println!();
        Ok(())
    }

    /// The best of several rounds of batches, each of which is new and is in the table
    /// of this database afterwards.
    fn taken_in(&self, running: &Running, token: &str, database: &Path) -> Result<Measured> {
        let script = self.life.folder.join("batches.lua");
        fs::write(&script, batches())?;
        let mut work = Work::script(
            "api/v1/health/readings:batch",
            script,
            batch("1950-01-01T00:00"),
            "\"accepted\":100",
        );
        work.header = Some(format!("authorization: Bearer {token}"));
        work.connections = CONNECTIONS;
        let rows = || self.number(database, "SELECT count(*) FROM readings");
        self.life
            .best_where(running, &work, rows, |measured, rows| {
                all_stored(measured.requests, rows)
            })
    }

    fn aggregate(&self) -> Result<()> {
        let application = self.start(1, without_aggregation)?;
        let people = self.fill(&application, 0, AGGREGATED)?;
        let rows = self.number(&application.database, "SELECT count(*) FROM readings")?;
        application.running.forget_peak()?;
        let before_kib = application.running.rss_kib()?;
        let cpu_before = application.running.cpu_seconds()?;
        let seconds = self.aggregated(&application)?;
        let cpu_seconds = application.running.cpu_seconds()? - cpu_before;
        let days = self.number(&application.database, "SELECT count(*) FROM days")?;
        println!("| aggregation on one core | |\n|---|---:|");
        println!("| readings of {people} people | {rows} |");
        println!("| days of metrics | {days} |");
        println!("| seconds | {seconds:.2} |");
        println!("| CPU seconds of the host | {cpu_seconds:.2} |");
        println!(
            "| RSS before, most | {} MB, {} MB |\n",
            before_kib / 1024,
            application.running.peak_kib()? / 1024
        );
        Ok(())
    }

    fn grow(&self, rows_max: u64) -> Result<()> {
        let mut application = self.start(PEOPLE, without_aggregation)?;
        println!("| rows | rows of those who ask | question | p50 | p99 | CPU µs |");
        println!("|---:|---:|---|---:|---:|---:|");
        let mut next = 0;
        for rows in GROWTH.into_iter().filter(|rows| *rows <= rows_max) {
            next = self.fill(&application, next, rows)?;
            let seconds = self.aggregated(&application)?;
            let bytes = fs::metadata(&application.database)?.len();
            // Growing takes longer than a token lasts.
            for (number, (_, token)) in application.people.iter_mut().enumerate() {
                *token = life::log_in(&application.running, &email(number))?;
            }
            eprintln!(
                "{rows} rows: aggregated in {seconds:.1} s, {} MB",
                bytes >> 20
            );
            // A question to no rows says nothing.
            let own = self.rows_of_people(&application)?;
            let asking = application.people.iter().zip(&own);
            let asking = asking.filter(|(_, rows)| **rows > 0);
            let asking: Vec<_> = asking.map(|(person, _)| person.clone()).collect();
            let own = own.iter().filter(|rows| **rows > 0);
            let (least, most) = (own.clone().min(), own.max());
            let (least, most) = least.zip(most).context("nobody has rows")?;
            for (name, path) in QUESTIONS {
                match self.asked(&application, &asking, path) {
                    Ok(Measured {
                        cpu_us, p50, p99, ..
                    }) => {
                        println!(
                            "| {rows} | {least}–{most} | {name} | {p50} | {p99} | {cpu_us:.0} |"
                        );
                    }
                    Err(error) => eprintln!("{name}: {error:#}"),
                }
            }
        }
        println!();
        Ok(())
    }

    /// How many readings each person has.
    fn rows_of_people(&self, application: &Application) -> Result<Vec<u64>> {
        let each = application.people.iter().map(|(user, _)| {
            let sql = format!("SELECT count(*) FROM readings WHERE user_id = '{user}'");
            self.number(&application.database, &sql)
        });
        each.collect()
    }

    /// One question at a time, by these people in turn.
    fn asked(
        &self,
        application: &Application,
        people: &[(String, String)],
        path: &str,
    ) -> Result<Measured> {
        let path = with_days(path);
        let script = self.life.folder.join("questions.lua");
        fs::write(&script, questions(&path, people))?;
        let (_, token) = people.first().context("nobody is registered")?;
        let header = format!("authorization: Bearer {token}");
        let answer = load::ask(&application.running.address, &path, Some(&header), "")?;
        ensure!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        let mut work = Work::script("", script, String::new(), "");
        work.connections = 1;
        load::run(&application.running, &work, self.options.seconds)
    }

    /// Starts the application with so many people, and has it make its tables.
    fn start(&self, people: usize, change: impl Fn(&str) -> String) -> Result<Application> {
        let running = self.life.up(change)?;
        let people: Vec<(String, String)> = (0..people)
            .map(|number| life::register(&running, &email(number)))
            .collect::<Result<_>>()?;
        let (_, token) = people.first().context("nobody is registered")?;
        let header = format!("authorization: Bearer {token}");
        let answer = load::ask(
            &running.address,
            "/api/v1/health/readings",
            Some(&header),
            "",
        )?;
        ensure!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        std::thread::sleep(life::SWEPT_WITHIN);
        Ok(Application {
            running,
            people,
            database: self.life.folder.join(".suoke/health.db"),
        })
    }

    /// Adds people until there are so many rows; the number of the next one.
    fn fill(&self, application: &Application, first: u32, rows: u64) -> Result<u32> {
        let (first, rows) = (first.to_string(), rows.to_string());
        let users = application.people.iter().map(|(user, _)| user.as_str());
        let database = application.database.display().to_string();
        let arguments = ["fill", &database, &first, &rows];
        let text = self.native(arguments.into_iter().chain(users))?;
        let next = text
            .split_whitespace()
            .next()
            .and_then(|next| next.parse().ok());
        next.with_context(|| format!("fill: {text}"))
    }

    fn number(&self, database: &Path, sql: &str) -> Result<u64> {
        let database = database.display().to_string();
        let text = self.native(["number", &database, sql])?;
        text.trim()
            .parse()
            .with_context(|| format!("{sql}: {text}"))
    }

    /// Runs the native program, from the core that the server does not have.
    fn native<'t>(&self, arguments: impl IntoIterator<Item = &'t str>) -> Result<String> {
        let output = Command::new("taskset")
            .args(["-c", "1"])
            .arg(&self.options.native)
            .args(arguments)
            .output()
            .context("cannot start the native program")?;
        let error = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "the native program: {error}");
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Fires the schedule until no day is out of date; how many seconds that took.
    fn aggregated(&self, application: &Application) -> Result<f64> {
        let admin = format!("http://{}", application.running.admin);
        let mut seconds = 0.0;
        while seconds < PATIENCE.as_secs_f64() {
            let started = Instant::now();
            let status = Command::new("taskset")
                .args(["-c", "1"])
                .arg(&self.options.suoke)
                .args(["cron", "run", AGGREGATE, "--admin", &admin])
                .stdout(std::process::Stdio::null())
                .status()
                .context("cannot start suoke")?;
            seconds += started.elapsed().as_secs_f64();
            ensure!(status.success(), "the aggregation failed");
            if self.number(&application.database, "SELECT count(*) FROM dirty_days")? == 0 {
                return Ok(seconds);
            }
        }
        bail!("days are still out of date after {seconds:.0} s")
    }
}

/// Fails where a round of batches is not in the table: repeats cost less than readings.
/// What was on its way before or after a round may be there beside it.
fn all_stored(requests: u32, rows: u64) -> Result<()> {
    let batch = BATCH as u64;
    let least = u64::from(requests) * batch;
    let most = least + 2 * u64::from(CONNECTIONS) * batch;
    ensure!(
        (least..=most).contains(&rows),
        "{requests} batches were answered, and {rows} readings of {least} are there"
    );
    Ok(())
}

fn email(number: usize) -> String {
    format!("{number}.bench@example.com")
}

/// The aggregation runs when it is fired alone.
fn without_aggregation(manifest: &str) -> String {
    manifest.replace(EVERY_FIVE_MINUTES, ONCE_A_YEAR)
}

/// The manifest without the triggers of a channel.
fn without_listeners(manifest: &str, channel: &str) -> String {
    let channel = format!("channel = {channel:?}\n");
    let mut kept = String::new();
    for (at, part) in manifest.split("[[trigger.redis]]\n").enumerate() {
        let is_trigger = at > 0;
        let head = part.split("\n\n").next().unwrap_or(part);
        if is_trigger && format!("{head}\n").contains(&channel) {
            // What follows the trigger stays.
            kept.push_str(part.split_once("\n\n").map_or("", |(_, rest)| rest));
            continue;
        }
        if is_trigger {
            kept.push_str("[[trigger.redis]]\n");
        }
        kept.push_str(part);
    }
    kept
}

/// `{28}` becomes the last 28 days.
fn with_days(path: &str) -> String {
    let Some((before, days)) = path.split_once('{') else {
        return path.to_owned();
    };
    let days: i64 = days.trim_end_matches('}').parse().unwrap_or(1);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let today = now.map_or(0, |now| now.as_secs() / 86_400).cast_signed();
    let text = |day| population::clock::rfc3339(day * population::clock::DAY_MS, 0);
    let (from, to) = (text(today - days), text(today));
    let utc = |text: String| text.replace("+00:00", "Z");
    format!("{before}from={}&to={}", utc(from), utc(to))
}

/// The body of a batch of one minute, such as `2026-01-01T08:00`.
fn batch(minute: &str) -> String {
    let reading = |at: usize| {
        let (second, ms) = (at * 6 / 10, at * 600 % 1_000);
        let at_text = format!("\"effective_at\":\"{minute}:{second:02}.{ms:03}Z\"");
        match at % 4 {
            0 | 1 => format!(
                "{{\"type\":\"heart_rate\",\"value\":{},\"unit\":\"/min\",{at_text},\
                 \"context\":{{\"activity\":\"rest\"}}}}",
                60 + at % 40
            ),
            2 => format!(
                "{{\"type\":\"spo2\",\"value\":{},\"unit\":\"%\",{at_text}}}",
                94 + at % 6
            ),
            _ => format!(
                "{{\"type\":\"blood_pressure\",\"components\":{{\"systolic\":{},\"diastolic\":{}}},\
                 \"unit\":\"mm[Hg]\",{at_text}}}",
                110 + at % 20,
                70 + at % 10
            ),
        }
    };
    let readings: Vec<String> = (0..BATCH).map(reading).collect();
    format!(
        "{{\"device_id\":\"watch\",\"source\":\"apple_health\",\"readings\":[{}]}}",
        readings.join(",")
    )
}

/// The script that sends one batch after the other, each of another minute: rounds
/// begin at minutes that no round before can have reached.
fn batches() -> String {
    const MINUTES_OF_A_SECOND: u32 = 3_000;
    let template = batch("@");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let now = now.map_or(0, |now| now.as_secs());
    format!(
        "wrk.method = \"POST\"\nwrk.headers[\"content-type\"] = \"application/json\"\n\
         local template = [==[{template}]==]\n\
         local minute = (os.time() - {now} + 1) * {MINUTES_OF_A_SECOND}\n\
         function request()\nminute = minute + 1\n\
         local text = os.date(\"!%Y-%m-%dT%H:%M\", minute * 60)\n\
         return wrk.format(nil, nil, nil, (template:gsub(\"@\", text)))\nend\n"
    )
}

/// The script that asks for a path as one person after the other.
fn questions(path: &str, people: &[(String, String)]) -> String {
    let tokens: Vec<String> = people
        .iter()
        .map(|(_, token)| format!("\"{token}\""))
        .collect();
    format!(
        "local tokens, requests, turn = {{{}}}, {{}}, 0\n\
         function init()\nfor at, token in ipairs(tokens) do\n\
         requests[at] = wrk.format(\"GET\", \"{path}\", {{[\"authorization\"] = \"Bearer \" .. token, \
         [\"host\"] = wrk.host}})\nend\nend\n\
         function request()\nturn = turn % #requests + 1\nreturn requests[turn]\nend\n",
        tokens.join(",")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listeners_of_a_channel_are_left_out() {
        let manifest = "# a\n[[trigger.redis]]\nchannel = \"x\"\ncomponent = \"a\"\n\n[component.a]\n\
                        [[trigger.redis]]\nchannel = \"y\"\ncomponent = \"a\"\n\n[component.b]\n";
        let left = without_listeners(manifest, "x");
        assert!(!left.contains("\"x\"") && left.contains("\"y\""), "{left}");
        assert!(left.contains("[component.a]") && left.contains("[component.b]"));
    }

    #[test]
    fn the_schedule_is_found_in_the_manifest() {
        let root = crate::tree::root().unwrap();
        let manifest = fs::read_to_string(root.join("spin.toml")).unwrap();
        assert!(without_aggregation(&manifest).contains(ONCE_A_YEAR));
        let left = without_listeners(&manifest, "health.reading.recorded");
        assert!(left.parse::<toml::Table>().is_ok());
        assert!(!left.contains("channel = \"health.reading.recorded\""));
    }

    #[test]
    fn rounds_count_where_their_readings_are_there() {
        assert!(all_stored(10, 1_000).is_ok());
        assert!(all_stored(10, 1_000 + 2 * 100 * u64::from(CONNECTIONS)).is_ok());
        for rows in [0, 999, 1_001 + 2 * 100 * u64::from(CONNECTIONS)] {
            assert!(all_stored(10, rows).is_err(), "{rows}");
        }
    }

    #[test]
    fn the_questions_are_about_days_that_are_filled() {
        for (name, path) in QUESTIONS {
            let asked = path
                .split_once('{')
                .and_then(|(_, days)| days.strip_suffix('}'));
            let days: u32 = asked.map_or(0, |days| days.parse().unwrap());
            // `DAYS` of the native program's filling.
            assert!(days <= 30, "{name}");
        }
    }

    #[test]
    fn a_batch_has_a_hundred_readings_of_one_minute() {
        let text = batch("2026-01-01T08:00");
        assert_eq!(
            text.matches("\"effective_at\":\"2026-01-01T08:00:").count(),
            BATCH
        );
        assert!(text.contains(":59.400Z"));
    }
}
