//! From a request to a reply, whatever happens on the way.

use crate::error::ApiError;
use crate::reply::Reply;
use crate::request::Request;
use crate::{log, problem};

/// Runs `route` and makes a reply of its outcome. What is our fault is logged
/// here, once. Native tests call it as the host calls the component.
pub async fn answer(
    request: Request,
    route: impl AsyncFnOnce(Request) -> Result<Reply, ApiError>,
) -> Reply {
    let (id, lang) = (request.id().to_owned(), request.lang());
    let (path, is_head) = (request.path().to_owned(), request.method() == "HEAD");
    let mut reply = match route(request).await {
        Ok(reply) => reply,
        Err(error) => {
            log_fault(&error, &path, &id);
            problem::reply(&error, &path, &id, lang)
        }
    };
    reply.default_header("x-request-id", &id);
    reply.default_header("cache-control", "no-store");
    if is_head { reply.without_body() } else { reply }
}

fn log_fault(error: &ApiError, path: &str, id: &str) {
    if let Some(cause) = &error.0.cause {
        let status = error.0.status.to_string();
        let fields = [
            ("request.id", id),
            ("path", path),
            ("status", &status),
            ("cause", cause),
        ];
        log::error("request failed", &fields);
    }
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;

    use super::*;
    use crate::reply;

    #[test]
    fn every_reply_carries_the_request_id_and_is_not_stored() {
        let request = Request::new("GET", "/x?secret=1").with_header("x-request-id", "r1");
        let reply = block_on(answer(request, async |_| {
            Err(ApiError::internal("the cause"))
        }));
        assert_eq!(reply.status(), 500);
        assert_eq!(reply.header_value("x-request-id"), Some("r1"));
        assert_eq!(reply.header_value("cache-control"), Some("no-store"));
        assert!(!String::from_utf8_lossy(reply.body_bytes()).contains("cause"));
    }

    #[test]
    fn head_has_no_body_and_own_headers_stay() {
        let reply = block_on(answer(Request::new("HEAD", "/"), async |_| {
            Ok(reply::json(&1)?.header("cache-control", "max-age=300"))
        }));
        assert_eq!(reply.body_bytes(), b"");
        assert_eq!(reply.header_value("cache-control"), Some("max-age=300"));
    }
}
