//! Requests and responses of `wasi:http`. Bodies pass as handles; they are read
//! only where something has to be kept of them.

use spin_sdk::wasip3::http::types::{ErrorCode, Fields, Method, Request, Response, Scheme};
use spin_sdk::wasip3::wit_future;
use suoke_guest::wasi::body::{Contents, TrailersReader};

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

fn fields(headers: &Headers) -> Result<Fields, ErrorCode> {
    Fields::from_list(headers).map_err(|error| internal(&error.to_string()))
}

fn internal(cause: &str) -> ErrorCode {
    ErrorCode::InternalError(Some(cause.to_owned()))
}
