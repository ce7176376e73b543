//! Answers leave together: a write waits until the other ready connections of
//! its thread have had their turn.
//!
//! A peer that waits for its answer sleeps, and waking it costs the sender more
//! than the write itself. Answers written one right after the other wake it once.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream whose first write after a flush is made one turn later.
pub(crate) struct WriteNextTurn<S> {
    stream: S,
    waited: bool,
}

impl<S> WriteNextTurn<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self {
            stream,
            waited: false,
        }
    }

    /// Ready from the second call on, which is made after everybody else's turn.
    fn poll_turn(&mut self, cx: &Context<'_>) -> Poll<()> {
        if self.waited {
            return Poll::Ready(());
        }
        self.waited = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for WriteNextTurn<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for WriteNextTurn<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        std::task::ready!(self.poll_turn(cx));
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        std::task::ready!(self.poll_turn(cx));
        Pin::new(&mut self.stream).poll_write_vectored(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.waited = false;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::task::{LocalSet, spawn_local};

    use super::*;

    #[tokio::test]
    async fn answers_of_ready_connections_are_written_one_after_the_other() {
        let order = Rc::new(RefCell::new(Vec::new()));
        let connection = |name: &'static str| {
            let order = order.clone();
            async move {
                let (near, mut far) = tokio::io::duplex(64);
                let mut near = WriteNextTurn::new(near);
                order.borrow_mut().push(format!("{name} works"));
                near.write_all(b"answer").await.unwrap();
                order.borrow_mut().push(format!("{name} writes"));
                near.flush().await.unwrap();
                drop(near);
                let mut read = String::new();
                far.read_to_string(&mut read).await.unwrap();
                assert_eq!(read, "answer");
            }
        };
        LocalSet::new()
            .run_until(async {
                let both = [spawn_local(connection("a")), spawn_local(connection("b"))];
                for task in both {
                    task.await.unwrap();
                }
            })
            .await;
        assert_eq!(
            *order.borrow(),
            ["a works", "b works", "a writes", "b writes"]
        );
    }

    #[tokio::test]
    async fn only_the_first_write_after_a_flush_waits() {
        let (near, _far) = tokio::io::duplex(64);
        let mut near = WriteNextTurn::new(near);
        let ready_at_once = async |near: &mut WriteNextTurn<_>| {
            let write = near.write_all(b"x");
            let mut write = std::pin::pin!(write);
            std::future::poll_fn(|cx| Poll::Ready(write.as_mut().poll(cx).is_ready())).await
        };
        assert!(!ready_at_once(&mut near).await);
        assert!(ready_at_once(&mut near).await);
        assert!(ready_at_once(&mut near).await);
        near.flush().await.unwrap();
        assert!(!ready_at_once(&mut near).await);
    }
}
