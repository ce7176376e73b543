//! Bodies on their way in and out.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use http_body_util::channel::Channel;
use wasmtime_wasi_http::{Error, WasiBody};

use crate::invoke::Driver;

/// Answers up to this size are sent in one piece.
const WHOLE_BYTES_MAX: usize = 64 * 1024;

/// Frames of a detached body that may wait for their reader.
const DETACHED_FRAMES_MAX: usize = 4;

/// How much of a request is still read when its answer is there already.
const LINGERING_BYTES_MAX: u64 = 32 << 20;

/// For how long.
const LINGERING_MAX: Duration = Duration::from_secs(5);

/// A request body whose rest is read, and thrown away, once nobody wants it.
///
/// A client that is still sending when the connection is closed sees an error
/// and never the answer that tells it why.
pub(crate) struct LingeringBody<B>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
{
    inner: Option<B>,
}

impl<B> LingeringBody<B>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
{
    pub(crate) fn new(inner: B) -> Self {
        Self { inner: Some(inner) }
    }
}

impl<B> Body for LingeringBody<B>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
{
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let Some(inner) = &mut self.inner else {
            return Poll::Ready(None);
        };
        let frame = std::task::ready!(Pin::new(inner).poll_frame(cx));
        if !matches!(frame, Some(Ok(_))) {
            self.inner = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner
            .as_ref()
            .map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

impl<B> Drop for LingeringBody<B>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
{
    fn drop(&mut self) {
        let Some(inner) = self.inner.take().filter(|inner| !inner.is_end_stream()) else {
            return;
        };
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(tokio::time::timeout(LINGERING_MAX, throw_away(inner)));
        }
    }
}

async fn throw_away<B>(mut body: B)
where
    B: Body<Data = Bytes> + Unpin,
{
    let mut bytes_left = LINGERING_BYTES_MAX;
    while let Some(Ok(frame)) = body.frame().await {
        let bytes = frame.data_ref().map_or(0, |data| data.len() as u64);
        match bytes_left.checked_sub(bytes) {
            Some(left) => bytes_left = left,
            None => return,
        }
    }
}

/// A request body that ends in an error when it grows over its bound.
pub(crate) struct BoundedBody<B> {
    inner: B,
    bytes_left: u64,
    exceeded: Arc<AtomicBool>,
}

impl<B> BoundedBody<B> {
    /// The body, and a flag that tells whether it was too large.
    pub(crate) fn new(inner: B, bytes_max: u64) -> (Self, Arc<AtomicBool>) {
        let exceeded = Arc::new(AtomicBool::new(false));
        let body = Self {
            inner,
            bytes_left: bytes_max,
            exceeded: exceeded.clone(),
        };
        (body, exceeded)
    }
}

impl<B> Body for BoundedBody<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Error>,
{
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let frame = match std::task::ready!(Pin::new(&mut self.inner).poll_frame(cx)) {
            None => return Poll::Ready(None),
            Some(Err(error)) => return Poll::Ready(Some(Err(error.into()))),
            Some(Ok(frame)) => frame,
        };
        let bytes = frame.data_ref().map_or(0, |data| data.len() as u64);
        match self.bytes_left.checked_sub(bytes) {
            Some(left) => {
                self.bytes_left = left;
                Poll::Ready(Some(Ok(frame)))
            }
            None => {
                self.exceeded.store(true, Ordering::Relaxed);
                Poll::Ready(Some(Err(Error::HttpRequestBodySize(None))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// The body of an answer.
pub enum ResponseBody {
    /// All of it, known.
    Whole(Option<Bytes>),
    /// As the component produces it.
    Stream(Box<StreamBody>),
}

/// A body that a component is still producing.
pub struct StreamBody {
    first: Option<Bytes>,
    body: WasiBody,
    driver: Driver,
    on_end: Option<Box<dyn FnOnce() + Send>>,
}

impl Drop for StreamBody {
    fn drop(&mut self) {
        if let Some(report) = self.on_end.take() {
            report();
        }
    }
}

impl ResponseBody {
    /// A body that is known already; an empty one has no frames.
    pub fn whole(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self::Whole((!bytes.is_empty()).then_some(bytes))
    }

    /// Takes what the component has ready: a short body becomes whole, any other
    /// is streamed, and the component runs on while it is being read.
    pub(crate) async fn gather(mut body: WasiBody, mut driver: Driver) -> Self {
        let mut ready = Gathered::default();
        let mut asked = false;
        let ended = std::future::poll_fn(|cx| {
            loop {
                match Pin::new(&mut body).poll_frame(cx) {
                    // A call that ended badly cannot have ended its body well.
                    Poll::Ready(None) => break Poll::Ready(!driver.failed()),
                    Poll::Ready(Some(Ok(frame))) => {
                        asked = false;
                        // Trailers are of no use to a body sent in one piece.
                        let Ok(data) = frame.into_data() else {
                            continue;
                        };
                        ready.push(data);
                        if ready.bytes() > WHOLE_BYTES_MAX {
                            break Poll::Ready(false);
                        }
                    }
                    // Whoever reads the stream meets the error again.
                    Poll::Ready(Some(Err(_))) => break Poll::Ready(false),
                    Poll::Pending if asked => break Poll::Ready(false),
                    Poll::Pending => {
                        let _ = driver.poll(cx);
                        asked = true;
                    }
                }
            }
        })
        .await;
        if ended {
            driver.finish_now().await;
            return Self::Whole(ready.take());
        }
        Self::Stream(Box::new(StreamBody {
            first: ready.take(),
            body,
            driver,
            on_end: None,
        }))
    }

    /// A body that its reader does not have to drive: what is still to come is
    /// produced by a task of its own.
    pub(crate) fn detach(self) -> WasiBody {
        let Self::Stream(mut stream) = self else {
            return self.boxed_unsync();
        };
        let (mut sender, body) = Channel::<Bytes, Error>::new(DETACHED_FRAMES_MAX);
        tokio::spawn(async move {
            while let Some(frame) = std::future::poll_fn(|cx| stream.poll(cx)).await {
                let sent = match frame {
                    Ok(frame) => sender.send(frame).await,
                    Err(error) => return sender.abort(error),
                };
                if sent.is_err() {
                    return;
                }
            }
        });
        body.boxed_unsync()
    }

    /// Calls `report` when the last byte has left, or nobody wants it any more.
    pub(crate) fn on_end(&mut self, report: impl FnOnce() + Send + 'static) {
        match self {
            Self::Whole(_) => report(),
            Self::Stream(stream) => stream.on_end = Some(Box::new(report)),
        }
    }
}

/// Pieces of a body, joined only when there are several.
#[derive(Default)]
struct Gathered {
    first: Option<Bytes>,
    joined: BytesMut,
}

impl Gathered {
    fn bytes(&self) -> usize {
        self.first.as_ref().map_or(self.joined.len(), Bytes::len)
    }

    fn push(&mut self, data: Bytes) {
        if self.first.is_none() && self.joined.is_empty() {
            self.first = Some(data);
            return;
        }
        if let Some(first) = self.first.take() {
            self.joined.extend_from_slice(&first);
        }
        self.joined.extend_from_slice(&data);
    }

    fn take(self) -> Option<Bytes> {
        self.first
            .or_else(|| (!self.joined.is_empty()).then(|| self.joined.freeze()))
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        match &mut *self {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Stream(stream) => stream.poll(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
            Self::Stream(_) => SizeHint::default(),
        }
    }
}

impl StreamBody {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(Frame::data(first))));
        }
        let ended = self.driver.poll(cx).is_ready();
        match Pin::new(&mut self.body).poll_frame(cx) {
            // The end of the component ends its body, too: the caller must not
            // take that for the end of the answer.
            Poll::Pending | Poll::Ready(None) if ended && self.driver.failed() => {
                Poll::Ready(Some(Err(Error::ConnectionTerminated)))
            }
            poll => poll,
        }
    }
}
