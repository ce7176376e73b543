//! Variables from Vault. A host with static responses stands for the server.

use serde_json::json;
use system_tests::{Application, Host, probe};

const TOKEN: &str = "hvs.hunter2";

/// What Vault answers for `secret/shop/greeting`.
fn vault(value: &str) -> Application {
    let answer = json!({ "data": { "data": { "value": value }, "metadata": { "version": 1 } } });
    let certified = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    Application::new(&format!(
        "[[trigger.http]]\nroute = \"/v1/secret/data/shop/greeting\"\n\
         static_response = {{ body = '{answer}' }}\n"
    ))
    .with("certificate.pem", certified.cert.pem())
    .with("key.pem", certified.signing_key.serialize_pem())
}

/// An application whose variable `greeting` is in that Vault.
fn application(url: &str) -> Application {
    let manifest = format!(
        "[variables]\ngreeting = {{ required = true, secret = true }}\n{}",
        probe("shop", "variables = { greeting = \"{{ greeting }}, you\" }")
    );
    Application::new(&manifest).with(
        "runtime-config.toml",
        format!(
            "[[variables_provider]]\ntype = \"vault\"\nurl = {url:?}\ntoken = {TOKEN:?}\n\
             mount = \"secret\"\nprefix = \"shop\"\n"
        ),
    )
}

#[tokio::test]
async fn a_component_gets_its_variable_from_vault() {
    let server = Host::start(&vault("hello"), &[]).await;
    let host = Host::start(&application(server.url()), &[]).await;
    let got = host.get("/shop/probe/variable").await.expect(200);
    assert_eq!(got.text(), "\"hello, you\"");
    assert!(!host.stderr().contains("hunter2"), "{}", host.stderr());
}

#[tokio::test]
async fn vault_with_a_certificate_of_its_own_is_trusted_when_it_is_named() {
    let vault = vault("sealed line");
    let (certificate, key) = (vault.path("certificate.pem"), vault.path("key.pem"));
    let arguments = [
        "--tls-cert",
        certificate.to_str().unwrap(),
        "--tls-key",
        key.to_str().unwrap(),
    ];
    let server = Host::start(&vault, &arguments).await;
    assert!(server.url().starts_with("https://"), "{}", server.url());
    let distrusted = Host::fails(&application(server.url()), &[]).await;
    distrusted.says(&[
        "variable \"greeting\"",
        "secret/shop/greeting",
        "cannot be reached",
    ]);
    let trusting =
        application(server.url()).environment("VAULT_CACERT", certificate.to_str().unwrap());
    let host = Host::start(&trusting, &[]).await;
    let got = host.get("/shop/probe/variable").await.expect(200);
    assert_eq!(got.text(), "\"sealed line, you\"");
}

#[tokio::test]
async fn a_host_does_not_start_without_its_secrets() {
    let failed = Host::fails(&application("http://127.0.0.1:1"), &[]).await;
    failed.says(&[
        "variable \"greeting\": cannot read secret/shop/greeting",
        "http://127.0.0.1:1",
        "it cannot be reached",
    ]);
    assert!(!failed.stderr.contains("hunter2"), "{}", failed.stderr);
}
