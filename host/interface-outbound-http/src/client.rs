//! Connections to the outside.

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use host_app::{Blocked, Networks};
use http::{Request, Response};
use http_body_util::BodyExt;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::sync::Semaphore;
use tower_service::Service;
use wasmtime_wasi_http::{Error, Result, WasiBody};

use crate::OutboundHttpOptions;

type Sent = hyper_util::client::legacy::ResponseFuture;
type Pooled = hyper_util::client::legacy::Client<HttpsConnector<HttpConnector<Resolver>>, WasiBody>;

/// Two pools, so that a connection into a private network is never handed to a
/// request that may not go there.
pub(crate) struct Clients {
    named: Client,
    unnamed: Client,
    places: Arc<Semaphore>,
}

/// Connections outside some networks.
struct Client {
    pool: Pooled,
    blocked: Networks,
}

impl Clients {
    pub(crate) fn new(options: &OutboundHttpOptions) -> Self {
        let client = |blocked: Networks| Client {
            pool: pooled(options, blocked.clone()),
            blocked,
        };
        Self {
            named: client(options.networks.blocked_for(true)),
            unnamed: client(options.networks.blocked_for(false)),
            places: Arc::new(Semaphore::new(options.requests_max)),
        }
    }

    /// Sends a request; `named` when an entry names its host. Its place is free
    /// again when the answer has been read.
    pub(crate) async fn send(
        &self,
        request: Request<WasiBody>,
        named: bool,
    ) -> Result<Response<WasiBody>> {
        let client = if named { &self.named } else { &self.unnamed };
        let host = request.uri().host().unwrap_or_default();
        // An address needs no look-up, so the resolver never sees it.
        let literal = host.trim_matches(['[', ']']).parse::<IpAddr>();
        if literal.is_ok_and(|address| client.blocked.contain(address)) {
            return Err(Error::DestinationIpProhibited);
        }
        let place = self.places.clone().acquire_owned().await;
        let place = place.map_err(|_closed| Error::DestinationUnavailable)?;
        let response = answer(client.pool.request(request)).await?;
        Ok(response.map(|body| {
            let hold = move |frame| {
                let _place = &place;
                frame
            };
            body.map_frame(hold).map_err(Error::from).boxed_unsync()
        }))
    }
}

async fn answer(sent: Sent) -> Result<Response<hyper::body::Incoming>> {
    sent.await.map_err(|error| {
        let blocked =
            std::iter::successors(std::error::Error::source(&error), |error| error.source())
                .any(|cause| cause.is::<Blocked>());
        match (blocked, error.is_connect()) {
            (true, _) => Error::DestinationIpProhibited,
            (false, true) => Error::ConnectionRefused,
            (false, false) => Error::HttpProtocolError,
        }
    })
}

fn pooled(options: &OutboundHttpOptions, blocked: Networks) -> Pooled {
    let mut connector = HttpConnector::new_with_resolver(Resolver { blocked });
    connector.enforce_http(false);
    connector.set_nodelay(true);
    connector.set_connect_timeout(Some(Duration::from_millis(options.connect_ms_max)));
    let connector = HttpsConnectorBuilder::new()
        .with_webpki_roots()
        .https_or_http()
        .enable_all_versions()
        .wrap_connector(connector);
    hyper_util::client::legacy::Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_max_idle_per_host(options.idle_connections_max)
        .build(connector)
}

/// Looks names up and leaves out blocked addresses: the check is made on the
/// address that is connected to, so a name cannot change in between.
#[derive(Clone)]
struct Resolver {
    blocked: Networks,
}

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = Box<dyn std::error::Error + Send + Sync>;
    type Future =
        Pin<Box<dyn Future<Output = std::result::Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<std::result::Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let blocked = self.blocked.clone();
        Box::pin(async move {
            let addresses = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed = blocked.leave_out(name.as_str(), addresses)?;
            Ok(allowed.into_iter())
        })
    }
}
