//! Shows what the application's HTTP functions take and answer: to programs as
//! an OpenAPI document, to people as a page. Both are made when this is built.

#[cfg(test)]
mod merge;
#[cfg(test)]
mod page;
#[cfg(test)]
mod tests;

use suoke_guest::{ApiError, Reply, Request};

include!(concat!(env!("OUT_DIR"), "/constants.rs"));

suoke_guest::http_service!(route);

/// The merged document.
const DOCUMENT: &str = include_str!(concat!(env!("OUT_DIR"), "/openapi.json"));

/// The page for people.
const PAGE: &str = include_str!(concat!(env!("OUT_DIR"), "/docs.html"));

/// Callers may keep it for this long and then ask whether it changed.
const CACHE: &str = "public, max-age=300";

async fn route(request: Request) -> Result<Reply, ApiError> {
    request.allow(&["GET"])?;
    let is_page = request.path().trim_end_matches('/').ends_with("/docs");
    let tag = if is_page { PAGE_TAG } else { DOCUMENT_TAG };
    let known = request.header("if-none-match").unwrap_or_default();
    let is_known = known == "*"
        || known
            .split(',')
            .any(|known| known.trim().trim_start_matches("W/") == tag);
    let reply = match (is_known, is_page) {
        (true, _) => Reply::new(304),
        (false, true) => Reply::new(200)
            .header("content-type", "text/html; charset=utf-8")
            .header("content-security-policy", PAGE_POLICY)
            .body(PAGE.into()),
        (false, false) => Reply::new(200)
            .header("content-type", "application/json")
            .body(DOCUMENT.into()),
    };
    Ok(reply.header("etag", tag).header("cache-control", CACHE))
}
