//! Alerts as callers see them: the words are made here, in their language.

use serde::Serialize;
use suoke_guest::{Lang, clock, page};
use suoke_health::alerts::text;
use suoke_health::classes::Level;

use crate::queries::AlertRow;

/// An alert.
#[derive(Debug, Serialize)]
pub(crate) struct Alert {
    alert_id: String,
    rule: String,
    #[serde(rename = "type")]
    kind: String,
    level: String,
    code: String,
    rule_set: String,
    state: String,
    title: String,
    advice: &'static str,
    started_at: String,
    last_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    cleared_at: Option<String>,
    reading_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    notified_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    acknowledged_at: Option<String>,
    created_at: String,
}

/// A part of the list.
#[derive(Debug, Serialize)]
pub(crate) struct PageOfAlerts {
    alerts: Vec<Alert>,
    next_cursor: Option<String>,
}

/// At most `limit` of the rows, and where the list goes on.
pub(crate) fn page(mut rows: Vec<AlertRow>, limit: u32, lang: Lang) -> PageOfAlerts {
    let next_cursor = page::cut(&mut rows, limit).map(|row| row.id.clone());
    PageOfAlerts {
        alerts: rows.into_iter().map(|row| alert(row, lang)).collect(),
        next_cursor,
    }
}

pub(crate) fn alert(row: AlertRow, lang: Lang) -> Alert {
    let level = Level::parse(&row.level).unwrap_or_default();
    let words = text(&row.rule, level, lang == Lang::ZhCn);
    Alert {
        alert_id: row.id,
        rule: row.rule,
        kind: row.metric,
        level: row.level,
        code: row.code,
        rule_set: row.rule_set,
        state: row.state,
        title: words.title,
        advice: words.advice,
        started_at: clock::rfc3339(row.started_ms),
        last_at: clock::rfc3339(row.last_ms),
        cleared_at: row.cleared_ms.map(clock::rfc3339),
        reading_id: row.reading_id,
        notified_at: row.notified_ms.map(clock::rfc3339),
        acknowledged_at: row.acknowledged_ms.map(clock::rfc3339),
        created_at: clock::rfc3339(row.created_ms),
    }
}
