//! Bundles: what callers send as a batch or a transaction, and what they are answered.

use serde_json::{Value, json};

use crate::date::written;
use crate::json::{at, set};
use crate::outcome::{Issue, IssueType};

/// Most bytes of a body.
pub const BODY_BYTES_MAX: usize = 4 * 1024 * 1024;
/// How deep objects and lists may lie within each other.
pub const DEPTH_MAX: usize = 32;
/// Most entries of a batch or a transaction.
pub const ENTRIES_MAX: usize = 1_000;

/// Reads a resource, bounded in depth before it is built.
///
/// # Errors
/// When it is no JSON object, or lies too deep.
pub fn parse(body: &[u8]) -> Result<Value, Issue> {
    let structure = |message: String| Issue::new(IssueType::Structure, "", message);
    if depth(body) > DEPTH_MAX {
        return Err(structure(format!(
            "at most {DEPTH_MAX} levels of objects and lists are read"
        ))
        .coded("too_deep"));
    }
    let value: Value = serde_json::from_slice(body).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        structure(format!(
            "the body is not valid JSON (line {line}, column {column})"
        ))
        .coded("malformed_json")
    })?;
    if !value.is_object() {
        return Err(structure("a resource is a JSON object".to_owned()));
    }
    Ok(value)
}

/// The deepest level of brackets outside of texts.
fn depth(body: &[u8]) -> usize {
    let (mut now, mut most) = (0_usize, 0);
    let (mut in_text, mut is_escaped) = (false, false);
    for byte in body {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if in_text => is_escaped = true,
            b'"' => in_text = !in_text,
            b'{' | b'[' if !in_text => now += 1,
            b'}' | b']' if !in_text => now = now.saturating_sub(1),
            _ => {}
        }
        most = most.max(now);
    }
    most
}

/// What a Bundle asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Each entry for itself.
    Batch,
    /// All entries or none.
    Transaction,
}

/// One entry of a batch or a transaction.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Its place in the Bundle.
    pub index: usize,
    /// `fullUrl`, by which other entries name it.
    pub full_url: String,
    /// The method in capitals.
    pub method: String,
    /// The address below the base, such as `Observation/1`.
    pub url: String,
    /// `ifNoneExist`.
    pub if_none_exist: Option<String>,
    /// `ifMatch`.
    pub if_match: Option<String>,
    /// The resource, `null` where there is none.
    pub resource: Value,
}

impl Entry {
    /// Where it stands, for issues.
    pub fn place(&self) -> String {
        format!("Bundle.entry[{}]", self.index)
    }
}

/// Reads a batch or a transaction.
///
/// # Errors
/// When it is none, holds too many entries, or an entry has no request.
pub fn entries(bundle: Value) -> Result<(Kind, Vec<Entry>), Issue> {
    if at(&bundle, "resourceType") != "Bundle" {
        let message = "a Bundle is needed here; one resource is sent to its own address";
        return Err(Issue::new(
            IssueType::Structure,
            "Bundle.resourceType",
            message,
        ));
    }
    let kind = match at(&bundle, "type").as_str() {
        Some("batch") => Kind::Batch,
        Some("transaction") => Kind::Transaction,
        Some(_) => {
            let message = "`batch` and `transaction` are accepted";
            return Err(Issue::new(IssueType::NotSupported, "Bundle.type", message));
        }
        None => {
            return Err(Issue::new(
                IssueType::Required,
                "Bundle.type",
                "`batch` or `transaction` is needed",
            ));
        }
    };
    let Value::Object(mut members) = bundle else {
        return Err(Issue::new(
            IssueType::Structure,
            "Bundle",
            "a resource is a JSON object",
        ));
    };
    let given = match members.remove("entry") {
        None => Vec::new(),
        Some(Value::Array(entries)) => entries,
        Some(_) => {
            return Err(Issue::new(
                IssueType::Structure,
                "Bundle.entry",
                "this is a list",
            ));
        }
    };
    if given.len() > ENTRIES_MAX {
        let message = format!("at most {ENTRIES_MAX} entries are accepted at once");
        return Err(
            Issue::new(IssueType::TooCostly, "Bundle.entry", message).coded("too_many_entries")
        );
    }
    let each = given
        .into_iter()
        .enumerate()
        .map(|(index, entry)| self::entry(index, entry));
    Ok((kind, each.collect::<Result<_, _>>()?))
}

fn entry(index: usize, mut entry: Value) -> Result<Entry, Issue> {
    let text = |place: &str| {
        entry
            .pointer(place)
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    let needed = |name: &str| {
        let place = format!("Bundle.entry[{index}].request.{name}");
        Issue::new(
            IssueType::Required,
            place,
            format!("`request.{name}` is needed"),
        )
    };
    let method = text("/request/method").ok_or_else(|| needed("method"))?;
    let url = text("/request/url").ok_or_else(|| needed("url"))?;
    Ok(Entry {
        index,
        full_url: text("/fullUrl").unwrap_or_default(),
        method,
        url,
        if_none_exist: text("/request/ifNoneExist"),
        if_match: text("/request/ifMatch"),
        resource: entry
            .get_mut("resource")
            .map(Value::take)
            .unwrap_or_default(),
    })
}

/// The first reference within a resource for which `is_wrong`.
pub fn find_reference<'a>(resource: &'a Value, is_wrong: &dyn Fn(&str) -> bool) -> Option<&'a str> {
    match resource {
        Value::Object(members) => {
            let own = members.get("reference").and_then(Value::as_str);
            let mut inner = members.values();
            own.filter(|text| is_wrong(text))
                .or_else(|| inner.find_map(|value| find_reference(value, is_wrong)))
        }
        Value::Array(values) => values
            .iter()
            .find_map(|value| find_reference(value, is_wrong)),
        _ => None,
    }
}

/// A page of what was found.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// How many there are in all, where that was counted.
    pub total: Option<u64>,
    /// Relation and address.
    pub links: Vec<(&'static str, String)>,
    /// What was found, and after it what was asked for beside: address, resource, and
    /// `match` or `include`.
    pub entries: Vec<(String, Value, &'static str)>,
}

/// The Bundle of a page.
pub fn searchset(page: Page, now_ms: i64) -> Value {
    let mut bundle = json!({
        "resourceType": "Bundle",
        "type": "searchset",
        "meta": { "lastUpdated": written(now_ms, 0) },
        "link": links(&page.links),
    });
    if let Some(total) = page.total {
        set(&mut bundle, "total", json!(total));
    }
    let each = page.entries.into_iter().map(|(full_url, resource, mode)| {
        json!({ "fullUrl": full_url, "resource": resource, "search": { "mode": mode } })
    });
    let entries: Vec<Value> = each.collect();
    // FHIR forbids empty lists.
    if !entries.is_empty() {
        set(&mut bundle, "entry", Value::Array(entries));
    }
    bundle
}

fn links(links: &[(&'static str, String)]) -> Value {
    let each = links
        .iter()
        .map(|(relation, url)| json!({ "relation": relation, "url": url }));
    each.collect()
}

/// One version of a resource.
#[derive(Clone, Debug)]
pub struct Version {
    /// The method that made it.
    pub method: &'static str,
    /// The status that was answered.
    pub status: &'static str,
    /// Its `ETag`.
    pub etag: String,
    /// When, in milliseconds since the Unix epoch.
    pub at_ms: i64,
    /// The resource.
    pub resource: Value,
}

/// The history of one resource, the newest version first.
pub fn history(self_url: &str, full_url: &str, versions: Vec<Version>) -> Value {
    let total = versions.len();
    let url = full_url.rsplitn(3, '/').take(2).collect::<Vec<_>>();
    let url = url.into_iter().rev().collect::<Vec<_>>().join("/");
    let each = versions.into_iter().map(|version| {
        let target = if version.method == "POST" { "Observation".to_owned() } else { url.clone() };
        json!({
            "fullUrl": full_url,
            "resource": version.resource,
            "request": { "method": version.method, "url": target },
            "response": { "status": version.status, "etag": version.etag, "lastModified": written(version.at_ms, 0) },
        })
    });
    json!({
        "resourceType": "Bundle",
        "type": "history",
        "total": total,
        "link": links(&[("self", self_url.to_owned())]),
        "entry": each.collect::<Vec<_>>(),
    })
}

/// What became of one entry.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EntryResponse {
    /// The status of HTTP.
    pub status: u16,
    /// Where the resource is, below the base.
    pub location: Option<String>,
    /// Its version.
    pub etag: Option<String>,
    /// When it was changed, in milliseconds since the Unix epoch.
    pub modified_ms: Option<i64>,
    /// The resource, where it is wanted.
    pub resource: Option<Value>,
    /// What is wrong, or that nothing is.
    pub outcome: Option<Value>,
}

/// The Bundle of what became of a batch or a transaction.
pub fn responses(kind: Kind, responses: Vec<EntryResponse>) -> Value {
    let each = responses.into_iter().map(|response| {
        let mut told = json!({ "status": status_line(response.status) });
        if let Some(location) = response.location {
            set(&mut told, "location", json!(location));
        }
        if let Some(etag) = response.etag {
            set(&mut told, "etag", json!(etag));
        }
        if let Some(modified_ms) = response.modified_ms {
            set(&mut told, "lastModified", json!(written(modified_ms, 0)));
        }
        if let Some(outcome) = response.outcome {
            set(&mut told, "outcome", outcome);
        }
        let mut entry = json!({ "response": told });
        if let Some(resource) = response.resource {
            set(&mut entry, "resource", resource);
        }
        entry
    });
    let entries: Vec<Value> = each.collect();
    let kind = match kind {
        Kind::Batch => "batch-response",
        Kind::Transaction => "transaction-response",
    };
    let mut bundle = json!({ "resourceType": "Bundle", "type": kind });
    if !entries.is_empty() {
        set(&mut bundle, "entry", Value::Array(entries));
    }
    bundle
}

fn status_line(status: u16) -> String {
    let reason = match status {
        200 => "OK",
        201 => "Created",
        204 => "No Content",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        409 => "Conflict",
        412 => "Precondition Failed",
        413 => "Content Too Large",
        422 => "Unprocessable Entity",
        _ => return status.to_string(),
    };
    format!("{status} {reason}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn told(body: &str) -> String {
        parse(body.as_bytes()).unwrap_err().code
    }

    #[test]
    fn what_lies_too_deep_is_refused_before_it_is_built() {
        let nested =
            |levels: usize| format!("{{\"a\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
        assert!(parse(nested(DEPTH_MAX - 1).as_bytes()).is_ok());
        assert_eq!(told(&nested(DEPTH_MAX)), "too_deep");
        assert_eq!(told(&"[".repeat(1_000_000)), "too_deep");
        let text = format!("{{\"a\":\"{}\\\"[[\"}}", "[".repeat(100));
        assert!(parse(text.as_bytes()).is_ok());
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for body in ["", "{", "nul", "{\"a\":1e999}", "{} {}"] {
            assert_eq!(told(body), "malformed_json", "{body}");
        }
        for body in ["[]", "1", "null", "\"x\""] {
            assert_eq!(
                parse(body.as_bytes()).unwrap_err().kind,
                IssueType::Structure,
                "{body}"
            );
        }
    }

    #[test]
    fn entries_are_counted_and_need_a_request() {
        let entry = json!({ "request": { "method": "GET", "url": "Observation/1" } });
        let bundle = |count: usize| json!({ "resourceType": "Bundle", "type": "batch", "entry": vec![entry.clone(); count] });
        assert_eq!(entries(bundle(ENTRIES_MAX)).unwrap().1.len(), ENTRIES_MAX);
        assert_eq!(
            entries(bundle(ENTRIES_MAX + 1)).unwrap_err().code,
            "too_many_entries"
        );
        for (wrong, place) in [
            (json!({ "resourceType": "Patient" }), "Bundle.resourceType"),
            (json!({ "resourceType": "Bundle" }), "Bundle.type"),
            (
                json!({ "resourceType": "Bundle", "type": "document" }),
                "Bundle.type",
            ),
            (
                json!({ "resourceType": "Bundle", "type": "batch", "entry": {} }),
                "Bundle.entry",
            ),
            (
                json!({ "resourceType": "Bundle", "type": "batch", "entry": [1] }),
                "Bundle.entry[0].request.method",
            ),
            (
                json!({ "resourceType": "Bundle", "type": "batch", "entry": [{ "request": { "method": "GET" } }] }),
                "Bundle.entry[0].request.url",
            ),
        ] {
            assert_eq!(entries(wrong).unwrap_err().place, place);
        }
    }

    #[test]
    fn references_are_found_wherever_they_are() {
        let resource = json!({ "subject": { "reference": "Patient/1" }, "derivedFrom": [{ "reference": "urn:uuid:x" }] });
        let is_urn = |text: &str| text.starts_with("urn:");
        assert_eq!(find_reference(&resource, &is_urn), Some("urn:uuid:x"));
        assert_eq!(find_reference(&json!({}), &is_urn), None);
    }

    #[test]
    fn empty_bundles_have_no_empty_lists() {
        let page = searchset(
            Page {
                total: Some(0),
                ..Page::default()
            },
            0,
        );
        assert!(page.get("entry").is_none() && page["total"] == 0);
        assert!(responses(Kind::Batch, vec![]).get("entry").is_none());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(value) = parse(&body) {
                let _ = entries(value);
            }
        }
    }
}
