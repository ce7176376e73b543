//! Search, from a consultation to its erasure, in the database and on a server that
//! speaks Elasticsearch's protocol.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};

use super::*;

/// What somebody finds.
async fn search(life: &Life, token: &str, query: &str) -> Value {
    let path = format!("/api/v1/search?{query}");
    life.get(&path, token).await.expect(200).json()
}

/// The ids of what is found.
fn ids(found: &Value) -> Vec<&str> {
    let hits = found["hits"].as_array().unwrap();
    hits.iter().map(|hit| hit["id"].as_str().unwrap()).collect()
}

/// Opens a consultation; its id.
async fn consult(life: &Life, token: &str, complaint: &str) -> String {
    let body = json!({ "chief_complaint": complaint });
    let created = life
        .post("/consultation", Some(token), &body)
        .await
        .expect(201);
    created.json()["consultation_id"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// `失眠` in a query.
const SLEEPLESS: &str = "q=%E5%A4%B1%E7%9C%A0";

#[tokio::test]
async fn a_consultation_is_found_by_its_owner_until_the_account_is_erased() {
    a_consultation_is_found_until_erased(&Life::embedded().await).await;
}

#[tokio::test]
async fn a_consultation_is_found_by_its_owner_until_the_account_is_erased_on_postgresql() {
    a_consultation_is_found_until_erased(&Life::with_postgres().await).await;
}

async fn a_consultation_is_found_until_erased(life: &Life) {
    let fang = life.register("fang@example.com").await;
    let li = life.register("li@example.com").await;
    let id = consult(life, &fang, "最近晚上总是睡不着，口干").await;
    let own = format!("{SLEEPLESS}&type=consultation,record");
    // 失眠 is found in 睡不着.
    let found = eventually("the consultation is found", async || {
        let found = search(life, &fang, &own).await;
        (found["total"] == 1).then_some(found)
    })
    .await;
    assert!(ids(&found).contains(&id.as_str()), "{found}");
    assert_eq!(found["counts"]["types"]["consultation"], 1);
    let months = found["counts"]["months"].as_object().unwrap();
    assert_eq!(months.values().filter_map(Value::as_u64).sum::<u64>(), 1);
    assert_eq!(search(life, &li, &own).await["total"], 0);
    // 问诊记录: it comes when the saga is completed.
    let record = "q=%E9%97%AE%E8%AF%8A%E8%AE%B0%E5%BD%95&type=record";
    eventually("the record is found", async || {
        let found = search(life, &fang, record).await;
        (found["total"] == 1).then_some(())
    })
    .await;
    // The account goes, and with it the index.
    let request = life.host.request("DELETE", "/api/v1/users/me");
    let request = request.header("authorization", format!("Bearer {fang}"));
    let gone = life.host.send(request.body(whole("")).unwrap()).await;
    assert!(gone.status.is_success(), "{}", gone.text());
    eventually("nothing of the person is in the index", async || {
        let owned = "SELECT count(*) FROM search_postings WHERE owner <> ''";
        (life.number("health", owned).await == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn the_public_knowledge_is_found_in_every_way() {
    the_public_knowledge_is_found(&Life::embedded().await).await;
}

#[tokio::test]
async fn the_public_knowledge_is_found_in_every_way_on_postgresql() {
    the_public_knowledge_is_found(&Life::with_postgres().await).await;
}

async fn the_public_knowledge_is_found(life: &Life) {
    let fang = life.register("fang@example.com").await;
    for query in [
        "q=zsl",
        "q=%E8%B6%B3%E4%B8%89%E9%87%8C",
        "q=ST36",
        "q=zusanli",
    ] {
        let found = search(life, &fang, query).await;
        assert_eq!(ids(&found).first(), Some(&"ST36"), "{query}");
    }
    // 肝郁 and 氣虛
    let found = search(life, &fang, "q=%E8%82%9D%E9%83%81&type=syndrome").await;
    for id in ["liver_qi_stag", "liver_spleen"] {
        assert!(ids(&found).contains(&id), "{found}");
    }
    let simplified = search(life, &fang, "q=%E6%B0%94%E8%99%9A").await;
    let traditional = search(life, &fang, "q=%E6%B0%A3%E8%99%9B").await;
    assert_eq!(ids(&simplified), ids(&traditional));
    for (query, field) in [
        ("", "q"),
        ("q=x&type=y", "type"),
        ("q=x&cursor=y", "cursor"),
    ] {
        let wrong = life.get(&format!("/api/v1/search?{query}"), &fang).await;
        problem(&wrong, 400, "validation_failed", Some(field));
    }
}

/// What the server was asked: method, path with query, media type, body.
type Asked = Arc<Mutex<Vec<(String, String, String, String)>>>;

/// A server that takes what is documented, and nothing else.
async fn elastic(
    State(asked): State<Asked>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, String) {
    let header = |name: &str| {
        headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    };
    let body = String::from_utf8(body.to_vec()).unwrap();
    let target = uri.path_and_query().unwrap().to_string();
    let answer = answer(
        &method,
        uri.path(),
        header("content-type"),
        header("authorization"),
        &body,
    );
    let seen = (
        method.to_string(),
        target,
        header("content-type").to_owned(),
        body,
    );
    asked.lock().unwrap().push(seen);
    match answer {
        Ok(answer) => (StatusCode::OK, answer.to_string()),
        Err((status, reason)) => {
            let error = json!({ "error": { "type": reason, "reason": "r" }, "status": status });
            (StatusCode::from_u16(status).unwrap(), error.to_string())
        }
    }
}

fn answer(
    method: &Method,
    path: &str,
    media: &str,
    authorization: &str,
    body: &str,
) -> Result<Value, (u16, &'static str)> {
    if authorization != "ApiKey a-key" {
        return Err((401, "security_exception"));
    }
    match (method.as_str(), path) {
        ("POST", "/_bulk") => bulk(media, body),
        ("GET", "/health-data-knowledge/_doc/version") => Err((404, "index_not_found_exception")),
        (
            "PUT",
            "/_index_template/health-data-template" | "/health-data-knowledge/_doc/version",
        )
        | ("POST", "/health-data-*/_delete_by_query" | "/health-data-*/_refresh") => {
            let fit = media == "application/json" && serde_json::from_str::<Value>(body).is_ok();
            fit.then(|| json!({ "acknowledged": true, "deleted": 0 }))
                .ok_or((400, "parsing_exception"))
        }
        ("POST", "/health-data-*,health-data-knowledge/_search") => found(media, body),
        _ => Err((405, "method_not_allowed")),
    }
}

/// `_bulk` is two lines for each document, each with its end.
fn bulk(media: &str, body: &str) -> Result<Value, (u16, &'static str)> {
    if media != "application/x-ndjson" {
        return Err((406, "media_type_header_exception"));
    }
    if !body.ends_with('\n') {
        return Err((400, "illegal_argument_exception"));
    }
    let lines: Vec<Value> = body
        .lines()
        .map(|line| serde_json::from_str(line).map_err(|_| (400, "parsing_exception")))
        .collect::<Result<_, _>>()?;
    for pair in lines.chunks(2) {
        let action = pair[0]["index"].as_object().ok_or((400, "no_action"))?;
        let index = action["_index"].as_str().ok_or((400, "no_index"))?;
        let known = ["_index", "_id"];
        let is_fit = action.keys().all(|key| known.contains(&key.as_str()));
        if !is_fit || !index.starts_with("health-data-") || pair.len() != 2 || !pair[1].is_object()
        {
            return Err((400, "illegal_argument_exception"));
        }
    }
    let items: Vec<Value> = lines
        .chunks(2)
        .map(|pair| json!({ "index": { "_id": pair[0]["index"]["_id"], "status": 201 } }))
        .collect();
    Ok(json!({ "took": 1, "errors": false, "items": items }))
}

/// A search has these parts and no others, and always asks for one owner.
fn found(media: &str, body: &str) -> Result<Value, (u16, &'static str)> {
    let asked: Value = serde_json::from_str(body).map_err(|_| (400, "parsing_exception"))?;
    let known = [
        "size",
        "track_total_hits",
        "_source",
        "query",
        "post_filter",
        "aggs",
        "highlight",
        "sort",
        "search_after",
    ];
    let keys: Vec<&String> = asked.as_object().unwrap().keys().collect();
    let owners = &asked["query"]["bool"]["filter"][0]["terms"]["user_id"];
    if media != "application/json"
        || !keys.iter().all(|key| known.contains(&key.as_str()))
        || owners
            .as_array()
            .is_none_or(|owners| owners.len() != 2 || owners[1] != "public")
    {
        return Err((400, "parsing_exception"));
    }
    let hit = json!({
        "_index": "health-data-2026-11", "_id": "x", "_score": 3.5,
        "_source": { "data_type": "consultation", "id": owners[0], "name": "失眠", "timestamp": 1_767_312_000_500_i64 },
        "highlight": { "diagnosis_result": ["<em>失眠</em>"] }, "sort": [3.5, 1_767_312_000_500_i64, "x"],
    });
    Ok(json!({
        "took": 1, "timed_out": false,
        "hits": { "total": { "value": 1, "relation": "eq" }, "max_score": 3.5, "hits": [hit] },
        "aggregations": {
            "kinds": { "buckets": [{ "key": "consultation", "doc_count": 1 }] },
            "shown": { "doc_count": 1, "months": { "buckets": [
                { "key_as_string": "2026-01", "key": 1_767_225_600_000_i64, "doc_count": 1 }] } },
        },
    }))
}

#[tokio::test]
async fn a_server_gets_the_documents_and_answers_the_searches() {
    let asked = Asked::default();
    let server = Router::new()
        .fallback(elastic)
        .with_state(Arc::clone(&asked));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, server).await });
    let mut life = Life::embedded().await;
    life.host.terminate();
    eventually("the host has ended", async || {
        life.host.is_ended().then_some(())
    })
    .await;
    life.variables.push(format!("search_url={url}"));
    life.variables.push("search_token=a-key".to_owned());
    life.restart().await;
    let fang = life.register("fang@example.com").await;
    let id = consult(&life, &fang, "总是睡不着").await;
    let sent = |path: &str| {
        let asked = asked.lock().unwrap();
        let mut found = asked.iter().filter(|seen| seen.1.starts_with(path));
        found.next_back().map(|seen| seen.3.clone())
    };
    eventually("the consultation is sent", async || {
        let asked = asked.lock().unwrap();
        asked
            .iter()
            .any(|seen| seen.1 == "/_bulk" && seen.3.contains(&id))
            .then_some(())
    })
    .await;
    let template: Value = serde_json::from_str(&sent("/_index_template").unwrap()).unwrap();
    assert_eq!(template["index_patterns"], json!(["health-data-*"]));
    let found = search(&life, &fang, &format!("{SLEEPLESS}&type=consultation")).await;
    assert_eq!(found["hits"][0]["highlights"]["text"], "<em>失眠</em>");
    assert_eq!(found["counts"]["months"]["2026-01"], 1);
    // What was asked for is what is the caller's own.
    let me = life.get("/api/v1/users/me", &fang).await.expect(200).json();
    assert_eq!(found["hits"][0]["id"], me["user_id"]);
    let request = life.host.request("DELETE", "/api/v1/users/me");
    let request = request.header("authorization", format!("Bearer {fang}"));
    life.host.send(request.body(whole("")).unwrap()).await;
    let user = me["user_id"].as_str().unwrap();
    eventually("the server forgets the person", async || {
        let asked = asked.lock().unwrap();
        let mut deletions = asked
            .iter()
            .filter(|seen| seen.1.contains("/_delete_by_query"));
        deletions.any(|seen| seen.3.contains(user)).then_some(())
    })
    .await;
}
