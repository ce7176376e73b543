//! Encrypted connections: whose certificate is believed, and what `sslmode` says.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::{Value, json};
use system_tests::{Application, Host, Postgres, probe};

use super::{ask, host, named_hosts};

/// An authority of the test's own.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        Self(CertifiedIssuer::self_signed(params, key).unwrap())
    }

    /// Its certificate, in PEM.
    fn root(&self) -> String {
        self.0.pem()
    }

    /// A server with a certificate for this name.
    async fn server(&self, name: &str) -> Postgres {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        Postgres::start_encrypted(&certificate.pem(), &key.serialize_pem()).await
    }
}

/// The address of a server by name, with this in its query.
fn address(postgres: &Postgres, query: &str) -> String {
    let url = postgres.url().replace("127.0.0.1", "localhost");
    let (url, _) = url.split_once('?').unwrap();
    format!("{url}?{query}")
}

/// Whether a connection is encrypted, or why there is none.
async fn seen(host: &Host, address: &str, root: Option<&str>) -> Result<bool, String> {
    let sql = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    let plan = json!({ "address": address, "ca_root": root, "steps": [{ "sql": sql }] });
    let seen = ask(host, &plan).await;
    if let Some(reason) = seen.get("connection-failed").and_then(Value::as_str) {
        return Err(reason.to_owned());
    }
    let first = seen.pointer("/0/rows/0/0/boolean").and_then(Value::as_bool);
    first.ok_or_else(|| seen.to_string())
}

/// Checks that a connection was refused for this reason.
#[track_caller]
fn refused(seen: &Result<bool, String>, reason: &str) {
    let told = seen.as_ref().unwrap_err();
    assert!(told.contains(reason), "{told}");
}

#[tokio::test]
async fn a_server_is_believed_whom_a_given_authority_vouches_for() {
    let (authority, other) = (Authority::new(), Authority::new());
    let postgres = authority.server("localhost").await;
    let host = host(&postgres).await;
    let require = address(&postgres, "sslmode=require");
    let own = authority.root();
    assert_eq!(seen(&host, &require, Some(&own)).await, Ok(true));
    let both = other.root() + &own;
    assert_eq!(seen(&host, &require, Some(&both)).await, Ok(true));
    let another = seen(&host, &require, Some(&other.root())).await;
    refused(&another, "invalid peer certificate");
    // What was believed for the one who gave it is not believed for others.
    let machine = seen(&host, &require, None).await;
    refused(&machine, "invalid peer certificate: UnknownIssuer");
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    let authority = Authority::new();
    let postgres = authority.server("db.example").await;
    let host = host(&postgres).await;
    let require = address(&postgres, "sslmode=require");
    let told = seen(&host, &require, Some(&authority.root())).await;
    refused(&told, "not valid for name \"localhost\"");
}

/// What `database_url` uses: the store gives no authority of its own.
#[tokio::test]
async fn authorities_of_the_machine_are_believed() {
    let authority = Authority::new();
    let postgres = authority.server("localhost").await;
    let application = Application::new(&probe("all", &named_hosts(&postgres)));
    let root = application.write("root.pem", authority.root());
    let application = application.environment("SSL_CERT_FILE", &root.display().to_string());
    let host = Host::start(&application, &[]).await;
    let require = address(&postgres, "sslmode=require");
    assert_eq!(seen(&host, &require, None).await, Ok(true));
}

#[tokio::test]
async fn sslmode_says_whether_a_connection_is_encrypted() {
    let authority = Authority::new();
    let own = authority.root();
    let encrypted = authority.server("localhost").await;
    let host_of_encrypted = host(&encrypted).await;
    let ask = async |query: &str, root: Option<&str>| {
        seen(&host_of_encrypted, &address(&encrypted, query), root).await
    };
    assert_eq!(ask("sslmode=disable", Some(&own)).await, Ok(false));
    assert_eq!(ask("sslmode=prefer", Some(&own)).await, Ok(true));
    assert_eq!(ask("connect_timeout=9", Some(&own)).await, Ok(true));
    assert_eq!(ask("sslmode=require", Some(&own)).await, Ok(true));
    // A server that offers encryption has to be believed: nothing is sent in clear then.
    let untrusted = ask("sslmode=prefer", None).await;
    refused(&untrusted, "invalid peer certificate");
    // The certificate is always looked at, so there are no words for it.
    for mode in ["allow", "verify-ca", "verify-full", "REQUIRE"] {
        let unknown = ask(&format!("sslmode={mode}"), Some(&own)).await;
        refused(&unknown, "invalid value for option `sslmode`");
    }

    let clear = Postgres::start().await;
    let host_of_clear = host(&clear).await;
    let ask = async |query: &str| seen(&host_of_clear, &address(&clear, query), None).await;
    assert_eq!(ask("sslmode=prefer").await, Ok(false));
    assert_eq!(ask("sslmode=disable").await, Ok(false));
    refused(&ask("sslmode=require").await, "server does not support TLS");
}
