//! Against a server that answers as Vault's documentation of the key-value engine
//! of version 2 says.

use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::path::Path;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use host_app::{App, Variable};
use host_settings::VariableProviders;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::TcpListener;

use super::*;

const TOKEN: &str = "hvs.hunter2";

/// A Vault server with an engine at `secret`.
#[derive(Clone, Default)]
struct Fake(Arc<Mutex<Secrets>>);

#[derive(Default)]
struct Secrets {
    /// Status and answer by what stands behind `/v1/secret/data/`.
    answers: HashMap<String, (u16, String)>,
    asked: Vec<String>,
}

impl Fake {
    /// Starts to serve; the address.
    async fn serve(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let fake = self.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let fake = fake.clone();
                let service = service_fn(move |request| {
                    let answer = fake.answer(&request);
                    async move { Ok::<_, Infallible>(answer) }
                });
                let builder = hyper::server::conn::http1::Builder::new();
                tokio::spawn(builder.serve_connection(TokioIo::new(stream), service));
            }
        });
        format!("http://{address}")
    }

    fn write(&self, path: &str, value: &str) {
        self.set(
            path,
            200,
            &json!({
                "request_id": "1", "lease_id": "", "renewable": false, "lease_duration": 0,
                "data": {
                    "data": { "value": value },
                    "metadata": {
                        "created_time": "2026-01-02T03:04:05.6Z", "custom_metadata": null,
                        "deletion_time": "", "destroyed": false, "version": 2,
                    },
                },
                "wrap_info": null, "warnings": null, "auth": null,
            })
            .to_string(),
        );
    }

    fn set(&self, path: &str, status: u16, body: &str) {
        let mut secrets = self.0.lock().unwrap();
        let answer = (status, body.to_owned());
        secrets.answers.insert(path.to_owned(), answer);
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap().asked)
    }

    fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        let (status, body) = self.find(request);
        let response = Response::builder().status(status);
        response.body(Full::new(Bytes::from(body))).unwrap()
    }

    fn find(&self, request: &Request<Incoming>) -> (u16, String) {
        let token = request.headers().get("x-vault-token");
        let path = request.uri().path();
        self.0.lock().unwrap().asked.push(path.to_owned());
        if request.method() != "GET" || token.is_none_or(|token| token != TOKEN) {
            return (403, json!({ "errors": ["permission denied"] }).to_string());
        }
        let Some(path) = path.strip_prefix("/v1/secret/data/") else {
            let error = format!("no handler for route {path:?}. route entry not found.");
            return (404, json!({ "errors": [error] }).to_string());
        };
        let known = self.0.lock().unwrap().answers.get(path).cloned();
        known.unwrap_or_else(|| (404, json!({ "errors": [] }).to_string()))
    }
}

/// An application with these variables; those with a default are not required.
fn app(variables: &[(&str, Option<&str>)]) -> App {
    let variables = variables.iter().map(|(name, default)| {
        let variable = Variable {
            default: default.map(str::to_owned),
            secret: true,
            ..Variable::default()
        };
        ((*name).to_owned(), variable)
    });
    App {
        variables: variables.collect(),
        ..App::default()
    }
}

/// Providers of a runtime configuration that names the server.
fn providers(url: &str, token: &str, more: &str) -> VariableProviders {
    let text = format!(
        "[[variables_provider]]\ntype = \"static\"\nvalues = {{ fixed = \"static\" }}\n\
         [[variables_provider]]\ntype = \"vault\"\nurl = {url:?}\ntoken = {token:?}\n{more}\n"
    );
    let settings = host_settings::parse(&text, Path::new("runtime-config.toml")).unwrap();
    let environment = BTreeMap::from([("SPIN_VARIABLE_FALLBACK".to_owned(), "env".to_owned())]);
    let here = Path::new("no-such-folder");
    VariableProviders::new(BTreeMap::new(), &settings, &environment, here).unwrap()
}

const SHOP: &str = "mount = \"secret\"\nprefix = \"shop\"";

async fn find(url: &str, app: &App) -> Result<Variables, StartError> {
    Variables::find_with(app, providers(url, TOKEN, SHOP), None).await
}

#[tokio::test]
async fn vault_is_asked_after_the_providers_before_it_and_before_those_behind() {
    let vault = Fake::default();
    vault.write("shop/api_key", "from vault");
    vault.write("shop/fixed", "never asked");
    let url = vault.serve().await;
    let app = app(&[
        ("api_key", None),
        ("fallback", None),
        ("fixed", None),
        ("unset", Some("default")),
    ]);
    let found = find(&url, &app).await.unwrap();
    let values = ["api_key", "fallback", "fixed", "unset"].map(|name| found.get(name).unwrap());
    assert_eq!(values, ["from vault", "env", "static", "default"]);
    let asked = ["api_key", "fallback", "unset"];
    assert_eq!(
        vault.asked(),
        asked.map(|name| format!("/v1/secret/data/shop/{name}"))
    );
}

#[tokio::test]
async fn a_deleted_secret_is_none() {
    let vault = Fake::default();
    let deleted = json!({ "data": { "data": null, "metadata": {
        "created_time": "2026-01-02T03:04:05.6Z", "deletion_time": "2026-01-03T03:04:05.6Z",
        "destroyed": false, "version": 1,
    } } });
    vault.set("shop/a", 404, &deleted.to_string());
    let url = vault.serve().await;
    let found = find(&url, &app(&[("a", Some("default"))])).await.unwrap();
    assert_eq!(found.get("a").as_deref(), Some("default"));
    let error = find(&url, &app(&[("a", None)])).await.err().unwrap();
    assert!(matches!(error, StartError::Variables(missing) if missing == ["a"]));
}

#[tokio::test]
async fn without_a_prefix_secrets_stand_in_the_mount() {
    let vault = Fake::default();
    vault.write("a", "1");
    let url = vault.serve().await;
    let providers = providers(&url, TOKEN, "mount = \"secret\"");
    let found = Variables::find_with(&app(&[("a", None)]), providers, None).await;
    assert_eq!(found.unwrap().get("a").as_deref(), Some("1"));
}

/// Why a variable cannot be read: its name and path are in it, no secret is.
async fn refused(providers: VariableProviders, path: &str) -> String {
    let found = Variables::find_with(&app(&[("api_key", None)]), providers, None).await;
    let error = found.err().unwrap().to_string();
    let begin = format!("variable \"api_key\": cannot read {path} from Vault at http://127.0.0.1:");
    assert!(error.starts_with(&begin), "{error}");
    assert!(!error.contains("hunter2"), "{error}");
    error
}

#[tokio::test]
async fn what_cannot_be_read_is_named_without_its_value() {
    for (status, body, reason) in [
        (
            200,
            json!({ "data": { "data": { "password": "hunter2" } } }),
            "no field `value`",
        ),
        (
            200,
            json!({ "data": { "data": { "value": { "k": "hunter2" } } } }),
            "not a text",
        ),
        (200, json!({ "data": { "value": "hunter2" } }), "version 2"),
        (200, json!("hunter2"), "version 2"),
        (403, json!({ "errors": ["hunter2"] }), "refused the token"),
        (503, json!({ "errors": ["Vault is sealed"] }), "sealed"),
        (500, json!({ "errors": ["hunter2"] }), "the status 500"),
        (307, json!({}), "the status 307"),
        (200, json!("hunter2".repeat(200_000)), "too long"),
    ] {
        let vault = Fake::default();
        vault.set("shop/api_key", status, &body.to_string());
        let url = vault.serve().await;
        let error = refused(providers(&url, TOKEN, SHOP), "secret/shop/api_key").await;
        assert!(error.contains(reason), "{error}");
    }
}

#[tokio::test]
async fn a_wrong_token_and_a_wrong_mount_are_said_to_be_so() {
    let vault = Fake::default();
    vault.write("shop/api_key", "from vault");
    let url = vault.serve().await;
    let wrong = providers(&url, "hvs.hunter2-old", SHOP);
    let error = refused(wrong, "secret/shop/api_key").await;
    assert!(error.contains("refused the token"), "{error}");
    let error = refused(
        providers(&url, TOKEN, "mount = \"secrets\""),
        "secrets/api_key",
    )
    .await;
    assert!(
        error.contains("nothing is mounted at \"secrets\""),
        "{error}"
    );
}

#[tokio::test]
async fn a_server_that_is_not_there_is_said_to_be_so() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = refused(providers(&url, TOKEN, SHOP), "secret/shop/api_key").await;
    assert!(error.contains("it cannot be reached"), "{error}");
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let vault = Vault {
        url: format!("http://{}", listener.local_addr().unwrap()),
        token: TOKEN.to_owned(),
        mount: "secret".to_owned(),
        prefix: None,
    };
    let client = VaultClient::new(None, 10).unwrap();
    let error = client.read(&vault, "api_key").await.unwrap_err();
    assert_eq!(error, "it did not answer within 10 ms");
}

#[tokio::test]
async fn values_are_read_again_and_stay_when_they_cannot_be() {
    let vault = Fake::default();
    vault.write("shop/api_key", "first");
    let url = vault.serve().await;
    let found = find(&url, &app(&[("api_key", None), ("fixed", None)])).await;
    let found = found.unwrap();
    vault.write("shop/api_key", "second");
    assert_eq!(found.get("api_key").as_deref(), Some("first"));
    found.refresh().await;
    assert_eq!(found.get("api_key").as_deref(), Some("second"));
    assert_eq!(found.at_start()["api_key"], "first");
    for (status, body) in [(503, "{}"), (404, r#"{"errors":[]}"#), (200, "nonsense")] {
        vault.set("shop/api_key", status, body);
        found.refresh().await;
        assert_eq!(found.get("api_key").as_deref(), Some("second"), "{status}");
        assert_eq!(found.get("fixed").as_deref(), Some("static"));
    }
}

#[tokio::test]
async fn a_secret_that_disappears_does_not_become_the_default() {
    let vault = Fake::default();
    vault.write("shop/api_key", "secret");
    let url = vault.serve().await;
    let app = app(&[("api_key", Some("default")), ("other", Some("default"))]);
    let found = find(&url, &app).await.unwrap();
    vault.set("shop/api_key", 404, r#"{"errors":[]}"#);
    for _ in 0..2 {
        found.refresh().await;
        assert_eq!(found.get("api_key").as_deref(), Some("secret"));
        assert_eq!(found.get("other").as_deref(), Some("default"));
    }
    vault.write("shop/api_key", "new");
    vault.write("shop/other", "new");
    found.refresh().await;
    assert_eq!(found.get("api_key").as_deref(), Some("new"));
    assert_eq!(found.get("other").as_deref(), Some("new"));
}

#[tokio::test]
async fn without_a_need_vault_is_not_asked() {
    let vault = Fake::default();
    let url = vault.serve().await;
    let found = find(&url, &app(&[("fixed", None)])).await.unwrap();
    assert_eq!(found.get("fixed").as_deref(), Some("static"));
    // With nothing to read again, there is nothing to wait for.
    found.keep_fresh().await;
    assert!(vault.asked().is_empty());
}
