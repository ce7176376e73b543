//! Reads secrets from Vault over HTTP: `GET /v1/MOUNT/data/PATH` with the header
//! `x-vault-token`, as its key-value engine of version 2 has it.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use host_settings::Vault;
use http::{Request, StatusCode, header::HeaderValue};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use serde_json::Value;

/// Bytes of an answer; Vault's own default bound on a request is 32 MiB, and a
/// variable of a component is not that long.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// What stands in a path as it is.
const PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/');

/// Asks Vault servers for secrets.
pub(crate) struct VaultClient {
    client: Client<HttpsConnector<HttpConnector>, Empty<Bytes>>,
    answer_ms_max: u64,
}

impl VaultClient {
    /// A client that trusts the authorities in the file `authorities`, or those
    /// that browsers trust, and waits at most `answer_ms_max` for an answer.
    ///
    /// # Errors
    /// When the file cannot be read or has no certificate in it.
    pub(crate) fn new(authorities: Option<&Path>, answer_ms_max: u64) -> Result<Self, String> {
        let builder = HttpsConnectorBuilder::new();
        let builder = match authorities {
            None => builder.with_webpki_roots(),
            Some(file) => {
                let config = trusting(file)
                    .map_err(|reason| format!("VAULT_CACERT {}: {reason}", file.display()))?;
                builder.with_tls_config(config)
            }
        };
        let connector = builder.https_or_http().enable_http1().build();
        Ok(Self {
            client: Client::builder(TokioExecutor::new()).build(connector),
            answer_ms_max,
        })
    }

    /// The value of a variable; `None` when the server has no secret of its name.
    ///
    /// # Errors
    /// Why it cannot be read and how to mend it, without the token and without
    /// anything that the server said.
    pub(crate) async fn read(
        &self,
        vault: &Vault,
        variable: &str,
    ) -> Result<Option<String>, String> {
        let limit = Duration::from_millis(self.answer_ms_max);
        let (status, body) = tokio::time::timeout(limit, self.ask(vault, variable))
            .await
            .map_err(|_elapsed| format!("it did not answer within {} ms", self.answer_ms_max))??;
        let answer: Option<Value> = serde_json::from_slice(&body).ok();
        match status {
            StatusCode::OK => value(answer.as_ref()).map(Some),
            StatusCode::NOT_FOUND => match is_route_missing(answer.as_ref()) {
                true => Err(format!(
                    "nothing is mounted at {:?}; correct mount",
                    vault.mount
                )),
                false => Ok(None),
            },
            StatusCode::FORBIDDEN => {
                Err("it refused the token; renew it, or let its policy read the path".to_owned())
            }
            StatusCode::SERVICE_UNAVAILABLE => Err("it is sealed or in maintenance".to_owned()),
            other => Err(format!("it answered with the status {}", other.as_u16())),
        }
    }

    async fn ask(&self, vault: &Vault, variable: &str) -> Result<(StatusCode, Bytes), String> {
        let mount = utf8_percent_encode(&vault.mount, PATH);
        let path = vault.path(variable);
        let path = utf8_percent_encode(&path, PATH);
        let mut token = HeaderValue::from_str(&vault.token)
            .map_err(|_error| "no header can carry the token".to_owned())?;
        token.set_sensitive(true);
        let request = Request::get(format!("{}/v1/{mount}/data/{path}", vault.url))
            .header("x-vault-token", token)
            .header("x-vault-request", "true")
            .body(Empty::new())
            .map_err(|error| error.to_string())?;
        let response = self.client.request(request).await.map_err(|error| {
            let causes = std::iter::successors(std::error::Error::source(&error), |e| e.source());
            let cause = causes.last().map(ToString::to_string);
            format!(
                "it cannot be reached: {}",
                cause.unwrap_or_else(|| error.to_string())
            )
        })?;
        let status = response.status();
        let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX);
        let body = body
            .collect()
            .await
            .map_err(|_error| "its answer broke off or is too long".to_owned())?;
        Ok((status, body.to_bytes()))
    }
}

fn trusting(file: &Path) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    let certificates = CertificateDer::pem_file_iter(file).map_err(|error| error.to_string())?;
    for certificate in certificates {
        let certificate = certificate.map_err(|error| error.to_string())?;
        roots.add(certificate).map_err(|error| error.to_string())?;
    }
    if roots.is_empty() {
        return Err("there is no certificate in it".to_owned());
    }
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

/// The field `value` of the secret in an answer.
fn value(answer: Option<&Value>) -> Result<String, String> {
    let secret = answer.and_then(|answer| answer.pointer("/data/data"));
    let Some(secret) = secret.and_then(Value::as_object) else {
        return Err(
            "its answer is not that of a key-value engine of version 2; correct mount".to_owned(),
        );
    };
    match secret.get("value") {
        Some(Value::String(value)) => Ok(value.clone()),
        Some(_) => Err("the field `value` of the secret is not a text; write it as one".to_owned()),
        None => Err("the secret has no field `value`; write one".to_owned()),
    }
}

/// A secret that is missing is answered with no errors, or with what is left of it;
/// a route that is missing is said to be so.
fn is_route_missing(answer: Option<&Value>) -> bool {
    let errors = answer.and_then(|answer| answer.get("errors"));
    match errors.and_then(Value::as_array) {
        Some(errors) => !errors.is_empty(),
        None => answer.and_then(|answer| answer.get("data")).is_none(),
    }
}
