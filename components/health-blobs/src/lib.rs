//! Keeps images, sounds and samples of a person.

use serde::Serialize;
use suoke_guest::{ApiError, Reply, Request, clock, reply};
use suoke_health::blob::{BLOB_BYTES_MAX, MEDIA_TYPES, fits, is_blob_id};
use suoke_readings::LABEL;
use suoke_readings::blobs::{self, Blob, RemovedBlob};
use suoke_store::Database;

suoke_guest::http_service!(route);

/// What is known of a blob, as it is answered.
#[derive(Serialize)]
struct Shown {
    id: String,
    media_type: String,
    bytes: u64,
    sha256: String,
    created_at: String,
}

async fn route(request: Request) -> Result<Reply, ApiError> {
    let id = request.param("id").ok();
    request.allow(if id.is_some() {
        &["GET", "DELETE"]
    } else {
        &["POST"]
    })?;
    let user = suoke_identity::caller(&request)?;
    let mut db = Database::open(LABEL).await?;
    handle(&mut db, request, &user.user_id, id.as_deref()).await
}

async fn handle(
    db: &mut Database,
    request: Request,
    user_id: &str,
    id: Option<&str>,
) -> Result<Reply, ApiError> {
    match (id, request.method()) {
        (None, _) => store(db, request, user_id).await,
        (Some(id), _) if !is_blob_id(id) => Err(absent()),
        (Some(id), "DELETE") => remove(db, user_id, id).await,
        (Some(id), _) => show(db, &request, user_id, id).await,
    }
}

async fn store(db: &mut Database, mut request: Request, user_id: &str) -> Result<Reply, ApiError> {
    let media_type = media_type(&request)?;
    let content = request.bytes_within(BLOB_BYTES_MAX).await?;
    if content.is_empty() {
        let detail = "There are no bytes in the body.";
        return Err(ApiError::bad_request("empty_body", detail).zh("请求体为空。"));
    }
    if !fits(media_type, &content) {
        let detail = format!("These bytes are no {media_type}.");
        return Err(ApiError::new(422, "content_mismatch", detail).zh("内容与媒体类型不符。"));
    }
    let (blob, is_new) = blobs::put(db, user_id, media_type, &content, clock::now_ms()).await?;
    let place = format!("/api/v1/health/blobs/{}", blob.id);
    let shown = Shown::from(blob);
    if is_new {
        return reply::created(&place, &shown);
    }
    Ok(reply::json(&shown)?.header("location", place))
}

async fn show(
    db: &Database,
    request: &Request,
    user_id: &str,
    id: &str,
) -> Result<Reply, ApiError> {
    let blob = blobs::find(db, user_id, id).await?.ok_or_else(absent)?;
    let tag = format!("\"{}\"", blob.sha256);
    // A blob is named by its content: whoever has it has it for good.
    let known = request.header("if-none-match").unwrap_or_default();
    if known.split(',').any(|known| known.trim() == tag) {
        return Ok(Reply::new(304).header("etag", tag));
    }
    let content = blobs::content(user_id, id).await?.ok_or_else(absent)?;
    Ok(Reply::new(200)
        .header("content-type", blob.media_type)
        .header("content-disposition", "attachment")
        .header("cache-control", "private, max-age=86400, immutable")
        .header("etag", tag)
        .body(content))
}

async fn remove(db: &mut Database, user_id: &str, id: &str) -> Result<Reply, ApiError> {
    match blobs::remove(db, user_id, id).await? {
        RemovedBlob::Now => reply::empty(),
        RemovedBlob::Absent => Err(absent()),
        RemovedBlob::InUse => {
            let detail = "A reading refers to it: delete the reading first.";
            Err(ApiError::conflict("blob_in_use", detail)
                .zh("有健康数据引用该文件，请先删除该数据。"))
        }
    }
}

/// What the body says to be, without parameters.
fn media_type(request: &Request) -> Result<&'static str, ApiError> {
    let said = request.header("content-type").unwrap_or_default();
    let said = said.split(';').next().unwrap_or_default().trim();
    let mut known = MEDIA_TYPES.into_iter();
    known
        .find(|known| known.eq_ignore_ascii_case(said))
        .ok_or_else(|| {
            let accepted = MEDIA_TYPES.join(", ");
            ApiError::unsupported_media_type(format!("Send one of: {accepted}."))
                .header("accept", accepted)
        })
}

fn absent() -> ApiError {
    ApiError::not_found("There is no such blob.").zh("没有该文件。")
}

impl From<Blob> for Shown {
    fn from(blob: Blob) -> Self {
        Self {
            id: blob.id,
            media_type: blob.media_type,
            bytes: blob.bytes,
            sha256: blob.sha256,
            created_at: clock::rfc3339(blob.created_ms),
        }
    }
}

#[cfg(test)]
mod tests;
