//! Schedules as operators see them, over restarts, and on several hosts.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops where it fails"
)]

use std::time::{Duration, SystemTime};

use serde_json::Value;
use system_tests::{Application, Failed, Host, Redis, eventually, probe, wasm, whole};

const STORE: &str = "key_value_stores = [\"default\"]";
/// The probe of an application whose schedule is called `ticks`.
const READER: &str = "reader";

/// A schedule that counts its ticks in a store, and a probe that reads it.
fn counted(expression: &str, policy: &str) -> Application {
    let schedule = scheduled(expression, policy, STORE);
    Application::new(&format!("{schedule}{}", probe(READER, STORE)))
}

fn scheduled(expression: &str, policy: &str, more: &str) -> String {
    let source = wasm("guest-ticks");
    format!(
        "[[trigger.cron]]\nid = \"ticks\"\ncron_expression = \"{expression}\"\n\
         component = \"counter\"\n[application.tool.suoke.cron.ticks]\n{policy}\n\
         [component.counter]\nsource = {source:?}\n{more}\n"
    )
}

/// How many ticks the function has counted.
async fn ticks(host: &Host) -> u64 {
    let request = host.request("GET", "/reader/probe/stored");
    let request = request.header("x-key", "ticks").body(whole("")).unwrap();
    let stored = host.send(request).await.expect(200).json();
    stored.as_str().map_or(0, |ticks| ticks.parse().unwrap())
}

async fn event(host: &Host, event: &str) -> f64 {
    let series = format!("host_events_total{{source=\"cron ticks\",event=\"{event}\"}}");
    host.metric(&series).await
}

async fn cron(host: &Host, arguments: &[&str]) -> Failed {
    let (first, rest) = arguments.split_first().unwrap();
    let mut all = vec!["cron", first, "--admin", host.admin()];
    all.extend(rest);
    Host::command(&all).await
}

/// What `suoke cron list` knows of the only schedule.
async fn listed(host: &Host) -> Value {
    let list = cron(host, &["list", "--format", "json"]).await;
    assert_eq!(list.code, 0, "{}", list.stderr);
    let list: Value = serde_json::from_str(&list.stdout).unwrap();
    list["triggers"][0].clone()
}

/// Waits until the clock of the machine has gone on.
async fn pass(seconds: u64) {
    let end = SystemTime::now() + Duration::from_secs(seconds);
    eventually("time passes", async || {
        (SystemTime::now() >= end).then_some(())
    })
    .await;
}

#[tokio::test]
async fn schedules_are_listed_with_their_zone_and_next_firings() {
    let policy = "time_zone = \"Asia/Shanghai\"\nmissed = \"run_once\"";
    let host = Host::start(&counted("0 30 2 * * *", policy), &[]).await;
    let list = cron(&host, &["list"]).await;
    assert_eq!(list.code, 0, "{}", list.stderr);
    let lines: Vec<&str> = list.stdout.lines().collect();
    assert!(
        lines[0].starts_with("TRIGGER  COMPONENT  SCHEDULE"),
        "{}",
        list.stdout
    );
    assert!(
        lines[1].starts_with("ticks    counter    0 30 2 * * *"),
        "{}",
        list.stdout
    );
    assert!(lines[1].contains("Asia/Shanghai  –"), "{}", list.stdout);
    assert_eq!(
        list.stdout.matches("T02:30:00+08:00").count(),
        5,
        "{}",
        list.stdout
    );
    let schedule = listed(&host).await;
    assert_eq!(schedule["missed"], "run_once");
    assert_eq!(schedule["overlap"], "skip");
    assert_eq!(schedule["last"], Value::Null);
    assert!(
        host.stdout()
            .contains("counter: 0 30 2 * * * (Asia/Shanghai)")
    );
}

#[tokio::test]
async fn a_firing_is_listed_with_its_result() {
    let host = Host::start(&counted("* * * * * *", ""), &[]).await;
    let last = eventually("a firing has ended", async || {
        let last = listed(&host).await["last"].clone();
        (last["result"] == "ok").then_some(last)
    })
    .await;
    assert!(
        last["instant"].as_str().unwrap().ends_with("+00:00"),
        "{last}"
    );
    assert!(last["duration_ms"].is_u64(), "{last}");
}

#[tokio::test]
async fn an_operator_runs_a_schedule_now_or_for_an_instant() {
    let policy = "time_zone = \"Asia/Shanghai\"";
    let host = Host::start(&counted("@yearly", policy), &[]).await;
    let run = cron(&host, &["run", "ticks"]).await;
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(
        run.stdout.starts_with("ticks for 20") && run.stdout.contains(": ok, "),
        "{}",
        run.stdout
    );
    assert_eq!(ticks(&host).await, 1);
    let run = cron(&host, &["run", "ticks", "--at", "2026-01-31T02:00:00Z"]).await;
    assert!(
        run.stdout
            .starts_with("ticks for 2026-01-31T10:00:00+08:00: ok, "),
        "{}",
        run.stdout
    );
    assert_eq!(ticks(&host).await, 2);
    // It is beside the schedule.
    assert_eq!(listed(&host).await["last"], Value::Null);
}

#[tokio::test]
async fn what_cannot_be_run_is_said_with_its_exit_code() {
    // Without its store, the function fails.
    let manifest = scheduled("@yearly", "", "");
    let host = Host::start(&Application::new(&manifest), &[]).await;
    let run = cron(&host, &["run", "ticks"]).await;
    assert_eq!(run.code, 1, "{}", run.stdout);
    assert!(run.stderr.contains(": guest, "), "{}", run.stderr);
    for (arguments, code, words) in [
        (
            &["run", "tocks"][..],
            64,
            "there is no cron trigger \"tocks\"; there are: ticks",
        ),
        (&["run", "ticks", "--at", "noon"], 64, "no instant"),
        (&["run"], 64, "<NAME>"),
    ] {
        let run = cron(&host, arguments).await;
        assert_eq!(run.code, code, "{arguments:?}: {}", run.stderr);
        assert!(run.stderr.contains(words), "{arguments:?}: {}", run.stderr);
    }
    for (admin, code, words) in [
        ("localhost:3001", 64, "http://HOST:PORT"),
        ("http://127.0.0.1:1", 1, "suoke up"),
    ] {
        let list = Host::command(&["cron", "list", "--admin", admin]).await;
        assert_eq!(list.code, code, "{admin}: {}", list.stderr);
        assert!(list.stderr.contains(words), "{admin}: {}", list.stderr);
    }
}

#[tokio::test]
async fn web_pages_cannot_run_a_schedule() {
    let host = Host::start(&counted("@yearly", ""), &[]).await;
    let uri = format!("{}/cron/ticks/run", host.admin());
    let post = http::Request::post(&uri).header("origin", "https://example.com");
    let client = system_tests::Client::new();
    client.send(post.body(whole("")).unwrap()).await.expect(403);
    let get = host.ask_admin("/cron/ticks/run").await.expect(405);
    assert_eq!(get.header("allow"), "POST");
    assert_eq!(ticks(&host).await, 0);
}

#[tokio::test]
async fn ticks_of_a_downtime_are_seen_after_the_restart() {
    let application = counted("* * * * * *", "");
    let state = application.path("state");
    let arguments = ["--state-dir", state.to_str().unwrap()];
    let host = Host::start(&application, &arguments).await;
    eventually("it ticked", async || (ticks(&host).await > 0).then_some(())).await;
    assert!(host.stop().await.status.success());
    pass(4).await;
    let host = Host::start(&application, &arguments).await;
    eventually("ticks are missed", async || {
        (event(&host, "missed").await >= 2.0).then_some(())
    })
    .await;
}

fn instants(redis: &Redis) -> Vec<i64> {
    let client = redis::Client::open(redis.url()).unwrap();
    let mut range = redis::cmd("ZRANGE");
    range
        .arg("suoke:cron:{tested/ticks}:instants")
        .arg(0)
        .arg(-1);
    range.query(&mut client.get_connection().unwrap()).unwrap()
}

/// An application whose hosts share a server for their leases.
fn leased(redis: &Redis, policy: &str) -> Application {
    let config = format!("[cron]\nlease = \"{}\"\n", redis.url());
    counted("* * * * * *", policy).with("runtime-config.toml", config)
}

/// The ticks counted in a state folder, read by a host without schedules.
async fn counted_in(state: &str) -> u64 {
    let application = Application::new(&probe(READER, STORE));
    let host = Host::start(&application, &["--state-dir", state]).await;
    ticks(&host).await
}

#[tokio::test]
async fn two_hosts_on_one_redis_fire_each_instant_once() {
    let redis = Redis::start().await;
    // A machine that is slow for a moment must not make them skip one.
    let application = leased(&redis, "overlap = \"allow\"\noverlap_max = 1000");
    let folders = ["a", "b"].map(|name| application.path(name));
    let [a, b] = folders.each_ref().map(|path| path.to_str().unwrap());
    let first = Host::start(&application, &["--state-dir", a]).await;
    let second = Host::start(&application, &["--state-dir", b]).await;
    eventually("both have met", async || {
        let met = |elsewhere: f64| elsewhere >= 1.0;
        let both = met(event(&first, "elsewhere").await) || met(event(&second, "elsewhere").await);
        (both && instants(&redis).len() >= 8).then_some(())
    })
    .await;
    for host in [first, second] {
        assert!(host.stop().await.status.success());
    }
    let fired = counted_in(a).await + counted_in(b).await;
    assert_eq!(fired, instants(&redis).len() as u64);
}

#[tokio::test]
async fn all_ticks_of_a_downtime_are_made_up_for() {
    let redis = Redis::start().await;
    let application = leased(&redis, "overlap = \"queue\"\nmissed = \"run_all\"");
    let state = application.path("state");
    let arguments = ["--state-dir", state.to_str().unwrap()];
    let host = Host::start(&application, &arguments).await;
    eventually("it ticked", async || {
        (!instants(&redis).is_empty()).then_some(())
    })
    .await;
    assert!(host.stop().await.status.success());
    let before = instants(&redis).len();
    pass(4).await;
    let host = Host::start(&application, &arguments).await;
    eventually("it ticked again", async || {
        (instants(&redis).len() >= before + 5).then_some(())
    })
    .await;
    assert!(host.stop().await.status.success());
    let instants = instants(&redis);
    let gaps = instants.windows(2).filter(|two| two[1] - two[0] != 1000);
    assert_eq!(gaps.count(), 0, "{instants:?}");
    assert_eq!(counted_in(arguments[1]).await, instants.len() as u64);
}

#[tokio::test]
async fn nothing_fires_while_the_server_for_leases_is_away() {
    let mut redis = Redis::stopped();
    let host = Host::start(&leased(&redis, ""), &[]).await;
    host.logged("the log of firings does not answer").await;
    let list = cron(&host, &["list"]).await;
    assert_eq!(list.code, 1, "{}", list.stdout);
    assert!(
        list.stderr.contains("the Redis server at 127.0.0.1"),
        "{}",
        list.stderr
    );
    assert_eq!(ticks(&host).await, 0);
    assert!(redis.restart().await, "its port was taken");
    eventually("it ticks", async || (ticks(&host).await > 0).then_some(())).await;
    redis.kill();
    eventually("it is counted", async || {
        (event(&host, "unclaimed").await > 0.0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn the_embedded_redis_cannot_hold_leases() {
    let address = "redis://127.0.0.1:6399";
    let manifest = format!(
        "[application.tool.suoke]\nembedded_redis = \"{address}\"\n{}",
        probe(READER, "")
    );
    let config = format!("[cron]\nlease = \"{address}\"\n");
    let application = Application::new(&manifest).with("runtime-config.toml", config);
    let failed = Host::fails(&application, &[]).await;
    failed.says(&["[cron] lease", "inside this process"]);
}
