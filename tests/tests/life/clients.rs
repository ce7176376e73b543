//! Clients that others wrote, in `tests/clients`: what they need is there.

use std::path::PathBuf;
use std::process::Stdio;

use tokio::process::Command;

use super::*;

const EMAIL: &str = "fang@example.com";
const PASSWORD: &str = "correct horse 1";

/// Where `scripts/test` puts what `tests/clients/requirements.txt` names.
fn installed() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/parts/clients");
    let hint = "the clients are missing: run scripts/test, which installs them";
    assert!(folder.join("requirements.txt").is_file(), "{hint}");
    folder
}

/// A file of `tests/clients`.
pub(super) fn script(name: &str) -> String {
    format!("{}/clients/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// Runs Python with the clients; what it wrote, when it ended well.
pub(super) async fn python(arguments: &[&str], environment: &[(&str, &str)]) -> String {
    // Some of them leave files where they run.
    let folder = tempfile::tempdir().unwrap();
    let run = Command::new("python3")
        .args(arguments)
        .current_dir(folder.path())
        .env("PYTHONPATH", installed())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("AUTHLIB_INSECURE_TRANSPORT", "1")
        .env("NO_PROXY", "127.0.0.1")
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let ended = run.await.unwrap();
    let written = format!(
        "{}{}",
        String::from_utf8_lossy(&ended.stdout),
        String::from_utf8_lossy(&ended.stderr)
    );
    assert!(ended.status.success(), "{arguments:?}: {written}");
    written
}

#[tokio::test]
async fn pyjwt_verifies_our_tokens_with_our_published_keys() {
    let life = Life::embedded().await;
    let body = json!({ "email": EMAIL, "password": PASSWORD, "name": "王芳" });
    let registered = life
        .post("/api/v1/users/register", None, &body)
        .await
        .expect(201)
        .json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let environment = [
        ("BASE_URL", life.host.url()),
        ("ACCESS_TOKEN", &text(&registered["access_token"])),
        ("USER_ID", &text(&registered["user"]["user_id"])),
        ("ISSUER", ISSUER),
        ("AUDIENCE", AUDIENCE),
    ];
    let written = python(&[&script("verify_token.py")], &environment).await;
    assert!(written.contains("verified"), "{written}");
}

#[tokio::test]
async fn authlib_obtains_refreshes_and_revokes_tokens() {
    let life = Life::embedded().await;
    life.register(EMAIL).await;
    let body = json!({ "name": "a service", "scopes": ["config:read"] });
    let client = life
        .post("/api/v1/auth/clients", Some(OPERATOR_TOKEN), &body)
        .await
        .expect(201)
        .json();
    let environment = [
        ("BASE_URL", life.host.url()),
        ("EMAIL", EMAIL),
        ("PASSWORD", PASSWORD),
        ("CLIENT_ID", client["client_id"].as_str().unwrap()),
        ("CLIENT_SECRET", client["client_secret"].as_str().unwrap()),
    ];
    let written = python(&[&script("oauth.py")], &environment).await;
    assert!(
        written.contains("obtained, refreshed, revoked"),
        "{written}"
    );
}

/// Every operation of `/openapi.json`, asked rightly and wrongly by a fuzzer,
/// once as a user and once as an operator.
#[tokio::test]
async fn schemathesis_finds_no_server_error() {
    let life = Life::embedded().await;
    let user = life.register(EMAIL).await;
    for token in [user.as_str(), OPERATOR_TOKEN] {
        let schema = format!("{}/openapi.json", life.host.url());
        let authorization = format!("Authorization: Bearer {token}");
        let mut arguments = vec!["-m", "schemathesis.cli", "run", &schema];
        arguments.extend(["--header", &authorization]);
        arguments.extend(["--phases", "examples,coverage,fuzzing"]);
        arguments.extend(["--checks", "not_a_server_error"]);
        arguments.extend(["--max-examples", "8", "--seed", "1"]);
        arguments.extend(["--suppress-health-check", "all", "--no-shrink"]);
        arguments.extend(["--continue-on-failure", "--warnings", "off"]);
        // These would end the session that asks.
        arguments.extend(["--exclude-path-regex", "^/api/v1/auth/sessions"]);
        python(&arguments, &[]).await;
    }
}
