//! The listener for operators: metrics, health, what is loaded, and schedules.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use host_telemetry::Metrics;
use http::header::{ALLOW, CONTENT_TYPE, HeaderValue, ORIGIN};
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};

use crate::cron::CronAdmin;
use crate::observed::Observed;

/// How long a client may take to send a request's head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Pause after the system refused to accept a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What operators may ask.
pub(crate) struct Admin {
    pub(crate) metrics: Metrics,
    pub(crate) observed: Observed,
    pub(crate) ready: AtomicBool,
    pub(crate) components: serde_json::Value,
    pub(crate) cron: CronAdmin,
}

impl Admin {
    /// Answers until it is dropped.
    pub(crate) async fn serve(self: Arc<Self>, listener: TcpListener) {
        loop {
            match listener.accept().await {
                Ok((stream, _peer)) => {
                    tokio::spawn(self.clone().connection(stream));
                }
                Err(error) => {
                    tracing::warn!(%error, "an operator's connection cannot be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    async fn connection(self: Arc<Self>, stream: TcpStream) {
        let service = service_fn(move |request: Request<Incoming>| {
            let admin = self.clone();
            async move { Ok::<_, Infallible>(admin.answer(&request).await) }
        });
        let served = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .serve_connection(TokioIo::new(stream), service);
        if let Err(error) = served.await {
            tracing::debug!(%error, "an operator's connection ended");
        }
    }

    async fn answer<B>(&self, request: &Request<B>) -> Response<Full<Bytes>> {
        let path = request.uri().path();
        let run = path.strip_prefix("/cron/");
        if let Some(trigger) = run.and_then(|path| path.strip_suffix("/run")) {
            return self.run_cron(request, trigger).await;
        }
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return not_allowed("GET, HEAD");
        }
        match path {
            "/metrics" => self.metrics(),
            "/health/live" => text(StatusCode::OK, "text/plain", "alive\n".to_owned()),
            "/health/ready" if self.ready.load(Ordering::Relaxed) => {
                text(StatusCode::OK, "text/plain", "ready\n".to_owned())
            }
            "/health/ready" => text(
                StatusCode::SERVICE_UNAVAILABLE,
                "text/plain",
                "not ready\n".to_owned(),
            ),
            "/components" => json(StatusCode::OK, &self.components),
            "/cron" => json(StatusCode::OK, &self.cron.list().await),
            _ => text(
                StatusCode::NOT_FOUND,
                "text/plain",
                "there are: /metrics /health/live /health/ready /components /cron /cron/NAME/run\n"
                    .to_owned(),
            ),
        }
    }

    /// The only thing here that changes anything.
    async fn run_cron<B>(&self, request: &Request<B>, trigger: &str) -> Response<Full<Bytes>> {
        if request.method() != Method::POST {
            return not_allowed("POST");
        }
        // Browsers send it with each of their POSTs: a page on the internet must
        // not reach what listens on the loopback of its reader.
        if request.headers().contains_key(ORIGIN) {
            let reason = serde_json::json!({ "error": "requests of web pages are refused" });
            return json(StatusCode::FORBIDDEN, &reason);
        }
        let query = request.uri().query().unwrap_or_default();
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let at = pairs.find(|(key, _)| *key == "at");
        let at = at.map(|(_, value)| decoded(value));
        let (status, answer) = self.cron.run(&decoded(trigger), at.as_deref()).await;
        json(status, &answer)
    }

    fn metrics(&self) -> Response<Full<Bytes>> {
        self.observed.refresh();
        match self.metrics.encode() {
            Ok(metrics) => text(
                StatusCode::OK,
                "application/openmetrics-text; version=1.0.0; charset=utf-8",
                metrics,
            ),
            Err(_) => text(
                StatusCode::INTERNAL_SERVER_ERROR,
                "text/plain",
                String::new(),
            ),
        }
    }
}

/// A part of an address without its percent signs.
fn decoded(text: &str) -> String {
    let decoded = percent_encoding::percent_decode_str(text);
    decoded.decode_utf8_lossy().into_owned()
}

fn not_allowed(methods: &'static str) -> Response<Full<Bytes>> {
    let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "text/plain", String::new());
    let allow = HeaderValue::from_static(methods);
    response.headers_mut().insert(ALLOW, allow);
    response
}

fn json(status: StatusCode, value: &serde_json::Value) -> Response<Full<Bytes>> {
    text(status, "application/json", format!("{value:#}\n"))
}

fn text(status: StatusCode, content_type: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// Binds the listener for operators.
pub(crate) async fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    TcpListener::bind(address).await
}
