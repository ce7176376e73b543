//! Resources as answers, and how the caller wants them.

use serde_json::Value;
use suoke_fhir::MEDIA_TYPE;
use suoke_fhir::outcome::{self, IssueType};
use suoke_guest::{ApiError, Reply, Request};

use crate::Found;
use crate::address::{media_type, pairs};
use crate::failed::Failed;

/// Fails where the caller wants something else than JSON.
pub fn negotiate(request: &Request) -> Result<(), Failed> {
    let asked = pairs(request.query_string());
    let format = asked
        .iter()
        .find(|(name, _)| name == "_format")
        .map(|(_, value)| value.as_str());
    // An unescaped plus sign of a query has become a space.
    let accepted = match format {
        Some(format) => is_json(&media_type(&format.replace(' ', "+"))),
        None => {
            let accept = request.header("accept").unwrap_or("*/*");
            accept.trim().is_empty() || accept.split(',').any(|part| is_json(&media_type(part)))
        }
    };
    if accepted {
        return Ok(());
    }
    Err(Failed::new(
        406,
        IssueType::NotSupported,
        "",
        "resources are written as application/fhir+json alone",
    ))
}

fn is_json(media: &str) -> bool {
    matches!(
        media,
        "json"
            | "application/json"
            | "application/fhir+json"
            | "application/json+fhir"
            | "text/json"
            | "application/*"
            | "*/*"
    )
}

/// Whether `Prefer` says so.
pub fn prefers(request: &Request, wish: &str) -> bool {
    let header = request.header("prefer").unwrap_or_default();
    let mut wishes = header
        .split([',', ';'])
        .map(|each| each.split_whitespace().collect::<String>());
    wishes.any(|each| each.eq_ignore_ascii_case(wish))
}

/// A resource with any status.
pub fn plain(status: u16, resource: &Value) -> Result<Reply, ApiError> {
    let body = serde_json::to_vec(resource)?;
    Ok(Reply::new(status)
        .header("content-type", MEDIA_TYPE)
        .body(body))
}

/// [`plain`] where a failure is told as an outcome.
pub fn resource(status: u16, resource: &Value) -> Result<Reply, Failed> {
    plain(status, resource).map_err(Failed::from)
}

/// 200 with what was found, and its version.
pub fn found(found: &Found) -> Result<Reply, Failed> {
    let reply = resource(200, &found.resource)?;
    Ok(versioned(reply, found))
}

/// What was written: all of it, nothing, or that it went well, as `Prefer` says.
pub fn written(request: &Request, status: u16, found: &Found) -> Result<Reply, Failed> {
    let reply = if prefers(request, "return=minimal") {
        Reply::new(status)
    } else if prefers(request, "return=operationoutcome") {
        resource(status, &outcome::success("it is stored"))?
    } else {
        resource(status, &found.resource)?
    };
    Ok(versioned(reply, found))
}

fn versioned(mut reply: Reply, found: &Found) -> Reply {
    if let Some(etag) = &found.etag {
        reply = reply.header("etag", etag.clone());
    }
    if let Some(modified) = found
        .modified_ms
        .and_then(chrono::DateTime::from_timestamp_millis)
    {
        let text = modified.format("%a, %d %b %Y %H:%M:%S GMT");
        reply = reply.header("last-modified", text.to_string());
    }
    if let Some(location) = &found.location {
        reply = reply.header("location", location.clone());
    }
    reply
}
