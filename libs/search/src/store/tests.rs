//! What is found, by whom, in which order; and what is left when it is removed.

use futures::executor::block_on;
use proptest::prelude::*;
use serde_json::json;
use suoke_store::params;

use super::*;

async fn health() -> Database {
    Database::open_in_memory("health").await.unwrap()
}

/// A database with the public documents.
async fn knowing() -> Database {
    let mut db = health().await;
    assert!(ensure_knowledge(&mut db).await.unwrap());
    db
}

fn note(id: &str, text: &str) -> Document {
    Document::new("consultation", id)
        .with(Field::Text, text)
        .at(1_000)
}

async fn add(db: &mut Database, owner: &str, document: &Document) -> bool {
    let added: Result<bool, StoreError> = db
        .transaction(async |tx| put(tx, owner, document).await)
        .await;
    added.unwrap()
}

async fn take(db: &mut Database, owner: &str, id: &str) -> bool {
    let removed: Result<bool, StoreError> = db
        .transaction(async |tx| remove(tx, owner, "consultation", id).await)
        .await;
    removed.unwrap()
}

fn asking(text: &str) -> Search {
    Search {
        text: text.to_owned(),
        limit: 100,
        ..Search::default()
    }
}

async fn find(db: &Database, owner: &str, text: &str) -> Found {
    search(db, owner, &asking(text)).await.unwrap()
}

fn names(found: &Found) -> Vec<&str> {
    found.hits.iter().map(|hit| hit.name.as_str()).collect()
}

fn ids(found: &Found) -> Vec<&str> {
    found.hits.iter().map(|hit| hit.id.as_str()).collect()
}

/// Keys of documents are known to their owner alone: the same key of two owners is two
/// documents, and the words of one do not lead to the other.
#[test]
fn two_people_with_the_same_key_find_each_their_own_words() {
    block_on(async {
        let mut db = health().await;
        add(&mut db, "u1", &note("1", "头痛三天")).await;
        add(&mut db, "u2", &note("1", "胃脘胀满")).await;
        for (owner, own, others) in [("u1", "头痛", "胃脘"), ("u2", "胃脘", "头痛")] {
            let found = find(&db, owner, own).await;
            assert_eq!(ids(&found), ["1"], "{owner}");
            let shown = format!("{:?}", found.hits);
            assert!(!shown.contains(others), "{owner}: {shown}");
            assert!(find(&db, owner, others).await.hits.is_empty(), "{owner}");
        }
        assert!(find(&db, "u3", "头痛").await.hits.is_empty());
    });
}

#[test]
fn stagnation_of_the_liver_is_found_by_its_short_name() {
    block_on(async {
        let db = knowing().await;
        let found = find(&db, "u", "肝郁").await;
        for name in ["肝气郁结证", "肝郁脾虚证"] {
            assert!(names(&found).contains(&name), "{name}: {:?}", names(&found));
        }
    });
}

#[test]
fn an_acupoint_is_found_by_its_name_its_code_and_how_it_is_read() {
    block_on(async {
        let db = knowing().await;
        for text in [
            "zsl",
            "ZSL",
            "足三里",
            "ST36",
            "zusanli",
            "zu san li",
            "zusenli",
            "足三理",
        ] {
            let found = find(&db, "u", text).await;
            let first = found.hits.first().map(|hit| hit.id.as_str());
            assert_eq!(first, Some("ST36"), "{text}: {:?}", names(&found));
        }
    });
}

#[test]
fn sleeplessness_is_found_whatever_it_is_called() {
    block_on(async {
        let mut db = knowing().await;
        add(&mut db, "u", &note("1", "近来不寐，伴心悸")).await;
        add(&mut db, "u", &note("2", "晚上老是睡不着")).await;
        add(&mut db, "u", &note("3", "头痛三天")).await;
        let found = find(&db, "u", "失眠").await;
        for id in ["1", "2"] {
            assert!(ids(&found).contains(&id), "{id}: {:?}", ids(&found));
        }
        assert!(!ids(&found).contains(&"3"));
        let first = found.hits.first().map(|hit| hit.name.as_str());
        assert_eq!(first, Some("失眠"));
    });
}

#[test]
fn weakness_of_the_spleen_ranks_above_spleen_and_weakness_apart() {
    block_on(async {
        let mut db = knowing().await;
        add(
            &mut db,
            "u",
            &note("apart", "脾胃不和已有多年，其人体质虚弱"),
        )
        .await;
        let found = find(&db, "u", "脾虚").await;
        let at = |wanted: &str| {
            let mut hits = found.hits.iter();
            hits.position(|hit| hit.name == wanted || hit.id == wanted)
        };
        let (syndrome, apart) = (at("脾气虚证").unwrap(), at("apart").unwrap());
        assert!(syndrome < apart, "{:?}", names(&found));
    });
}

#[test]
fn traditional_and_simplified_characters_find_the_same() {
    block_on(async {
        let db = knowing().await;
        let simplified = find(&db, "u", "气虚").await;
        assert!(simplified.total > 0);
        assert_eq!(find(&db, "u", "氣虛").await, simplified);
    });
}

#[test]
fn nobody_finds_what_is_somebody_elses() {
    block_on(async {
        let mut db = knowing().await;
        add(&mut db, "u", &note("1", "失眠多梦")).await;
        add(&mut db, "v", &note("2", "失眠多梦")).await;
        let own = |found: &Found| -> Vec<String> {
            let mut hits = found.hits.iter();
            hits.by_ref()
                .filter(|hit| hit.kind == "consultation")
                .map(|hit| hit.id.clone())
                .collect()
        };
        assert_eq!(own(&find(&db, "u", "失眠").await), ["1"]);
        assert_eq!(own(&find(&db, "v", "失眠").await), ["2"]);
        assert!(own(&find(&db, "w", "失眠").await).is_empty());
        assert!(own(&find(&db, PUBLIC, "失眠").await).is_empty());
    });
}

#[test]
fn what_is_stored_again_is_not_written_and_what_changed_replaces_the_old() {
    block_on(async {
        let mut db = health().await;
        assert!(add(&mut db, "u", &note("1", "失眠")).await);
        assert!(!add(&mut db, "u", &note("1", "失眠")).await);
        assert!(add(&mut db, "u", &note("1", "头痛")).await);
        assert_eq!(find(&db, "u", "失眠").await.total, 0);
        assert_eq!(find(&db, "u", "头痛").await.total, 1);
        assert!(take(&mut db, "u", "1").await);
        assert!(!take(&mut db, "u", "1").await);
        for table in ["search_documents", "search_postings"] {
            let text = format!("SELECT count(*) FROM {table}");
            let left: i64 = db.query_one(&text, params![]).await.unwrap();
            assert_eq!(left, 0, "{table}");
        }
        let corpus = queries::corpus(&db, "u").await.unwrap();
        assert_eq!(corpus, Corpus::default());
    });
}

#[test]
fn the_knowledge_is_written_once_for_each_version() {
    block_on(async {
        let mut db = knowing().await;
        assert!(!ensure_knowledge(&mut db).await.unwrap());
        let text = "UPDATE search_owners SET version = 'old' WHERE owner = ''";
        db.execute(text, params![]).await.unwrap();
        assert!(ensure_knowledge(&mut db).await.unwrap());
        let stored = queries::corpus(&db, PUBLIC).await.unwrap().documents;
        assert_eq!(stored, knowledge::documents().len() as u64);
    });
}

#[test]
fn kinds_and_times_are_filtered_and_counted() {
    block_on(async {
        let mut db = knowing().await;
        let january = 1_767_312_000_000;
        let february = january + 31 * 86_400_000;
        add(&mut db, "u", &note("1", "失眠").at(january)).await;
        add(&mut db, "u", &note("2", "失眠").at(february)).await;
        let mut asked = asking("失眠");
        asked.kinds = vec!["consultation".to_owned()];
        let found = search(&db, "u", &asked).await.unwrap();
        assert_eq!((found.total, found.kinds["consultation"]), (2, 2));
        assert!(found.kinds["finding"] >= 1);
        assert_eq!(
            found.months,
            [("2026-01".to_owned(), 1), ("2026-02".to_owned(), 1)].into()
        );
        assert_eq!(ids(&found), ["2", "1"]);
        asked.to_ms = Some(february);
        asked.kinds.clear();
        let found = search(&db, "u", &asked).await.unwrap();
        assert_eq!(ids(&found), ["1"]);
    });
}

#[test]
fn pages_hold_everything_once() {
    block_on(async {
        let mut db = knowing().await;
        for number in 0..7 {
            let text = "失眠".repeat(number % 3 + 1);
            add(&mut db, "u", &note(&number.to_string(), &text)).await;
        }
        let all = find(&db, "u", "失眠").await;
        let mut asked = asking("失眠");
        asked.limit = 2;
        let mut seen = Vec::new();
        loop {
            let found = search(&db, "u", &asked).await.unwrap();
            assert_eq!(found.total, all.total);
            seen.extend(found.hits.iter().map(|hit| hit.id.clone()));
            let Some(next) = found.next else { break };
            asked.after = Cursor::parse(&next.text());
        }
        assert_eq!(seen, ids(&all));
    });
}

#[test]
fn a_cursor_of_somewhere_else_is_harmless() {
    block_on(async {
        let db = knowing().await;
        let mut asked = asking("失眠");
        for list in [
            json!([1.5, null, "x"]),
            json!([i64::MAX, 1, ""]),
            json!([0, null, "p"]),
        ] {
            asked.after = Cursor::parse(&Cursor(list.as_array().unwrap().clone()).text());
            search(&db, "u", &asked).await.unwrap();
        }
    });
}

#[test]
fn hits_show_where_they_answer() {
    block_on(async {
        let mut db = health().await;
        add(&mut db, "u", &note("1", "<b>失眠</b>")).await;
        let found = find(&db, "u", "失眠").await;
        let shown = found
            .hits
            .first()
            .and_then(|hit| hit.highlights.get("text"));
        let expected = "&lt;b&gt;<em>失眠</em>&lt;/b&gt;";
        assert_eq!(shown.map(String::as_str), Some(expected));
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_document_and_query_are_fine(text in "\\PC{0,60}", query in "\\PC{0,40}") {
        block_on(async {
            let mut db = health().await;
            add(&mut db, "u", &note("1", &text)).await;
            let found = find(&db, "u", &query).await;
            assert!(found.hits.iter().all(|hit| hit.score.is_finite()));
            assert!(take(&mut db, "u", "1").await);
            assert_eq!(find(&db, "u", &query).await.total, 0);
        });
    }

    #[test]
    fn a_text_is_found_by_a_part_of_it(before in "[头痛发热咳嗽]{0,9}", word in "[龟鹤松柏竹梅]{2,4}") {
        block_on(async {
            let mut db = health().await;
            add(&mut db, "u", &note("1", &format!("{before}{word}"))).await;
            assert_eq!(find(&db, "u", &word).await.total, 1);
        });
    }
}
