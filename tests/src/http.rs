//! A client of HTTP: hyper's own, so that tests see every header, chunk and
//! version as it is.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, Version};
use http_body_util::channel::{Channel, Sender};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls_pki_types::CertificateDer;
use serde_json::Value;

use crate::poll::DEADLINE;

/// The body of a request.
pub type Outgoing = BoxBody<Bytes, Infallible>;

/// Chunks that wait to be sent.
const CHUNKS_MAX: usize = 4;

/// A body that is all there.
pub fn whole(body: impl Into<Bytes>) -> Outgoing {
    Full::new(body.into()).boxed()
}

/// A body that is sent in chunks while the sender lives.
pub fn channel() -> (Sender<Bytes, Infallible>, Outgoing) {
    let (sender, body) = Channel::new(CHUNKS_MAX);
    (sender, body.boxed())
}

/// Sends requests.
#[derive(Clone)]
pub struct Client(legacy::Client<HttpsConnector<HttpConnector>, Outgoing>);

impl Default for Client {
    fn default() -> Self {
        Self::new()
    }
}

impl Client {
    /// Speaks HTTP/1.1.
    pub fn new() -> Self {
        Self(legacy::Client::builder(TokioExecutor::new()).build(connector(None, false)))
    }

    /// Speaks HTTP/2 from the first byte.
    pub fn http2() -> Self {
        let mut builder = legacy::Client::builder(TokioExecutor::new());
        Self(builder.http2_only(true).build(connector(None, true)))
    }

    /// Trusts this certificate and speaks what the host chooses by ALPN.
    pub fn trusting(certificate: CertificateDer<'static>) -> Self {
        let builder = legacy::Client::builder(TokioExecutor::new());
        Self(builder.build(connector(Some(certificate), true)))
    }

    /// Trusts this certificate and offers no other version than HTTP/1.1.
    pub fn trusting_http1(certificate: CertificateDer<'static>) -> Self {
        let builder = legacy::Client::builder(TokioExecutor::new());
        Self(builder.build(connector(Some(certificate), false)))
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Panics
    /// When there is no answer.
    pub async fn send(&self, request: Request<Outgoing>) -> Answer {
        let what = format!("{} {}", request.method(), request.uri());
        let answered = tokio::time::timeout(DEADLINE, self.try_send(request)).await;
        match answered {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => panic!("{what}: {error}"),
            Err(_) => panic!("{what}: no answer"),
        }
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Errors
    /// When the connection or the answer breaks off.
    pub async fn try_send(&self, request: Request<Outgoing>) -> Result<Answer, String> {
        let response = self
            .0
            .request(request)
            .await
            .map_err(|error| error.to_string())?;
        let (head, body) = response.into_parts();
        let body = body.collect().await.map_err(|error| error.to_string())?;
        Ok(Answer {
            status: head.status,
            version: head.version,
            headers: head.headers,
            body: body.to_bytes(),
        })
    }

    /// Sends a request and returns as soon as the answer's head is there.
    ///
    /// # Panics
    /// When there is no answer.
    pub async fn open(&self, request: Request<Outgoing>) -> http::Response<Incoming> {
        let answered = tokio::time::timeout(DEADLINE, self.0.request(request)).await;
        answered.expect("no answer").unwrap()
    }
}

fn connector(
    certificate: Option<CertificateDer<'static>>,
    http2: bool,
) -> HttpsConnector<HttpConnector> {
    let mut roots = rustls::RootCertStore::empty();
    if let Some(certificate) = certificate {
        roots.add(certificate).unwrap();
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let builder = HttpsConnectorBuilder::new()
        .with_tls_config(tls)
        .https_or_http();
    if http2 {
        builder.enable_http1().enable_http2().build()
    } else {
        builder.enable_http1().build()
    }
}

/// An answer, read to its end.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The version that was spoken.
    pub version: Version,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Answer {
    /// The body as text.
    ///
    /// # Panics
    /// When it is no text.
    pub fn text(&self) -> String {
        String::from_utf8(self.body.to_vec()).unwrap()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When it is no JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{} {:?}: {error}", self.status, self.body))
    }

    /// A header, empty when it is absent.
    ///
    /// # Panics
    /// When it is no text.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// Checks the status, and shows the body when it is another.
    ///
    /// # Panics
    /// When it is another.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{:?}", self.body);
        self
    }
}
