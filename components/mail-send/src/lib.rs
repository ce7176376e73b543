//! Sends the mails that wait, through the mail service of the variable `mail_url`.

use suoke_guest::cron::Tick;
use suoke_guest::{ApiError, clock, fetch, log, variables};
use suoke_identity::SealingKey;
use suoke_identity::accounts::LABEL;
use suoke_identity::mails::{self, Letter};
use suoke_store::Database;

suoke_guest::scheduled!(tick);

/// How much of the service's answer is read.
const ANSWER_SIZE_BYTES_MAX: usize = 64 * 1024;

/// How often it is said that mails wait for a service to be named.
const REMINDER_MS: u64 = 5 * 60 * 1000;

/// The time between two ticks, as the manifest says.
const TICK_MS: u64 = 5 * 1000;

/// Where mails go.
struct Service {
    origin: String,
    path: String,
    token: String,
}

async fn tick(tick: Tick) -> Result<(), ApiError> {
    let db = Database::open(LABEL).await?;
    let origin = variables::get("mail_url").await?;
    if origin.trim().is_empty() {
        // Whoever names a service later must not send what is months old.
        mails::expire(&db, clock::now_ms()).await?;
        if tick.scheduled_at_ms % REMINDER_MS < TICK_MS {
            remind(mails::waiting(&db).await?);
        }
        return Ok(());
    }
    let service = Service {
        origin,
        path: variables::get("mail_path").await?,
        token: variables::get("mail_token").await?,
    };
    let sealing = SealingKey::load().await?;
    let send = async |id: &str, letter: &Letter| post(&service, id, letter).await;
    let done = mails::send_due(&db, &sealing, clock::now_ms(), send).await?;
    if done.failed + done.dead > 0 {
        let (failed, dead) = (done.failed.to_string(), done.dead.to_string());
        log::error(
            "mails not sent",
            &[("again_later", &failed), ("given_up", &dead)],
        );
    }
    Ok(())
}

fn remind(waiting: i64) {
    if waiting > 0 {
        let cause = "the variable mail_url names no mail service";
        let waiting = waiting.to_string();
        log::warn("mails wait", &[("mails", &waiting), ("cause", cause)]);
    }
}

/// Hands a mail over. The reason of a failure tells nothing of the mail.
async fn post(service: &Service, id: &str, letter: &Letter) -> Result<(), String> {
    let body = serde_json::to_vec(letter).map_err(|_| "not writable as JSON".to_owned())?;
    let bearer = format!("Bearer {}", service.token);
    // The service can tell a mail that it has taken already.
    let mut headers = vec![("idempotency-key", id)];
    if !service.token.is_empty() {
        headers.push(("authorization", &bearer));
    }
    let path = &service.path;
    let answer =
        fetch::post_json(&service.origin, path, &headers, body, ANSWER_SIZE_BYTES_MAX).await;
    match answer {
        Ok(answer) if (200..300).contains(&answer.status()) => Ok(()),
        Ok(answer) => Err(format!("the mail service answered {}", answer.status())),
        Err(error) => Err(format!("the mail service did not answer: {}", error.code())),
    }
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;

    use super::*;

    #[test]
    fn a_service_that_is_away_is_a_failure_that_names_no_secret() {
        let service = Service {
            origin: "https://mail.example".to_owned(),
            path: "/".to_owned(),
            token: "secret".to_owned(),
        };
        let letter = Letter {
            to: "fang@example.com".to_owned(),
            subject: "s".to_owned(),
            text: "t".to_owned(),
        };
        let failed = block_on(post(&service, "m1", &letter)).unwrap_err();
        assert_eq!(failed, "the mail service did not answer: unavailable");
    }
}
