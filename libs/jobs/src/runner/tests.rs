//! Jobs from being made to their end.

use futures::executor::block_on;
use serde_json::{Map, json};
use suoke_guest::clock::parse_rfc3339;
use suoke_store::{Sql, params};

use super::*;
use crate::{CreateError, LABEL, NewJob, When, cancel, create, one, page};

async fn platform() -> Database {
    Database::open_in_memory(LABEL).await.unwrap()
}

fn at(run_at: i64) -> NewJob {
    NewJob {
        kind: "report.weekly".to_owned(),
        data: json!({"user_id": "u1"}).as_object().unwrap().clone(),
        when: When::At(run_at),
        unique_key: None,
        retries_max: 3,
        correlation_id: "r1".to_owned(),
    }
}

fn again(expression: &str, time_zone: &str) -> NewJob {
    NewJob {
        when: When::Again {
            expression: expression.to_owned(),
            time_zone: time_zone.to_owned(),
            schedule: Box::new(Schedule::parse(expression, time_zone).unwrap()),
        },
        ..at(0)
    }
}

fn keyed(key: &str) -> NewJob {
    NewJob {
        unique_key: Some(key.to_owned()),
        ..at(1_000)
    }
}

/// What the relay notes when all have answered, or never will.
async fn end_events(db: &Database, column: &str) {
    let text = format!("UPDATE event_outbox SET {column} = 9 WHERE done_at IS NULL");
    db.execute(&text, params![]).await.unwrap();
}

async fn status(db: &Database, id: &str) -> String {
    one(db, id).await.unwrap().unwrap().status
}

#[test]
fn a_delayed_job_becomes_one_event_when_its_time_has_come() {
    block_on(async {
        let mut db = platform().await;
        let job = create(&mut db, at(5_000), 0).await.unwrap();
        assert!(run(&mut db, 4_999).await.unwrap().events.is_empty());
        let ran = run(&mut db, 5_000).await.unwrap();
        let event = &ran.events[0];
        assert_eq!(
            (ran.events.len(), event.kind.as_str()),
            (1, "report.weekly")
        );
        assert_eq!(event.subject, Some(format!("job/{}", job.id)));
        assert_eq!(event.correlationid.as_deref(), Some("r1"));
        assert_eq!(event.data, json!({"user_id": "u1"}));
        assert!(run(&mut db, 6_000).await.unwrap().events.is_empty());
        assert_eq!(status(&db, &job.id).await, "dispatched");
    });
}

#[test]
fn a_job_is_done_when_everybody_has_handled_its_event() {
    block_on(async {
        let mut db = platform().await;
        let job = create(&mut db, at(0), 0).await.unwrap();
        run(&mut db, 0).await.unwrap();
        assert_eq!(run(&mut db, 1_000).await.unwrap().settled, 0);
        end_events(&db, "done_at").await;
        assert_eq!(run(&mut db, 2_000).await.unwrap().settled, 1);
        assert_eq!(status(&db, &job.id).await, "done");
        assert_eq!(run(&mut db, 3_000).await.unwrap().settled, 0);
    });
}

#[test]
fn a_job_whose_retries_are_used_up_is_dead() {
    block_on(async {
        let mut db = platform().await;
        let job = create(&mut db, at(0), 0).await.unwrap();
        run(&mut db, 0).await.unwrap();
        let text = "SELECT attempts_max FROM event_outbox";
        assert_eq!(db.query_one::<i64>(text, params![]).await.unwrap(), 3);
        end_events(&db, "dead_at").await;
        run(&mut db, 1_000).await.unwrap();
        assert_eq!(status(&db, &job.id).await, "dead");
    });
}

#[test]
fn a_key_is_free_again_when_its_job_has_ended() {
    block_on(async {
        let mut db = platform().await;
        let first = create(&mut db, keyed("k"), 0).await.unwrap();
        create(&mut db, keyed("other"), 0).await.unwrap();
        let taken = create(&mut db, keyed("k"), 0).await.unwrap_err();
        assert!(matches!(taken, CreateError::KeyTaken { id, .. } if id == first.id));
        run(&mut db, 1_000).await.unwrap();
        let taken = create(&mut db, keyed("k"), 0).await.unwrap_err();
        assert!(matches!(taken, CreateError::KeyTaken { status, .. } if status == "dispatched"));
        end_events(&db, "done_at").await;
        run(&mut db, 2_000).await.unwrap();
        create(&mut db, keyed("k"), 0).await.unwrap();
    });
}

#[test]
fn only_what_waits_can_be_cancelled() {
    block_on(async {
        let mut db = platform().await;
        let job = create(&mut db, keyed("k"), 0).await.unwrap();
        let cancelled = cancel(&mut db, &job.id, 1).await.unwrap().unwrap();
        assert_eq!(cancelled.status, "cancelled");
        let job = create(&mut db, keyed("k"), 0).await.unwrap();
        assert_eq!(run(&mut db, 1_000).await.unwrap().events.len(), 1);
        let late = cancel(&mut db, &job.id, 2_000).await.unwrap().unwrap();
        assert_eq!(late.status, "dispatched");
        assert!(cancel(&mut db, "x", 0).await.unwrap().is_none());
    });
}

#[test]
fn a_recurring_job_runs_at_each_of_its_instants_across_a_change_of_clocks() {
    block_on(async {
        let mut db = platform().await;
        let day = |text: &str| parse_rfc3339(text).unwrap();
        let start = day("2026-03-28T00:00:00Z");
        let job = create(&mut db, again("0 30 2 * * *", "Europe/Berlin"), start).await;
        let id = job.unwrap().id;
        let mut runs = Vec::new();
        let mut now = start;
        while now < day("2026-03-31T00:00:00Z") {
            if !run(&mut db, now).await.unwrap().events.is_empty() {
                runs.push(suoke_guest::clock::rfc3339(now)[..16].to_owned());
            }
            now += 10 * 60 * 1000;
        }
        assert_eq!(
            runs,
            ["2026-03-28T01:30", "2026-03-29T01:00", "2026-03-30T00:30"]
        );
        assert_eq!(status(&db, &id).await, "pending");
    });
}

#[test]
fn instants_that_passed_while_nothing_ran_are_made_up_for_by_one_run() {
    block_on(async {
        let mut db = platform().await;
        let job = create(&mut db, again("0 * * * * *", "UTC"), 0)
            .await
            .unwrap();
        assert_eq!(job.run_at, 60_000);
        assert_eq!(run(&mut db, 600_000).await.unwrap().events.len(), 1);
        assert!(run(&mut db, 600_001).await.unwrap().events.is_empty());
        let job = one(&db, &job.id).await.unwrap().unwrap();
        assert_eq!((job.run_at, job.runs), (660_000, 1));
    });
}

#[test]
fn a_recurring_job_outlives_a_dead_run_and_ends_when_cancelled() {
    block_on(async {
        let mut db = platform().await;
        let job = create(&mut db, again("0 * * * * *", "UTC"), 0)
            .await
            .unwrap();
        run(&mut db, 60_000).await.unwrap();
        end_events(&db, "dead_at").await;
        run(&mut db, 61_000).await.unwrap();
        let shown = one(&db, &job.id).await.unwrap().unwrap();
        assert_eq!(
            (shown.status.as_str(), shown.last_outcome.as_deref()),
            ("pending", Some("dead"))
        );
        assert_eq!(run(&mut db, 120_000).await.unwrap().events.len(), 1);
        cancel(&mut db, &job.id, 120_000).await.unwrap();
        assert!(run(&mut db, 180_000).await.unwrap().events.is_empty());
    });
}

/// What the relay notes about one event.
async fn end_event(db: &Database, id: &str, column: &str) {
    let text = format!("UPDATE event_outbox SET {column} = 9 WHERE id = ?1");
    db.execute(&text, params![id]).await.unwrap();
}

#[test]
fn a_job_that_runs_before_its_last_run_has_ended_shows_how_runs_end() {
    block_on(async {
        let mut db = platform().await;
        let job = create(&mut db, again("*/5 * * * * *", "UTC"), 0).await;
        let id = job.unwrap().id;
        let outcome = async |db: &Database| one(db, &id).await.unwrap().unwrap().last_outcome;
        let first = run(&mut db, 5_000).await.unwrap().events.remove(0);
        let second = run(&mut db, 10_000).await.unwrap().events.remove(0);
        assert_eq!(outcome(&db).await, None);
        end_event(&db, &first.id, "done_at").await;
        let ran = run(&mut db, 15_000).await.unwrap();
        assert_eq!((ran.settled, ran.events.len()), (1, 1));
        assert_eq!(outcome(&db).await.as_deref(), Some("done"));
        // The run that began when the first had ended is the next to be known.
        end_event(&db, &second.id, "dead_at").await;
        assert_eq!(run(&mut db, 20_000).await.unwrap().settled, 0);
        assert_eq!(outcome(&db).await.as_deref(), Some("done"));
        end_event(&db, &ran.events[0].id, "dead_at").await;
        assert_eq!(run(&mut db, 25_000).await.unwrap().settled, 1);
        assert_eq!(outcome(&db).await.as_deref(), Some("dead"));
        assert_eq!(status(&db, &id).await, "pending");
    });
}

#[test]
fn a_run_whose_event_is_lost_hides_later_ones_for_a_day_at_most() {
    block_on(async {
        let mut db = platform().await;
        let job = create(&mut db, again("0 * * * * *", "UTC"), 0).await;
        let id = job.unwrap().id;
        run(&mut db, 60_000).await.unwrap();
        db.execute("DELETE FROM event_outbox", params![])
            .await
            .unwrap();
        let later = 120_000 + WATCH_MS_MAX;
        assert_eq!(run(&mut db, later).await.unwrap().events.len(), 1);
        end_events(&db, "done_at").await;
        assert_eq!(run(&mut db, later + 1_000).await.unwrap().settled, 1);
        let shown = one(&db, &id).await.unwrap().unwrap();
        assert_eq!(shown.last_outcome.as_deref(), Some("done"));
    });
}

#[test]
fn runners_at_the_same_time_run_each_job_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("platform.db");
    block_on(async {
        let mut db = Database::open_file(LABEL, &path).await.unwrap();
        for _ in 0..250 {
            create(&mut db, at(0), 0).await.unwrap();
        }
    });
    let runners: Vec<_> = (0..3)
        .map(|_| {
            let path = path.clone();
            std::thread::spawn(move || {
                block_on(async {
                    let mut db = Database::open_file(LABEL, &path).await.unwrap();
                    run(&mut db, 1).await.unwrap().events.len()
                })
            })
        })
        .collect();
    let ran: usize = runners.into_iter().map(|one| one.join().unwrap()).sum();
    assert_eq!(ran, 250);
}

#[test]
fn lists_are_filtered_and_newest_first() {
    block_on(async {
        let mut db = platform().await;
        let mut ids = Vec::new();
        for now in 0..3 {
            ids.push(create(&mut db, at(10_000), now).await.unwrap().id);
        }
        cancel(&mut db, &ids[1], 5).await.unwrap();
        let list = async |status, kind, before: (i64, &str)| {
            let found = page(&db, status, kind, before, 10).await.unwrap();
            found.into_iter().map(|job| job.id).collect::<Vec<_>>()
        };
        let start = (i64::MAX, "");
        assert_eq!(list(Some("cancelled"), None, start).await, [ids[1].clone()]);
        assert_eq!(list(None, Some("report.weekly"), start).await.len(), 3);
        assert!(list(None, Some("other"), start).await.is_empty());
        assert_eq!(list(None, None, (1, &ids[1])).await, [ids[0].clone()]);
    });
}

#[test]
fn jobs_that_ended_long_ago_are_deleted() {
    block_on(async {
        let mut db = platform().await;
        let job = create(&mut db, at(0), 0).await.unwrap();
        cancel(&mut db, &job.id, 0).await.unwrap();
        run(&mut db, RETENTION_MS).await.unwrap();
        assert!(one(&db, &job.id).await.unwrap().is_some());
        run(&mut db, RETENTION_MS + 1).await.unwrap();
        assert!(one(&db, &job.id).await.unwrap().is_none());
    });
}

#[test]
fn a_job_that_can_never_run_is_dead_and_does_not_keep_others_waiting() {
    block_on(async {
        let mut db = platform().await;
        let bad = create(&mut db, at(0), 0).await.unwrap();
        let text = "UPDATE jobs SET data = '{' WHERE id = ?1";
        db.execute(text, params![&bad.id]).await.unwrap();
        create(
            &mut db,
            NewJob {
                data: Map::new(),
                ..at(0)
            },
            0,
        )
        .await
        .unwrap();
        let ran = run(&mut db, 1).await.unwrap();
        assert_eq!((ran.events.len(), ran.dead), (1, 1));
        let bad = one(&db, &bad.id).await.unwrap().unwrap();
        assert!(bad.status == "dead" && bad.reason.is_some());
    });
}
