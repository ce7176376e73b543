//! What is sent has the documented shape, and answers are understood.

use super::*;

fn note() -> Document {
    let mut document = Document::new("consultation", "c1")
        .with(Field::Name, "失眠")
        .with(Field::Text, "心烦")
        .at(1_767_312_000_500);
    document.values = json!({ "red_flags": [] });
    document
}

#[test]
fn a_bulk_has_two_lines_for_each_document_and_ends_with_a_line_end() {
    let document = note();
    let body = String::from_utf8(bulk("u1", &[document.clone(), Document::new("a", "b")])).unwrap();
    assert!(body.ends_with('\n'));
    let lines: Vec<Value> = body
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 4);
    let id = format!("u1:{}", document.key());
    assert_eq!(
        lines[0],
        json!({ "index": { "_index": "health-data-2026-01", "_id": id } })
    );
    assert_eq!(
        lines[1],
        json!({
            "user_id": "u1", "data_type": "consultation", "id": "c1", "key": document.key(),
            "timestamp": 1_767_312_000_500_i64, "values": { "red_flags": [] },
            "pinyin": ["shimian", "sm"], "name": "失眠", "diagnosis_result": "心烦",
        })
    );
    assert_eq!(lines[2]["index"]["_index"], KNOWLEDGE_INDEX);
}

#[test]
fn nobody_is_asked_for_but_the_owner_and_everybody() {
    let search = Search {
        text: "失眠".to_owned(),
        kinds: vec!["consultation".to_owned()],
        from_ms: Some(1),
        limit: 10,
        after: Some(Cursor(vec![json!(1.5), json!(null), json!("k")])),
        ..Search::default()
    };
    let body = search_body("u1", &search);
    assert_eq!(
        body["query"]["bool"]["filter"],
        json!([
            { "terms": { "user_id": ["u1", "public"] } },
            { "range": { "timestamp": { "gte": 1, "format": "epoch_millis" } } },
        ])
    );
    assert_eq!(
        body["post_filter"],
        json!({ "terms": { "data_type": ["consultation"] } })
    );
    assert_eq!(body["search_after"], json!([1.5, null, "k"]));
    assert_eq!(body["size"], 11);
}

/// The phrases of each clause of a query, with their boosts.
fn phrases(text: &str) -> (Vec<Vec<(String, f64)>>, Value) {
    let search = Search {
        text: text.to_owned(),
        limit: 1,
        ..Search::default()
    };
    let body = search_body("u1", &search);
    let asked = &body["query"]["bool"]["must"][0]["bool"];
    assert_eq!(asked["minimum_should_match"], 1);
    let clauses = &asked["should"][1]["bool"];
    let each = clauses["should"].as_array().unwrap().iter();
    let of_clause = |clause: &Value| {
        let all = clause["dis_max"]["queries"].as_array().unwrap().iter();
        let all = all.map(|query| {
            let query = &query["multi_match"];
            assert_eq!(query["type"], "phrase");
            let text = query["query"].as_str().unwrap().to_owned();
            (text, query["boost"].as_f64().unwrap())
        });
        all.collect()
    };
    (
        each.map(of_clause).collect(),
        clauses["minimum_should_match"].clone(),
    )
}

#[test]
fn what_stands_for_a_word_is_a_phrase_of_its_own() {
    let (clauses, least) = phrases("失眠");
    assert_eq!((clauses.len(), least), (1, json!(1)));
    for (word, boost) in [("失眠", 1.0), ("不寐", 0.7), ("睡不着", 0.7)] {
        assert!(clauses[0].contains(&(word.to_owned(), boost)), "{word}");
    }
    let has_blank = |(phrase, _): &(String, f64)| phrase.contains(' ');
    assert!(!clauses[0].iter().any(has_blank));
    assert!(phrases("zsl").0[0].iter().any(|(word, _)| word == "足三里"));
    // A synonym of one word answers for that word alone.
    let (clauses, least) = phrases("失眠 发热 头痛 咳嗽");
    assert_eq!((clauses.len(), least), (4, json!(3)));
    let many = "失眠发热头痛咳嗽".repeat(20);
    let count: usize = phrases(&many).0.iter().map(Vec::len).sum();
    assert!(count <= PHRASES_MAX);
}

#[test]
fn cursors_are_told_apart_from_those_of_the_database() {
    let cursor = |sort: Value| cursor(sort.as_array().unwrap());
    // Scores are written as whole numbers where they are.
    let whole = cursor(json!([2, 1_767_312_000_500_i64, "k"])).unwrap();
    assert!(is_cursor(&whole));
    assert_eq!(Cursor::parse(&whole.text()), Some(whole));
    assert_eq!(cursor(json!([2, "k"])), None);
    assert!(!is_cursor(&Cursor(vec![
        json!(2),
        json!(null),
        json!("pk")
    ])));
}

#[test]
fn deletions_name_the_owner() {
    assert_eq!(
        deletion("u1", None),
        json!({ "query": { "bool": { "filter": [{ "term": { "user_id": "u1" } }] } } })
    );
    let one = deletion("", Some("k"));
    assert_eq!(
        one["query"]["bool"]["filter"][0]["term"]["user_id"],
        "public"
    );
    assert_eq!(one["query"]["bool"]["filter"][1]["term"]["key"], "k");
}

#[test]
fn answers_are_understood_and_others_are_none() {
    let hit = |id: &str| {
        json!({
            "_score": 2.5, "_source": { "data_type": "consultation", "id": id, "name": "x", "timestamp": 5 },
            "highlight": { "diagnosis_result": ["<em>心烦</em>"] }, "sort": [2.5, 5, id],
        })
    };
    let answer = json!({
        "hits": { "total": { "value": 3, "relation": "eq" }, "hits": [hit("a"), hit("b")] },
        "aggregations": {
            "kinds": { "buckets": [{ "key": "consultation", "doc_count": 3 }] },
            "shown": { "months": { "buckets": [{ "key_as_string": "2026-01", "key": 1, "doc_count": 2 }] } },
        },
    });
    let first = found(&answer, 1).unwrap();
    assert_eq!((first.total, first.hits.len()), (3, 1));
    assert_eq!(first.hits[0].highlights["text"], "<em>心烦</em>");
    assert_eq!(first.kinds["consultation"], 3);
    assert_eq!(first.months["2026-01"], 2);
    assert_eq!(
        first.next,
        Some(Cursor(vec![json!(2.5), json!(5), json!("a")]))
    );
    assert_eq!(found(&answer, 2).unwrap().next, None);
    for other in [json!({}), json!({ "hits": {} }), json!([])] {
        assert_eq!(found(&other, 2), None);
    }
}

#[test]
fn a_bulk_fails_when_one_of_it_does() {
    assert_eq!(bulk_failure(&json!({ "errors": false, "items": [] })), None);
    let failed = json!({ "errors": true, "items": [
        { "index": { "status": 201 } },
        { "index": { "status": 400, "error": { "type": "mapper_parsing_exception", "reason": "r" } } },
    ] });
    assert_eq!(
        bulk_failure(&failed).as_deref(),
        Some("mapper_parsing_exception")
    );
    assert!(bulk_failure(&json!({})).is_some());
}

#[test]
fn the_template_is_that_of_the_monthly_indices() {
    let template = template(ANALYSER_DEFAULT);
    assert_eq!(template["index_patterns"], json!(["health-data-*"]));
    let settings = &template["template"]["settings"];
    assert_eq!(
        (
            &settings["number_of_shards"],
            &settings["number_of_replicas"]
        ),
        (&json!(3), &json!(1))
    );
    let properties = &template["template"]["mappings"]["properties"];
    assert_eq!(properties["diagnosis_result"]["analyzer"], "ik_max_word");
    assert_eq!(properties["user_id"]["type"], "keyword");
    assert_eq!(
        super::template("cjk")["template"]["mappings"]["properties"]["name"]["analyzer"],
        "cjk"
    );
}
