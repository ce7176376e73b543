//! What is left of a server when its process ends, well or not.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of a test may stop it"
)]

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use host_embedded_redis::{EmbeddedRedis, RedisLimits, Reply};
use proptest::prelude::*;

/// Names the file to the process that a test starts to kill it.
const VICTIM_FILE: &str = "EMBEDDED_REDIS_VICTIM_FILE";
/// Acknowledged writes after which it is killed.
const WRITES_BEFORE_THE_END: u32 = 200;

fn open(path: &Path) -> EmbeddedRedis {
    EmbeddedRedis::open(RedisLimits::default(), path).unwrap()
}

fn words(line: &str) -> (String, Vec<Vec<u8>>) {
    let mut words = line.split(' ');
    let name = words.next().unwrap().to_owned();
    (name, words.map(|word| word.as_bytes().to_vec()).collect())
}

async fn call(redis: &EmbeddedRedis, line: &str) -> Reply {
    let (name, args) = words(line);
    redis.call(&name, &args).await
}

fn run(redis: &EmbeddedRedis, line: &str) -> Reply {
    let (name, args) = words(line);
    redis.command(&name, &args)
}

fn bulk(text: &str) -> Reply {
    Reply::Bulk(text.as_bytes().to_vec())
}

/// All keys with what they hold, in order.
fn content(redis: &EmbeddedRedis) -> Vec<String> {
    let Reply::Array(keys) = run(redis, "KEYS *") else {
        panic!("KEYS gives an array");
    };
    let mut lines = Vec::new();
    for key in keys {
        let Reply::Bulk(key) = key else {
            panic!("keys are bytes");
        };
        let key = String::from_utf8(key).unwrap();
        let read = match run(redis, &format!("TYPE {key}")) {
            Reply::Status(kind) if kind == "string" => format!("GET {key}"),
            Reply::Status(kind) if kind == "set" => format!("SMEMBERS {key}"),
            Reply::Status(kind) if kind == "hash" => format!("HGETALL {key}"),
            _ => format!("LRANGE {key} 0 -1"),
        };
        let value = run(redis, &read);
        let expiry = run(redis, &format!("PEXPIRETIME {key}"));
        lines.push(format!("{key} {value:?} {expiry:?}"));
    }
    lines
}

#[tokio::test]
async fn every_kind_of_value_outlives_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state/redis.db");
    let redis = open(&path);
    for line in [
        "SET text wörter",
        "SET empty ",
        "SET ends soon PX 1",
        "SET lasts long PX 100000000",
        "SADD set a b c",
        "SREM set b",
        "HSET hash f 1 g 2",
        "HINCRBY hash f 41",
        "RPUSH list 1 2 3",
        "LPOP list",
        "INCRBY counter 7",
        "SET gone x",
        "DEL gone",
    ] {
        let reply = call(&redis, line).await;
        assert!(!matches!(reply, Reply::Error(_)), "{line}: {reply:?}");
    }
    let before = content(&redis);
    drop(redis);
    let redis = open(&path);
    let lasting: Vec<_> = before
        .into_iter()
        .filter(|line| !line.starts_with("ends "))
        .collect();
    assert_eq!(content(&redis), lasting);
    assert_eq!(run(&redis, "HGET hash f"), bulk("42"));
    assert_eq!(run(&redis, "GET ends"), Reply::Nil);
}

#[tokio::test]
async fn what_was_removed_stays_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("redis.db");
    let redis = open(&path);
    call(&redis, "MSET a 1 b 2 c 3").await;
    drop(redis);
    let redis = open(&path);
    call(&redis, "DEL a").await;
    drop(redis);
    let redis = open(&path);
    assert_eq!(run(&redis, "EXISTS a b c"), Reply::Integer(2));
    call(&redis, "FLUSHDB").await;
    call(&redis, "SET d 4").await;
    drop(redis);
    assert_eq!(run(&open(&path), "KEYS *"), Reply::Array(vec![bulk("d")]));
}

async fn eval(redis: &EmbeddedRedis, words: &[&str]) -> Reply {
    let words: Vec<_> = words.iter().map(|word| word.as_bytes().to_vec()).collect();
    redis.call("EVAL", &words).await
}

/// Keys that are on disk while the server runs: it lets nobody else read its
/// file, so what it has written is copied.
fn on_disk(path: &Path) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy.db");
    for end in ["", "-wal"] {
        let from = format!("{}{end}", path.display());
        if Path::new(&from).exists() {
            std::fs::copy(&from, format!("{}{end}", copy.display())).unwrap();
        }
    }
    let connection = rusqlite::Connection::open(&copy).unwrap();
    let mut read = connection
        .prepare("SELECT key FROM entries ORDER BY key")
        .unwrap();
    let keys = read.query_map([], |row| row.get::<_, Vec<u8>>(0)).unwrap();
    keys.map(|key| String::from_utf8(key.unwrap()).unwrap())
        .collect()
}

#[tokio::test]
async fn what_a_script_changes_is_on_disk_with_its_answer() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("redis.db");
    let redis = open(&path);
    let script = "for _, key in ipairs(KEYS) do redis.call('set', key, 'x') end";
    eval(&redis, &[script, "2", "a", "b"]).await;
    assert_eq!(on_disk(&path), ["a", "b"]);
    let failing = "redis.call('set', KEYS[1], 'x'); error('no')";
    eval(&redis, &[failing, "1", "c"]).await;
    assert_eq!(on_disk(&path), ["a", "b", "c"]);
}

#[tokio::test]
async fn a_script_that_says_later_comes_to_disk_when_another_changes_its_keys() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("redis.db");
    let redis = open(&path);
    let script = "--!later\nfor _, key in ipairs(KEYS) do redis.call('set', key, 'x') end";
    eval(&redis, &[script, "2", "a", "b"]).await;
    call(&redis, "SET a y").await;
    assert_eq!(on_disk(&path), ["a", "b"]);
}

#[tokio::test]
async fn keys_that_have_expired_leave_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("redis.db");
    let redis = open(&path);
    call(&redis, "SET stays x").await;
    call(&redis, "SET old x PX 1").await;
    assert_eq!(on_disk(&path), ["old", "stays"]);
    while run(&redis, "GET old") != Reply::Nil {
        std::thread::yield_now();
    }
    redis.save().await.unwrap();
    assert_eq!(on_disk(&path), ["stays"]);
}

#[tokio::test]
async fn counters_and_scripts_that_say_later_are_saved_when_asked_and_at_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("redis.db");
    let redis = open(&path);
    let script = "--!later\nreturn redis.call('set', KEYS[1], 'x')";
    eval(&redis, &[script, "1", "by script"]).await;
    redis.save().await.unwrap();
    call(&redis, "INCR n").await;
    drop(redis);
    let redis = open(&path);
    assert_eq!(redis.command("GET", &[b"by script".to_vec()]), bulk("x"));
    assert_eq!(run(&redis, "GET n"), bulk("1"));
}

#[tokio::test]
async fn an_expiry_that_is_over_at_the_start_is_no_key() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("redis.db");
    let redis = open(&path);
    call(&redis, "SET k v").await;
    call(&redis, "PEXPIREAT k 9999999999999").await;
    drop(redis);
    let connection = rusqlite::Connection::open(&path).unwrap();
    let sql = "UPDATE entries SET expires_at_ms = 1";
    assert_eq!(connection.execute(sql, []).unwrap(), 1);
    drop(connection);
    assert_eq!(run(&open(&path), "DBSIZE"), Reply::Integer(0));
}

#[test]
fn a_file_has_one_server() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("redis.db");
    let _first = open(&path);
    let second = EmbeddedRedis::open(RedisLimits::default(), &path);
    let reason = second.unwrap_err().to_string();
    assert!(reason.contains("another process uses it"), "{reason}");
}

#[tokio::test]
async fn damaged_and_foreign_files_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let refusal = |path: &PathBuf| {
        let opened = EmbeddedRedis::open(RedisLimits::default(), path);
        opened.unwrap_err().to_string()
    };
    let text = folder.path().join("text.db");
    std::fs::write(
        &text,
        "this is no database, and long enough to be none".repeat(50),
    )
    .unwrap();
    assert!(refusal(&text).contains("damaged"), "{}", refusal(&text));

    let path = folder.path().join("redis.db");
    call(&open(&path), "SADD set a").await;
    let change = |sql: &str| {
        let connection = rusqlite::Connection::open(&path).unwrap();
        connection.execute_batch(sql).unwrap();
    };
    change("UPDATE entries SET value = x'ff'");
    assert!(refusal(&path).contains("damaged"), "{}", refusal(&path));
    change("PRAGMA user_version = 99");
    assert!(refusal(&path).contains("number 99"), "{}", refusal(&path));
}

/// Not a test of its own: what the next one starts and kills.
#[test]
#[ignore = "runs in a process of its own, which another test starts"]
fn victim() {
    let Some(path) = std::env::var_os(VICTIM_FILE) else {
        return;
    };
    let redis = open(Path::new(&path));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        for n in 0.. {
            call(&redis, &format!("SET key:{n} {n}")).await;
            let mut out = std::io::stdout();
            writeln!(out, "saved {n}").unwrap();
            out.flush().unwrap();
        }
    });
}

#[test]
fn what_was_acknowledged_outlives_a_killed_process() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("redis.db");
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "victim", "--ignored", "--nocapture"])
        .env(VICTIM_FILE, &path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut acknowledged = Vec::new();
    let lines = BufReader::new(victim.stdout.take().unwrap()).lines();
    for line in lines.map_while(Result::ok) {
        if let Some((_, n)) = line.split_once("saved ") {
            acknowledged.push(n.parse::<u32>().unwrap());
        }
        if acknowledged.last() == Some(&WRITES_BEFORE_THE_END) {
            victim.kill().unwrap();
        }
    }
    victim.wait().unwrap();
    assert!(acknowledged.len() > WRITES_BEFORE_THE_END as usize);
    let redis = open(&path);
    for n in acknowledged {
        assert_eq!(run(&redis, &format!("GET key:{n}")), bulk(&n.to_string()));
    }
}

fn change() -> impl Strategy<Value = String> {
    let key = || prop::sample::select(vec!["a", "b", "c", "d"]);
    let word = || prop::sample::select(vec!["1", "2", "x", ""]);
    prop_oneof![
        4 => (key(), word()).prop_map(|(k, v)| format!("SET {k} {v}")),
        1 => (key(), word()).prop_map(|(k, v)| format!("SET {k} {v} PX 100000000")),
        2 => (key(), word()).prop_map(|(k, v)| format!("APPEND {k} {v}")),
        2 => key().prop_map(|k| format!("INCR {k}")),
        2 => (key(), word()).prop_map(|(k, v)| format!("SADD {k} {v}")),
        1 => (key(), word()).prop_map(|(k, v)| format!("SREM {k} {v}")),
        2 => (key(), word(), word()).prop_map(|(k, f, v)| format!("HSET {k} {f} {v}")),
        1 => (key(), word()).prop_map(|(k, f)| format!("HDEL {k} {f}")),
        2 => (key(), word()).prop_map(|(k, v)| format!("RPUSH {k} {v}")),
        1 => key().prop_map(|k| format!("LPOP {k}")),
        2 => key().prop_map(|k| format!("DEL {k}")),
        1 => key().prop_map(|k| format!("PEXPIREAT {k} 9999999999999")),
        1 => key().prop_map(|k| format!("PERSIST {k}")),
        1 => (key(), word()).prop_map(|(k, v)| {
            format!("EVAL return\tredis.call('SET',KEYS[1],ARGV[1]) 1 {k} {v}")
        }),
        1 => Just("FLUSHDB".to_owned()),
        1 => Just("SAVE-AND-OPEN-AGAIN".to_owned()),
    ]
}

#[test]
fn a_server_that_is_opened_again_holds_what_it_held() {
    let config = ProptestConfig {
        cases: 40,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    proptest!(config, |(changes in prop::collection::vec(change(), 1..40))| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("redis.db");
        let mut redis = open(&path);
        for line in &changes {
            if line == "SAVE-AND-OPEN-AGAIN" {
                drop(redis);
                redis = open(&path);
            } else {
                run(&redis, line);
            }
        }
        let before = content(&redis);
        drop(redis);
        prop_assert_eq!(content(&open(&path)), before);
    });
}
