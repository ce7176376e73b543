//! Sockets, connections and the threads that serve them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::header::HeaderValue;
use http::uri::Scheme;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio_rustls::TlsAcceptor;

use crate::serve::{HttpApp, Peer};
use crate::tls::{TlsError, TlsFiles};
use crate::turn::WriteNextTurn;

/// Ports tried by `--find-free-port`.
const FREE_PORTS_TRIED: u16 = 10;
/// Pause after the system refused to accept a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How often a worker gives other tasks their turn.
const EVENT_INTERVAL: u32 = 7;

/// How the server listens.
#[derive(Clone, Debug)]
pub struct HttpOptions {
    /// Where to listen; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// Whether the next ports may be tried when the port is taken.
    pub find_free_port: bool,
    /// The certificate, for HTTPS.
    pub tls: Option<TlsFiles>,
    /// Threads that serve connections.
    pub workers: usize,
    /// Connections open at the same time.
    pub connections_max: usize,
    /// Size of a request's head, HTTP/1.
    pub head_bytes_max: usize,
    /// Number of headers of a request.
    pub headers_max: usize,
    /// How long a client may take to send a request's head, and a TLS handshake.
    pub head_timeout_ms: u64,
    /// Requests at the same time on one HTTP/2 connection.
    pub streams_max: u32,
    /// How long running requests may take to end when the host stops.
    pub drain_ms_max: u64,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 3000)),
            find_free_port: false,
            tls: None,
            workers: std::thread::available_parallelism().map_or(1, usize::from),
            connections_max: 10_000,
            head_bytes_max: 64 << 10,
            headers_max: 128,
            head_timeout_ms: 10_000,
            streams_max: 250,
            drain_ms_max: 30_000,
        }
    }
}

/// Why the server cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The port is taken.
    #[error(
        "{0} is already in use; stop what listens there, choose another address with --listen, or let the host search with --find-free-port"
    )]
    InUse(SocketAddr),
    /// The system refuses.
    #[error("cannot listen on {address}: {reason}")]
    Refused {
        /// Where.
        address: SocketAddr,
        /// What the system said.
        reason: std::io::Error,
    },
    /// The certificate cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// A thread cannot be started.
    #[error("cannot start a thread that serves connections: {0}")]
    Worker(std::io::Error),
}

/// A socket that is bound but does not accept yet.
pub struct HttpListener {
    listener: TcpListener,
    address: SocketAddr,
    tls: Option<TlsAcceptor>,
    options: HttpOptions,
}

impl HttpListener {
    /// Binds the socket.
    ///
    /// # Errors
    /// When the address is taken or refused, or the certificate is unusable.
    pub async fn bind(options: HttpOptions) -> Result<Self, ListenError> {
        let tls = options.tls.as_ref().map(TlsFiles::acceptor).transpose()?;
        let tries = if options.find_free_port {
            FREE_PORTS_TRIED
        } else {
            1
        };
        let mut outcome = Err(ListenError::InUse(options.listen));
        for offset in 0..tries {
            let mut address = options.listen;
            address.set_port(address.port().saturating_add(offset));
            outcome = TcpListener::bind(address).await.map_err(|reason| {
                if reason.kind() == std::io::ErrorKind::AddrInUse {
                    ListenError::InUse(options.listen)
                } else {
                    ListenError::Refused { address, reason }
                }
            });
            if !matches!(outcome, Err(ListenError::InUse(_))) {
                break;
            }
        }
        let listener = outcome?;
        let address = listener
            .local_addr()
            .map_err(|reason| ListenError::Refused {
                address: options.listen,
                reason,
            })?;
        Ok(Self {
            listener,
            address,
            tls,
            options,
        })
    }

    /// Where the socket listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http` or `https`.
    pub fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    /// Serves the application until `stop` turns true; then waits for running
    /// requests, at most `drain_ms_max`.
    ///
    /// # Errors
    /// When a worker thread cannot be started.
    pub async fn serve(
        self,
        app: Arc<HttpApp>,
        mut stop: watch::Receiver<bool>,
    ) -> Result<(), ListenError> {
        let workers = (0..self.options.workers.max(1))
            .map(|index| self.start_worker(index, &app, &stop))
            .collect::<Result<Vec<_>, _>>()
            .map_err(ListenError::Worker)?;
        loop {
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                _ = stop.wait_for(|stop| *stop) => break,
            };
            match accepted {
                Ok((stream, peer)) => self.hand_over(&workers, stream, peer),
                Err(error) => {
                    tracing::warn!(%error, "a connection cannot be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        drop(self.listener);
        let done = async {
            for worker in workers {
                drop(worker.connections);
                let mut ended = worker.ended;
                // An error means that the worker has ended, too.
                let _ = ended.wait_for(|ended| *ended).await;
            }
        };
        let drain = Duration::from_millis(self.options.drain_ms_max);
        if tokio::time::timeout(drain, done).await.is_err() {
            tracing::warn!(
                drain_ms_max = self.options.drain_ms_max,
                "requests were cut off"
            );
        }
        Ok(())
    }

    /// Gives a connection to the worker that has the fewest.
    fn hand_over(&self, workers: &[Worker], stream: TcpStream, peer: SocketAddr) {
        let open: usize = workers.iter().map(Worker::open).sum();
        if open >= self.options.connections_max {
            tracing::warn!(
                connections_max = self.options.connections_max,
                "connection refused"
            );
            return;
        }
        let Some(worker) = workers.iter().min_by_key(|worker| worker.open()) else {
            return;
        };
        let sent = stream.set_nodelay(true).and_then(|()| stream.into_std());
        match sent {
            Ok(stream) => {
                worker.open.fetch_add(1, Ordering::Relaxed);
                if worker.connections.send((stream, peer)).is_err() {
                    tracing::error!("a worker thread has ended");
                }
            }
            Err(error) => tracing::debug!(%error, "connection lost"),
        }
    }

    fn start_worker(
        &self,
        index: usize,
        app: &Arc<HttpApp>,
        stop: &watch::Receiver<bool>,
    ) -> std::io::Result<Worker> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .event_interval(EVENT_INTERVAL)
            .build()?;
        // Bounded by connections_max, which is checked before sending.
        let (connections, receiver) = mpsc::unbounded_channel();
        let (ended_sender, ended) = watch::channel(false);
        let open = Arc::new(AtomicUsize::new(0));
        let connection = Connection {
            app: app.clone(),
            tls: self.tls.clone(),
            builder: builder(&self.options),
            handshake: Duration::from_millis(self.options.head_timeout_ms),
            open: open.clone(),
        };
        let stop = stop.clone();
        std::thread::Builder::new()
            .name(format!("http-{index}"))
            .spawn(move || {
                runtime.block_on(work(connection, receiver, stop));
                ended_sender.send_replace(true);
            })?;
        Ok(Worker {
            connections,
            open,
            ended,
        })
    }
}

type Accepted = (std::net::TcpStream, SocketAddr);

/// One thread that serves connections.
struct Worker {
    connections: mpsc::UnboundedSender<Accepted>,
    open: Arc<AtomicUsize>,
    ended: watch::Receiver<bool>,
}

impl Worker {
    fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }
}

/// What a worker needs to serve a connection.
#[derive(Clone)]
struct Connection {
    app: Arc<HttpApp>,
    tls: Option<TlsAcceptor>,
    builder: auto::Builder<TokioExecutor>,
    handshake: Duration,
    open: Arc<AtomicUsize>,
}

fn builder(options: &HttpOptions) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_millis(options.head_timeout_ms))
        .max_buf_size(options.head_bytes_max)
        .max_headers(options.headers_max);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(options.streams_max)
        .max_header_list_size(u32::try_from(options.head_bytes_max).unwrap_or(u32::MAX));
    builder
}

async fn work(
    connection: Connection,
    mut accepted: mpsc::UnboundedReceiver<Accepted>,
    mut stop: watch::Receiver<bool>,
) {
    let graceful = GracefulShutdown::new();
    loop {
        let next = tokio::select! {
            next = accepted.recv() => next,
            _ = stop.wait_for(|stop| *stop) => None,
        };
        let Some((stream, peer)) = next else { break };
        let Ok(stream) = TcpStream::from_std(stream) else {
            connection.open.fetch_sub(1, Ordering::Relaxed);
            continue;
        };
        let watcher = graceful.watcher();
        let connection = connection.clone();
        tokio::spawn(async move {
            connection.run(stream, peer, watcher).await;
            connection.open.fetch_sub(1, Ordering::Relaxed);
        });
    }
    graceful.shutdown().await;
    connection.app.close().await;
}

impl Connection {
    async fn run(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        watcher: hyper_util::server::graceful::Watcher,
    ) {
        let Some(tls) = &self.tls else {
            return self.serve(stream, peer, Scheme::HTTP, watcher).await;
        };
        match tokio::time::timeout(self.handshake, tls.accept(stream)).await {
            Ok(Ok(stream)) => self.serve(stream, peer, Scheme::HTTPS, watcher).await,
            Ok(Err(error)) => tracing::debug!(%error, "TLS handshake failed"),
            Err(_) => tracing::debug!("TLS handshake took too long"),
        }
    }

    async fn serve(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + 'static,
        peer: SocketAddr,
        scheme: Scheme,
        watcher: hyper_util::server::graceful::Watcher,
    ) {
        let Ok(address) = HeaderValue::try_from(peer.to_string()) else {
            return;
        };
        let client = Arc::new((
            self.app.clone(),
            Peer {
                address: Some(address),
                scheme,
            },
        ));
        let service = service_fn(move |request: http::Request<Incoming>| {
            let client = client.clone();
            async move {
                let (app, peer) = &*client;
                Ok::<_, std::convert::Infallible>(app.handle(request, peer).await)
            }
        });
        let stream = TokioIo::new(WriteNextTurn::new(stream));
        let served = self.builder.serve_connection(stream, service);
        if let Err(error) = watcher.watch(served).await {
            tracing::debug!(%error, "connection ended");
        }
    }
}
