//! Requests from one component to another, without leaving the process.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use host_app::FailureKind;
use host_interface_outbound_http::Chain;
use host_trigger_http::HttpApp;
use http::{Request, Response};
use wasmtime_wasi_http::{Error, Result, WasiBody};

/// Hands requests to the application's own functions.
pub(crate) struct InProcess {
    pub(crate) app: Arc<HttpApp>,
    pub(crate) address: Option<SocketAddr>,
}

impl Chain for InProcess {
    fn send<'a>(
        &'a self,
        component: &'a str,
        request: Request<WasiBody>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<WasiBody>>> + Send + 'a>> {
        Box::pin(async move {
            self.app.chain(component, request).await.map_err(|failure| {
                tracing::warn!(
                    component,
                    kind = failure.kind.as_str(),
                    cause = failure.cause,
                    "a component did not answer another"
                );
                match failure.kind {
                    FailureKind::BadInput => Error::DestinationNotFound,
                    FailureKind::TooLarge => Error::HttpRequestBodySize(None),
                    FailureKind::Timeout => Error::HttpResponseTimeout,
                    FailureKind::Overloaded | FailureKind::Unavailable => {
                        Error::DestinationUnavailable
                    }
                    _ => Error::ConnectionTerminated,
                }
            })
        })
    }

    fn own_address(&self) -> Option<SocketAddr> {
        self.address
    }
}
