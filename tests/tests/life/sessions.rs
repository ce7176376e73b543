//! Sessions, passwords and the second factor, through the whole application.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hmac::{Hmac, KeyInit, Mac};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::*;

const EMAIL: &str = "fang@example.com";
const PASSWORD: &str = "correct horse 1";
const NEW_PASSWORD: &str = "battery staple 2";

/// The tokens of an answer: access, refresh.
fn tokens(answer: &Answer) -> (String, String) {
    let body = answer.json();
    let token = |name: &str| body[name].as_str().unwrap().to_owned();
    (token("access_token"), token("refresh_token"))
}

impl Life {
    async fn log_in(&self, password: &str, totp: Option<&str>) -> Answer {
        let mut body = json!({ "email": EMAIL, "password": password });
        if let Some(code) = totp {
            body["totp"] = json!(code);
        }
        self.post("/api/v1/auth/login", None, &body).await
    }

    async fn refresh(&self, token: &str, agent: &str) -> Answer {
        let request = self
            .host
            .request("POST", "/api/v1/auth/refresh")
            .header("content-type", "application/json")
            .header("user-agent", agent);
        let body = json!({ "refresh_token": token }).to_string();
        self.host.send(request.body(whole(body)).unwrap()).await
    }

    /// The code of what is wrong with an access token; nothing when it is good.
    async fn refused(&self, token: &str) -> Option<String> {
        let answer = self.get("/api/v1/auth/validate", token).await;
        let code = answer.json()["code"].as_str().map(str::to_owned);
        assert_eq!(answer.status, if code.is_some() { 401 } else { 200 });
        code
    }

    async fn delete(&self, path: &str, token: &str, body: &Value) -> Answer {
        self.try_send("DELETE", path, token, body).await.unwrap()
    }
}

#[tokio::test]
async fn a_copied_refresh_token_ends_the_session_of_both() {
    a_copied_token_ends_the_session(&Life::embedded().await).await;
}

#[tokio::test]
async fn a_copied_refresh_token_ends_the_session_of_both_on_postgresql() {
    a_copied_token_ends_the_session(&Life::with_postgres().await).await;
}

async fn a_copied_token_ends_the_session(life: &Life) {
    life.register(EMAIL).await;
    let (first_access, first) = tokens(&life.log_in(PASSWORD, None).await.expect(200));
    let (second_access, second) = tokens(&life.refresh(&first, "owner").await.expect(200));
    // The owner did not get the answer: it may ask again.
    tokens(&life.refresh(&first, "owner").await.expect(200));
    problem(
        &life.refresh(&first, "thief").await,
        401,
        "token_reused",
        None,
    );
    problem(
        &life.refresh(&second, "owner").await,
        401,
        "token_revoked",
        None,
    );
    for token in [first_access, second_access] {
        assert_eq!(life.refused(&token).await.as_deref(), Some("token_revoked"));
    }
    // Another session of the same person goes on.
    let (other, _) = tokens(&life.log_in(PASSWORD, None).await.expect(200));
    assert_eq!(life.refused(&other).await, None);
}

#[tokio::test]
async fn a_revoked_token_is_refused_at_once_and_after_a_restart() {
    let mut life = Life::embedded().await;
    let sibling = life.register(EMAIL).await;
    let (access, _) = tokens(&life.log_in(PASSWORD, None).await.expect(200));
    assert_eq!(life.refused(&access).await, None);
    let body = json!({ "token": access });
    life.post("/api/v1/auth/revoke", None, &body)
        .await
        .expect(200);
    assert_eq!(
        life.refused(&access).await.as_deref(),
        Some("token_revoked")
    );
    life.host.terminate();
    eventually("the host has ended", async || {
        life.host.is_ended().then_some(())
    })
    .await;
    life.restart().await;
    assert_eq!(
        life.refused(&access).await.as_deref(),
        Some("token_revoked")
    );
    assert_eq!(life.refused(&sibling).await, None);
}

#[tokio::test]
async fn sessions_are_listed_and_ended() {
    let life = Life::embedded().await;
    life.register(EMAIL).await;
    let (there, _) = tokens(&life.log_in(PASSWORD, None).await.expect(200));
    let (here, _) = tokens(&life.log_in(PASSWORD, None).await.expect(200));
    let path = "/api/v1/auth/sessions";
    let list = life.get(path, &here).await.expect(200).json();
    let list = list["sessions"].as_array().unwrap().clone();
    assert_eq!(list.len(), 3);
    let current = list.iter().filter(|session| session["is_current"] == true);
    assert_eq!(current.count(), 1);
    let stranger = life.register("li@example.com").await;
    let one = format!("{path}/{}", list[2]["session_id"].as_str().unwrap());
    let none = life.delete(&one, &stranger, &json!({})).await;
    problem(&none, 404, "not_found", None);
    life.delete(&one, &here, &json!({})).await.expect(204);
    life.delete(path, &here, &json!({})).await.expect(204);
    assert_eq!(life.refused(&there).await.as_deref(), Some("token_revoked"));
    assert_eq!(life.refused(&here).await, None);
    let left = life.get(path, &here).await.expect(200).json();
    assert_eq!(left["sessions"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_changed_password_ends_the_other_sessions() {
    let life = Life::embedded().await;
    let there = life.register(EMAIL).await;
    let (here, _) = tokens(&life.log_in(PASSWORD, None).await.expect(200));
    let path = "/api/v1/auth/password";
    let body = json!({ "current_password": "wrong horse 1", "new_password": NEW_PASSWORD });
    let wrong = life.post(path, Some(&here), &body).await;
    problem(&wrong, 403, "wrong_password", None);
    let body = json!({ "current_password": PASSWORD, "new_password": NEW_PASSWORD });
    life.post(path, Some(&here), &body).await.expect(204);
    assert_eq!(life.refused(&there).await.as_deref(), Some("token_revoked"));
    assert_eq!(life.refused(&here).await, None);
    let old = life.log_in(PASSWORD, None).await;
    problem(&old, 401, "invalid_credentials", None);
    life.log_in(NEW_PASSWORD, None).await.expect(200);
}

/// The code that an app shows for a secret, some steps from now.
fn code(secret: &str, steps: u64) -> String {
    const DIGITS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let (mut bytes, mut word, mut bits) = (Vec::new(), 0u32, 0);
    for letter in secret.chars() {
        word = word << 5 | u32::try_from(DIGITS.find(letter).unwrap()).unwrap();
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(word >> bits & 0xff).unwrap());
        }
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let step = now.as_secs() / 30 + steps;
    let mut mac = Hmac::<sha1::Sha1>::new_from_slice(&bytes).unwrap();
    mac.update(&step.to_be_bytes());
    let digest = mac.finalize().into_bytes();
    let start = usize::from(digest[19] & 0x0f);
    let word: [u8; 4] = digest[start..start + 4].try_into().unwrap();
    format!(
        "{:06}",
        (u32::from_be_bytes(word) & 0x7fff_ffff) % 1_000_000
    )
}

#[tokio::test]
async fn a_second_factor_is_asked_for_and_each_code_is_good_once() {
    let life = Life::embedded().await;
    let token = life.register(EMAIL).await;
    let path = "/api/v1/auth/totp";
    let secret = life.post(path, Some(&token), &json!({})).await.expect(201);
    let secret = secret.json()["secret"].as_str().unwrap().to_owned();
    let first = code(&secret, 0);
    let confirm = format!("{path}/confirm");
    let codes = life
        .post(&confirm, Some(&token), &json!({ "code": first }))
        .await;
    let codes = codes.expect(200).json()["recovery_codes"].clone();
    problem(
        &life.log_in(PASSWORD, None).await,
        401,
        "totp_required",
        None,
    );
    let used = life.log_in(PASSWORD, Some(&first)).await;
    problem(&used, 401, "totp_invalid", None);
    let next = code(&secret, 1);
    life.log_in(PASSWORD, Some(&next)).await.expect(200);
    life.log_in(PASSWORD, codes[0].as_str()).await.expect(200);
    let body = json!({ "code": codes[1] });
    life.delete(path, &token, &body).await.expect(204);
    life.log_in(PASSWORD, None).await.expect(200);
}

/// A mail service: what it is sent, as JSON.
async fn mail_service() -> (String, UnboundedReceiver<Value>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (sender, received) = unbounded_channel();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if let Some(mail) = take_mail(stream).await {
                let _ = sender.send(mail);
            }
        }
    });
    (url, received)
}

/// One request, whose body is a mail.
async fn take_mail(mut stream: TcpStream) -> Option<Value> {
    let mut request = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&request).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n")
            && let Ok(mail) = serde_json::from_str(body)
        {
            assert!(head.starts_with("POST / HTTP/1.1"), "{head}");
            let answer = "HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n";
            stream.write_all(answer.as_bytes()).await.ok()?;
            return Some(mail);
        }
        if stream.read_buf(&mut request).await.ok()? == 0 {
            return None;
        }
    }
}

#[tokio::test]
async fn a_forgotten_password_is_set_with_a_mailed_token() {
    let mut life = Life::embedded().await;
    let (url, mut mails) = mail_service().await;
    life.host.terminate();
    eventually("the host has ended", async || {
        life.host.is_ended().then_some(())
    })
    .await;
    life.variables.push(format!("mail_url={url}"));
    life.restart().await;
    let token = life.register(EMAIL).await;
    for email in ["nobody@example.com", EMAIL] {
        let body = json!({ "email": email });
        let path = "/api/v1/auth/password/reset-request";
        let answer = life.post(path, None, &body).await.expect(202);
        assert_eq!(answer.json(), json!({ "status": "accepted" }));
    }
    let mail = tokio::time::timeout(Duration::from_secs(60), mails.recv());
    let mail = mail.await.expect("a mail within a minute").unwrap();
    assert_eq!(mail["to"], EMAIL);
    let words = mail["text"].as_str().unwrap().split_whitespace();
    let mailed = words.max_by_key(|word| word.len()).unwrap().to_owned();
    let body = json!({ "token": mailed, "new_password": NEW_PASSWORD });
    let path = "/api/v1/auth/password/reset";
    life.post(path, None, &body).await.expect(204);
    problem(
        &life.post(path, None, &body).await,
        400,
        "validation_failed",
        Some("token"),
    );
    assert_eq!(life.refused(&token).await.as_deref(), Some("token_revoked"));
    life.log_in(NEW_PASSWORD, None).await.expect(200);
    let log = life.host.stop().await.stderr;
    for secret in [EMAIL, "nobody@", &mailed, NEW_PASSWORD] {
        assert!(!log.contains(secret), "{secret:?} is in the log:\n{log}");
    }
}
