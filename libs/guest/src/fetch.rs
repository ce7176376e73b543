//! Calls to other functions of the application (service chaining), for which the
//! manifest must allow `http://NAME.spin.internal`, and to servers outside.

use crate::error::ApiError;
use crate::reply::Reply;
use crate::request::Request;

/// Hands a request on to another component, body included, and its reply back.
///
/// # Errors
/// 503 when the component does not answer or answers too much.
#[cfg(target_family = "wasm")]
pub async fn forward(component: &str, request: Request) -> Result<Reply, ApiError> {
    crate::wasi::forward(component, request).await
}

/// `GET http://authority/path`, with a bound on the reply's body.
///
/// # Errors
/// 503 when nobody answers or the body is too large.
#[cfg(target_family = "wasm")]
pub async fn get(authority: &str, path: &str, bytes_max: usize) -> Result<Reply, ApiError> {
    crate::wasi::get(authority, path, bytes_max).await
}

/// Posts JSON to a server outside: `origin` is `https://host[:port]` or `http://…`,
/// which the manifest must allow.
///
/// # Errors
/// 500 when it is no such origin; 503 when nobody answers or the answer is larger
/// than `bytes_max`.
#[cfg(target_family = "wasm")]
pub async fn post_json(
    origin: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: Vec<u8>,
    bytes_max: usize,
) -> Result<Reply, ApiError> {
    crate::wasi::post_json(origin, path, headers, body, bytes_max).await
}

/// Sends a request to a server outside with exactly these headers: `origin` is
/// `https://host[:port]` or `http://…`, which the manifest must allow.
///
/// # Errors
/// 500 when it is no such origin or a header is no header; 503 when nobody answers or
/// the answer is larger than `bytes_max`.
#[cfg(target_family = "wasm")]
pub async fn send(
    method: &str,
    origin: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: Vec<u8>,
    bytes_max: usize,
) -> Result<Reply, ApiError> {
    crate::wasi::send_outside(method, origin, path, headers, body, bytes_max).await
}

/// Sends a request to a server outside; natively nobody answers.
///
/// # Errors
/// 503, always.
#[cfg(not(target_family = "wasm"))]
#[expect(clippy::unused_async, reason = "the same shape as in a component")]
pub async fn send(
    _method: &str,
    origin: &str,
    _path: &str,
    _headers: &[(&str, &str)],
    _body: Vec<u8>,
    _bytes_max: usize,
) -> Result<Reply, ApiError> {
    Err(ApiError::unavailable(format!("{origin}: there is no host")))
}

/// Posts JSON to a server outside; natively nobody answers.
///
/// # Errors
/// 503, always.
#[cfg(not(target_family = "wasm"))]
#[expect(clippy::unused_async, reason = "the same shape as in a component")]
pub async fn post_json(
    origin: &str,
    _path: &str,
    _headers: &[(&str, &str)],
    _body: Vec<u8>,
    _bytes_max: usize,
) -> Result<Reply, ApiError> {
    Err(ApiError::unavailable(format!("{origin}: there is no host")))
}

/// Hands a request on to another component; natively there is none.
///
/// # Errors
/// 503, always.
#[cfg(not(target_family = "wasm"))]
#[expect(clippy::unused_async, reason = "the same shape as in a component")]
pub async fn forward(component: &str, _request: Request) -> Result<Reply, ApiError> {
    Err(ApiError::unavailable(format!(
        "{component}: there is no host"
    )))
}

/// `GET http://authority/path`; natively nobody answers.
///
/// # Errors
/// 503, always.
#[cfg(not(target_family = "wasm"))]
#[expect(clippy::unused_async, reason = "the same shape as in a component")]
pub async fn get(authority: &str, _path: &str, _bytes_max: usize) -> Result<Reply, ApiError> {
    Err(ApiError::unavailable(format!(
        "{authority}: there is no host"
    )))
}
