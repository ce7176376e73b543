//! A person's readings of the last day, and since an alert that lasts, into alerts.

use suoke_events::types::{AlertRaised, HEALTH_ALERT_RAISED};
use suoke_events::{Event, EventError, outbox};
use suoke_guest::ids;
use suoke_health::alerts::{
    Change, Episode, LEAD_IN_MS, Observed, Rule, Stored, needed_from, plan, replay, replay_from,
    rules_of, samples,
};
use suoke_health::classes::Person;
use suoke_readings::events::subject;
use suoke_store::{Transaction, erased};

use crate::{CONSUMER, queries};

/// So many readings of a type are read at once, newest first: one in 29 seconds for a
/// day.
const PAGE_READINGS: u32 = 3_000;
/// So many pages are read at most, for what comes late and dense: one reading in 3
/// seconds for a day. Of denser ones the alerts that are stored know what was before.
const PAGES_MAX: u32 = 10;

/// What is new of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct News<'a> {
    /// The type.
    pub(crate) kind: &'a str,
    /// When the oldest of the new readings was taken; the newest page holds it where
    /// nobody said.
    pub(crate) first_ms: Option<i64>,
}

/// What the readings of a type are compared with.
struct Window<'a> {
    user_id: &'a str,
    kind: &'a str,
    readings: Vec<Observed>,
    /// From here on every reading is known.
    from_ms: i64,
    now_ms: i64,
}

/// Brings the alerts of these types up to date; the events that tell the person.
pub(crate) async fn look(
    tx: &Transaction<'_>,
    cause: &Event,
    user_id: &str,
    news: &[News<'_>],
    now_ms: i64,
) -> Result<Vec<Event>, EventError> {
    if news.is_empty() || erased::is_erased(tx, user_id).await? {
        return Ok(Vec::new());
    }
    let stored = suoke_readings::profile(tx, user_id).await?;
    let person = Person::of(&stored.profile, now_ms);
    let mut told = Vec::new();
    for new in news {
        let mut rules = Vec::new();
        for rule in rules_of(new.kind) {
            let active_ms = queries::active_last_ms(tx, user_id, &rule.id).await?;
            rules.push((rule, needed_from(active_ms, now_ms)));
        }
        let Some(needed_ms) = rules.iter().map(|(_, from_ms)| *from_ms).min() else {
            continue;
        };
        let window = window(tx, user_id, *new, needed_ms, now_ms).await?;
        for (rule, from_ms) in rules {
            let from_ms = window.from_ms.max(from_ms);
            told.extend(look_at_rule(tx, cause, &window, (&rule, from_ms), &person).await?);
        }
    }
    Ok(told)
}

/// The readings since `needed_ms`, or of so many pages as hold the new ones.
async fn window<'a>(
    tx: &Transaction<'_>,
    user_id: &'a str,
    new: News<'a>,
    needed_ms: i64,
    now_ms: i64,
) -> Result<Window<'a>, EventError> {
    let oldest_ms = needed_ms.saturating_sub(LEAD_IN_MS);
    let first_ms = new.first_ms.unwrap_or(i64::MAX);
    let mut readings: Vec<Observed> = Vec::new();
    let mut from_ms = needed_ms;
    for page in 1..=PAGES_MAX {
        let before = readings.last();
        let more =
            queries::readings(tx, user_id, new.kind, oldest_ms, before, PAGE_READINGS).await?;
        let is_last = more.len() < PAGE_READINGS as usize;
        readings.extend(more);
        // They are newest first.
        let Some(oldest) = readings.last().filter(|_| !is_last) else {
            break;
        };
        let known_ms = oldest.at_ms.saturating_add(LEAD_IN_MS);
        if known_ms <= first_ms || page == PAGES_MAX {
            from_ms = needed_ms.max(known_ms);
            break;
        }
    }
    Ok(Window {
        user_id,
        kind: new.kind,
        readings,
        from_ms,
        now_ms,
    })
}

async fn look_at_rule(
    tx: &Transaction<'_>,
    cause: &Event,
    window: &Window<'_>,
    (rule, known_ms): (&Rule, i64),
    person: &Person,
) -> Result<Vec<Event>, EventError> {
    let stored = queries::alerts(tx, window.user_id, &rule.id, known_ms).await?;
    let from_ms = replay_from(&stored, known_ms);
    let open = stored
        .iter()
        .find_map(|alert: &Stored| alert.open_at(from_ms));
    let mut samples = samples(window.kind, rule, &window.readings, person);
    samples.retain(|sample| sample.at_ms >= from_ms);
    let episodes = replay(&samples, open);
    let mut told = Vec::new();
    for change in plan(&episodes, &stored, from_ms, window.now_ms) {
        if let Some((alert_id, episode)) = apply(tx, window, rule, change).await? {
            let raised = raised(cause, window.user_id, rule, alert_id, &episode)?;
            told.push(outbox(tx, raised).await?);
        }
    }
    Ok(told)
}

/// Stores a change; the alert that the person is to be told about.
async fn apply(
    tx: &Transaction<'_>,
    window: &Window<'_>,
    rule: &Rule,
    change: Change,
) -> Result<Option<(String, Episode)>, EventError> {
    let (id, episode, is_told) = match change {
        Change::Raise { episode, is_told } => {
            let id = ids::new_id();
            let row = queries::NewAlert {
                user_id: window.user_id,
                id: &id,
                rule: &rule.id,
                metric: window.kind,
            };
            queries::insert(tx, &row, &episode, window.now_ms).await?;
            (id, episode, is_told)
        }
        Change::Update {
            id,
            episode,
            is_told,
        } => {
            queries::update(tx, window.user_id, &id, &episode).await?;
            (id, episode, is_told)
        }
        Change::Withdraw { id } => {
            queries::withdraw(tx, window.user_id, &id).await?;
            return Ok(None);
        }
    };
    if !is_told {
        return Ok(None);
    }
    queries::note_told(tx, window.user_id, &id, episode.level, window.now_ms).await?;
    Ok(Some((id, episode)))
}

fn raised(
    cause: &Event,
    user_id: &str,
    rule: &Rule,
    alert_id: String,
    episode: &Episode,
) -> Result<Event, EventError> {
    let data = AlertRaised {
        user_id: user_id.to_owned(),
        alert_id,
        rule: rule.id.clone(),
        level: episode.level.as_str().to_owned(),
        code: episode.code.clone(),
    };
    // The aggregate of a person's readings: it goes with them when they are erased.
    let event = Event::new(HEALTH_ALERT_RAISED, CONSUMER, &data)?;
    Ok(event.about(subject(user_id)).caused_by(cause))
}
