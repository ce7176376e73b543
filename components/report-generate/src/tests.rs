//! One report of all answers, and none where something is missing.

use futures::executor::block_on;
use suoke_care::answers::Content;
use suoke_care::testing::{
    CONSULTATION, bare_undo, care, command, count, dead_letters_of_bad_data, reply, status,
};
use suoke_care::text;
use suoke_diagnosis::{Observation, Source, analyse, differentiate};
use suoke_sagas::messages::{Action, Outcome};
use suoke_store::{Sql, params};

use super::*;

const SLEEPLESS: &str = "失眠多梦，心烦，腰酸，手足心热，盗汗，口干";

fn order(action: Action) -> Event {
    command(REPORT_GENERATE, CONSUMER, action, SLEEPLESS)
}

/// A running consultation that inquiry and agents have worked on.
async fn answered(complaint: &str) -> Database {
    let db = care("running", complaint).await;
    let inquiry = analyse(complaint);
    let text = "INSERT INTO diagnoses (id, consultation_id, step, result, engine, created_at) \
         VALUES ('d1', ?1, 'inquiry', ?2, 'e', 1)";
    let json = serde_json::to_string(&inquiry).unwrap();
    db.execute(text, params![CONSULTATION, json]).await.unwrap();
    let observations: Vec<Observation> = inquiry
        .findings
        .iter()
        .map(|finding| Observation {
            finding: finding.clone(),
            source: Source::Inquiry,
        })
        .collect();
    let found = differentiate(&observations, &inquiry.red_flags);
    let contents = [
        Content::Xiaoai {
            diagnosis_id: "d1".to_owned(),
        },
        Content::Xiaoke {
            days: 7,
            vitals: Vec::new(),
        },
        Content::Laoke {
            differentiation: Box::new(found),
        },
    ];
    for content in contents {
        let answer = Answer::by_rules(text::vitals(&[], 7), inquiry.red_flags.clone(), content);
        answers::store(&db, CONSULTATION, &answer, 1).await.unwrap();
    }
    db
}

async fn report(db: &Database) -> Report {
    let row = report::find(db, CONSULTATION).await.unwrap().unwrap();
    serde_json::from_str(&row.content).unwrap()
}

const REPORTS: &str = "SELECT count(*) FROM reports";

#[test]
fn a_report_is_made_once_and_answered_each_time() {
    block_on(async {
        let mut db = answered(SLEEPLESS).await;
        let first = order(Action::Do);
        let told = on_event(&mut db, &first).await.unwrap();
        let output = reply(&told).unwrap().output;
        assert_eq!(
            (&output["is_emergency"], &output["syndromes"][0]),
            (&false.into(), &"heart_kidney".into())
        );
        assert_eq!(status(&db).await, "diagnosed");
        assert!(report(&db).await.summary.zh.contains("心肾不交证"));
        assert!(on_event(&mut db, &first).await.unwrap().is_empty());
        let again = on_event(&mut db, &order(Action::Do)).await.unwrap();
        assert_eq!(reply(&again).unwrap().output, output);
        assert_eq!(count(&db, REPORTS).await, 1);
    });
}

#[test]
fn a_report_with_red_flags_says_so_first() {
    block_on(async {
        let mut db = answered(&format!("{SLEEPLESS}。胸痛二十分钟")).await;
        let told = on_event(&mut db, &order(Action::Do)).await.unwrap();
        let output = reply(&told).unwrap().output;
        assert_eq!(output["red_flags"], serde_json::json!(["rf_acs"]));
        let report = report(&db).await;
        assert!(report.summary.zh.starts_with("【疑似急性冠脉综合征】"));
        assert!(report.syndromes().is_empty());
    });
}

#[test]
fn a_report_is_taken_back() {
    block_on(async {
        let mut db = answered(SLEEPLESS).await;
        on_event(&mut db, &order(Action::Do)).await.unwrap();
        let told = on_event(&mut db, &order(Action::Undo)).await.unwrap();
        assert_eq!(reply(&told).unwrap().outcome, Outcome::Ok);
        assert_eq!(
            (status(&db).await.as_str(), count(&db, REPORTS).await),
            ("running", 0)
        );
    });
}

#[test]
fn an_undo_that_comes_first_keeps_the_report_from_being_made() {
    block_on(async {
        let mut db = answered(SLEEPLESS).await;
        on_event(&mut db, &order(Action::Undo)).await.unwrap();
        let late = on_event(&mut db, &order(Action::Do)).await.unwrap();
        assert_eq!(reply(&late).unwrap().outcome, Outcome::Failed);
        assert_eq!(
            (status(&db).await.as_str(), count(&db, REPORTS).await),
            ("running", 0)
        );
    });
}

#[test]
fn without_an_answer_there_is_no_report() {
    block_on(async {
        let mut db = answered(SLEEPLESS).await;
        answers::cancel(&db, CONSULTATION, "laoke", 2)
            .await
            .unwrap();
        let told = on_event(&mut db, &order(Action::Do)).await.unwrap();
        let answer = reply(&told).unwrap();
        assert_eq!(
            answer.reason.as_deref(),
            Some("there is no answer of laoke")
        );
        // What was begun is rolled back.
        assert_eq!(
            (status(&db).await.as_str(), count(&db, REPORTS).await),
            ("running", 0)
        );
    });
}

#[test]
fn an_undo_needs_nothing_but_the_consultation() {
    block_on(async {
        let mut db = answered(SLEEPLESS).await;
        on_event(&mut db, &order(Action::Do)).await.unwrap();
        let undo = bare_undo(REPORT_GENERATE, CONSUMER);
        let told = on_event(&mut db, &undo).await.unwrap();
        assert_eq!(reply(&told).unwrap().outcome, Outcome::Ok);
        assert_eq!(count(&db, REPORTS).await, 0);
    });
}

#[test]
fn bad_data_is_a_dead_letter() {
    block_on(async {
        let mut db = answered(SLEEPLESS).await;
        let dead = dead_letters_of_bad_data(&mut db, CONSUMER, REPORT_GENERATE, CONSUMER, on_event);
        assert_eq!(dead.await, 2);
    });
}
