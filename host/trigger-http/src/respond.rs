//! Answers that the host makes itself: the only place that names status codes.

use host_app::{FailureKind, StaticResponse};
use http::header::{ALLOW, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use http::{Response, StatusCode};

use crate::body::ResponseBody;

/// How long a client should wait before it tries an overloaded component again.
const RETRY_AFTER_SECONDS: &str = "1";

/// The status that tells a client about a failure.
pub fn status(kind: FailureKind) -> StatusCode {
    match kind {
        FailureKind::BadInput => StatusCode::BAD_REQUEST,
        FailureKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        FailureKind::Overloaded | FailureKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        FailureKind::Timeout => StatusCode::GATEWAY_TIMEOUT,
        FailureKind::Trap
        | FailureKind::OutOfMemory
        | FailureKind::CpuExhausted
        | FailureKind::Guest
        | FailureKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// Makes the host's own answers, with or without problem details.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Responder {
    pub(crate) problem_details: bool,
}

impl Responder {
    pub(crate) fn failure(self, kind: FailureKind) -> Response<ResponseBody> {
        let mut response = self.problem(status(kind), kind.as_str());
        if matches!(kind, FailureKind::Overloaded | FailureKind::Unavailable) {
            response
                .headers_mut()
                .insert(RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_SECONDS));
        }
        response
    }

    pub(crate) fn no_route(self) -> Response<ResponseBody> {
        self.problem(StatusCode::NOT_FOUND, "no_route")
    }

    pub(crate) fn method_not_allowed(self) -> Response<ResponseBody> {
        let mut response = self.problem(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed");
        let allowed = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
        response.headers_mut().insert(ALLOW, allowed);
        response
    }

    /// An empty body as in Spin, or `application/problem+json` (RFC 9457).
    fn problem(self, status: StatusCode, code: &str) -> Response<ResponseBody> {
        if !self.problem_details {
            return plain(status, None, "");
        }
        let body = serde_json::json!({
            "type": "about:blank",
            "title": status.canonical_reason().unwrap_or("Error"),
            "status": status.as_u16(),
            "code": code,
        });
        plain(status, Some("application/problem+json"), body.to_string())
    }
}

/// The answer that the manifest gives for a route.
pub(crate) fn fixed(fixed: &StaticResponse) -> Response<ResponseBody> {
    let status = StatusCode::from_u16(fixed.status_code).unwrap_or(StatusCode::OK);
    let mut response = plain(status, None, fixed.body.clone().unwrap_or_default());
    for (name, value) in &fixed.headers {
        if let (Ok(name), Ok(value)) = (
            HeaderName::try_from(name.as_str()),
            HeaderValue::try_from(value.as_str()),
        ) {
            response.headers_mut().append(name, value);
        }
    }
    response
}

pub(crate) fn health() -> Response<ResponseBody> {
    plain(StatusCode::OK, None, "OK")
}

pub(crate) fn info(name: &str, version: &str) -> Response<ResponseBody> {
    let info = if version.is_empty() {
        serde_json::json!({ "name": name })
    } else {
        serde_json::json!({ "name": name, "version": version })
    };
    plain(
        StatusCode::OK,
        Some("application/json"),
        format!("{info:#}"),
    )
}

fn plain(
    status: StatusCode,
    content_type: Option<&'static str>,
    body: impl Into<bytes::Bytes>,
) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::whole(body));
    *response.status_mut() = status;
    if let Some(content_type) = content_type {
        response
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    response
}
