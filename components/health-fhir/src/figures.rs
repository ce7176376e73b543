//! `$lastn` and `$stats`.

use serde_json::{Value, json};
use suoke_fhir::bundle::{self as bundles, Page};
use suoke_fhir::date::written;
use suoke_fhir::json::at;
use suoke_fhir::observation::observation;
use suoke_fhir::outcome::{Issue, IssueType};
use suoke_fhir::search::{all_kinds, patient_id};
use suoke_fhir::stats::{self, Period, Statistic, Values};
use suoke_fhir::terms;
use suoke_health::catalogue::ReadingType;
use suoke_readings::{Corrected, Matching, POINTS_MAX, matching, profile, series};
use suoke_store::Sql;

use crate::failed::Failed;
use crate::{Desk, read, search};

/// Most readings of a code that `$lastn` shows.
const LAST_MAX: u32 = 100;
/// Most codes of `$stats`.
const CODES_MAX: usize = 16;
/// The longest duration of `$stats`, in hours: ten years.
const HOURS_MAX: f64 = 87_660.0;
const HOUR_MS: f64 = 3_600_000.0;

/// The newest readings of each code.
pub async fn lastn(
    sql: &impl Sql,
    desk: &Desk,
    pairs: &[(String, String)],
    is_strict: bool,
) -> Result<Value, Failed> {
    let wanted = pairs
        .iter()
        .find(|(name, _)| name == "max")
        .map(|(_, value)| value.parse::<u32>());
    let most = match wanted {
        None => 1,
        Some(Ok(most)) if most > 0 => most.min(LAST_MAX),
        Some(_) => {
            return Err(Failed::new(
                400,
                IssueType::Value,
                "max",
                "a number of 1 or more is needed",
            ));
        }
    };
    let rest: Vec<_> = pairs
        .iter()
        .filter(|(name, _)| name != "max")
        .cloned()
        .collect();
    let (user_id, search) = search::understood(sql, desk, &rest, is_strict).await?;
    let kinds = search.kinds.unwrap_or_else(all_kinds);
    let mut page = Page::default();
    for kind in kinds {
        let wanted = Matching {
            types: &[kind],
            bounds: &[],
            corrected: Corrected::Any,
            after: None,
            is_ascending: false,
            limit: most,
            deleted: false,
        };
        for reading in matching(sql, &user_id, &wanted).await? {
            let shown = read::shown(sql, &user_id, reading).await?;
            let address = desk.address.of_resource("Observation", &shown.id);
            page.entries
                .push((address, observation(&user_id, &shown), "match"));
        }
    }
    page.total = u64::try_from(page.entries.len()).ok();
    page.links
        .push(("self", desk.address.of_search("Observation/$lastn", pairs)));
    Ok(bundles::searchset(page, desk.now_ms))
}

/// What `$stats` asks for.
struct Wanted {
    user_id: String,
    kinds: Vec<(&'static ReadingType, Option<usize>)>,
    statistics: Vec<Statistic>,
    period: Period,
}

/// The figures of each code.
pub async fn stats(
    sql: &impl Sql,
    desk: &Desk,
    pairs: &[(String, String)],
) -> Result<Value, Failed> {
    let wanted = read_stats(sql, desk, pairs).await?;
    let mut parameters = Vec::new();
    for (kind, only) in &wanted.kinds {
        let Period { from_ms, to_ms } = wanted.period;
        let points = series(sql, &wanted.user_id, kind.key, from_ms, to_ms).await?;
        if u32::try_from(points.len()).is_ok_and(|count| count >= POINTS_MAX) {
            let message = format!("more than {POINTS_MAX} readings: name a shorter span");
            return Err(Failed::new(413, IssueType::TooCostly, "duration", &message));
        }
        for (at, metric) in kind.metrics.iter().enumerate() {
            if only.is_some_and(|only| only != at) {
                continue;
            }
            let value = |point: &suoke_readings::Point| match at {
                0 => Some(point.value.to_f64()),
                _ => point.value2.map(suoke_health::Milli::to_f64),
            };
            let values = Values {
                kind,
                metric,
                values: points.iter().filter_map(value).collect(),
            };
            let figures = stats::observation(
                &wanted.user_id,
                values,
                wanted.period,
                &wanted.statistics,
                desk.now_ms,
            );
            parameters.push(json!({ "name": "statistics", "resource": figures }));
        }
    }
    Ok(json!({ "resourceType": "Parameters", "parameter": parameters }))
}

async fn read_stats(
    sql: &impl Sql,
    desk: &Desk,
    pairs: &[(String, String)],
) -> Result<Wanted, Failed> {
    let all = |name: &str| -> Vec<&str> {
        let own = pairs.iter().filter(|(known, _)| known == name);
        own.flat_map(|(_, value)| value.split(','))
            .filter(|value| !value.is_empty())
            .collect()
    };
    let subject = all("subject").into_iter().chain(all("patient")).next();
    let needed =
        |name: &str| Failed::new(400, IssueType::Required, name, "this parameter is needed");
    let subject = subject.ok_or_else(|| needed("subject"))?;
    let subject = patient_id(subject)
        .ok_or_else(|| Failed::new(400, IssueType::Value, "subject", "a Patient is needed"))?;
    let user_id = read::subject(desk, Some(subject))?;
    let system = all("system").first().copied();
    let mut kinds = Vec::new();
    for code in all("code").into_iter().chain(all("coding")).take(CODES_MAX) {
        let (system, code) = code
            .split_once('|')
            .map_or((system, code), |(system, code)| (Some(system), code));
        let before = kinds.len();
        kinds.extend(of_code(system, code));
        if kinds.len() == before {
            return Err(Failed::new(
                400,
                IssueType::CodeInvalid,
                "code",
                "no code that is known here",
            ));
        }
    }
    if kinds.is_empty() {
        return Err(needed("code"));
    }
    let statistics = all("statistic").into_iter().map(|code| {
        let message = "average, maximum, minimum, count, median, std-dev, sum, variance, 20-percent and 80-percent are known";
        Statistic::parse(code).ok_or_else(|| Failed::new(400, IssueType::CodeInvalid, "statistic", message))
    });
    let statistics: Vec<Statistic> = statistics.collect::<Result<_, _>>()?;
    if statistics.is_empty() {
        return Err(needed("statistic"));
    }
    let period = period(sql, desk, &user_id, &all("duration"), &all("period")).await?;
    Ok(Wanted {
        user_id,
        kinds,
        statistics,
        period,
    })
}

/// The kinds of a code, or the one figure of a panel that it names.
fn of_code(system: Option<&str>, code: &str) -> Vec<(&'static ReadingType, Option<usize>)> {
    let kinds = terms::kinds_of_code(system, code)
        .into_iter()
        .filter(|kind| !kind.key.ends_with("_waveform"));
    let found: Vec<_> = kinds.map(|kind| (kind, None)).collect();
    if !found.is_empty() || system.is_some_and(|system| system != terms::LOINC) {
        return found;
    }
    let panels = suoke_health::catalogue::all()
        .iter()
        .filter(|kind| kind.is_panel());
    let of_panel = panels.filter_map(|kind| {
        let at = kind
            .metrics
            .iter()
            .position(|metric| metric.loinc == code)?;
        Some((kind, Some(at)))
    });
    of_panel.collect()
}

/// The last hours, or from one date to another; without either, all there is.
async fn period(
    sql: &impl Sql,
    desk: &Desk,
    user_id: &str,
    durations: &[&str],
    periods: &[&str],
) -> Result<Period, Failed> {
    let wrong = |name: &str, message: &str| Failed::new(400, IssueType::Value, name, message);
    if let Some(duration) = durations.first() {
        let hours = duration
            .parse::<f64>()
            .ok()
            .filter(|hours| *hours > 0.0 && *hours <= HOURS_MAX);
        let hours = hours
            .ok_or_else(|| wrong("duration", "a number of hours is needed, at most ten years"))?;
        return Ok(Period {
            from_ms: desk.now_ms.saturating_sub((hours * HOUR_MS) as i64),
            to_ms: desk.now_ms.saturating_add(1),
        });
    }
    let Some(period) = periods.first() else {
        return Ok(Period {
            from_ms: suoke_health::reading::OLDEST_MS,
            to_ms: desk.now_ms.saturating_add(1),
        });
    };
    let zone = profile(sql, user_id).await?.profile.tz();
    let clock = |local: chrono::NaiveDateTime| search::local_ms(&zone, local);
    let message = "`start/end` is needed, two dates";
    let (start, end) = period
        .split_once('/')
        .ok_or_else(|| wrong("period", message))?;
    let start = suoke_fhir::date::span(start, &clock).ok_or_else(|| wrong("period", message))?;
    let end = suoke_fhir::date::span(end, &clock).ok_or_else(|| wrong("period", message))?;
    Ok(Period {
        from_ms: start.from_ms,
        to_ms: end.to_ms,
    })
}

/// The parameters of a resource `Parameters`, as a query would write them.
pub fn parameters(resource: &Value) -> Result<Vec<(String, String)>, Issue> {
    if at(resource, "resourceType") != "Parameters" {
        let message = "a resource Parameters is needed here, or a form";
        return Err(Issue::new(
            IssueType::Structure,
            "Parameters.resourceType",
            message,
        ));
    }
    let given = at(resource, "parameter")
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let each = given.iter().filter_map(|parameter| {
        let name = at(parameter, "name").as_str()?;
        let (_, value) = parameter
            .as_object()?
            .iter()
            .find(|(key, _)| key.starts_with("value"))?;
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Object(members) if members.contains_key("code") => {
                let system = members
                    .get("system")
                    .and_then(Value::as_str)
                    .unwrap_or_default();
                format!("{system}|{}", members.get("code")?.as_str()?)
            }
            Value::Object(members) if members.contains_key("reference") => {
                members.get("reference")?.as_str()?.to_owned()
            }
            Value::Object(members) => {
                let part = |name: &str| members.get(name).and_then(Value::as_str);
                let now = written(suoke_guest::clock::now_ms(), 0);
                format!("{}/{}", part("start")?, part("end").unwrap_or(&now))
            }
            other => other.to_string(),
        };
        Some((name.to_owned(), text))
    });
    Ok(each.collect())
}
