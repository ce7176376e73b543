//! The search index in SQL. `''` is the owner of what everybody may find.

use std::collections::BTreeMap;

use serde_json::Value;
use suoke_store::{Row, Sql, StoreError, params};

use crate::document::{Document, FIELDS};
use crate::postings::Places;
use crate::rank::Corpus;

/// Postings in one statement.
const ROWS_MAX: usize = 250;

/// A document as it is stored, with what its removal needs.
pub(crate) struct Stored {
    pub(crate) checksum: String,
    lengths: String,
    terms: String,
}

suoke_store::from_row!(Stored {
    checksum,
    lengths,
    terms
});

/// A document as ranking needs it.
pub(crate) struct Candidate {
    pub(crate) document: String,
    pub(crate) kind: String,
    pub(crate) at_ms: Option<i64>,
    pub(crate) lengths: String,
}

suoke_store::from_row!(Candidate {
    document,
    kind,
    at_ms,
    lengths
});

/// A document as it is shown.
pub(crate) struct Shown {
    pub(crate) document: String,
    pub(crate) id: String,
    pub(crate) fields: String,
}

suoke_store::from_row!(Shown {
    document,
    id,
    fields
});

/// A term of a document.
pub(crate) struct Posting {
    pub(crate) term: String,
    pub(crate) document: String,
    pub(crate) places: String,
}

suoke_store::from_row!(Posting {
    term,
    document,
    places
});

/// A list as JSON.
pub(crate) fn list<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    Value::from(texts.into_iter().map(Value::from).collect::<Vec<_>>()).to_string()
}

/// Lengths as they are stored.
pub(crate) fn pack(lengths: [usize; FIELDS]) -> String {
    lengths.map(|length| length.to_string()).join(",")
}

/// Reads what [`pack`] wrote.
pub(crate) fn unpack(text: &str) -> [usize; FIELDS] {
    let mut numbers = text
        .split(',')
        .map(|number| number.parse().unwrap_or_default());
    std::array::from_fn(|_| numbers.next().unwrap_or_default())
}

pub(crate) async fn find(
    sql: &impl Sql,
    owner: &str,
    document: &str,
) -> Result<Option<Stored>, StoreError> {
    sql.query_optional(
        "SELECT checksum, lengths, terms FROM search_documents \
         WHERE owner = ?1 AND document = ?2",
        params![owner, document],
    )
    .await
}

/// Adds a document that is not there.
pub(crate) async fn insert(
    sql: &impl Sql,
    owner: &str,
    document: &Document,
    terms: &BTreeMap<String, Places>,
    lengths: [usize; FIELDS],
) -> Result<(), StoreError> {
    let key = document.key();
    let fields = Value::from(document.fields.to_vec()).to_string();
    sql.execute(
        "INSERT INTO search_documents \
         (owner, document, kind, id, at_ms, lengths, checksum, fields, terms) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        params![
            owner,
            &key,
            &document.kind,
            &document.id,
            document.at_ms,
            pack(lengths),
            document.checksum(),
            fields,
            list(terms.keys().map(String::as_str))
        ],
    )
    .await?;
    insert_postings(sql, owner, &key, terms).await?;
    count(sql, owner, 1, lengths).await
}

async fn insert_postings(
    sql: &impl Sql,
    owner: &str,
    document: &str,
    terms: &BTreeMap<String, Places>,
) -> Result<(), StoreError> {
    let all: Vec<_> = terms.iter().collect();
    for chunk in all.chunks(ROWS_MAX) {
        let mut values = params![owner, document];
        let mut rows = Vec::with_capacity(chunk.len());
        for (term, places) in chunk {
            rows.push(format!(
                "(?1,?{},?2,?{})",
                values.len() + 1,
                values.len() + 2
            ));
            values.extend(params![term.as_str(), places.pack()]);
        }
        let text = format!(
            "INSERT INTO search_postings (owner, term, document, places) VALUES {}",
            rows.join(",")
        );
        sql.execute(&text, values).await?;
    }
    Ok(())
}

/// Adds to what is known of all documents of an owner; negative numbers take away.
async fn count(
    sql: &impl Sql,
    owner: &str,
    documents: i64,
    lengths: [usize; FIELDS],
) -> Result<(), StoreError> {
    let signed = |length: usize| i64::try_from(length).unwrap_or(i64::MAX) * documents;
    let [name, synonym, symptom, text] = lengths.map(signed);
    sql.execute(
        "INSERT INTO search_owners (owner, documents, length_name, length_synonym, \
         length_symptom, length_text, version) VALUES (?1, ?2, ?3, ?4, ?5, ?6, '') \
         ON CONFLICT (owner) DO UPDATE SET \
         documents = search_owners.documents + excluded.documents, \
         length_name = search_owners.length_name + excluded.length_name, \
         length_synonym = search_owners.length_synonym + excluded.length_synonym, \
         length_symptom = search_owners.length_symptom + excluded.length_symptom, \
         length_text = search_owners.length_text + excluded.length_text",
        params![owner, documents, name, synonym, symptom, text],
    )
    .await
}

/// Removes a document that is there.
pub(crate) async fn delete(
    sql: &impl Sql,
    owner: &str,
    document: &str,
    stored: &Stored,
) -> Result<(), StoreError> {
    sql.execute(
        "DELETE FROM search_postings WHERE owner = ?1 AND document = ?2 \
         AND term IN (SELECT value FROM json_each(?3))",
        params![owner, document, &stored.terms],
    )
    .await?;
    sql.execute(
        "DELETE FROM search_documents WHERE owner = ?1 AND document = ?2",
        params![owner, document],
    )
    .await?;
    count(sql, owner, -1, unpack(&stored.lengths)).await
}

/// Removes everything of an owner.
pub(crate) async fn delete_all(sql: &impl Sql, owner: &str) -> Result<(), StoreError> {
    for table in ["search_postings", "search_documents", "search_owners"] {
        let text = format!("DELETE FROM {table} WHERE owner = ?1");
        sql.execute(&text, params![owner]).await?;
    }
    Ok(())
}

/// The version that the documents of an owner were made of.
pub(crate) async fn version(sql: &impl Sql, owner: &str) -> Result<Option<String>, StoreError> {
    let text = "SELECT version FROM search_owners WHERE owner = ?1";
    sql.query_optional(text, params![owner]).await
}

pub(crate) async fn set_version(
    sql: &impl Sql,
    owner: &str,
    version: &str,
) -> Result<(), StoreError> {
    let text = "UPDATE search_owners SET version = ?2 WHERE owner = ?1";
    sql.execute(text, params![owner, version]).await
}

/// What ranking needs of all documents of an owner.
pub(crate) async fn corpus(sql: &impl Sql, owner: &str) -> Result<Corpus, StoreError> {
    let found: Option<Row> = sql
        .query_optional(
            "SELECT documents, length_name, length_synonym, length_symptom, length_text \
             FROM search_owners WHERE owner = ?1",
            params![owner],
        )
        .await?;
    let Some(row) = found else {
        return Ok(Corpus::default());
    };
    Ok(Corpus {
        documents: row.get("documents")?,
        lengths: [
            row.get("length_name")?,
            row.get("length_synonym")?,
            row.get("length_symptom")?,
            row.get("length_text")?,
        ],
    })
}

/// Where these terms stand in the documents of an owner, at most `limit` of them.
pub(crate) async fn postings(
    sql: &impl Sql,
    owner: &str,
    terms: &str,
    limit: u32,
) -> Result<Vec<Posting>, StoreError> {
    sql.query(
        "SELECT term, document, places FROM search_postings \
         WHERE owner = ?1 AND term IN (SELECT value FROM json_each(?2)) LIMIT ?3",
        params![owner, terms, limit],
    )
    .await
}

/// These documents of an owner, for ranking.
pub(crate) async fn candidates(
    sql: &impl Sql,
    owner: &str,
    documents: &str,
) -> Result<Vec<Candidate>, StoreError> {
    sql.query(
        "SELECT document, kind, at_ms, lengths FROM search_documents \
         WHERE owner = ?1 AND document IN (SELECT value FROM json_each(?2))",
        params![owner, documents],
    )
    .await
}

/// These documents of an owner, to be shown.
pub(crate) async fn shown(
    sql: &impl Sql,
    owner: &str,
    documents: &str,
) -> Result<Vec<Shown>, StoreError> {
    sql.query(
        "SELECT document, id, fields FROM search_documents \
         WHERE owner = ?1 AND document IN (SELECT value FROM json_each(?2))",
        params![owner, documents],
    )
    .await
}
