//! The way in and out of a component, directly on WASI 0.3: few host calls,
//! and a body that is not read when nobody asks for it.

use std::borrow::Cow;

use spin_sdk::wasip3::http::client;
use spin_sdk::wasip3::http::types::{
    ErrorCode, Fields, Method, Request as WasiRequest, Response as WasiResponse, Scheme,
};
use spin_sdk::wasip3::wit_future;

use crate::error::ApiError;
use crate::reply::Reply;
use crate::request::{Body, Request};
use crate::serve::answer;

pub mod body;

use body::Unread;

/// Headers that belong to one hop and are not handed on.
const HOP_HEADERS: [&str; 5] = [
    "connection",
    "host",
    "keep-alive",
    "transfer-encoding",
    "upgrade",
];

/// Runs `route` and turns its outcome into a response.
///
/// # Errors
/// When the reply has a header that HTTP does not allow.
pub async fn serve(
    request: WasiRequest,
    route: impl AsyncFnOnce(Request) -> Result<Reply, ApiError>,
) -> Result<WasiResponse, ErrorCode> {
    respond(answer(take(request), route).await)
}

/// The request with its head read; the body stays with the host.
fn take(request: WasiRequest) -> Request {
    let method = method_name(request.get_method()).into_owned();
    let target = request.get_path_with_query().unwrap_or_default();
    let headers = request.get_headers().copy_all();
    Request::from_parts(method, &target, headers, Body::Incoming(request))
}

fn respond(reply: Reply) -> Result<WasiResponse, ErrorCode> {
    let (status, headers, body) = reply.into_parts();
    let mut list: Vec<(String, Vec<u8>)> = headers
        .into_iter()
        .map(|(name, value)| (name, value.into_bytes()))
        .collect();
    if !body.is_empty() {
        list.push((
            "content-length".to_owned(),
            body.len().to_string().into_bytes(),
        ));
    }
    let fields = Fields::from_list(&list)
        .map_err(|error| ErrorCode::InternalError(Some(error.to_string())))?;
    let (contents, trailers) = body::of_bytes(body);
    let (response, _sent) = WasiResponse::new(fields, contents, trailers);
    // Only codes that are no codes are refused; ours are all constants.
    let _ = response.set_status_code(status);
    Ok(response)
}

/// Reads the body of an incoming request.
pub(crate) async fn read_request(
    request: WasiRequest,
    bytes_max: usize,
) -> Result<Vec<u8>, ApiError> {
    let (_done, result) = wit_future::new(|| Ok(()));
    let (stream, trailers) = WasiRequest::consume_body(request, result);
    body::read(Some(stream), trailers, bytes_max)
        .await
        .map_err(|unread| unread.of_request(bytes_max))
}

/// Hands a request on to another component of the application, body included,
/// and its reply back, whatever it is.
///
/// # Errors
/// 503 when the component does not answer or answers too much.
pub(crate) async fn forward(component: &str, request: Request) -> Result<Reply, ApiError> {
    let target = match request.query_string() {
        "" => request.path().to_owned(),
        query => format!("{}?{query}", request.path()),
    };
    let method = request.method().to_owned();
    let mut headers: Vec<(String, Vec<u8>)> = request
        .headers()
        .filter(|(name, _)| {
            !HOP_HEADERS.contains(name) && !name.starts_with("spin-") && *name != "x-request-id"
        })
        .map(|(name, value)| (name.to_owned(), value.to_vec()))
        .collect();
    headers.push(("x-request-id".to_owned(), request.id().as_bytes().to_vec()));
    let (contents, trailers) = match request.body {
        Body::Incoming(incoming) => {
            let (_done, result) = wit_future::new(|| Ok(()));
            let (stream, trailers) = WasiRequest::consume_body(incoming, result);
            (Some(stream), trailers)
        }
        Body::Bytes(_) => (None, wit_future::new(|| Ok(None)).1),
    };
    let fields =
        Fields::from_list(&headers).map_err(|error| ApiError::internal(error.to_string()))?;
    let (outgoing, _sent) = WasiRequest::new(fields, contents, trailers, None);
    send(
        outgoing,
        &method,
        &format!("{component}.spin.internal"),
        &target,
        FORWARDED_SIZE_BYTES_MAX,
    )
    .await
}

/// How large a forwarded reply may be.
const FORWARDED_SIZE_BYTES_MAX: usize = 8 * 1024 * 1024;

/// `GET http://authority/path`, with a bound on the reply's body.
///
/// # Errors
/// 503 when nobody answers or the body is too large.
pub(crate) async fn get(authority: &str, path: &str, bytes_max: usize) -> Result<Reply, ApiError> {
    let (_, trailers) = wit_future::new(|| Ok(None));
    let (request, _sent) = WasiRequest::new(Fields::new(), None, trailers, None);
    send(request, "GET", authority, path, bytes_max).await
}

/// Posts JSON to a server outside.
///
/// # Errors
/// 500 when `origin` is none or a header is no header; 503 when nobody answers or
/// the answer is too large.
pub(crate) async fn post_json(
    origin: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: Vec<u8>,
    bytes_max: usize,
) -> Result<Reply, ApiError> {
    let mut all = vec![("content-type", "application/json")];
    all.extend(headers);
    send_outside("POST", origin, path, &all, body, bytes_max).await
}

/// Sends a request to a server outside with these headers and `content-length`.
///
/// # Errors
/// 500 when `origin` is none or a header is no header; 503 when nobody answers or
/// the answer is too large.
pub(crate) async fn send_outside(
    method: &str,
    origin: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: Vec<u8>,
    bytes_max: usize,
) -> Result<Reply, ApiError> {
    let (scheme, authority) = match origin.trim_end_matches('/').split_once("://") {
        Some(("https", authority)) => (Scheme::Https, authority),
        Some(("http", authority)) => (Scheme::Http, authority),
        _ => return Err(ApiError::internal("an origin is http://… or https://…")),
    };
    let length = body.len().to_string();
    let list: Vec<(String, Vec<u8>)> = headers
        .iter()
        .chain(&[("content-length", length.as_str())])
        .map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()))
        .collect();
    // What is wrong with a header may be a secret: it is not told.
    let fields = Fields::from_list(&list)
        .map_err(|_| ApiError::internal(format!("{authority}: a header is not allowed")))?;
    let (contents, trailers) = body::of_bytes(body);
    let (request, _sent) = WasiRequest::new(fields, contents, trailers, None);
    send_by(request, &scheme, method, authority, path, bytes_max).await
}

async fn send(
    request: WasiRequest,
    method: &str,
    authority: &str,
    target: &str,
    bytes_max: usize,
) -> Result<Reply, ApiError> {
    send_by(request, &Scheme::Http, method, authority, target, bytes_max).await
}

async fn send_by(
    request: WasiRequest,
    scheme: &Scheme,
    method: &str,
    authority: &str,
    target: &str,
    bytes_max: usize,
) -> Result<Reply, ApiError> {
    let prepared = request
        .set_method(&method_of(method))
        .and_then(|()| request.set_scheme(Some(scheme)))
        .and_then(|()| request.set_authority(Some(authority)))
        .and_then(|()| request.set_path_with_query(Some(target)));
    if prepared.is_err() {
        return Err(ApiError::internal(format!("cannot ask {authority}")));
    }
    let unanswered = |error: ErrorCode| ApiError::unavailable(format!("{authority}: {error}"));
    let response = client::send(request).await.map_err(unanswered)?;
    let mut reply = Reply::new(response.get_status_code());
    for (name, value) in response.get_headers().copy_all() {
        let is_ours = HOP_HEADERS.contains(&name.as_str()) || name == "content-length";
        if let (false, Ok(value)) = (is_ours, String::from_utf8(value)) {
            reply = reply.header(&name, value);
        }
    }
    let (_done, result) = wit_future::new(|| Ok(()));
    let (stream, trailers) = WasiResponse::consume_body(response, result);
    match body::read(Some(stream), trailers, bytes_max).await {
        Ok(body) => Ok(reply.body(body)),
        Err(Unread::TooLarge) => Err(ApiError::unavailable(format!(
            "{authority}: answer over {bytes_max} bytes"
        ))),
        Err(Unread::Broken(error)) => Err(unanswered(error)),
    }
}

/// The name of a method.
#[must_use]
pub fn method_name(method: Method) -> Cow<'static, str> {
    Cow::Borrowed(match method {
        Method::Get => "GET",
        Method::Head => "HEAD",
        Method::Post => "POST",
        Method::Put => "PUT",
        Method::Delete => "DELETE",
        Method::Connect => "CONNECT",
        Method::Options => "OPTIONS",
        Method::Trace => "TRACE",
        Method::Patch => "PATCH",
        Method::Other(name) => return Cow::Owned(name),
    })
}

fn method_of(name: &str) -> Method {
    match name {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        "POST" => Method::Post,
        "PUT" => Method::Put,
        "DELETE" => Method::Delete,
        "PATCH" => Method::Patch,
        "OPTIONS" => Method::Options,
        other => Method::Other(other.to_owned()),
    }
}
