//! `[application.tool.suoke.cron.ID]`: how the schedule of a trigger is kept.
//! Spin refuses keys of its own cron trigger that it does not know, and leaves
//! `tool` tables alone.

use chrono_tz::{TZ_VARIANTS, Tz};
use host_app::{CronPolicy, Missed, Overlap};
use host_spanned_toml::{Table, Value, closest};

use crate::names;

/// More runs at a time than a host should have.
const RUNS_MAX: u64 = 1_000;
/// More ticks than anybody wants to make up for.
const TICKS_MAX: u64 = 10_000;
/// A day.
const JITTER_MS_MAX: u64 = 24 * 3600 * 1000;

/// The policy of one trigger, and where it stands.
pub(crate) struct PolicyEntry<'d> {
    id: &'d str,
    value: Value<'d>,
    policy: CronPolicy,
}

/// Reads the policies of all triggers.
pub(crate) fn read<'d>(suoke: &Table<'d>) -> Vec<PolicyEntry<'d>> {
    let Some(table) = suoke.table("cron") else {
        return Vec::new();
    };
    let policies = table.entries().into_iter().filter_map(|(id, value)| {
        if !value.is_table() {
            value.fail_key(
                "policies are tables with the id of their trigger as the name",
                "write [application.tool.suoke.cron.ID], with the id of the [[trigger.cron]]",
            );
            return None;
        }
        let policy = read_policy(value.table()?);
        Some(PolicyEntry { id, value, policy })
    });
    policies.collect()
}

/// Refuses policies of triggers that are not there.
pub(crate) fn check_names<'a>(
    policies: &[PolicyEntry<'_>],
    triggers: impl Iterator<Item = &'a str>,
) {
    let triggers: Vec<&str> = triggers.collect();
    for entry in policies {
        if !triggers.contains(&entry.id) {
            entry.value.fail_key(
                format!("there is no cron trigger {:?}", entry.id),
                names::did_you_mean(entry.id, "cron trigger", triggers.iter().copied()),
            );
        }
    }
}

/// The policy of a trigger.
pub(crate) fn policy(policies: &[PolicyEntry<'_>], id: &str) -> CronPolicy {
    let entry = policies.iter().find(|entry| entry.id == id);
    entry.map(|entry| entry.policy.clone()).unwrap_or_default()
}

fn read_policy(table: Table<'_>) -> CronPolicy {
    let defaults = CronPolicy::default();
    let policy = CronPolicy {
        time_zone: table
            .get("time_zone")
            .and_then(|value| read_zone(&value))
            .unwrap_or(defaults.time_zone),
        overlap: read_overlap(&table),
        missed: read_missed(&table),
        jitter_ms_max: table
            .integer("jitter_ms_max", 0..=JITTER_MS_MAX)
            .unwrap_or(defaults.jitter_ms_max),
    };
    table.finish();
    policy
}

fn read_zone(value: &Value<'_>) -> Option<Tz> {
    let name = value.string()?;
    if let Ok(zone) = name.parse() {
        return Some(zone);
    }
    let names = TZ_VARIANTS.iter().map(|zone| zone.name());
    let mend = match closest(name, names) {
        Some(near) => format!("did you mean {near:?}?"),
        None => "write a name of the IANA time zone database, such as \"Asia/Shanghai\"".to_owned(),
    };
    value.fail(format!("{name:?} is not a time zone"), mend);
    None
}

fn read_overlap(table: &Table<'_>) -> Overlap {
    let word = read_word(table, "overlap", &["skip", "queue", "allow"]);
    let runs_max = read_bound(
        table,
        "overlap_max",
        RUNS_MAX,
        word == Some("allow"),
        "only overlap = \"allow\" has a bound",
    );
    match word {
        Some("queue") => Overlap::Queue,
        Some("allow") => Overlap::Allow {
            runs_max: runs_max.unwrap_or(Overlap::RUNS_MAX),
        },
        _ => Overlap::Skip,
    }
}

fn read_missed(table: &Table<'_>) -> Missed {
    let word = read_word(table, "missed", &["skip", "run_once", "run_all"]);
    let ticks_max = read_bound(
        table,
        "missed_max",
        TICKS_MAX,
        word == Some("run_all"),
        "only missed = \"run_all\" has a bound",
    );
    match word {
        Some("run_once") => Missed::RunOnce,
        Some("run_all") => Missed::RunAll {
            ticks_max: ticks_max.unwrap_or(Missed::TICKS_MAX),
        },
        _ => Missed::Skip,
    }
}

/// One of some words; the first of them is the default.
fn read_word<'d>(table: &Table<'d>, key: &'static str, words: &[&'static str]) -> Option<&'d str> {
    let value = table.get(key)?;
    let word = value.string()?;
    if words.contains(&word) {
        return Some(word);
    }
    value.fail(
        format!("{word:?} is not a policy"),
        names::did_you_mean(word, "policy", words.iter().copied()),
    );
    None
}

/// A bound that means something only under one policy.
fn read_bound(
    table: &Table<'_>,
    key: &'static str,
    max: u64,
    has_meaning: bool,
    reason: &str,
) -> Option<u32> {
    let value = table.get(key)?;
    if !has_meaning {
        value.fail_key(reason, "remove it, or choose that policy");
        return None;
    }
    u32::try_from(value.integer(1..=max)?).ok()
}
