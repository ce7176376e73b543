//! Readings that were acknowledged are stored, whole batches at a time, whatever
//! happens to the disk, to the lock of the database and to the host.
//!
//! `SUOKE_FAULT_SEED=N` repeats a run's choices; the seed is printed.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::process::{Command, ExitStatus};
use std::time::Duration;

use futures::future::join_all;
use population::Shares;
use rusqlite::Connection;

use super::health::members::{BATCHES, Member, a_few, aggregated};
use super::health::{plan, random};
use super::*;

/// Times that the host is killed.
const KILLS: usize = 8;
/// Batches on their way while one host lives.
const AT_ONCE: usize = 12;
/// No file may be written behind this place while the disk is full.
const FULL_DISK_BYTES: u32 = 4_096;
/// A disk with room for a little more than everybody's empty databases.
const SMALL_DISK_BYTES: u64 = 96 << 20;

/// What is killed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Victim {
    Host,
    /// The server that holds the databases.
    Postgres,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_acknowledged_reading_is_lost_and_no_batch_is_halved_though_the_host_is_killed() {
    no_reading_is_lost(Life::embedded().await, Victim::Host).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_acknowledged_reading_is_lost_on_postgresql_though_the_host_is_killed() {
    no_reading_is_lost(Life::with_postgres().await, Victim::Host).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_acknowledged_reading_is_lost_though_the_server_of_the_databases_crashes() {
    no_reading_is_lost(Life::with_postgres().await, Victim::Postgres).await;
}

async fn no_reading_is_lost(mut life: Life, victim: Victim) {
    let mut random = random();
    let mut plan = plan(5);
    // Whether such a value is believed hangs on what arrives with it.
    plan.shares.artefacts = 0;
    let mut members = Vec::new();
    for person in a_few(&plan).into_iter().take(4) {
        members.push(Member::join(&life, &plan, person).await);
    }
    let mut waiting: Vec<(usize, usize)> = Vec::new();
    for (member, one) in members.iter().enumerate() {
        waiting.extend((0..one.batches.len()).map(|batch| (member, batch)));
    }
    random.shuffle(&mut waiting);
    let mut acknowledged: BTreeSet<String> = BTreeSet::new();
    let mut kills = 0;
    while !waiting.is_empty() {
        let sent: Vec<_> = waiting.drain(..waiting.len().min(AT_ONCE)).collect();
        let is_struck = kills < KILLS && random.bool();
        let pause = Duration::from_millis(random.u64(5..300));
        let mut postgres = life.postgres.take();
        let answers = {
            let (life, members) = (&life, &members);
            let send = |(member, batch): &(usize, usize)| {
                let one = &members[*member];
                send(life, &one.token, one.batches[*batch].to_json())
            };
            let sending = join_all(sent.iter().map(send));
            let strike = async {
                if !is_struck {
                    return;
                }
                tokio::time::sleep(pause).await;
                match (victim, &mut postgres) {
                    (Victim::Postgres, Some(postgres)) => postgres.kill(),
                    _ => life.host.kill(),
                }
            };
            tokio::join!(sending, strike).0
        };
        for (sent, answer) in sent.into_iter().zip(answers) {
            match answer {
                Some(ids) => acknowledged.extend(ids),
                // The client sends it again, later.
                None => waiting.push(sent),
            }
        }
        if is_struck && victim == Victim::Postgres {
            let server = postgres.as_mut().unwrap();
            assert!(server.restart().await, "its port was taken");
        }
        life.postgres = postgres;
        if is_struck {
            kills += 1;
            if victim == Victim::Host {
                life.restart().await;
            }
            check_whole(&life, &acknowledged).await;
        }
    }
    println!("{} acknowledged, killed {kills} times", acknowledged.len());

    check_whole(&life, &acknowledged).await;
    aggregated(&life).await;
    for member in &members {
        member.check_stored(&life).await;
        member
            .check_figures(&life, "1d", |at_ms| member.midnight(at_ms))
            .await;
    }
    assert_eq!(life.outside_of_months().await, 0);
}

/// Sends a batch; the ids of what is stored now, when it was acknowledged.
async fn send(life: &Life, token: &str, body: String) -> Option<Vec<String>> {
    let request = life
        .host
        .request("POST", BATCHES)
        .header("content-type", "application/json")
        .header("authorization", format!("Bearer {token}"));
    let request = request.body(whole(body)).unwrap();
    let answer = life.host.client().try_send(request).await.ok()?;
    if answer.status != 200 {
        return None;
    }
    let outcome = answer.json();
    let results = outcome["results"].as_array()?.iter();
    let ids = results.filter_map(|result| Some(result["id"].as_str()?.to_owned()));
    Some(ids.collect())
}

/// Every acknowledged reading is stored; and of each person as many readings are as
/// the events tell, so that no batch was stored without its event or by halves.
async fn check_whole(life: &Life, acknowledged: &BTreeSet<String>) {
    // One statement sees one moment: a server may still finish what a dead host began.
    let both = "SELECT id, NULL FROM readings UNION ALL \
                SELECT NULL, payload FROM event_outbox WHERE type = 'health.reading.recorded'";
    let rows = life.rows("health", both).await;
    let stored: BTreeSet<&String> = rows.iter().filter_map(|row| row[0].as_ref()).collect();
    let lost: Vec<_> = acknowledged
        .iter()
        .filter(|id| !stored.contains(id))
        .collect();
    assert!(lost.is_empty(), "acknowledged, but not stored: {lost:?}");
    let events = rows.iter().filter_map(|row| row[1].as_ref());
    let told = events.map(|payload| {
        let event: Value = serde_json::from_str(payload).unwrap();
        event["data"]["count"].as_u64().unwrap()
    });
    let readings = rows.iter().filter(|row| row[0].is_some()).count();
    assert_eq!(
        told.sum::<u64>(),
        u64::try_from(readings).unwrap(),
        "events and rows differ"
    );
}

#[tokio::test]
async fn while_another_process_holds_the_database_nothing_is_acknowledged_or_halved() {
    let life = Life::embedded().await;
    let (member, bodies) = somebody(&life).await;
    let [first, second] = bodies;
    assert!(send(&life, &member.token, first).await.is_some());
    let before = life.number("health", "SELECT count(*) FROM readings").await;

    // This test is the other process.
    let mut other = Connection::open(life.database_path("health")).unwrap();
    let held = other.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate);
    let held = held.unwrap();
    let answer = life
        .post_bytes(BATCHES, Some(&member.token), second.clone())
        .await;
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert_eq!(answer.header("retry-after"), "1");
    assert_eq!(answer.header("content-type"), "application/problem+json");
    // Whoever only reads is not kept waiting.
    let seen = member.stored(&life).await;
    assert_eq!(i64::try_from(seen.len()).unwrap(), before);
    held.rollback().unwrap();

    assert!(send(&life, &member.token, second).await.is_some());
    member.check_stored(&life).await;
    check_whole(&life, &BTreeSet::new()).await;
    aggregated(&life).await;
    member
        .check_figures(&life, "1d", |at_ms| member.midnight(at_ms))
        .await;
}

#[tokio::test]
async fn when_files_may_not_grow_nothing_is_acknowledged_or_halved_and_it_goes_on_afterwards() {
    // The signal that goes with it would end the host.
    let launcher = ["sh", "-c", "trap '' XFSZ; exec \"$0\" \"$@\""];
    let life = Life::launched_by(&launcher).await;
    let limit = |bytes: &str| file_bytes_max(&life.host, bytes);
    nothing_is_lost_while_the_disk_is_full(
        &life,
        || limit(&FULL_DISK_BYTES.to_string()),
        || limit("unlimited"),
    )
    .await;
}

#[test]
fn on_a_full_disk_nothing_is_acknowledged_or_halved_and_it_goes_on_afterwards() {
    if !own_mounts(&["true"]).is_ok_and(|status| status.success()) {
        println!("nobody may mount a disk here; files that may not grow stand for a full one");
        return;
    }
    let disk = tempfile::tempdir().unwrap();
    let mount = format!(
        "mount -t tmpfs -o size={SMALL_DISK_BYTES} none \"$0\" && TMPDIR=\"$0\" exec \"$@\""
    );
    let (disk, this) = (disk.path(), std::env::current_exe().unwrap());
    let (disk, this) = (disk.display().to_string(), this.display().to_string());
    let test = "health_faults::with_all_files_on_a_small_disk";
    let words = [
        "sh",
        "-c",
        &mount,
        &disk,
        &this,
        "--ignored",
        "--exact",
        test,
        "--nocapture",
    ];
    assert!(own_mounts(&words).unwrap().success());
}

#[tokio::test]
#[ignore = "another test starts it, where temporary files are on a small disk"]
async fn with_all_files_on_a_small_disk() {
    let life = Life::embedded().await;
    let filler = life.application.path("filler");
    let fill = || {
        let mut file = File::create(&filler).unwrap();
        let zeros = [0; 4_096];
        let full = std::iter::repeat_with(|| file.write_all(&zeros)).find_map(Result::err);
        assert_eq!(full.unwrap().kind(), ErrorKind::StorageFull);
    };
    let make_room = || fs::remove_file(&filler).unwrap();
    nothing_is_lost_while_the_disk_is_full(&life, fill, make_room).await;
}

/// Runs a program that may mount, for nobody but itself to see.
fn own_mounts(words: &[&str]) -> std::io::Result<ExitStatus> {
    let mut unshare = Command::new("unshare");
    unshare.args(["--user", "--map-root-user", "--mount"]);
    unshare.args(words).status()
}

async fn nothing_is_lost_while_the_disk_is_full(
    life: &Life,
    fill: impl FnOnce(),
    make_room: impl FnOnce(),
) {
    let (member, bodies) = somebody(life).await;
    let [first, second] = bodies;
    assert!(send(life, &member.token, first).await.is_some());
    let before = life.number("health", "SELECT count(*) FROM readings").await;

    fill();
    for _ in 0..3 {
        let answer = life
            .post_bytes(BATCHES, Some(&member.token), second.clone())
            .await;
        assert!(answer.status.is_server_error(), "{}", answer.text());
        assert_eq!(answer.header("content-type"), "application/problem+json");
    }
    make_room();

    assert_eq!(
        life.number("health", "SELECT count(*) FROM readings").await,
        before
    );
    check_whole(life, &BTreeSet::new()).await;
    assert!(send(life, &member.token, second).await.is_some());
    member.check_stored(life).await;
    aggregated(life).await;
    member
        .check_figures(life, "1d", |at_ms| member.midnight(at_ms))
        .await;
}

/// Somebody without faults who sends two batches.
async fn somebody(life: &Life) -> (Member, [String; 2]) {
    let plan = population::Plan {
        batch_readings: 1_000,
        shares: Shares::NONE,
        ..plan(3)
    };
    let is_one_device = |person: &population::Person| {
        person.wearable.is_some() && !person.has_strap && !person.has_cuff && !person.diabetic
    };
    let person = plan.people().find(is_one_device).unwrap();
    let mut member = Member::join(life, &plan, person).await;
    // Those of the watch: the person's own clinic and phone stay out of it.
    member
        .batches
        .retain(|batch| batch.device == population::Device::Watch);
    member.batches.truncate(2);
    let mut ledger = population::Ledger::default();
    for batch in &member.batches {
        ledger.take(batch);
    }
    member.kept = ledger.kept().to_vec();
    let bodies = [&member.batches[0], &member.batches[1]].map(population::Batch::to_json);
    (member, bodies)
}

/// Lets the host write files up to this size alone.
fn file_bytes_max(host: &Host, bytes: &str) {
    let (pid, limit) = (host.pid().to_string(), format!("--fsize={bytes}:unlimited"));
    let status = Command::new("prlimit")
        .args(["--pid", &pid, &limit])
        .status();
    assert!(status.unwrap().success());
}
