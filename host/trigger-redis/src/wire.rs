//! The part of Redis's protocol that a subscriber reads, with bounds on all of it.
//!
//! The client library keeps every unread message in memory; here what is not
//! read stays in the socket, so that a server notices a slow subscriber.

use std::io;

use bytes::Bytes;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncRead, AsyncReadExt};

/// Length of a line: lengths, numbers and errors are short.
const LINE_BYTES_MAX: u64 = 4096;
/// Items of an array: a message has three.
const ITEMS_MAX: usize = 16;

/// What a server says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    Line(String),
    Error(String),
    Integer(i64),
    Bulk(Bulk),
    Array(Vec<Frame>),
}

/// Bytes of any kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Bulk {
    Bytes(Bytes),
    /// So many bytes that they were thrown away.
    TooLarge(u64),
    Nil,
}

impl Frame {
    fn text(&self) -> Option<&str> {
        match self {
            Self::Line(text) => Some(text),
            Self::Bulk(Bulk::Bytes(bytes)) => std::str::from_utf8(bytes).ok(),
            _ => None,
        }
    }

    /// The channel and payload, if the frame is a message.
    pub(crate) fn message(&self) -> Option<(&str, &Bulk)> {
        match self {
            Self::Array(items) => match items.as_slice() {
                [kind, channel, Self::Bulk(payload)] if kind.text() == Some("message") => {
                    Some((channel.text()?, payload))
                }
                _ => None,
            },
            _ => None,
        }
    }
}

fn broken(what: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("the server sent {what}"),
    )
}

/// Reads one frame. Arrays hold no arrays: no reply to a subscriber does.
///
/// # Errors
/// When the connection ends or what comes is not Redis's protocol.
pub(crate) async fn read_frame(
    input: &mut (impl AsyncBufRead + Unpin),
    bulk_bytes_max: u64,
) -> io::Result<Frame> {
    let (kind, rest) = read_line(input).await?;
    if kind != b'*' {
        return read_item(input, kind, rest, bulk_bytes_max).await;
    }
    let count = usize::try_from(number(&rest)?).map_err(|_| broken("a negative count"))?;
    if count > ITEMS_MAX {
        return Err(broken("too many items"));
    }
    let mut items = Vec::with_capacity(count);
    for _ in 0..count {
        let (kind, rest) = read_line(input).await?;
        items.push(read_item(input, kind, rest, bulk_bytes_max).await?);
    }
    Ok(Frame::Array(items))
}

async fn read_item(
    input: &mut (impl AsyncBufRead + Unpin),
    kind: u8,
    rest: String,
    bulk_bytes_max: u64,
) -> io::Result<Frame> {
    match kind {
        b'+' => Ok(Frame::Line(rest)),
        b'-' => Ok(Frame::Error(rest)),
        b':' => Ok(Frame::Integer(number(&rest)?)),
        b'$' => Ok(Frame::Bulk(
            read_bulk(input, number(&rest)?, bulk_bytes_max).await?,
        )),
        _ => Err(broken("something that is not Redis's protocol")),
    }
}

async fn read_bulk(
    input: &mut (impl AsyncBufRead + Unpin),
    length: i64,
    bytes_max: u64,
) -> io::Result<Bulk> {
    if length == -1 {
        return Ok(Bulk::Nil);
    }
    let length = u64::try_from(length).map_err(|_| broken("a negative length"))?;
    let bulk = if length > bytes_max {
        copy_exactly(input, length, &mut tokio::io::sink()).await?;
        Bulk::TooLarge(length)
    } else {
        let mut bytes = Vec::new();
        copy_exactly(input, length, &mut bytes).await?;
        Bulk::Bytes(Bytes::from(bytes))
    };
    let mut end = [0; 2];
    input.read_exact(&mut end).await?;
    if end != *b"\r\n" {
        return Err(broken("a value without its end"));
    }
    Ok(bulk)
}

async fn copy_exactly(
    input: &mut (impl AsyncRead + Unpin),
    length: u64,
    output: &mut (impl tokio::io::AsyncWrite + Unpin),
) -> io::Result<()> {
    if tokio::io::copy(&mut input.take(length), output).await? < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(())
}

/// Reads a line; its first byte apart from the rest.
async fn read_line(input: &mut (impl AsyncBufRead + Unpin)) -> io::Result<(u8, String)> {
    let mut line = Vec::new();
    let read = input
        .take(LINE_BYTES_MAX)
        .read_until(b'\n', &mut line)
        .await?;
    if read == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    match line.as_slice() {
        [kind, rest @ .., b'\r', b'\n'] => Ok((*kind, String::from_utf8_lossy(rest).into_owned())),
        _ => Err(broken("a line without its end")),
    }
}

fn number(text: &str) -> io::Result<i64> {
    text.parse().map_err(|_| broken("a bad number"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    async fn read(mut input: &[u8]) -> io::Result<Vec<Frame>> {
        let mut frames = Vec::new();
        while !input.is_empty() {
            frames.push(read_frame(&mut input, 10).await?);
        }
        Ok(frames)
    }

    fn bulk(text: &'static str) -> Frame {
        Frame::Bulk(Bulk::Bytes(Bytes::from_static(text.as_bytes())))
    }

    #[tokio::test]
    async fn messages_are_read() {
        let input = b"*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$2\r\nhi\r\n";
        let frames = read(input).await.unwrap();
        assert_eq!(
            frames[0],
            Frame::Array(vec![bulk("subscribe"), bulk("a"), Frame::Integer(1)])
        );
        assert_eq!(frames[0].message(), None);
        let payload = Bulk::Bytes(Bytes::from_static(b"hi"));
        assert_eq!(frames[1].message(), Some(("a", &payload)));
    }

    #[tokio::test]
    async fn a_large_value_is_passed_over_without_being_kept() {
        let input = b"$11\r\n12345678901\r\n+PONG\r\n$-1\r\n-ERR no\r\n";
        let expected = vec![
            Frame::Bulk(Bulk::TooLarge(11)),
            Frame::Line("PONG".to_owned()),
            Frame::Bulk(Bulk::Nil),
            Frame::Error("ERR no".to_owned()),
        ];
        assert_eq!(read(input).await.unwrap(), expected);
    }

    #[tokio::test]
    async fn what_breaks_off_or_is_no_protocol_is_an_error() {
        for input in [
            "*3\r\n$7\r\nmess",
            "$5\r\nab",
            "$2\r\nabcd",
            "*99999999\r\n",
            "*1\r\n*1\r\n",
            "$-7\r\n",
            ":x\r\n",
            "HTTP/1.1 400 Bad Request\r\n",
            "+no end",
            "\r\n",
        ] {
            assert!(read(input.as_bytes()).await.is_err(), "{input:?}");
        }
        let long = format!("+{}\r\n", "x".repeat(10_000));
        assert!(read(long.as_bytes()).await.is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_bytes_are_frames_or_an_error(input in "[*$:+\\-0-9a\r\n]{0,64}") {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let _ = runtime.block_on(read(input.as_bytes()));
        }
    }
}
