//! A person's readings of the last day into alerts.

use suoke_events::types::{AlertRaised, HEALTH_ALERT_RAISED};
use suoke_events::{Event, EventError, outbox};
use suoke_guest::ids;
use suoke_health::alerts::{
    AGE_MS_MAX, Change, Episode, Observed, Rule, Stored, plan, replay, replay_from, rules_of,
    samples,
};
use suoke_health::classes::Person;
use suoke_readings::events::subject;
use suoke_store::{Transaction, erased};

use crate::{CONSUMER, queries};

/// So many readings of a type are replayed, the newest: one in 29 seconds for a day. Of
/// denser ones the alerts that are stored know what was before.
const READINGS_MAX: u32 = 3_000;

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
    kinds: &[&str],
    now_ms: i64,
) -> Result<Vec<Event>, EventError> {
    if kinds.is_empty() || erased::is_erased(tx, user_id).await? {
        return Ok(Vec::new());
    }
    let stored = suoke_readings::profile(tx, user_id).await?;
    let person = Person::of(&stored.profile, now_ms);
    let mut told = Vec::new();
    for kind in kinds {
        let window = window(tx, user_id, kind, now_ms).await?;
        for rule in rules_of(kind) {
            told.extend(look_at_rule(tx, cause, &window, &rule, &person).await?);
        }
    }
    Ok(told)
}

async fn window<'a>(
    tx: &Transaction<'_>,
    user_id: &'a str,
    kind: &'a str,
    now_ms: i64,
) -> Result<Window<'a>, EventError> {
    let oldest_ms = now_ms.saturating_sub(AGE_MS_MAX);
    let readings = queries::readings(tx, user_id, kind, oldest_ms, READINGS_MAX).await?;
    let is_cut = readings.len() >= READINGS_MAX as usize;
    // They are newest first.
    let from_ms = match readings.last() {
        Some(oldest) if is_cut => oldest.at_ms,
        _ => oldest_ms,
    };
    Ok(Window {
        user_id,
        kind,
        readings,
        from_ms,
        now_ms,
    })
}

async fn look_at_rule(
    tx: &Transaction<'_>,
    cause: &Event,
    window: &Window<'_>,
    rule: &Rule,
    person: &Person,
) -> Result<Vec<Event>, EventError> {
    let stored = queries::alerts(tx, window.user_id, &rule.id, window.from_ms).await?;
    let from_ms = replay_from(&stored, window.from_ms);
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
