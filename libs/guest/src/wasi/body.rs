//! Bodies of `wasi:http`: handles that pass, read only where somebody asks.

use spin_sdk::wasip3::http::types::{ErrorCode, Trailers};
use spin_sdk::wasip3::wit_bindgen::{FutureReader, StreamReader, StreamResult};
use spin_sdk::wasip3::{spawn, wit_future, wit_stream};

use crate::error::ApiError;

/// How much of a body is read at a time.
const CHUNK_SIZE_BYTES: usize = 16 * 1024;

/// A body on its way.
pub type Contents = Option<StreamReader<u8>>;

/// What may follow a body.
pub type TrailersReader = FutureReader<Result<Option<Trailers>, ErrorCode>>;

/// Why a body was not read to its end.
#[derive(Debug)]
pub enum Unread {
    /// It is larger than it may be.
    TooLarge,
    /// It broke off.
    Broken(ErrorCode),
}

impl Unread {
    /// What the sender of a request is told: 413 or 400 `body_incomplete`.
    #[must_use]
    pub fn of_request(self, bytes_max: usize) -> ApiError {
        match self {
            Self::TooLarge => ApiError::too_large(bytes_max),
            Self::Broken(_) => ApiError::bad_request("body_incomplete", "The body broke off."),
        }
    }
}

/// A body that is in memory.
#[must_use]
pub fn of_bytes(bytes: Vec<u8>) -> (Contents, TrailersReader) {
    let (_, trailers) = wit_future::new(|| Ok(None));
    if bytes.is_empty() {
        return (None, trailers);
    }
    let (mut writer, reader) = wit_stream::new();
    spawn(async move {
        // What is left over was not wanted: whoever reads has gone.
        let _ = writer.write_all(bytes).await;
    });
    (Some(reader), trailers)
}

/// Reads a body.
///
/// # Errors
/// When it is larger than `bytes_max` or breaks off.
pub async fn read(
    contents: Contents,
    trailers: TrailersReader,
    bytes_max: usize,
) -> Result<Vec<u8>, Unread> {
    let mut bytes = Vec::new();
    if let Some(mut stream) = contents {
        loop {
            let (outcome, chunk) = stream.read(Vec::with_capacity(CHUNK_SIZE_BYTES)).await;
            if bytes.len() + chunk.len() > bytes_max {
                return Err(Unread::TooLarge);
            }
            if bytes.is_empty() {
                bytes = chunk;
            } else {
                bytes.extend_from_slice(&chunk);
            }
            if !matches!(outcome, StreamResult::Complete(_)) {
                break;
            }
        }
    }
    trailers.await.map_err(Unread::Broken)?;
    Ok(bytes)
}
