//! Requests and responses of `wasi:http`. Bodies pass as handles; they are read
//! only where something has to be kept of them.

use spin_sdk::wasip3::http::types::{
    ErrorCode, Fields, Method, Request, Response, Scheme, Trailers,
};
use spin_sdk::wasip3::wit_bindgen::{FutureReader, StreamReader, StreamResult};
use spin_sdk::wasip3::{spawn, wit_future, wit_stream};

/// How much of a body is read at a time.
const CHUNK_SIZE_BYTES: usize = 16 * 1024;

/// A body on its way through.
pub(crate) type Contents = Option<StreamReader<u8>>;

/// What may follow a body.
pub(crate) type TrailersReader = FutureReader<Result<Option<Trailers>, ErrorCode>>;

/// Headers as the wire has them.
pub(crate) type Headers = Vec<(String, Vec<u8>)>;

/// Where a request goes, which stays as it was.
pub(crate) struct Line {
    method: Method,
    scheme: Option<Scheme>,
    authority: Option<String>,
    target: Option<String>,
}

impl Line {
    /// Where this one goes.
    pub(crate) fn of(request: &Request) -> Self {
        Self {
            method: request.get_method(),
            scheme: request.get_scheme(),
            authority: request.get_authority(),
            target: request.get_path_with_query(),
        }
    }
}

/// Why a body was not read to its end.
pub(crate) enum Unread {
    /// It is larger than it may be.
    TooLarge,
    /// It broke off.
    Broken(ErrorCode),
}

/// The body of a request, as it is.
pub(crate) fn request_body(request: Request) -> (Contents, TrailersReader) {
    let (_, received) = wit_future::new(|| Ok(()));
    let (contents, trailers) = Request::consume_body(request, received);
    (Some(contents), trailers)
}

/// A request with these headers.
///
/// # Errors
/// When a header is none that HTTP allows.
pub(crate) fn request(
    line: &Line,
    headers: &Headers,
    contents: Contents,
    trailers: TrailersReader,
) -> Result<Request, ErrorCode> {
    let fields = fields(headers)?;
    let (request, _) = Request::new(fields, contents, trailers, None);
    let is_set = [
        request.set_method(&line.method),
        request.set_scheme(line.scheme.as_ref()),
        request.set_authority(line.authority.as_deref()),
        request.set_path_with_query(line.target.as_deref()),
    ];
    if is_set.iter().all(Result::is_ok) {
        return Ok(request);
    }
    Err(internal("a request cannot be passed on"))
}

/// A response with these headers.
///
/// # Errors
/// When a header is none that HTTP allows, or the status is none.
pub(crate) fn response(
    status: u16,
    headers: &Headers,
    contents: Contents,
    trailers: TrailersReader,
) -> Result<Response, ErrorCode> {
    let (response, _) = Response::new(fields(headers)?, contents, trailers);
    match response.set_status_code(status) {
        Ok(()) => Ok(response),
        Err(()) => Err(internal("an answer has no status")),
    }
}

/// A body that is in memory.
pub(crate) fn body(bytes: Vec<u8>) -> (Contents, TrailersReader) {
    let (_, trailers) = wit_future::new(|| Ok(None));
    if bytes.is_empty() {
        return (None, trailers);
    }
    let (mut writer, reader) = wit_stream::new();
    spawn(async move {
        // What is left over was not wanted: whoever asked is gone.
        let _ = writer.write_all(bytes).await;
    });
    (Some(reader), trailers)
}

/// Reads a body.
///
/// # Errors
/// When it is larger than it may be or breaks off.
pub(crate) async fn read(
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
            bytes.extend_from_slice(&chunk);
            if !matches!(outcome, StreamResult::Complete(_)) {
                break;
            }
        }
    }
    trailers.await.map_err(Unread::Broken)?;
    Ok(bytes)
}

fn fields(headers: &Headers) -> Result<Fields, ErrorCode> {
    Fields::from_list(headers).map_err(|error| internal(&error.to_string()))
}

fn internal(cause: &str) -> ErrorCode {
    ErrorCode::InternalError(Some(cause.to_owned()))
}
