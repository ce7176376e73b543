//! The index in the database `health`: documents in, documents out, and the search.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use serde_json::Value;
use suoke_store::{Database, Sql, StoreError, Transaction};

use crate::document::{Document, FIELDS, Field, key};
use crate::highlight::highlight;
use crate::page::{Cursor, Found, Hit, Search, month_of};
use crate::postings::{self, Places};
use crate::query::Query;
use crate::rank::{self, Answers, Corpus, Key, Postings};
use crate::{knowledge, queries};

/// Who owns what everybody may find.
pub const PUBLIC: &str = "";

/// Most postings of one owner that a search reads; what is more is not looked at, and
/// the answer says so.
pub const POSTINGS_MAX: u32 = 100_000;

/// Scores are compared in millionths, so that pages fit together.
const MICRO: f64 = 1_000_000.0;

/// Stores a document of an owner, in place of what it was before; whether anything
/// changed.
///
/// # Errors
/// When the database fails.
pub async fn put(
    tx: &Transaction<'_>,
    owner: &str,
    document: &Document,
) -> Result<bool, StoreError> {
    let key = document.key();
    if let Some(stored) = queries::find(tx, owner, &key).await? {
        if stored.checksum == document.checksum() {
            return Ok(false);
        }
        queries::delete(tx, owner, &key, &stored).await?;
    }
    let (terms, lengths) = postings::of(document);
    queries::insert(tx, owner, document, &terms, lengths).await?;
    Ok(true)
}

/// Removes a document of an owner; whether it was there.
///
/// # Errors
/// When the database fails.
pub async fn remove(
    tx: &Transaction<'_>,
    owner: &str,
    kind: &str,
    id: &str,
) -> Result<bool, StoreError> {
    let key = key(kind, id);
    let Some(stored) = queries::find(tx, owner, &key).await? else {
        return Ok(false);
    };
    queries::delete(tx, owner, &key, &stored).await?;
    Ok(true)
}

/// Sees to it that the public documents are those of this knowledge base; whether they
/// had to be written. One read where they are.
///
/// # Errors
/// When the database fails.
pub async fn ensure_knowledge(db: &mut Database) -> Result<bool, StoreError> {
    let version = knowledge::version();
    if queries::version(db, PUBLIC).await?.as_deref() == Some(version) {
        return Ok(false);
    }
    db.transaction(async |tx| {
        // Another instance may have done it meanwhile.
        if queries::version(tx, PUBLIC).await?.as_deref() == Some(version) {
            return Ok(false);
        }
        queries::delete_all(tx, PUBLIC).await?;
        for document in knowledge::documents() {
            let (terms, lengths) = postings::of(&document);
            queries::insert(tx, PUBLIC, &document, &terms, lengths).await?;
        }
        queries::set_version(tx, PUBLIC, version).await?;
        Ok(true)
    })
    .await
}

/// A document that answers, with what it is sorted by.
struct Ranked {
    micro: i64,
    at_ms: Option<i64>,
    key: Key,
    kind: String,
}

impl Ranked {
    /// The best first, then the newest.
    fn order(&self) -> (Reverse<i64>, Reverse<Option<i64>>, &Key) {
        (Reverse(self.micro), Reverse(self.at_ms), &self.key)
    }

    fn cursor(&self) -> Cursor {
        let (is_public, document) = &self.key;
        let mark = if *is_public { "p" } else { "o" };
        let at = self.at_ms.map_or(Value::Null, Value::from);
        Cursor(vec![
            self.micro.into(),
            at,
            format!("{mark}{document}").into(),
        ])
    }

    /// Where a page ended.
    fn of(cursor: &Cursor) -> Option<Self> {
        let [micro, at, key] = cursor.0.as_slice() else {
            return None;
        };
        let (mark, document) = key.as_str()?.split_at_checked(1)?;
        let is_public = match mark {
            "p" => true,
            "o" => false,
            _ => return None,
        };
        if !at.is_null() && !at.is_i64() {
            return None;
        }
        Some(Self {
            micro: micro.as_i64()?,
            at_ms: at.as_i64(),
            key: (is_public, document.to_owned()),
            kind: String::new(),
        })
    }
}

/// Whether a cursor is one of this index.
#[must_use]
pub fn is_cursor(cursor: &Cursor) -> bool {
    Ranked::of(cursor).is_some()
}

/// What answers a search among the documents of an owner and the public ones. A cursor
/// that is none of this index ([`is_cursor`]) is passed over.
///
/// # Errors
/// When the database fails.
pub async fn search(sql: &impl Sql, owner: &str, search: &Search) -> Result<Found, StoreError> {
    let query = Query::of(&search.text);
    if query.is_empty() {
        return Ok(Found::default());
    }
    let mut corpus = Corpus::default();
    let (mut index, mut is_cut) = (Postings::new(), false);
    let terms = rank::terms(&query);
    let terms = queries::list(terms.iter().map(String::as_str));
    for each in [owner, PUBLIC] {
        corpus.add(&queries::corpus(sql, each).await?);
        let found = queries::postings(sql, each, &terms, POSTINGS_MAX).await?;
        is_cut |= found.len() >= POSTINGS_MAX as usize;
        for posting in found {
            let key = (each == PUBLIC, posting.document);
            let terms = index.entry(key).or_default();
            terms.insert(posting.term, Places::unpack(&posting.places));
        }
    }
    let ranked = ranked(sql, owner, &query, &index, &corpus).await?;
    let (mut page, mut found) = choose(ranked, search);
    found.is_cut = is_cut;
    found.next = cut(&mut page, search.limit);
    found.hits = show(sql, owner, &query, &page).await?;
    Ok(found)
}

/// Every document that answers, with its score.
async fn ranked(
    sql: &impl Sql,
    owner: &str,
    query: &Query,
    index: &Postings,
    corpus: &Corpus,
) -> Result<Vec<Ranked>, StoreError> {
    let answers = Answers::of(query, index);
    let answering = answers.documents();
    let mut ranked = Vec::with_capacity(answering.len());
    for each in [owner, PUBLIC] {
        let is_public = each == PUBLIC;
        let here = answering.iter().filter(|(public, _)| *public == is_public);
        let documents = queries::list(here.map(|(_, document)| document.as_str()));
        for candidate in queries::candidates(sql, each, &documents).await? {
            let key = (is_public, candidate.document);
            let lengths = queries::unpack(&candidate.lengths);
            let score = answers.score(&key, lengths, corpus);
            ranked.push(Ranked {
                // Far below what an integer holds.
                #[expect(clippy::cast_possible_truncation, reason = "rounded, and small")]
                micro: (score * MICRO).round() as i64,
                at_ms: candidate.at_ms,
                key,
                kind: candidate.kind,
            });
        }
    }
    Ok(ranked)
}

/// What is asked for of it behind the cursor, in order, and the counts of all.
fn choose(ranked: Vec<Ranked>, search: &Search) -> (Vec<Ranked>, Found) {
    let mut found = Found::default();
    let in_span = |each: &Ranked| search.has_instant(each.at_ms);
    let mut page = Vec::new();
    for each in ranked.into_iter().filter(in_span) {
        *found.kinds.entry(each.kind.clone()).or_default() += 1;
        if search.has_kind(&each.kind) {
            page.push(each);
        }
    }
    found.total = page.len() as u64;
    for month in page.iter().filter_map(|each| each.at_ms).map(month_of) {
        *found.months.entry(month).or_default() += 1;
    }
    page.sort_by(|one, other| one.order().cmp(&other.order()));
    if let Some(after) = search.after.as_ref().and_then(Ranked::of) {
        page.retain(|each| each.order() > after.order());
    }
    (page, found)
}

/// Leaves a page; where the next one begins.
fn cut(page: &mut Vec<Ranked>, limit: usize) -> Option<Cursor> {
    let has_more = page.len() > limit;
    page.truncate(limit);
    page.last().filter(|_| has_more).map(Ranked::cursor)
}

async fn show(
    sql: &impl Sql,
    owner: &str,
    query: &Query,
    page: &[Ranked],
) -> Result<Vec<Hit>, StoreError> {
    let mut rows = HashMap::<Key, queries::Shown>::new();
    for each in [owner, PUBLIC] {
        let is_public = each == PUBLIC;
        let here = page.iter().filter(|ranked| ranked.key.0 == is_public);
        let documents = queries::list(here.map(|ranked| ranked.key.1.as_str()));
        for row in queries::shown(sql, each, &documents).await? {
            rows.insert((is_public, row.document.clone()), row);
        }
    }
    let hits = page.iter().filter_map(|ranked| {
        let row = rows.get(&ranked.key)?;
        let fields: Vec<String> = serde_json::from_str(&row.fields).unwrap_or_default();
        Some(Hit {
            kind: ranked.kind.clone(),
            id: row.id.clone(),
            name: fields.first().cloned().unwrap_or_default(),
            score: ranked.micro as f64 / MICRO,
            at_ms: ranked.at_ms,
            highlights: highlights(&fields, query),
        })
    });
    Ok(hits.collect())
}

fn highlights(fields: &[String], query: &Query) -> BTreeMap<String, String> {
    let named = Field::ALL.into_iter().zip(fields).take(FIELDS);
    let marked =
        named.filter_map(|(field, text)| Some((field.name().to_owned(), highlight(text, query)?)));
    marked.collect()
}

#[cfg(test)]
mod tests;
