//! Searches for Observations, page by page.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use serde_json::Value;
use suoke_fhir::bundle::{self as bundles, Page};
use suoke_fhir::date::{DateFilter, Prefix, Span};
use suoke_fhir::observation::{Shown, joined_client_id, observation};
use suoke_fhir::search::{Cursor, Identifier, Search, all_kinds, parse};
use suoke_fhir::terms;
use suoke_health::view::{Status, StoredReading};
use suoke_readings::{Bound, Corrected, Matching, by_client_ids, count, matching, profile};
use suoke_store::{Sql, StoreError};

use crate::failed::Failed;
use crate::{Desk, read};

/// A search of a person's Observations.
pub async fn search(
    sql: &impl Sql,
    desk: &Desk,
    pairs: &[(String, String)],
    is_strict: bool,
) -> Result<Value, Failed> {
    let (user_id, search) = understood(sql, desk, pairs, is_strict).await?;
    let page = page(sql, desk, &user_id, &search, "Observation").await?;
    Ok(bundles::searchset(page, desk.now_ms))
}

/// Reads the parameters by the clock of the person whom they are about.
pub async fn understood(
    sql: &impl Sql,
    desk: &Desk,
    pairs: &[(String, String)],
    is_strict: bool,
) -> Result<(String, Search), Failed> {
    let user_id = read::subject_of(desk, pairs)?;
    let zone = profile(sql, &user_id).await?.profile.tz();
    let clock = |local: chrono::NaiveDateTime| local_ms(&zone, local);
    let search = parse(pairs, &clock, is_strict).map_err(|issue| Failed::with(400, issue))?;
    Ok((user_id, search))
}

/// The instant of a local time; of two the earlier. A time that a clock skipped is that
/// of an hour later, the first of a day without a midnight; where there is none either,
/// that of the same reading of a clock in UTC.
pub fn local_ms(zone: &impl chrono::TimeZone, local: chrono::NaiveDateTime) -> i64 {
    let instant = |local| zone.from_local_datetime(&local).earliest();
    let found = instant(local).or_else(|| instant(local.checked_add_signed(TimeDelta::hours(1))?));
    found.map_or_else(
        || local.and_utc().timestamp_millis(),
        |at| at.timestamp_millis(),
    )
}

/// `Patient/$everything`: the Patient, and after it the Observations.
pub async fn everything(
    sql: &impl Sql,
    desk: &Desk,
    id: &str,
    pairs: &[(String, String)],
) -> Result<Value, Failed> {
    let patient = read::patient(sql, desk, id).await?;
    let zone = profile(sql, id).await?.profile.tz();
    let clock = |local: chrono::NaiveDateTime| local_ms(&zone, local);
    // `start` and `end` are days of care, both inside.
    let renamed = pairs.iter().map(|(name, value)| match name.as_str() {
        "start" => ("date".to_owned(), format!("ge{value}")),
        "end" => ("date".to_owned(), format!("le{value}")),
        _ => (name.clone(), value.clone()),
    });
    let renamed: Vec<_> = renamed
        .filter(|(name, _)| matches!(name.as_str(), "date" | "_count" | "_cursor"))
        .collect();
    let search = parse(&renamed, &clock, false).map_err(|issue| Failed::with(400, issue))?;
    let mut page = page(sql, desk, id, &search, &format!("Patient/{id}/$everything")).await?;
    if search.cursor.is_none() {
        let entry = (
            desk.address.of_resource("Patient", id),
            patient.resource,
            "match",
        );
        page.entries.insert(0, entry);
    }
    page.total = page.total.map(|total| total.saturating_add(1));
    Ok(bundles::searchset(page, desk.now_ms))
}

/// A page of what is found, with links to itself and to the next.
async fn page(
    sql: &impl Sql,
    desk: &Desk,
    user_id: &str,
    search: &Search,
    path: &str,
) -> Result<Page, Failed> {
    let mut page = Page {
        links: vec![("self", desk.address.of_search(path, &search.used))],
        ..Page::default()
    };
    let (mut found, total) = find(sql, user_id, search).await?;
    page.total = total;
    let limit = search.count as usize;
    let has_more = found.len() > limit;
    found.truncate(limit);
    if let Some(last) = found.last().filter(|_| has_more) {
        let cursor = Cursor {
            effective_ms: last.effective_ms,
            id: last.id.clone(),
        };
        let mut next = search.used.clone();
        next.push(("_cursor".to_owned(), cursor.text()));
        page.links
            .push(("next", desk.address.of_search(path, &next)));
    }
    for reading in found {
        let shown = read::shown(sql, user_id, reading).await?;
        let address = desk.address.of_resource("Observation", &shown.id);
        page.entries
            .push((address, observation(user_id, &shown), "match"));
    }
    if search.with_patient && !page.entries.is_empty() {
        let patient = read::patient(sql, desk, user_id).await?;
        let address = desk.address.of_resource("Patient", user_id);
        page.entries.push((address, patient.resource, "include"));
    }
    Ok(page)
}

/// The readings of a page and one more where there is a next, and how many there are.
async fn find(
    sql: &impl Sql,
    user_id: &str,
    search: &Search,
) -> Result<(Vec<StoredReading>, Option<u64>), Failed> {
    let kinds = search.kinds.clone().unwrap_or_else(all_kinds);
    if search.ids.is_some() || search.identifiers.is_some() {
        return Ok(named(sql, user_id, search, &kinds).await?);
    }
    let types: Vec<&str> = kinds.into_iter().collect();
    let Some(criteria) = Criteria::of(search)? else {
        return Ok((Vec::new(), Some(0)));
    };
    let wanted = Matching {
        types: &types,
        bounds: &criteria.bounds,
        corrected: criteria.corrected,
        after: search.cursor.as_ref().map(|cursor| suoke_readings::Cursor {
            effective_ms: cursor.effective_ms,
            id: cursor.id.clone(),
        }),
        is_ascending: search.is_ascending,
        limit: search.count.saturating_add(1),
        deleted: criteria.deleted,
    };
    let total = if search.is_without_total && !search.is_count_only {
        None
    } else {
        Some(count(sql, user_id, &wanted).await?)
    };
    if search.is_count_only {
        return Ok((Vec::new(), total));
    }
    Ok((matching(sql, user_id, &wanted).await?, total))
}

/// What a search asks for beside kinds, ids and identifiers, as the store reads it.
pub struct Criteria {
    /// All lists must fit, and of each list one.
    pub bounds: Vec<Vec<Bound>>,
    /// Whether they correct others.
    pub corrected: Corrected,
    /// Those that were deleted instead of those that count.
    pub deleted: bool,
}

impl Criteria {
    /// None where no reading has the statuses that are asked for.
    pub fn of(search: &Search) -> Result<Option<Self>, Failed> {
        let each = search.dates.iter().flat_map(|date| bounds(*date));
        let bounds: Vec<Vec<Bound>> = each.collect();
        let states = states(search.statuses.as_ref())?;
        Ok(states.map(|(corrected, deleted)| Self {
            bounds,
            corrected,
            deleted,
        }))
    }
}

/// Which readings have these statuses: whether they correct, and whether they were
/// deleted. None where no reading can.
fn states(wanted: Option<&BTreeSet<String>>) -> Result<Option<(Corrected, bool)>, Failed> {
    let Some(wanted) = wanted else {
        return Ok(Some((Corrected::Any, false)));
    };
    let has = |status: &str| wanted.contains(status);
    let counts = match (has("final"), has("amended") || has("corrected")) {
        (true, true) => Some((Corrected::Any, false)),
        (true, false) => Some((Corrected::Never, false)),
        (false, true) => Some((Corrected::Only, false)),
        (false, false) => None,
    };
    if !has("entered-in-error") {
        return Ok(counts);
    }
    if counts.is_some() {
        let message = "what was entered in error is searched alone: ask twice";
        let kind = suoke_fhir::outcome::IssueType::NotSupported;
        return Err(Failed::new(400, kind, "status", message));
    }
    Ok(Some((Corrected::Any, true)))
}

/// The bounds of a date: all lists must fit, and of each list one.
fn bounds(date: DateFilter) -> Vec<Vec<Bound>> {
    let Span { from_ms, to_ms } = date.span;
    match date.prefix {
        Prefix::Eq => vec![
            vec![Bound::StartFrom(from_ms)],
            vec![Bound::EndBefore(to_ms)],
        ],
        Prefix::Ne => vec![vec![Bound::StartBefore(from_ms), Bound::EndFrom(to_ms)]],
        Prefix::Gt => vec![vec![Bound::EndFrom(to_ms)]],
        Prefix::Lt => vec![vec![Bound::StartBefore(from_ms)]],
        Prefix::Ge => vec![vec![Bound::StartFrom(from_ms), Bound::EndFrom(to_ms)]],
        Prefix::Le => vec![vec![Bound::StartBefore(from_ms), Bound::EndBefore(to_ms)]],
        Prefix::Sa => vec![vec![Bound::StartFrom(to_ms)]],
        Prefix::Eb => vec![vec![Bound::EndBefore(from_ms)]],
    }
}

/// The readings that are named by ids or identifiers: few, and sorted here.
async fn named(
    sql: &impl Sql,
    user_id: &str,
    search: &Search,
    kinds: &BTreeSet<&'static str>,
) -> Result<(Vec<StoredReading>, Option<u64>), StoreError> {
    let mut found: Vec<Shown> = Vec::new();
    match (&search.ids, &search.identifiers) {
        (Some(ids), _) => add_by_ids(sql, user_id, ids, &mut found).await?,
        (None, Some(identifiers)) => {
            add_by_identifiers(sql, user_id, identifiers, &mut found).await?
        }
        (None, None) => {}
    }
    let mut readings: Vec<StoredReading> = found
        .into_iter()
        .filter(|shown| fits(search, kinds, shown))
        .map(|shown| shown.reading)
        .collect();
    let place = |reading: &StoredReading| (reading.effective_ms, reading.id.clone());
    readings.sort_by_key(place);
    readings.dedup_by(|one, other| one.id == other.id);
    if !search.is_ascending {
        readings.reverse();
    }
    let total = u64::try_from(readings.len()).ok();
    if let Some(cursor) = &search.cursor {
        let last = (cursor.effective_ms, cursor.id.clone());
        readings.retain(|reading| {
            let place = place(reading);
            if search.is_ascending {
                place > last
            } else {
                place < last
            }
        });
    }
    readings.truncate(if search.is_count_only {
        0
    } else {
        search.count as usize + 1
    });
    Ok((readings, total))
}

async fn add_by_ids(
    sql: &impl Sql,
    user_id: &str,
    ids: &[String],
    found: &mut Vec<Shown>,
) -> Result<(), StoreError> {
    for id in ids {
        let shown = read::newest(sql, user_id, id).await?;
        found.extend(shown.filter(|shown| shown.id == *id));
    }
    Ok(())
}

async fn add_by_identifiers(
    sql: &impl Sql,
    user_id: &str,
    identifiers: &[Identifier],
    found: &mut Vec<Shown>,
) -> Result<(), StoreError> {
    let mut client_ids = Vec::new();
    for Identifier { system, value } in identifiers {
        if system == terms::READING_ID {
            let shown = read::newest(sql, user_id, value).await?;
            found.extend(shown.filter(|shown| shown.reading.id == *value));
        } else {
            client_ids.push(joined_client_id(Some(system), value));
        }
    }
    let client_ids: Vec<&str> = client_ids.iter().map(String::as_str).collect();
    for reading in by_client_ids(sql, user_id, &client_ids).await? {
        found.push(Shown::first(reading));
    }
    Ok(())
}

/// Whether a reading that was named is also what else is asked for.
fn fits(search: &Search, kinds: &BTreeSet<&'static str>, shown: &Shown) -> bool {
    let reading = &shown.reading;
    let end_ms = reading.end_ms.unwrap_or(reading.effective_ms);
    let status = match reading.status {
        Status::EnteredInError => "entered-in-error",
        Status::Final | Status::Amended if reading.supersedes.is_some() => "amended",
        Status::Final | Status::Amended => "final",
    };
    let of_status = match &search.statuses {
        Some(statuses) => statuses.contains(status),
        None => status != "entered-in-error",
    };
    let of_identifier = search.identifiers.as_ref().is_none_or(|identifiers| {
        search.ids.is_none()
            || identifiers
                .iter()
                .any(|wanted| is_identified(reading, wanted))
    });
    let in_time = search
        .dates
        .iter()
        .all(|date| date.fits(reading.effective_ms, end_ms));
    kinds.contains(reading.kind.key) && of_status && of_identifier && in_time
}

fn is_identified(reading: &StoredReading, wanted: &Identifier) -> bool {
    if wanted.system == terms::READING_ID {
        return reading.id == wanted.value;
    }
    reading.client_id == joined_client_id(Some(&wanted.system), &wanted.value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use suoke_fhir::date::fixed_clock;

    /// What the store makes of bounds.
    fn holds(bounds: &[Vec<Bound>], start_ms: i64, end_ms: i64) -> bool {
        let one = |bound: &Bound| match bound {
            Bound::StartFrom(ms) => start_ms >= *ms,
            Bound::StartBefore(ms) => start_ms < *ms,
            Bound::EndFrom(ms) => end_ms >= *ms,
            Bound::EndBefore(ms) => end_ms < *ms,
        };
        bounds.iter().all(|list| list.iter().any(one))
    }

    #[test]
    fn a_day_without_a_midnight_begins_when_its_clock_does() {
        // 2026-09-06 in Santiago: 23:59 is followed by 01:00 of the next day.
        let profile = suoke_health::profile::Profile {
            timezone: "America/Santiago".to_owned(),
            ..Default::default()
        };
        let zone = profile.tz();
        let clock = |local: chrono::NaiveDateTime| local_ms(&zone, local);
        let day = suoke_fhir::date::span("2026-09-06", &clock).unwrap();
        let before = suoke_fhir::date::span("2026-09-05", &clock).unwrap();
        assert_eq!(before.to_ms, day.from_ms);
        assert_eq!(day.to_ms - day.from_ms, 23 * 3_600_000);
        assert_eq!(before.to_ms - before.from_ms, 24 * 3_600_000);
    }

    #[test]
    fn bounds_say_what_the_prefix_does() {
        for prefix in ["eq", "ne", "gt", "lt", "ge", "le", "sa", "eb"] {
            let date = DateFilter::parse(&format!("{prefix}1970-01-02"), &fixed_clock(0)).unwrap();
            let day = 86_400_000;
            let edges = [0, day - 1, day, day + 1, 2 * day - 1, 2 * day, 3 * day];
            for start in edges {
                for end in edges.into_iter().filter(|end| *end >= start) {
                    assert_eq!(
                        holds(&bounds(date), start, end),
                        date.fits(start, end),
                        "{prefix} {start} {end}"
                    );
                }
            }
        }
    }
}
