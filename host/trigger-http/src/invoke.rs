//! Runs one request in a component.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use host_app::{Failure, FailureKind};
use host_engine::{Function, LoadError, Pool};
use host_telemetry::HttpMetrics;
use http::{Request, Response};
use tokio::sync::oneshot;
use wasmtime::component::Accessor;
use wasmtime_wasi_http::p2::bindings as p2;
use wasmtime_wasi_http::p3::bindings as p3;
use wasmtime_wasi_http::{FieldMap, WasiBody, WasiHttpView};

use crate::body::ResponseBody;

type State = host_engine::State;
type Head = Result<Response<WasiBody>, Failure>;

/// A component that answers requests.
pub struct HttpFunction {
    pool: Pool<Guest>,
    metrics: HttpMetrics,
}

/// The export that takes requests.
pub(crate) enum Guest {
    P3(p3::Service),
    P2(p2::Proxy),
}

impl HttpFunction {
    /// Finds the export that takes requests.
    ///
    /// # Errors
    /// When the component has none.
    pub fn new(function: Arc<Function>) -> Result<Self, LoadError> {
        let pre = function.instance_pre();
        let metrics = function.metrics().http();
        if let Ok(service) = p3::ServicePre::new(pre.clone()) {
            return Ok(Self {
                pool: Pool::new(
                    function,
                    Box::new(move |store| {
                        let service = service.clone();
                        Box::pin(
                            async move { Ok(Guest::P3(service.instantiate_async(store).await?)) },
                        )
                    }),
                ),
                metrics,
            });
        }
        if let Ok(proxy) = p2::ProxyPre::new(pre.clone()) {
            return Ok(Self {
                pool: Pool::single_use(
                    function,
                    Box::new(move |store| {
                        let proxy = proxy.clone();
                        Box::pin(
                            async move { Ok(Guest::P2(proxy.instantiate_async(store).await?)) },
                        )
                    }),
                ),
                metrics,
            });
        }
        Err(LoadError::WrongExport {
            component: function.id().to_string(),
            trigger: "an http trigger",
            wanted: "`wasi:http/handler@0.3.0` (spin-sdk 7: `#[http_service]`) or `wasi:http/incoming-handler@0.2.x`",
        })
    }

    /// The component.
    pub fn function(&self) -> &Arc<Function> {
        self.pool.function()
    }

    /// What is counted of its requests.
    pub(crate) fn metrics(&self) -> &HttpMetrics {
        &self.metrics
    }

    /// The instances.
    pub(crate) fn pool(&self) -> &Pool<Guest> {
        &self.pool
    }

    /// Answers one request. The component may go on after its answer's head, and
    /// after the caller has gone.
    ///
    /// # Errors
    /// When the component ends without an answer.
    pub async fn invoke(
        self: &Arc<Self>,
        request: Request<WasiBody>,
    ) -> Result<Response<ResponseBody>, Failure> {
        let (head, mut answer) = oneshot::channel();
        let mut driver = Driver::new(self.clone(), request, head);
        let head = std::future::poll_fn(|cx| {
            // The driver first: polling it is what makes the answer.
            let _ = driver.poll(cx);
            Pin::new(&mut answer).poll(cx)
        })
        .await;
        let response = head.map_err(|_dropped| {
            Failure::new(FailureKind::Internal, "the call ended without an answer")
        })??;
        let (parts, body) = response.into_parts();
        let body = ResponseBody::gather(body, driver).await;
        Ok(Response::from_parts(parts, body))
    }

    /// Runs a request to its very end; the answer's head leaves through `head`.
    async fn drive(
        &self,
        request: Request<WasiBody>,
        head: oneshot::Sender<Head>,
        failed: &AtomicBool,
    ) {
        let mut head = Some(head);
        let answer = &mut head;
        let result = self
            .pool
            .run(async move |accessor, guest| match guest {
                Guest::P3(service) => handle_p3(accessor, service, request, answer).await,
                Guest::P2(proxy) => handle_p2(accessor, proxy, request, answer).await,
            })
            .await;
        let Err(failure) = result else { return };
        failed.store(true, Ordering::Relaxed);
        match head.take() {
            Some(head) => drop(head.send(Err(failure))),
            None => {
                let function = self.function();
                function.metrics().failed(failure.kind.as_str());
                tracing::error!(
                    component = %function.id(),
                    kind = failure.kind.as_str(),
                    cause = failure.cause,
                    "component failed after its answer had begun"
                );
            }
        }
    }
}

async fn handle_p3(
    accessor: &Accessor<State>,
    service: &p3::Service,
    request: Request<WasiBody>,
    head: &mut Option<oneshot::Sender<Head>>,
) -> wasmtime::Result<()> {
    let (parts, body) = request.into_parts();
    let uri = parts.uri.into_parts();
    let headers = accessor
        .with(|mut store| FieldMap::new_immutable(store.data_mut().http().hooks, parts.headers));
    let (request, request_sent) = wasmtime_wasi_http::p3::Request::new(
        parts.method,
        uri.scheme,
        uri.authority,
        uri.path_and_query,
        headers,
        None,
        body,
    );
    let answer = match service.handle(accessor, request).await? {
        Ok(response) => Ok(accessor.with(|store| response.into_http(store, request_sent))?),
        Err(code) => Err(guest_failure(&code)),
    };
    if let Some(head) = head.take() {
        // Nobody may be waiting any more; the component has done its work all the same.
        drop(head.send(answer));
    }
    Ok(())
}

async fn handle_p2(
    accessor: &Accessor<State>,
    proxy: &p2::Proxy,
    request: Request<WasiBody>,
    head: &mut Option<oneshot::Sender<Head>>,
) -> wasmtime::Result<()> {
    let head = std::sync::Mutex::new(head.take());
    let head = Arc::new(head);
    let out = head.clone();
    let arguments = accessor.with(|mut store| {
        let mut http = store.data_mut().http();
        let request = http.new_incoming_request(p2::http::types::Scheme::Http, request)?;
        let out = http.new_response_outparam_from_callback(move |answer| {
            let head = out.lock().ok().and_then(|mut head| head.take());
            if let Some(head) = head {
                drop(head.send(answer.map_err(|code| guest_failure(&code))));
            }
        })?;
        wasmtime::error::Ok((request, out))
    })?;
    proxy
        .wasi_http_incoming_handler()
        .func_handle()
        .call_concurrent(accessor, arguments)
        .await?;
    Ok(())
}

fn guest_failure(code: &impl std::fmt::Debug) -> Failure {
    Failure::new(
        FailureKind::Guest,
        format!("the component answered with the error {code:?}"),
    )
}

/// The rest of a call. Dropped before its end, it goes on in the background:
/// what a component has begun is not torn off because the caller has gone.
pub(crate) struct Driver {
    call: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    failed: Arc<AtomicBool>,
}

impl Driver {
    fn new(
        function: Arc<HttpFunction>,
        request: Request<WasiBody>,
        head: oneshot::Sender<Head>,
    ) -> Self {
        let failed = Arc::new(AtomicBool::new(false));
        let flag = failed.clone();
        Self {
            call: Some(Box::pin(async move {
                function.drive(request, head, &flag).await;
            })),
            failed,
        }
    }

    /// Lets the call run; ready when it has ended.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        // Taken out while it runs, so that a call that panics is never run again.
        let Some(mut call) = self.call.take() else {
            return Poll::Ready(());
        };
        let poll = call.as_mut().poll(cx);
        if poll.is_pending() {
            self.call = Some(call);
        }
        poll
    }

    /// Whether the call ended badly.
    pub(crate) fn failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }

    /// Gives the call one more turn; what is left goes on in the background.
    pub(crate) async fn finish_now(mut self) {
        std::future::poll_fn(|cx| {
            let _ = self.poll(cx);
            Poll::Ready(())
        })
        .await;
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        if let Some(call) = self.call.take()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(call);
        }
    }
}
