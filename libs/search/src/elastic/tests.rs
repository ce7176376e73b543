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
    let words =
        body["query"]["bool"]["must"][0]["bool"]["should"][1]["multi_match"]["query"].as_str();
    assert!(words.unwrap().contains("不寐"), "{words:?}");
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
