//! `suoke import`: whole files, whoever is killed on the way.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use population::write::{Format, user_id, write};
use population::{Ledger, Plan};
use system_tests::Failed;

use super::*;

const HEAD: &str = "user_id,data_type,value,unit,created_at,note\r\n";

/// An export of so many lines of data; each tenth is wrong, and the notes hold line ends.
fn export(lines: usize) -> String {
    let row = |at: usize| {
        let value = if at % 10 == 9 {
            "-1".to_owned()
        } else {
            at.to_string()
        };
        let (hour, minute, second) = (at / 3600, at / 60 % 60, at % 60);
        format!(",steps,{value},count,2025-01-02 {hour:02}:{minute:02}:{second:02},\"a\nb\"\r\n")
    };
    let rows: String = (0..lines).map(row).collect();
    format!("\u{feff}{HEAD}{rows}")
}

impl Life {
    /// A file with the token of somebody.
    fn token_file(&self, token: &str) -> PathBuf {
        self.application.write("token.txt", format!("{token}\n"))
    }

    /// Runs `suoke import` on a file whose times are of China.
    async fn import(&self, file: &Path, token: &str, more: &[&str]) -> Failed {
        let all = [&["--offset", "+08:00"], more].concat();
        self.import_as_told(file, token, &all).await
    }

    /// Runs `suoke import` on a file that tells everything.
    async fn import_as_told(&self, file: &Path, token: &str, more: &[&str]) -> Failed {
        let (file, token) = (
            file.display().to_string(),
            self.token_file(token).display().to_string(),
        );
        let mut arguments = vec!["import", &file, "--url", self.host.url()];
        arguments.extend(["--token-file", &token]);
        arguments.extend(more);
        Host::command(&arguments).await
    }

    /// How many readings are stored; none before there is a table of them.
    async fn stored(&self) -> i64 {
        if !self.tables("health").await.contains(&"readings".to_owned()) {
            return 0;
        }
        self.number("health", "SELECT count(*) FROM readings").await
    }
}

#[tokio::test]
async fn a_file_is_imported_and_refused_lines_are_named() {
    a_file_is_imported(&Life::embedded().await).await;
}

#[tokio::test]
async fn a_file_is_imported_and_refused_lines_are_named_on_postgresql() {
    let life = Life::with_postgres().await;
    a_file_is_imported(&life).await;
    assert_eq!(life.outside_of_months().await, 0);
}

async fn a_file_is_imported(life: &Life) {
    let fang = life.register("fang@example.com").await;
    let file = life.application.write("export.csv", export(2_500));
    let done = life.import(&file, &fang, &[]).await;
    assert_eq!(done.code, 0, "{} {}", done.stdout, done.stderr);
    assert!(
        done.stdout
            .contains("2250 readings imported, 0 were there already, 250 lines refused"),
        "{}",
        done.stdout
    );
    // No bar into a pipe.
    assert_eq!(done.stderr, "");
    assert_eq!(life.stored().await, 2_250);
    let rejects = std::fs::read_to_string(file.with_extension("csv.rejects.csv")).unwrap();
    let lines: Vec<&str> = rejects.lines().collect();
    assert_eq!(lines[0], "line,code,message");
    // The tenth record begins in line 20: each has two, after the first line.
    assert!(lines[1].starts_with("20,out_of_range,"), "{}", lines[1]);
    assert_eq!(lines.len(), 251);
    // The same again changes nothing; what was added is imported.
    let again = life.import(&file, &fang, &[]).await;
    assert_eq!((again.code, life.stored().await), (0, 2_250));
    let mut grown = std::fs::OpenOptions::new()
        .append(true)
        .open(&file)
        .unwrap();
    grown
        .write_all(b",steps,7,count,2025-02-02 08:00:00,x\r\n")
        .unwrap();
    let more = life.import(&file, &fang, &[]).await;
    assert_eq!((more.code, life.stored().await), (0, 2_251));
    assert!(
        more.stdout
            .contains("1 readings imported, 2250 were there already"),
        "{}",
        more.stdout
    );
    // The export of another month over the same file, as long as the first.
    let next = export(2_500).replace("2025-01-02", "2025-03-02");
    let file = life.application.write("export.csv", next);
    let next = life.import(&file, &fang, &[]).await;
    assert_eq!(
        (next.code, life.stored().await),
        (0, 4_501),
        "{}",
        next.stdout
    );
    // An import that is named has come further than another file is long.
    let named = ["--import-id", "mine"];
    assert_eq!(life.import(&file, &fang, &named).await.code, 0);
    let short = life.application.write("short.csv", export(3));
    life.import(&short, &fang, &named).await.says(&[
        "short.csv",
        "the file ends before it",
        "--import-id",
    ]);
}

#[tokio::test]
async fn a_killed_command_and_a_killed_host_lose_and_repeat_nothing() {
    kills_lose_and_repeat_nothing(Life::embedded().await).await;
}

#[tokio::test]
async fn a_killed_command_and_a_killed_host_lose_and_repeat_nothing_on_postgresql() {
    kills_lose_and_repeat_nothing(Life::with_postgres().await).await;
}

async fn kills_lose_and_repeat_nothing(mut life: Life) {
    let fang = life.register("fang@example.com").await;
    let file = life.application.write("export.csv", export(20_000));
    // The command is killed when something is stored.
    let token = life.token_file(&fang);
    let mut command = Command::new(std::env::var_os("SUOKE_BIN").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/debug/suoke"),
        PathBuf::from,
    ));
    command
        .arg("import")
        .arg(&file)
        .args(["--url", life.host.url(), "--offset", "+08:00"]);
    command.arg("--token-file").arg(&token);
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    eventually("something is stored", async || {
        (life.stored().await > 0).then_some(())
    })
    .await;
    child.kill().unwrap();
    child.wait().unwrap();
    // The host is killed while the command runs again.
    let before = life.stored().await;
    let mut child = command.spawn().unwrap();
    eventually("more is stored", async || {
        let is_ended = child.try_wait().unwrap().is_some();
        (life.stored().await > before || is_ended).then_some(())
    })
    .await;
    life.host.kill();
    eventually("the host has ended", async || {
        life.host.is_ended().then_some(())
    })
    .await;
    eventually("the command has ended", async || child.try_wait().unwrap()).await;
    life.restart().await;
    let done = life.import(&file, &fang, &[]).await;
    assert_eq!(done.code, 0, "{} {}", done.stdout, done.stderr);
    assert!(
        done.stdout
            .contains("18000 readings imported, 0 were there already, 2000 lines refused"),
        "{}",
        done.stdout
    );
    assert_eq!(life.stored().await, 18_000);
    let rejects = std::fs::read_to_string(file.with_extension("csv.rejects.csv")).unwrap();
    assert_eq!(rejects.lines().count(), 2_001);
}

#[tokio::test]
async fn lines_of_others_are_imported_by_operators_alone() {
    lines_of_others_are_for_operators(&Life::embedded().await).await;
}

#[tokio::test]
async fn lines_of_others_are_imported_by_operators_alone_on_postgresql() {
    lines_of_others_are_for_operators(&Life::with_postgres().await).await;
}

async fn lines_of_others_are_for_operators(life: &Life) {
    let fang = life.register("fang@example.com").await;
    let li = life.register("li@example.com").await;
    let me = life.get("/api/v1/users/me", &li).await.expect(200).json();
    let user = me["user_id"].as_str().unwrap();
    let row = format!(
        "{{\"user_id\":\"{user}\",\"type\":\"steps\",\"value\":5,\"unit\":\"count\",\"timestamp\":1735787045}}\n"
    );
    let file = life.application.write("export.ndjson", row);
    let refused = life.import(&file, &fang, &["--import-id", "mine"]).await;
    assert_eq!(refused.code, 0, "{}", refused.stderr);
    assert!(
        refused
            .stdout
            .contains("0 readings imported, 0 were there already, 1 lines refused"),
        "{}",
        refused.stdout
    );
    let taken = life.import(&file, OPERATOR_TOKEN, &[]).await;
    assert!(
        taken.stdout.contains("1 readings imported"),
        "{} {}",
        taken.stdout,
        taken.stderr
    );
    assert_eq!(life.readings(&li).await.len(), 1);
    assert!(life.readings(&fang).await.is_empty());
}

#[tokio::test]
async fn the_file_of_a_population_is_imported_as_its_ledger_says() {
    a_population_is_imported(&Life::embedded().await).await;
}

#[tokio::test]
async fn the_file_of_a_population_is_imported_as_its_ledger_says_on_postgresql() {
    let life = Life::with_postgres().await;
    a_population_is_imported(&life).await;
    assert_eq!(life.outside_of_months().await, 0);
}

/// What `cargo xtask population --format csv` writes, with all its faults.
async fn a_population_is_imported(life: &Life) {
    let plan = Plan {
        people: 12,
        days: 5,
        seed: 5,
        ..Plan::default()
    };
    let mut file = Vec::new();
    let told = write(&plan, Format::Csv, &mut file).unwrap();
    let file = life.application.write("population.csv", file);
    let done = life.import_as_told(&file, OPERATOR_TOKEN, &[]).await;
    assert_eq!(done.code, 0, "{} {}", done.stdout, done.stderr);
    let refused: u64 = told.refused.values().sum();
    // Every way in which a line can be wrong is there.
    assert!(told.refused.len() > 4 && told.duplicated > 0, "{told:?}");
    let expected = format!(
        "{} readings imported, {} were there already, {refused} lines refused",
        told.stored, told.duplicated
    );
    assert!(
        done.stdout.contains(&expected),
        "{expected}: {}",
        done.stdout
    );
    let rejects = std::fs::read_to_string(file.with_extension("csv.rejects.csv")).unwrap();
    let mut codes = BTreeMap::new();
    for line in rejects.lines().skip(1) {
        *codes.entry(line.split(',').nth(1).unwrap()).or_default() += 1;
    }
    assert_eq!(codes, told.refused);
    let columns = "SELECT user_id, type, effective_ms, value_milli, value2_milli FROM readings";
    let mut stored = life.rows("health", columns).await;
    stored.sort_unstable();
    assert_eq!(stored, kept(&plan));
}

/// The columns that must be stored of a population, in order.
fn kept(plan: &Plan) -> Vec<Vec<Option<String>>> {
    let mut rows = Vec::new();
    for person in plan.people() {
        let mut ledger = Ledger::default();
        for batch in plan.batches(&person) {
            ledger.take(&batch);
        }
        rows.extend(ledger.kept().iter().map(|kept| {
            vec![
                Some(user_id(kept.person)),
                Some(kept.kind.key().to_owned()),
                Some(kept.at_ms.to_string()),
                Some(kept.value.to_string()),
                kept.value2.map(|value| value.to_string()),
            ]
        }));
    }
    rows.sort_unstable();
    rows
}

#[tokio::test]
async fn what_is_wrong_with_a_command_is_said() {
    let life = Life::embedded().await;
    let fang = life.register("fang@example.com").await;
    let good = life.application.write("good.csv", export(1));
    life.import(&good, "a-token-of-nobody", &[])
        .await
        .says(&["Is it a token of this application?"]);
    let missing = life.application.path("missing.csv");
    life.import(&missing, &fang, &[])
        .await
        .says(&["missing.csv"]);
    let latin = life
        .application
        .write("latin.csv", b"data_type,created_at\n\xc4\xe3\n");
    life.import(&latin, &fang, &[])
        .await
        .says(&["line 2 is not UTF-8"]);
    let columns = life.application.write("columns.csv", "a,b\n1,2\n");
    life.import(&columns, &fang, &[])
        .await
        .says(&["the first line names no column data_type"]);
    let good = good.display().to_string();
    let none = Host::command(&["import", &good, "--url", life.host.url()]).await;
    none.says(&["there is no token"]);
    let token = life.token_file(&fang).display().to_string();
    let away = Host::command(&[
        "import",
        &good,
        "--token-file",
        &token,
        "--url",
        "http://127.0.0.1:1",
    ])
    .await;
    assert_eq!(away.code, 1, "{}", away.stderr);
    assert!(
        away.stderr.contains("no answer from http://127.0.0.1:1"),
        "{}",
        away.stderr
    );
}
