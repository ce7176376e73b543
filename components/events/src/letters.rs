//! Dead letters and replays: beginning anew.

use serde::{Deserialize, Serialize};
use suoke_events::journal::Filter;
use suoke_events::relay::{self, Subscription};
use suoke_events::replay::{self, Letter};
use suoke_guest::{ApiError, FieldError, Reply, Request, clock, reply};

use crate::check;

/// How many events one replay begins anew.
const REPLAY_EVENTS_MAX: usize = 20_000;

/// Stands between the event and the consumer of a cursor: no id has it.
const CURSOR_MARK: char = '~';

/// The query of the list.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Page {
    consumer: Option<String>,
    limit: Option<u32>,
    cursor: Option<String>,
}

/// A dead letter, without the event's data.
#[derive(Serialize)]
struct LetterView {
    event_id: String,
    consumer: String,
    #[serde(rename = "type")]
    kind: String,
    reason: String,
    attempts: u32,
    first_failed_at: String,
    dead_at: Option<String>,
}

#[derive(Serialize)]
struct Listed {
    dead_letters: Vec<LetterView>,
    next_cursor: Option<String>,
}

/// Which dead letters; nothing given means all.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Redrive {
    consumer: Option<String>,
    event_id: Option<String>,
}

#[derive(Serialize)]
struct Redriven {
    redriven: usize,
    /// Events that were given up and have no dead letter any more.
    restarted: usize,
    unreadable: usize,
    /// Whether there are more: ask again.
    more: bool,
}

/// Which events to whom.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Replay {
    consumer: String,
    #[serde(rename = "type")]
    kind: Option<String>,
    subject: Option<String>,
    from: Option<String>,
    to: Option<String>,
}

#[derive(Serialize)]
struct Replayed {
    replayed: usize,
    /// When there are more: go on with this as `from`.
    more_from: Option<String>,
}

impl From<Letter> for LetterView {
    fn from(letter: Letter) -> Self {
        Self {
            event_id: letter.event_id,
            consumer: letter.consumer,
            kind: letter.kind,
            reason: letter.reason,
            attempts: letter.attempts,
            first_failed_at: clock::rfc3339(letter.first_failed_at),
            dead_at: letter.dead_at.map(clock::rfc3339),
        }
    }
}

pub(crate) async fn list(request: &Request) -> Result<Reply, ApiError> {
    let page: Page = request.query()?;
    let limit = check::limit(page.limit)?;
    let before = page.cursor.as_deref().map(cursor).transpose()?;
    let dbs = relay::open_all().await?;
    let letters = replay::dead_letters(&dbs, page.consumer.as_deref(), before, limit).await?;
    let is_full = letters.len() == limit as usize;
    let last = letters.last().filter(|_| is_full);
    let next_cursor =
        last.map(|letter| format!("{}{CURSOR_MARK}{}", letter.event_id, letter.consumer));
    let dead_letters = letters.into_iter().map(LetterView::from).collect();
    reply::json(&Listed {
        dead_letters,
        next_cursor,
    })
}

/// The event and the consumer of a cursor.
fn cursor(text: &str) -> Result<(&str, &str), ApiError> {
    text.rsplit_once(CURSOR_MARK).ok_or_else(|| {
        let message = "must be the next_cursor of an earlier answer";
        ApiError::invalid(vec![FieldError::new("cursor", "invalid_cursor", message)])
    })
}

pub(crate) async fn redrive(mut request: Request) -> Result<Reply, ApiError> {
    let asked: Redrive = request.json().await?;
    let mut dbs = relay::open_all().await?;
    let (consumer, event_id) = (asked.consumer.as_deref(), asked.event_id.as_deref());
    let done = replay::redrive(&mut dbs, consumer, event_id, clock::now_ms()).await?;
    if event_id.is_some() && done == replay::Redriven::default() {
        return Err(ApiError::not_found("There is no such dead letter.").zh("没有这封死信。"));
    }
    reply::accepted(&Redriven {
        redriven: done.letters,
        restarted: done.restarted,
        unreadable: done.unreadable,
        more: done.is_more,
    })
}

pub(crate) async fn replay(mut request: Request) -> Result<Reply, ApiError> {
    let asked: Replay = request.json().await?;
    let subscriptions = relay::subscriptions();
    check_consumer(&asked, &subscriptions)?;
    let filter = Filter {
        kind: asked.kind,
        subject: asked.subject,
        correlation: None,
        from_ms: check::instant("from", asked.from.as_deref())?,
        to_ms: check::instant("to", asked.to.as_deref())?,
    };
    let mut dbs = relay::open_all().await?;
    let done = replay::replay(
        &mut dbs,
        &subscriptions,
        &asked.consumer,
        &filter,
        REPLAY_EVENTS_MAX,
        clock::now_ms(),
    )
    .await?;
    reply::accepted(&Replayed {
        replayed: done.events,
        more_from: done.more_from_ms.map(clock::rfc3339),
    })
}

/// A consumer must listen, and to this type, or nothing would come of it.
fn check_consumer(asked: &Replay, subscriptions: &[Subscription]) -> Result<(), ApiError> {
    let own = subscriptions
        .iter()
        .filter(|one| one.acknowledges && one.component == asked.consumer);
    let channels: Vec<&str> = own.map(|one| one.channel.as_str()).collect();
    let error = |field, message: String| {
        ApiError::invalid(vec![FieldError::new(field, "not_subscribed", message)])
    };
    if channels.is_empty() {
        let message = "no component of this name acknowledges events".to_owned();
        return Err(error("consumer", message));
    }
    match asked.kind.as_deref() {
        Some(kind) if !channels.contains(&kind) => {
            let message = format!("{} listens to {}", asked.consumer, channels.join(", "));
            Err(error("type", message))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_listens_can_be_given_the_past() {
        let subscription = |component: &str, acknowledges| Subscription {
            channel: "t".to_owned(),
            component: component.to_owned(),
            acknowledges,
        };
        let known = [subscription("a", true), subscription("b", false)];
        let field = |consumer: &str, kind: Option<&str>| {
            let asked = Replay {
                consumer: consumer.to_owned(),
                kind: kind.map(str::to_owned),
                subject: None,
                from: None,
                to: None,
            };
            let checked = check_consumer(&asked, &known);
            checked.err().map(|error| error.errors()[0].field.clone())
        };
        assert_eq!(field("a", None), None);
        assert_eq!(field("a", Some("t")), None);
        assert_eq!(field("a", Some("u")).as_deref(), Some("type"));
        assert_eq!(field("b", None).as_deref(), Some("consumer"));
        assert_eq!(field("c", None).as_deref(), Some("consumer"));
    }

    #[test]
    fn a_cursor_is_an_event_and_a_consumer() {
        assert_eq!(cursor("e1~a").unwrap(), ("e1", "a"));
        assert!(cursor("e1").is_err());
    }
}
