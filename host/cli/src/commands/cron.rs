//! `suoke cron`: asks a running host about its schedules.

use bytes::Bytes;
use http::Method;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use crate::args::{CronArgs, CronCommand, Format};
use crate::client::{self, Answer};
use crate::exit::CommandError;
use crate::table;

/// Lists schedules, or runs one.
pub(crate) fn run(args: &CronArgs) -> Result<(), CommandError> {
    match &args.command {
        CronCommand::List { admin, format } => list(&admin.admin, *format),
        CronCommand::Run { name, at, admin } => run_one(&admin.admin, name, at.as_deref()),
    }
}

fn list(admin: &str, format: Format) -> Result<(), CommandError> {
    let answer = client::send(Method::GET, admin, "/cron", &[], Bytes::new())?;
    let schedules = answer.json();
    let Some(triggers) = schedules.get("triggers").and_then(Value::as_array) else {
        return Err(unexpected(admin, &answer));
    };
    if format == Format::Json {
        println!("{schedules}");
        return Ok(());
    }
    let mut rows = vec![
        ["TRIGGER", "COMPONENT", "SCHEDULE", "ZONE", "LAST", "NEXT"]
            .map(str::to_owned)
            .to_vec(),
    ];
    for trigger in triggers {
        rows.extend(trigger_rows(trigger));
    }
    print!("{}", table::render(&rows));
    for trigger in triggers {
        if let Some(error) = trigger.get("last_error").and_then(Value::as_str) {
            return Err(CommandError::running(format!(
                "the log of firings does not answer: {error}"
            )));
        }
    }
    Ok(())
}

/// A line with what is known, and one for each further firing.
fn trigger_rows(trigger: &Value) -> Vec<Vec<String>> {
    let text = |key: &str| {
        let text = trigger.get(key).and_then(Value::as_str);
        text.unwrap_or_default().to_owned()
    };
    let next = trigger.get("next").and_then(Value::as_array);
    let mut next = next.into_iter().flatten().filter_map(Value::as_str);
    let first = vec![
        text("trigger"),
        text("component"),
        text("cron_expression"),
        text("time_zone"),
        last(trigger.get("last").unwrap_or(&Value::Null)),
        next.next().unwrap_or("never").to_owned(),
    ];
    let further = next.map(|at| {
        let mut row = vec![String::new(); 5];
        row.push(at.to_owned());
        row
    });
    std::iter::once(first).chain(further).collect()
}

/// `2026-11-20T02:00:00+00:00 ok 17 ms`
fn last(last: &Value) -> String {
    let Some(instant) = last.get("instant").and_then(Value::as_str) else {
        return "–".to_owned();
    };
    let result = last.get("result").and_then(Value::as_str);
    let duration = last.get("duration_ms").and_then(Value::as_u64);
    let duration = duration.map(|ms| format!(" {ms} ms")).unwrap_or_default();
    format!("{instant} {}{duration}", result.unwrap_or_default())
}

fn run_one(admin: &str, name: &str, at: Option<&str>) -> Result<(), CommandError> {
    let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let mut path = format!("/cron/{}/run", encode(name));
    if let Some(at) = at {
        path = format!("{path}?at={}", encode(at));
    }
    let answer = client::send(Method::POST, admin, &path, &[], Bytes::new())?;
    let outcome = answer.json();
    if let Some(error) = outcome.get("error").and_then(Value::as_str) {
        return Err(CommandError::input(error));
    }
    let text = |key: &str| outcome.get(key).and_then(Value::as_str);
    let (Some(result), Some(instant)) = (text("result"), text("instant")) else {
        return Err(unexpected(admin, &answer));
    };
    let duration_ms = outcome.get("duration_ms").and_then(Value::as_u64);
    let line = format!(
        "{name} for {instant}: {result}, {} ms",
        duration_ms.unwrap_or_default()
    );
    if result == "ok" {
        println!("{line}");
        return Ok(());
    }
    let cause = text("cause").unwrap_or_default();
    Err(CommandError::running(format!("{line}: {cause}")))
}

fn unexpected(admin: &str, answer: &Answer) -> CommandError {
    CommandError::running(format!(
        "{admin} answered with {}, which is not what a host says; name its operators' address with --admin",
        answer.status
    ))
}
