//! Asks the server of the variables `search_url` and `search_token`.

use serde_json::{Value, json};
use suoke_guest::{ApiError, Reply, fetch, page, variables};

use super::{INDICES, KNOWLEDGE_INDEX, TEMPLATE_PATH};
use super::{bulk, bulk_failure, deletion, found, is_cursor, search_body, template};
use crate::document::Document;
use crate::knowledge;
use crate::page::{Found, Search};

/// Largest answer that is read.
const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Documents in one `_bulk`.
const BULK_MAX: usize = 500;
/// Names the version of the public documents.
const VERSION_PATH: &str = "/health-data-knowledge/_doc/version";

/// A server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    origin: String,
    authorization: Option<String>,
    analyser: String,
}

impl Client {
    /// The server of the variables; none where `search_url` is empty.
    ///
    /// # Errors
    /// 500 when the manifest gives no such variables.
    pub async fn load() -> Result<Option<Self>, ApiError> {
        let origin = variables::get("search_url").await?;
        if origin.trim().is_empty() {
            return Ok(None);
        }
        let token = variables::get("search_token").await?;
        let analyser = variables::get("search_analyzer").await?;
        Ok(Some(Self::new(origin.trim(), &token, &analyser)))
    }

    /// The server at `https://host[:port]`. A token is an API key, or the whole value of
    /// `authorization`, such as `Basic …`.
    #[must_use]
    pub fn new(origin: &str, token: &str, analyser: &str) -> Self {
        let authorization = match token.trim() {
            "" => None,
            token if token.contains(' ') => Some(token.to_owned()),
            token => Some(format!("ApiKey {token}")),
        };
        Self {
            origin: origin.to_owned(),
            authorization,
            analyser: analyser.to_owned(),
        }
    }

    /// Sees to it that the template and the public documents are there.
    ///
    /// # Errors
    /// 503 when the server does not do it.
    pub async fn ensure(&self) -> Result<(), ApiError> {
        let told = self.send("GET", VERSION_PATH, "", Vec::new()).await?;
        let known = body(&told)?;
        if known.pointer("/_source/values/version") == Some(&knowledge::version().into()) {
            return Ok(());
        }
        self.json("PUT", TEMPLATE_PATH, &template(&self.analyser))
            .await?;
        let old = format!("/{INDICES}/_delete_by_query?conflicts=proceed&refresh=true");
        self.json("POST", &old, &deletion("", None)).await?;
        self.put("", &knowledge::documents()).await?;
        let version = json!({ "values": { "version": knowledge::version() } });
        self.json("PUT", VERSION_PATH, &version).await?;
        Ok(())
    }

    /// Stores documents of an owner in place of what they were before.
    ///
    /// # Errors
    /// 503 when the server does not take all of them.
    pub async fn put(&self, owner: &str, documents: &[Document]) -> Result<(), ApiError> {
        for chunk in documents.chunks(BULK_MAX) {
            let lines = bulk(owner, chunk);
            let told = self
                .send("POST", "/_bulk", "application/x-ndjson", lines)
                .await?;
            let told = body(&self.taken(told, "_bulk")?)?;
            if let Some(failure) = bulk_failure(&told) {
                return Err(self.failed("_bulk", &failure));
            }
        }
        Ok(())
    }

    /// Removes one document of an owner, or all of them.
    ///
    /// # Errors
    /// 503 when the server does not do it.
    pub async fn remove(&self, owner: &str, document: Option<&str>) -> Result<(), ApiError> {
        // What was written a moment ago is found after a refresh alone.
        let refresh = format!("/{INDICES}/_refresh");
        self.json("POST", &refresh, &json!({})).await?;
        let path = format!("/{INDICES}/_delete_by_query?conflicts=proceed&refresh=true");
        self.json("POST", &path, &deletion(owner, document)).await?;
        Ok(())
    }

    /// What answers a search among the documents of an owner and the public ones.
    ///
    /// # Errors
    /// 400 `invalid_cursor` for a cursor that is none of this server's, 503 when it does
    /// not answer.
    pub async fn search(&self, owner: &str, search: &Search) -> Result<Found, ApiError> {
        if !search.after.as_ref().is_none_or(is_cursor) {
            return Err(page::invalid_cursor());
        }
        let path = format!("/{INDICES},{KNOWLEDGE_INDEX}/_search?ignore_unavailable=true");
        let asked = search_body(owner, search).to_string().into_bytes();
        let told = self.send("POST", &path, "application/json", asked).await?;
        self.page(told, search)
    }

    /// The page that the server answered.
    fn page(&self, told: Reply, search: &Search) -> Result<Found, ApiError> {
        // All but the cursor is ours.
        if told.status() == 400 && search.after.is_some() {
            return Err(page::invalid_cursor());
        }
        let told = body(&self.taken(told, "_search")?)?;
        found(&told, search.limit).ok_or_else(|| self.failed("_search", "not understood"))
    }

    async fn json(&self, method: &str, path: &str, asked: &Value) -> Result<Value, ApiError> {
        let bytes = asked.to_string().into_bytes();
        let told = self.send(method, path, "application/json", bytes).await?;
        body(&self.taken(told, path)?)
    }

    async fn send(
        &self,
        method: &str,
        path: &str,
        media: &str,
        body: Vec<u8>,
    ) -> Result<Reply, ApiError> {
        let mut headers = vec![("accept", "application/json")];
        if !media.is_empty() {
            headers.push(("content-type", media));
        }
        if let Some(authorization) = &self.authorization {
            headers.push(("authorization", authorization));
        }
        fetch::send(method, &self.origin, path, &headers, body, ANSWER_BYTES_MAX).await
    }

    /// The answer where it is a good one. What it says of a bad one may quote what was
    /// sent: only its type is told.
    fn taken(&self, told: Reply, what: &str) -> Result<Reply, ApiError> {
        if (200..300).contains(&told.status()) {
            return Ok(told);
        }
        let status = told.status();
        let answer: Value = serde_json::from_slice(told.body_bytes()).unwrap_or_default();
        let kind = answer.pointer("/error/type").and_then(Value::as_str);
        let reason = format!("{status} {}", kind.unwrap_or_default());
        Err(self.failed(what, &reason))
    }

    fn failed(&self, what: &str, reason: &str) -> ApiError {
        let origin = &self.origin;
        ApiError::unavailable(format!("search server {origin}: {what}: {reason}"))
    }
}

fn body(told: &Reply) -> Result<Value, ApiError> {
    serde_json::from_slice(told.body_bytes())
        .map_err(|error| ApiError::unavailable(format!("search server: no JSON: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::Cursor;
    use futures::executor::block_on;

    #[test]
    fn tokens_are_api_keys_or_whole_headers() {
        let of = |token: &str| Client::new("http://a", token, "cjk").authorization;
        assert_eq!(of("  "), None);
        assert_eq!(of("abc").as_deref(), Some("ApiKey abc"));
        assert_eq!(of("Basic abc").as_deref(), Some("Basic abc"));
    }

    #[test]
    fn a_server_that_is_away_is_unavailable() {
        let client = Client::new("http://a", "", "cjk");
        let failed = block_on(client.search("u", &Search::default())).unwrap_err();
        assert_eq!(failed.status(), 503);
    }

    #[test]
    fn a_cursor_that_is_none_of_the_servers_is_the_callers_mistake() {
        let client = Client::new("http://a", "", "cjk");
        let after = |list| Search {
            after: Some(Cursor(list)),
            limit: 1,
            ..Search::default()
        };
        // One of the database, and broken ones: nobody is asked.
        for list in [
            vec![json!(12), Value::Null, json!("pk")],
            vec![json!(1.5), json!(0.5), json!("k")],
            vec![json!(1.5)],
        ] {
            let failed = block_on(client.search("u", &after(list))).unwrap_err();
            assert_eq!(
                (failed.status(), failed.errors()[0].field.as_ref()),
                (400, "cursor")
            );
        }
        // One that the server refuses.
        let own = after(vec![json!(1.5), Value::Null, json!("k")]);
        let told = |status| Reply::new(status).body(b"{}".to_vec());
        assert_eq!(client.page(told(400), &own).unwrap_err().status(), 400);
        let first = Search::default();
        assert_eq!(client.page(told(400), &first).unwrap_err().status(), 503);
        assert_eq!(client.page(told(500), &own).unwrap_err().status(), 503);
        assert_eq!(
            block_on(client.search("u", &own)).unwrap_err().status(),
            503
        );
    }

    #[test]
    fn a_refusal_tells_its_type_and_not_what_was_sent() {
        let client = Client::new("http://a", "", "cjk");
        let told = Reply::new(400)
            .body(br#"{"error":{"type":"mapper_parsing_exception","reason":"SECRET"}}"#.to_vec());
        let failed = client.taken(told, "_bulk").unwrap_err();
        let told = format!("{failed:?}");
        assert!(told.contains("400 mapper_parsing_exception"), "{told}");
        assert!(!told.contains("SECRET"), "{told}");
    }
}
