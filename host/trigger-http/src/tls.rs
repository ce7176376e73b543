//! Certificates for HTTPS.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

/// The files of a certificate.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// PEM file with the certificate and those that vouch for it.
    pub certificate: PathBuf,
    /// PEM file with its private key.
    pub key: PathBuf,
}

/// Why TLS cannot be offered.
#[derive(Debug, thiserror::Error)]
#[error("cannot use {path} for TLS: {reason}")]
pub struct TlsError {
    path: PathBuf,
    reason: String,
}

impl TlsFiles {
    /// Reads both files. HTTP/2 and HTTP/1.1 are offered to clients.
    ///
    /// # Errors
    /// When a file is missing, is not PEM, or they do not belong together.
    pub(crate) fn acceptor(&self) -> Result<TlsAcceptor, TlsError> {
        let certificates = CertificateDer::pem_file_iter(&self.certificate)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| unusable(&self.certificate, &error))?;
        let key =
            PrivateKeyDer::from_pem_file(&self.key).map_err(|error| unusable(&self.key, &error))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|config| {
                config
                    .with_no_client_auth()
                    .with_single_cert(certificates, key)
            })
            .map_err(|error| unusable(&self.certificate, &error))?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

fn unusable(path: &Path, error: &impl ToString) -> TlsError {
    TlsError {
        path: path.to_owned(),
        reason: error.to_string(),
    }
}
