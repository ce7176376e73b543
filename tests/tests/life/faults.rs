//! Nothing that was accepted is lost or done twice, whatever is killed.
//!
//! `SUOKE_FAULT_SEED=N` repeats a run's choices; the seed is printed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use futures::future::join_all;
use rusqlite::{Connection, OpenFlags};

use super::*;

/// Consultations that must have been accepted.
const ACCEPTED_MIN: usize = 200;
/// Times that the host is killed.
const KILLS_MIN: usize = 25;
/// Consultations opened while one host lives.
const AT_ONCE: usize = 10;
/// Of a hundred consultations, so many are cancelled.
const CANCELLED_OF_100: u8 = 20;
/// Of a hundred lives of the host, in so many Redis is restarted, too.
const REDIS_OF_100: u8 = 30;
/// How long the events of a crash may take to be brought again.
const PATIENCE: Duration = Duration::from_secs(400);

/// What each label has in its database.
const LABELS: [&str; 5] = ["ai", "care", "health", "identity", "platform"];

/// What a participant leaves behind for each consultation that is completed.
const EFFECTS: [(&str, &str); 3] = [
    ("care", "SELECT consultation_id FROM reports"),
    (
        "care",
        "SELECT consultation_id FROM notifications WHERE cancelled_at IS NULL",
    ),
    ("health", "SELECT consultation_id FROM health_records"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_accepted_consultation_ends_once_though_everything_is_killed() {
    let seed = std::env::var("SUOKE_FAULT_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or_else(|| fastrand::u64(..));
    println!("SUOKE_FAULT_SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);

    let mut life = Life::with_redis().await;
    let token = life.register("fang@example.com").await;
    let (mut accepted, mut kills) = (BTreeSet::new(), 0);
    while accepted.len() < ACCEPTED_MIN || kills < KILLS_MIN {
        let cancelled: Vec<bool> = (0..AT_ONCE)
            .map(|_| random.u8(..100) < CANCELLED_OF_100)
            .collect();
        let pause = Duration::from_millis(random.u64(100..1500));
        let redis_too = random.u8(..100) < REDIS_OF_100;
        let opened = {
            let (life, token) = (&life, &token);
            let open = join_all(cancelled.iter().map(|cancel| open(life, token, *cancel)));
            let strike = async {
                tokio::time::sleep(pause).await;
                life.host.kill();
            };
            tokio::join!(open, strike).0
        };
        accepted.extend(opened.into_iter().flatten());
        kills += 1;
        if redis_too {
            life.restart_redis().await;
        }
        life.restart().await;
    }
    println!("accepted {}, killed {kills} times", accepted.len());

    settled(&life).await;
    check_sagas(&life, &accepted);
    check_events(&life);
    check_effects(&life);
}

/// Opens a consultation and may cancel it; its id when it was accepted.
async fn open(life: &Life, token: &str, cancel: bool) -> Option<String> {
    let complaint = json!({ "chief_complaint": "最近两周总是失眠，口干，不发烧" });
    let answer = life
        .try_send("POST", "/consultation", token, &complaint)
        .await?;
    if answer.status != 201 {
        return None;
    }
    let id = answer.json()["consultation_id"].as_str()?.to_owned();
    if cancel {
        let path = format!("/api/v1/consultations/{id}");
        // It may be over already, or the host gone.
        drop(life.try_send("DELETE", &path, token, &Value::Null).await);
    }
    Some(id)
}

/// Waits until every saga has ended and every event is done or dead.
async fn settled(life: &Life) {
    let started = std::time::Instant::now();
    loop {
        let sagas = sagas(life);
        let left = sagas.values().filter(|status| !has_ended(status)).count();
        let open: i64 = LABELS
            .iter()
            .map(|label| {
                let sql =
                    "SELECT count(*) FROM event_outbox WHERE done_at IS NULL AND dead_at IS NULL";
                database(life, label)
                    .query_row(sql, [], |row| row.get::<_, i64>(0))
                    .unwrap()
            })
            .sum();
        if left == 0 && open == 0 {
            return;
        }
        assert!(
            started.elapsed() < PATIENCE,
            "{left} sagas have not ended, {open} events are not done: {sagas:?}"
        );
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

fn has_ended(status: &str) -> bool {
    matches!(status, "completed" | "compensated")
}

/// One saga for each consultation, those of lost answers included, and none more.
fn check_sagas(life: &Life, accepted: &BTreeSet<String>) {
    let sagas = sagas(life);
    let consultations = column(life, "care", "SELECT id FROM consultations");
    let known: BTreeSet<String> = consultations.iter().cloned().collect();
    assert!(
        accepted.is_subset(&known),
        "an accepted consultation is gone"
    );
    let expected: BTreeSet<String> = known
        .iter()
        .map(|id| format!("consultation_{id}"))
        .collect();
    let found: BTreeSet<String> = sagas.keys().cloned().collect();
    assert_eq!(found, expected);
    let count = |wanted: &str| sagas.values().filter(|status| *status == wanted).count();
    let (completed, compensated) = (count("completed"), count("compensated"));
    assert_eq!(completed + compensated, sagas.len());
    println!("{completed} completed, {compensated} compensated");
    assert!(completed > 0 && compensated > 0);
}

/// Every event is done, and each of its subscribers has acknowledged it.
fn check_events(life: &Life) {
    let manifest = std::fs::read_to_string(life.application.folder().join("spin.toml")).unwrap();
    let subscribers = subscribers(&manifest);
    let mut taken: BTreeSet<(String, String)> = BTreeSet::new();
    for label in LABELS {
        let database = database(life, label);
        let dead: i64 = database
            .query_row(
                "SELECT count(*) FROM event_failures WHERE dead_at IS NOT NULL",
                [],
                |row| row.get(0),
            )
            .unwrap();
        assert_eq!(dead, 0, "{label} has dead letters");
        let mut inbox = database
            .prepare("SELECT consumer, event_id FROM event_inbox")
            .unwrap();
        let rows = inbox
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap();
        for row in rows {
            let row = row.unwrap();
            assert!(!taken.contains(&row), "{row:?} is in two inboxes");
            taken.insert(row);
        }
    }
    let (mut events, mut deliveries) = (0, 0);
    for label in LABELS {
        let database = database(life, label);
        let mut outbox = database
            .prepare("SELECT id, type, aggregate, sequence FROM event_outbox ORDER BY aggregate, sequence")
            .unwrap();
        let rows = outbox
            .query_map([], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
            })
            .unwrap();
        let mut last: (String, i64) = (String::new(), 0);
        for row in rows {
            let (id, kind, aggregate, sequence): (String, String, String, i64) = row.unwrap();
            let expected = if aggregate == last.0 { last.1 + 1 } else { 1 };
            assert_eq!(
                sequence, expected,
                "{label}: the sequence of {aggregate} has a gap"
            );
            last = (aggregate, sequence);
            events += 1;
            for consumer in subscribers.get(&kind).into_iter().flatten() {
                let delivery = (consumer.clone(), id.clone());
                assert!(
                    taken.remove(&delivery),
                    "{kind} {id} was not taken by {consumer}"
                );
                deliveries += 1;
            }
        }
    }
    assert!(
        taken.is_empty(),
        "taken, but by no subscriber of an event that was stored: {taken:?}"
    );
    println!("{events} events, {deliveries} deliveries, each with one effect");
}

/// Completed consultations have every effect once, the others have none.
fn check_effects(life: &Life) {
    let completed: BTreeSet<String> = sagas(life)
        .into_iter()
        .filter(|(_, status)| status == "completed")
        .map(|(saga, _)| saga.trim_start_matches("consultation_").to_owned())
        .collect();
    for (label, sql) in EFFECTS {
        let mut found = column(life, label, sql);
        found.sort_unstable();
        let mut expected: Vec<String> = completed.iter().cloned().collect();
        expected.sort_unstable();
        assert_eq!(found, expected, "{sql}");
    }
}

fn sagas(life: &Life) -> BTreeMap<String, String> {
    let database = database(life, "platform");
    let mut statement = database
        .prepare("SELECT id, status FROM sagas WHERE saga = 'health_consultation'")
        .unwrap();
    let rows = statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap();
    rows.map(Result::unwrap).collect()
}

fn column(life: &Life, label: &str, sql: &str) -> Vec<String> {
    let database = database(life, label);
    let mut statement = database.prepare(sql).unwrap();
    let rows = statement.query_map([], |row| row.get(0)).unwrap();
    rows.map(Result::unwrap).collect()
}

fn database(life: &Life, label: &str) -> Connection {
    let path: PathBuf = life.application.folder().join(format!(".suoke/{label}.db"));
    let database = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    database.busy_timeout(Duration::from_secs(10)).unwrap();
    database
}

/// The components that listen to each channel.
fn subscribers(manifest: &str) -> BTreeMap<String, Vec<String>> {
    let manifest: toml::Table = manifest.parse().unwrap();
    let mut subscribers: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for trigger in manifest["trigger"]["redis"].as_array().unwrap() {
        let text = |key: &str| trigger[key].as_str().unwrap().to_owned();
        subscribers
            .entry(text("channel"))
            .or_default()
            .push(text("component"));
    }
    subscribers
}
