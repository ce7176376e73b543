//! From a request to the answer: routing, limits, the component, the failure.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use bytes::Bytes;
use host_app::{Failure, FailureKind, HttpRoute, HttpTarget, StaticResponse};
use http::header::{CONTENT_LENGTH, HeaderValue};
use http::uri::Scheme;
use http::{Method, Request, Response};
use http_body::Body;
use http_body_util::BodyExt;
use wasmtime_wasi_http::{Error, WasiBody};

use crate::body::{BoundedBody, LingeringBody, ResponseBody};
use crate::invoke::HttpFunction;
use crate::request::{Matched, RouteHeaders, rewrite};
use crate::respond::{self, Responder};
use crate::route::{RouteError, Router};

const WELL_KNOWN: &str = "/.well-known/spin/";

/// The application as HTTP sees it.
pub struct HttpApp {
    name: String,
    version: String,
    responder: Responder,
    router: Router<Route>,
    functions: HashMap<String, Arc<HttpFunction>>,
    chained: RouteHeaders,
}

struct Route {
    headers: RouteHeaders,
    target: Target,
}

enum Target {
    Function(Arc<HttpFunction>),
    Static(StaticResponse),
}

/// Who sends a request: what the transport knows of it.
#[derive(Clone, Debug)]
pub struct Peer {
    /// `ip:port`; none for another component of the application.
    pub address: Option<HeaderValue>,
    /// `http` or `https`.
    pub scheme: Scheme,
}

impl HttpApp {
    /// Routes the application's HTTP triggers to the loaded functions.
    ///
    /// # Errors
    /// When a route is malformed or doubled.
    pub fn new(
        app: &host_app::App,
        functions: HashMap<String, Arc<HttpFunction>>,
    ) -> Result<Self, RouteError> {
        let mut router = Router::default();
        for trigger in &app.triggers {
            let host_app::TriggerSpec::Http(http) = &trigger.spec else {
                continue;
            };
            let HttpRoute::Pattern(route) = &http.route else {
                continue;
            };
            let target = match &http.target {
                HttpTarget::Static(fixed) => Target::Static(fixed.clone()),
                HttpTarget::Component(id) => match functions.get(id) {
                    Some(function) => Target::Function(function.clone()),
                    None => continue,
                },
            };
            let headers = RouteHeaders::new(route).map_err(|_| RouteError {
                route: route.clone(),
                reason: "a route must be printable ASCII",
            })?;
            router.add(route, Route { headers, target })?;
        }
        Ok(Self {
            name: app.name.clone(),
            version: app.version.clone(),
            responder: Responder {
                problem_details: app.options.problem_details,
            },
            router,
            functions,
            chained: RouteHeaders::new("/...").map_err(|_| RouteError {
                route: "/...".to_owned(),
                reason: "a route must be printable ASCII",
            })?,
        })
    }

    /// Answers a request from outside.
    pub async fn handle<B>(&self, request: Request<B>, peer: &Peer) -> Response<ResponseBody>
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<Error>,
    {
        let request = request.map(LingeringBody::new);
        let path = request.uri().path();
        if let Some(rest) = path.strip_prefix(WELL_KNOWN) {
            return match rest {
                "health" => respond::health(),
                "info" => respond::info(&self.name, &self.version),
                _ => self.responder.no_route(),
            };
        }
        if matches!(*request.method(), Method::CONNECT | Method::TRACE) {
            return self.responder.method_not_allowed();
        }
        let path = path.to_owned();
        let Some(found) = self.router.find(&path) else {
            return self.responder.no_route();
        };
        let matched = Matched {
            route: &found.value.headers,
            parameters: &found.parameters,
            path_info: found.rest,
        };
        match &found.value.target {
            Target::Static(fixed) => respond::fixed(fixed),
            Target::Function(function) => self.answer(function, request, peer, &matched).await,
        }
    }

    /// Answers a request that one component sends to another, past the router.
    ///
    /// It runs in a task of its own: one component cannot run inside another's
    /// turn.
    ///
    /// # Errors
    /// When there is no such component or it ends without an answer.
    pub async fn chain(
        self: &Arc<Self>,
        component: &str,
        request: Request<WasiBody>,
    ) -> Result<Response<WasiBody>, Failure> {
        let function = self.functions.get(component).cloned().ok_or_else(|| {
            Failure::new(
                FailureKind::BadInput,
                format!("no component {component:?} answers http requests"),
            )
        })?;
        let app = self.clone();
        let call = tokio::spawn(async move {
            let peer = Peer {
                address: None,
                scheme: Scheme::HTTP,
            };
            let path = request.uri().path().to_owned();
            let matched = Matched {
                route: &app.chained,
                parameters: &[],
                path_info: &path,
            };
            app.call(&function, request, &peer, &matched).await
        });
        let response = call
            .await
            .map_err(|error| Failure::new(FailureKind::Internal, error.to_string()))??;
        Ok(response.map(ResponseBody::detach))
    }

    /// Waits for the calls that are running and lets none start after that.
    pub async fn close(&self) {
        for function in self.functions.values() {
            function.pool().close().await;
        }
    }

    /// Drops instances that have been idle for long.
    pub fn trim(&self) {
        for function in self.functions.values() {
            function.pool().trim();
        }
    }

    async fn answer<B>(
        &self,
        function: &Arc<HttpFunction>,
        request: Request<B>,
        peer: &Peer,
        matched: &Matched<'_>,
    ) -> Response<ResponseBody>
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<Error>,
    {
        let started = Instant::now();
        let mut response = match self.call(function, request, peer, matched).await {
            Ok(response) => response,
            Err(failure) => {
                report(function, &failure);
                self.responder.failure(failure.kind)
            }
        };
        let status = response.status().as_u16();
        let function = function.clone();
        response.body_mut().on_end(move || {
            function.metrics().answered(status, started.elapsed());
        });
        response
    }

    async fn call<B>(
        &self,
        function: &Arc<HttpFunction>,
        request: Request<B>,
        peer: &Peer,
        matched: &Matched<'_>,
    ) -> Result<Response<ResponseBody>, Failure>
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<Error>,
    {
        let bytes_max = function.function().limits().body_bytes_max;
        let too_large = || {
            Failure::new(
                FailureKind::TooLarge,
                format!("request body over body_bytes_max = {bytes_max}"),
            )
        };
        let (mut parts, body) = request.into_parts();
        let announced = parts.headers.get(CONTENT_LENGTH);
        let announced: Option<u64> =
            announced.and_then(|length| length.to_str().ok()?.parse().ok());
        if announced.is_some_and(|bytes| bytes > bytes_max) {
            return Err(too_large());
        }
        rewrite(&mut parts, &peer.scheme, peer.address.as_ref(), matched)?;
        let (body, exceeded) = BoundedBody::new(body, bytes_max);
        let request = Request::from_parts(parts, body.boxed_unsync());
        let answer = function.invoke(request).await;
        if exceeded.load(Ordering::Relaxed) {
            return Err(too_large());
        }
        answer
    }
}

/// Logs a failed request and counts it. A client's own mistake is no error.
fn report(function: &HttpFunction, failure: &Failure) {
    let function = function.function();
    let (component, kind, cause) = (function.id(), failure.kind.as_str(), &failure.cause);
    function.metrics().failed(kind);
    match failure.kind {
        FailureKind::BadInput | FailureKind::TooLarge => {
            tracing::info!(%component, kind, cause, "request refused");
        }
        FailureKind::Overloaded | FailureKind::Unavailable | FailureKind::Timeout => {
            tracing::warn!(%component, kind, cause, "request not answered");
        }
        _ => tracing::error!(%component, kind, cause, "component failed"),
    }
}
