//! Outbound `wasi:http`: requests that components send.
//!
//! A request leaves only for a host in the component's `allowed_outbound_hosts`,
//! and enters a private network only where an entry names that host: a wildcard
//! does not. Requests to `<component>.spin.internal` do not leave the process.

mod client;

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use host_app::{AllowedHosts, Component, OutboundNetworks};
use host_engine::{Grant, Interface, State};
use http::uri::{Authority, Scheme};
use http::{Request, Response, Uri};
use wasmtime::component::Linker;
use wasmtime_wasi_http::{
    DEFAULT_FORBIDDEN_HEADERS, Error, RequestOptions, Result, WasiBody, WasiHttpHooks,
};

use client::Clients;

const CHAINING_SUFFIX: &str = ".spin.internal";
const OWN_HOST: &str = "self.alt";

/// Sends a request to a component of the same application.
pub trait Chain: Send + Sync {
    /// Answers as the component does.
    fn send<'a>(
        &'a self,
        component: &'a str,
        request: Request<WasiBody>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<WasiBody>>> + Send + 'a>>;

    /// Where the application itself listens.
    fn own_address(&self) -> Option<SocketAddr>;
}

/// How requests leave.
#[derive(Clone, Debug)]
pub struct OutboundHttpOptions {
    /// Networks that requests may not enter.
    pub networks: OutboundNetworks,
    /// How long a connection may take to be made.
    pub connect_ms_max: u64,
    /// How long the head of an answer may take.
    pub first_byte_ms_max: u64,
    /// Unused connections kept for each destination.
    pub idle_connections_max: usize,
    /// Requests of all components on their way at the same time; more wait.
    pub requests_max: usize,
}

impl Default for OutboundHttpOptions {
    fn default() -> Self {
        Self {
            networks: OutboundNetworks::default(),
            connect_ms_max: 10_000,
            first_byte_ms_max: 60_000,
            idle_connections_max: 32,
            requests_max: 1024,
        }
    }
}

/// The interface over the network.
pub struct OutboundHttp {
    shared: Arc<Shared>,
}

/// Gives the value of an application variable.
type Lookup = Box<dyn Fn(&str) -> Option<String> + Send + Sync>;

struct Shared {
    clients: Clients,
    options: OutboundHttpOptions,
    chain: OnceLock<Arc<dyn Chain>>,
    variable: Lookup,
}

impl OutboundHttp {
    /// The interface; `variable` gives the values of application variables in
    /// `allowed_outbound_hosts`.
    pub fn new(
        options: OutboundHttpOptions,
        variable: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        let shared = Shared {
            clients: Clients::new(&options),
            options,
            chain: OnceLock::new(),
            variable: Box::new(variable),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Lets requests reach the components of the application. Only the first
    /// call counts.
    pub fn set_chain(&self, chain: Arc<dyn Chain>) {
        let _ = self.shared.chain.set(chain);
    }
}

impl Interface for OutboundHttp {
    /// `wasi:http` itself is linked by the engine; this decides what it may do.
    fn link(&self, _linker: &mut Linker<State>) -> wasmtime::Result<()> {
        Ok(())
    }

    fn configure(&self, component: &Component) -> std::result::Result<Box<dyn Grant>, String> {
        let allowed = AllowedHosts::of(component, &self.shared.variable)?;
        Ok(Box::new(Hooks {
            component: component.id.as_str().into(),
            allowed: Arc::new(allowed),
            shared: self.shared.clone(),
        }))
    }
}

/// Sends the requests of one component.
#[derive(Clone)]
struct Hooks {
    component: Arc<str>,
    allowed: Arc<AllowedHosts>,
    shared: Arc<Shared>,
}

impl Grant for Hooks {
    fn instance(&self, state: &mut State) {
        state.set_http_hooks(Box::new(self.clone()));
    }
}

/// Tells the other side how its body fared.
type Transferred = Box<dyn Future<Output = Result<()>> + Send>;

impl WasiHttpHooks for Hooks {
    /// Asked for every header of every request: the default makes a closure for each.
    fn is_forbidden_header(&mut self, name: &http::HeaderName) -> bool {
        DEFAULT_FORBIDDEN_HEADERS.contains(name)
    }

    fn default_scheme(&mut self) -> Option<Scheme> {
        Some(Scheme::HTTP)
    }

    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _received: Transferred,
    ) -> Box<dyn Future<Output = Result<(Response<WasiBody>, Transferred)>> + Send> {
        let hooks = self.clone();
        Box::new(async move {
            let response = hooks.send(request, options.unwrap_or_default()).await?;
            Ok((response, Box::new(async { Ok(()) }) as Transferred))
        })
    }
}

impl Hooks {
    async fn send(
        &self,
        request: Request<WasiBody>,
        options: RequestOptions,
    ) -> Result<Response<WasiBody>> {
        let host = request.uri().host().unwrap_or(OWN_HOST).to_owned();
        if let Some(component) = host.strip_suffix(CHAINING_SUFFIX) {
            return self.send_to_component(component, request).await;
        }
        if host == OWN_HOST {
            return self.send_to_self(request, options).await;
        }
        let scheme = request.uri().scheme_str().unwrap_or("http").to_owned();
        let port = request.uri().port_u16();
        let port = port.unwrap_or(if scheme == "https" { 443 } else { 80 });
        if !self.allowed.allows(&scheme, &host, port) {
            return Err(self.denied(&format!("{scheme}://{host}:{port}")));
        }
        let named = self.allowed.names(&scheme, &host, port);
        self.send_out(request, named, options).await
    }

    async fn send_to_component(
        &self,
        component: &str,
        request: Request<WasiBody>,
    ) -> Result<Response<WasiBody>> {
        if !self.allowed.allows_chaining(component) {
            return Err(self.denied(&format!("http://{component}{CHAINING_SUFFIX}")));
        }
        let chain = self.shared.chain.get().ok_or(Error::DestinationNotFound)?;
        chain.send(component, request).await
    }

    async fn send_to_self(
        &self,
        mut request: Request<WasiBody>,
        options: RequestOptions,
    ) -> Result<Response<WasiBody>> {
        if !self.allowed.allows_self("http") {
            return Err(self.denied("http://self"));
        }
        let address = self
            .shared
            .chain
            .get()
            .and_then(|chain| chain.own_address());
        let address = address.ok_or(Error::DestinationNotFound)?;
        let mut parts = request.uri().clone().into_parts();
        parts.scheme = Some(Scheme::HTTP);
        parts.authority = Authority::try_from(address.to_string()).ok();
        *request.uri_mut() = Uri::from_parts(parts).map_err(|_| Error::HttpRequestUriInvalid)?;
        self.send_out(request, true, options).await
    }

    async fn send_out(
        &self,
        request: Request<WasiBody>,
        named: bool,
        options: RequestOptions,
    ) -> Result<Response<WasiBody>> {
        let limit = Duration::from_millis(self.shared.options.first_byte_ms_max);
        let limit = options
            .first_byte_timeout
            .map_or(limit, |asked| asked.min(limit));
        let sent = self.shared.clients.send(request, named);
        tokio::time::timeout(limit, sent)
            .await
            .map_err(|_| Error::ConnectionReadTimeout)?
    }

    fn denied(&self, destination: &str) -> Error {
        tracing::warn!(
            component = %self.component,
            destination,
            "outbound request denied; add the destination to allowed_outbound_hosts"
        );
        Error::HttpRequestDenied
    }
}
