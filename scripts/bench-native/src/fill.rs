//! Rows for measurements: readings of a population straight into the application's
//! database, with the marks that make it compute their figures.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use population::clock::DAY_MS;
use population::write::user_id;
use population::{Kept, Ledger, Person, Plan};
use rusqlite::{Connection, params};

/// Days of each person, of which yesterday is the last.
const DAYS: u32 = 30;
/// Rows of one transaction: few enough that other writers wait for less than a second.
const ROWS_MAX: i64 = 50_000;

const INSERT: &str = "INSERT INTO readings (user_id, id, device_id, client_id, type, \
    value_milli, value2_milli, original_value, original_value2, original_unit, effective_ms, \
    end_ms, offset_minutes, context, quality, source, source_rank, created_ms, changed_ms) \
    VALUES (?1, ?2, ?3, '', ?4, ?5, ?6, ?7, NULL, ?8, ?9, NULL, ?10, NULL, ?11, ?12, ?13, ?14, \
    ?14) ON CONFLICT DO NOTHING";
const MARK: &str = "INSERT INTO dirty_days (user_id, type, utc_day, from_ms, to_ms, marked_ms) \
    VALUES (?1, ?2, ?3, ?4, ?5, 0) ON CONFLICT DO NOTHING";

/// Adds people from the one with this number on until the table has so many rows;
/// `users` are the ids of the first people. Prints the number of the next person and
/// how many rows there are.
pub(crate) fn fill(file: &Path, first: u32, rows: i64, users: &[String]) -> Result<()> {
    let mut connection = Connection::open(file)?;
    connection.pragma_update(None, "synchronous", "OFF")?;
    connection.busy_timeout(std::time::Duration::from_secs(30))?;
    let count = "SELECT count(*) FROM readings";
    let mut there: i64 = connection.query_row(count, [], |row| row.get(0))?;
    let now_ms = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
    let now_ms = i64::try_from(now_ms)?;
    let plan = Plan {
        people: u32::MAX,
        days: DAYS,
        first_day: now_ms / DAY_MS - i64::from(DAYS) - 1,
        ..Plan::default()
    };
    let mut next = first;
    let first = usize::try_from(first)?;
    let mut people = plan.people().skip(first).peekable();
    while there < rows && people.peek().is_some() {
        let transaction = connection.transaction()?;
        let mut new = 0;
        while new < ROWS_MAX && there + new < rows {
            let person = people.next().context("there are no more people")?;
            let user = users.get(usize::try_from(next)?).cloned();
            let user = user.unwrap_or_else(|| user_id(next));
            new += add(&transaction, &plan, &person, &user, now_ms)?;
            next += 1;
        }
        transaction.commit()?;
        there += new;
    }
    println!("{next} {there}");
    Ok(())
}

fn add(sql: &Connection, plan: &Plan, person: &Person, user: &str, now_ms: i64) -> Result<i64> {
    let mut ledger = Ledger::default();
    for batch in plan.batches(person) {
        ledger.take(&batch);
    }
    let mut insert = sql.prepare_cached(INSERT)?;
    let mut days: BTreeMap<(&str, i64), (i64, i64)> = BTreeMap::new();
    let mut new = 0;
    for (number, kept) in (0_u64..).zip(ledger.kept()) {
        let milli = |value: i64| value as f64 / 1_000.0;
        new += insert.execute(params![
            user,
            id(kept, number),
            format!("{:?}-{}", kept.device, person.index),
            kept.kind.key(),
            kept.value,
            kept.value2,
            milli(kept.value),
            kept.kind.unit().code,
            kept.at_ms,
            person.offset_minutes,
            if kept.usual { "ok" } else { "implausible" },
            "bench",
            kept.device.rank(),
            now_ms
        ])?;
        let day = (kept.kind.key(), kept.at_ms.div_euclid(DAY_MS));
        let span = days.entry(day).or_insert((kept.at_ms, kept.at_ms));
        *span = (span.0.min(kept.at_ms), span.1.max(kept.at_ms));
    }
    let mut mark = sql.prepare_cached(MARK)?;
    for ((kind, day), (from, to)) in days {
        mark.execute(params![user, kind, day, from, to])?;
    }
    Ok(i64::try_from(new)?)
}

/// An id as the application makes them: the instant, then what tells it apart.
fn id(kept: &Kept, number: u64) -> String {
    let at = kept.at_ms.max(0).cast_unsigned();
    let person = u64::from(kept.person);
    format!(
        "{:08x}-{:04x}-7{:03x}-8{:03x}-{:012x}",
        at >> 16,
        at & 0xffff,
        number & 0xfff,
        (number >> 12) & 0xfff,
        person
    )
}

/// Prints what a query gives: one number.
pub(crate) fn number(file: &Path, sql: &str) -> Result<()> {
    let connection = Connection::open(file)?;
    connection.busy_timeout(std::time::Duration::from_secs(30))?;
    let number: i64 = connection.query_row(sql, [], |row| row.get(0))?;
    println!("{number}");
    Ok(())
}
