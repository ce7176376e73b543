//! Connects, logs in and subscribes.

use std::io;
use std::sync::Arc;

use redis::Cmd;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, BufReader, ReadHalf, WriteHalf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::address::Address;
use crate::wire::{Frame, read_frame};

/// Size of a value that is no message.
const REPLY_BYTES_MAX: u64 = 64 << 10;

/// Either kind of connection.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// The half that messages come from.
pub(crate) type Reader = BufReader<ReadHalf<Box<dyn Stream>>>;
/// The half that says that we are still there.
pub(crate) type Writer = WriteHalf<Box<dyn Stream>>;

/// What `rediss` addresses need: the authorities this machine trusts.
///
/// # Errors
/// When the machine trusts none.
pub(crate) fn tls_connector() -> Result<TlsConnector, String> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = rustls::RootCertStore::empty();
    let (trusted, _unusable) = roots.add_parsable_certificates(found.certs);
    if trusted == 0 {
        return Err("no certificate authorities are found on this machine; install them, or name their file in SSL_CERT_FILE".to_owned());
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

/// A connection on which the messages of all `channels` arrive.
///
/// # Errors
/// When the server cannot be reached or refuses.
pub(crate) async fn subscribe(
    address: &Address,
    tls: Option<&TlsConnector>,
    channels: &[String],
) -> io::Result<(Reader, Writer)> {
    let (read, mut writer) = tokio::io::split(open(address, tls).await?);
    let mut reader = BufReader::new(read);
    if let Some(password) = &address.password {
        let mut auth = redis::cmd("AUTH");
        if let Some(username) = &address.username {
            auth.arg(username);
        }
        send(&mut writer, auth.arg(password)).await?;
        confirmation(&mut reader).await?;
    }
    send(&mut writer, redis::cmd("SUBSCRIBE").arg(channels)).await?;
    for _ in channels {
        confirmation(&mut reader).await?;
    }
    Ok((reader, writer))
}

async fn open(address: &Address, tls: Option<&TlsConnector>) -> io::Result<Box<dyn Stream>> {
    let tcp = TcpStream::connect((address.host.as_str(), address.port)).await?;
    tcp.set_nodelay(true)?;
    if !address.tls {
        return Ok(Box::new(tcp));
    }
    let tls = tls.ok_or_else(|| io::Error::other("TLS is not set up"))?;
    let name = ServerName::try_from(address.host.clone()).map_err(io::Error::other)?;
    Ok(Box::new(tls.connect(name, tcp).await?))
}

/// Sends a command.
///
/// # Errors
/// When the connection is broken.
pub(crate) async fn send(writer: &mut Writer, command: &Cmd) -> io::Result<()> {
    writer.write_all(&command.get_packed_command()).await?;
    writer.flush().await
}

async fn confirmation(reader: &mut Reader) -> io::Result<()> {
    match read_frame(reader, REPLY_BYTES_MAX).await? {
        Frame::Error(text) => Err(io::Error::other(text)),
        _ => Ok(()),
    }
}
