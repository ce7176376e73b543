//! The same index on a server that speaks Elasticsearch's protocol (7.8 and later, and
//! OpenSearch): what is sent, and what is understood of the answers.
//!
//! Documents lie in one index for each month, `health-data-2026-11` (UTC), and those
//! without an instant in `health-data-knowledge`. The template of all is
//! `health-data-template`: 3 shards, 1 replica, the words of Chinese by the analyser
//! `ik_max_word`, which its plugin `analysis-ik` brings, unless another one is named.

mod client;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

pub use client::Client;

use crate::dictionary;
use crate::document::{Document, Field};
use crate::page::{Cursor, Found, Hit, Search, month_of};
use crate::query::{Alternative, Clause, Query, What};

/// The path of the template.
pub const TEMPLATE_PATH: &str = "/_index_template/health-data-template";
/// All indices.
pub const INDICES: &str = "health-data-*";
/// The index of what everybody may find.
pub const KNOWLEDGE_INDEX: &str = "health-data-knowledge";
/// The analyser unless another one is named.
pub const ANALYSER_DEFAULT: &str = "ik_max_word";
/// Who owns what everybody may find.
const PUBLIC: &str = "public";
/// The field of a document's text.
const TEXT: &str = "diagnosis_result";
/// Most kinds that are counted.
const KINDS_MAX: usize = 50;
/// Most phrases of a query: each is looked for in every field.
const PHRASES_MAX: usize = 64;
/// Characters between those of a word that still make it that word, as in the database.
const GAP_MAX: usize = 3;

/// The template of the indices.
#[must_use]
pub fn template(analyser: &str) -> Value {
    let text = if analyser == ANALYSER_DEFAULT {
        // Every word into the index, the longest of the query.
        json!({ "type": "text", "analyzer": analyser, "search_analyzer": "ik_smart" })
    } else {
        json!({ "type": "text", "analyzer": analyser })
    };
    json!({
        "index_patterns": [INDICES],
        "template": {
            "settings": { "number_of_shards": 3, "number_of_replicas": 1 },
            "mappings": {
                "dynamic": false,
                "properties": {
                    "user_id": { "type": "keyword" },
                    "data_type": { "type": "keyword" },
                    "id": { "type": "keyword" },
                    "key": { "type": "keyword" },
                    "timestamp": { "type": "date" },
                    "values": { "type": "object" },
                    "pinyin": { "type": "text", "analyzer": "simple" },
                    "name": text,
                    "synonym": text,
                    "symptom": text,
                    TEXT: text
                }
            }
        }
    })
}

/// The index of a document.
#[must_use]
pub fn index_of(at_ms: Option<i64>) -> String {
    match at_ms {
        Some(at_ms) => format!("health-data-{}", month_of(at_ms)),
        None => KNOWLEDGE_INDEX.to_owned(),
    }
}

/// Who owns a document, as it is stored.
fn stored_owner(owner: &str) -> &str {
    if owner.is_empty() { PUBLIC } else { owner }
}

fn name_of(field: Field) -> &'static str {
    match field {
        Field::Text => TEXT,
        other => other.name(),
    }
}

/// The body of `_bulk`: two lines for each document, each with its end.
#[must_use]
pub fn bulk(owner: &str, documents: &[Document]) -> Vec<u8> {
    let mut body = String::new();
    for document in documents {
        let owner = stored_owner(owner);
        let id = format!("{owner}:{}", document.key());
        let action = json!({ "index": { "_index": index_of(document.at_ms), "_id": id } });
        body.push_str(&format!("{action}\n{}\n", source(owner, document)));
    }
    body.into_bytes()
}

fn source(owner: &str, document: &Document) -> Value {
    let mut source = json!({
        "user_id": owner,
        "data_type": document.kind,
        "id": document.id,
        "key": document.key(),
    });
    let Some(object) = source.as_object_mut() else {
        return source;
    };
    if let Some(at_ms) = document.at_ms {
        object.insert("timestamp".to_owned(), at_ms.into());
    }
    if document.values.is_object() {
        object.insert("values".to_owned(), document.values.clone());
    }
    let names = [document.text(Field::Name), document.text(Field::Synonym)];
    let readings = dictionary::readings(&names.join("，"));
    object.insert("pinyin".to_owned(), readings.into());
    for field in Field::ALL {
        let text = document.text(field);
        if !text.is_empty() {
            object.insert(name_of(field).to_owned(), text.into());
        }
    }
    source
}

/// The body of `_delete_by_query`: everything of an owner, or one document of theirs.
#[must_use]
pub fn deletion(owner: &str, document: Option<&str>) -> Value {
    let mut filter = vec![json!({ "term": { "user_id": stored_owner(owner) } })];
    filter.extend(document.map(|key| json!({ "term": { "key": key } })));
    json!({ "query": { "bool": { "filter": filter } } })
}

/// The body of `_search`.
#[must_use]
pub fn search_body(owner: &str, search: &Search) -> Value {
    let kinds = match search.kinds.as_slice() {
        [] => json!({ "match_all": {} }),
        kinds => json!({ "terms": { "data_type": kinds } }),
    };
    let months = json!({
        "field": "timestamp", "calendar_interval": "month",
        "format": "yyyy-MM", "min_doc_count": 1,
    });
    let mut body = json!({
        // One more than is shown tells whether there is a next page.
        "size": search.limit + 1,
        "track_total_hits": true,
        "_source": ["data_type", "id", "timestamp", "name"],
        "query": { "bool": {
            "must": [matching(&search.text)],
            "should": [phrase(&search.text)],
            "filter": filters(owner, search),
        } },
        "post_filter": kinds,
        "aggs": {
            "kinds": { "terms": { "field": "data_type", "size": KINDS_MAX } },
            "shown": {
                "filter": kinds,
                "aggs": { "months": { "date_histogram": months } },
            },
        },
        "highlight": {
            "encoder": "html", "pre_tags": ["<em>"], "post_tags": ["</em>"],
            "number_of_fragments": 1, "fragment_size": 120,
            "fields": { "name": {}, "synonym": {}, "symptom": {}, TEXT: {} },
        },
        "sort": [
            { "_score": { "order": "desc" } },
            { "timestamp": { "order": "desc", "missing": "_last" } },
            { "key": { "order": "asc" } },
        ],
    });
    if let (Some(after), Some(body)) = (&search.after, body.as_object_mut()) {
        body.insert("search_after".to_owned(), after.0.clone().into());
    }
    body
}

fn fields() -> Vec<String> {
    let named = Field::ALL.into_iter().map(|field| {
        let boost = field.boost();
        format!("{}^{boost}", name_of(field))
    });
    named.chain(["pinyin^3".to_owned()]).collect()
}

/// The words of the query as the server cuts them, or as the database does: of its
/// clauses as many as there, each answered by one of what answers it there.
fn matching(text: &str) -> Value {
    let own = json!({ "multi_match": {
        "query": text, "type": "most_fields", "fields": fields(),
        "minimum_should_match": "2<60%",
    } });
    let query = Query::of(text);
    let asked = query.clauses.iter().filter(|clause| clause.is_asked);
    let each_max = PHRASES_MAX / asked.clone().count().max(1);
    let clauses: Vec<Value> = asked.map(|clause| answered(clause, each_max)).collect();
    let mut should = vec![own];
    if !clauses.is_empty() {
        should.push(json!({ "bool": {
            "should": clauses, "minimum_should_match": query.asked_least(),
        } }));
    }
    json!({ "bool": { "should": should, "minimum_should_match": 1 } })
}

/// The best of what answers a clause, each as a phrase of its own: the words of a
/// synonym mean something together alone.
fn answered(clause: &Clause, most: usize) -> Value {
    let phrases = clause.alternatives.iter().take(most.max(1));
    let phrases: Vec<Value> = phrases.map(alternative).collect();
    json!({ "dis_max": { "queries": phrases } })
}

fn alternative(alternative: &Alternative) -> Value {
    let (text, slop) = match &alternative.what {
        What::Term(term) => (term.clone(), 0),
        What::Phrase(letters) => (letters.iter().collect(), 0),
        What::Loose(letters) => {
            let gaps = letters.len().saturating_sub(1) * GAP_MAX;
            (letters.iter().collect(), gaps)
        }
    };
    json!({ "multi_match": {
        "query": text, "type": "phrase", "fields": fields(), "slop": slop,
        "boost": alternative.weight,
    } })
}

fn phrase(text: &str) -> Value {
    json!({ "multi_match": { "query": text, "type": "phrase", "fields": fields(), "boost": 0.3 } })
}

fn filters(owner: &str, search: &Search) -> Vec<Value> {
    let mut filters = vec![json!({ "terms": { "user_id": [stored_owner(owner), PUBLIC] } })];
    let mut range = Map::new();
    for (bound, at_ms) in [("gte", search.from_ms), ("lt", search.to_ms)] {
        if let Some(at_ms) = at_ms {
            range.insert(bound.to_owned(), at_ms.into());
        }
    }
    if !range.is_empty() {
        range.insert("format".to_owned(), "epoch_millis".into());
        filters.push(json!({ "range": { "timestamp": range } }));
    }
    filters
}

/// Understands the answer of `_search`; none where it is no such answer.
#[must_use]
pub fn found(answer: &Value, limit: usize) -> Option<Found> {
    let all = answer.pointer("/hits/hits")?.as_array()?;
    let mut shown = all.iter().take(limit);
    let hits: Option<Vec<Hit>> = shown.clone().map(hit).collect();
    let last = shown.next_back().filter(|_| all.len() > limit);
    let next = last.and_then(|hit| cursor(hit.get("sort")?.as_array()?));
    Some(Found {
        total: answer.pointer("/hits/total/value")?.as_u64()?,
        hits: hits?,
        kinds: buckets(answer.pointer("/aggregations/kinds"), "key"),
        months: buckets(
            answer.pointer("/aggregations/shown/months"),
            "key_as_string",
        ),
        is_cut: false,
        next,
    })
}

/// A score is never a whole number here: that tells cursors of this index apart from
/// those of the database.
fn cursor(sort: &[Value]) -> Option<Cursor> {
    let [score, at_ms, key] = sort else {
        return None;
    };
    let score = score.as_f64()?.into();
    Some(Cursor(vec![score, at_ms.clone(), key.clone()]))
}

/// Whether a cursor is one of this index.
#[must_use]
pub fn is_cursor(cursor: &Cursor) -> bool {
    match cursor.0.as_slice() {
        [score, at_ms, Value::String(_)] => score.is_f64() && (at_ms.is_null() || at_ms.is_i64()),
        _ => false,
    }
}

fn hit(hit: &Value) -> Option<Hit> {
    let source = hit.get("_source")?;
    let text = |name: &str| Some(source.get(name)?.as_str()?.to_owned());
    let marked = hit.get("highlight").and_then(Value::as_object);
    let marked = marked.into_iter().flatten().filter_map(|(field, pieces)| {
        let name = if field == TEXT {
            Field::Text.name()
        } else {
            field
        };
        Some((name.to_owned(), pieces.get(0)?.as_str()?.to_owned()))
    });
    Some(Hit {
        kind: text("data_type")?,
        id: text("id")?,
        name: text("name").unwrap_or_default(),
        score: hit
            .get("_score")
            .and_then(Value::as_f64)
            .unwrap_or_default(),
        at_ms: source.get("timestamp").and_then(Value::as_i64),
        highlights: marked.collect(),
    })
}

fn buckets(aggregation: Option<&Value>, key: &str) -> BTreeMap<String, u64> {
    let buckets = aggregation.and_then(|each| each.get("buckets")?.as_array());
    let counts = buckets.into_iter().flatten().filter_map(|bucket| {
        let count = bucket.get("doc_count")?.as_u64()?;
        Some((bucket.get(key)?.as_str()?.to_owned(), count))
    });
    counts.collect()
}

/// What went wrong with a `_bulk` whose status was good: the type of the first failure.
#[must_use]
pub fn bulk_failure(answer: &Value) -> Option<String> {
    if answer.get("errors").and_then(Value::as_bool) == Some(false) {
        return None;
    }
    let items = answer.get("items").and_then(Value::as_array);
    let mut types = items.into_iter().flatten().filter_map(|item| {
        let kind = item.pointer("/index/error/type")?.as_str()?;
        Some(kind.to_owned())
    });
    Some(types.next().unwrap_or_else(|| "not understood".to_owned()))
}

#[cfg(test)]
mod tests;
