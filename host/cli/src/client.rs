//! A small HTTP client for commands that ask a running host.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::exit::CommandError;

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Size of an answer.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// An answer, whole.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Bytes,
    /// After how many seconds it may be asked again, where it says so.
    pub(crate) retry_after_s: Option<u64>,
}

impl Answer {
    /// The body as JSON; `Null` when it is none.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// Sends one request to `base` (`http://HOST:PORT`) and `path`, and waits for the
/// whole answer, however long it takes.
///
/// # Errors
/// When `base` is no such address: the arguments are wrong. When nobody answers.
pub(crate) fn send(
    method: Method,
    base: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: Bytes,
) -> Result<Answer, CommandError> {
    let (authority, uri) = target(base, path)?;
    let mut request = Request::builder().method(method).uri(&uri);
    request = request.header("host", authority.as_str());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request
        .body(Full::new(body))
        .map_err(|error| CommandError::input(format!("{base}{path}: {error}")))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(CommandError::running)?;
    let answer = runtime.block_on(exchange(&authority, request));
    answer.map_err(|error| {
        CommandError::running(format!(
            "no answer from {base}: {error}; is `suoke up` running there?"
        ))
    })
}

/// The host with its port, and what is asked for.
fn target(base: &str, path: &str) -> Result<(String, String), CommandError> {
    let wrong = || {
        CommandError::input(format!(
            "{base:?} is not the address of a host; write it as http://HOST:PORT"
        ))
    };
    let uri: Uri = base.parse().map_err(|_| wrong())?;
    let authority = uri.authority().ok_or_else(wrong)?;
    let is_plain = uri.scheme_str() == Some("http") && !authority.as_str().contains('@');
    if !is_plain || uri.path() != "/" || uri.query().is_some() {
        return Err(wrong());
    }
    let port = authority.port_u16().unwrap_or(80);
    let host = authority.host();
    Ok((format!("{host}:{port}"), path.to_owned()))
}

async fn exchange(
    authority: &str,
    request: Request<Full<Bytes>>,
) -> Result<Answer, Box<dyn std::error::Error + Send + Sync>> {
    let connecting = tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect(authority));
    let stream = connecting
        .await
        .map_err(|_| "it takes too long to connect")??;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let (head, body) = sender.send_request(request).await?.into_parts();
    let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await?;
    let retry_after = head.headers.get("retry-after");
    let retry_after_s = retry_after.and_then(|value| value.to_str().ok()?.parse().ok());
    Ok(Answer {
        status: head.status,
        retry_after_s,
        body: body.to_bytes(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_is_a_host_and_no_more() {
        let (authority, path) = target("http://127.0.0.1:3001", "/cron").ok().unwrap();
        assert_eq!((&*authority, &*path), ("127.0.0.1:3001", "/cron"));
        assert_eq!(target("http://[::1]/", "/").ok().unwrap().0, "[::1]:80");
        for wrong in [
            "",
            "127.0.0.1:3001",
            "https://a:1",
            "http://a:1/x",
            "http://u:p@a",
            "http://a?b",
        ] {
            assert!(target(wrong, "/").is_err(), "{wrong}");
        }
    }
}
