//! Notifications as callers see them: the words are made here, in their language.

use serde::Serialize;
use suoke_guest::{Lang, clock, page};

use crate::queries::NotificationRow;

/// A notification.
#[derive(Debug, Serialize)]
pub(crate) struct Notification {
    notification_id: String,
    kind: String,
    title: &'static str,
    text: &'static str,
    consultation_id: String,
    report_id: String,
    created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    read_at: Option<String>,
}

/// A part of the list.
#[derive(Debug, Serialize)]
pub(crate) struct PageOfNotifications {
    notifications: Vec<Notification>,
    next_cursor: Option<String>,
}

/// At most `limit` of the rows, and where the list goes on.
pub(crate) fn page(mut rows: Vec<NotificationRow>, limit: u32, lang: Lang) -> PageOfNotifications {
    let next_cursor = page::cut(&mut rows, limit).map(|row| row.id.clone());
    PageOfNotifications {
        notifications: rows
            .into_iter()
            .map(|row| notification(row, lang))
            .collect(),
        next_cursor,
    }
}

fn notification(row: NotificationRow, lang: Lang) -> Notification {
    let (title, text) = words(&row.kind, lang);
    Notification {
        notification_id: row.id,
        kind: row.kind,
        title,
        text,
        consultation_id: row.consultation_id,
        report_id: row.report_id,
        created_at: clock::rfc3339(row.created_at),
        read_at: row.read_at.map(clock::rfc3339),
    }
}

/// No symptoms and no syndromes: notifications are seen by others, too.
fn words(kind: &str, lang: Lang) -> (&'static str, &'static str) {
    match (kind, lang) {
        ("emergency", Lang::ZhCn) => (
            "请立即查看问诊报告",
            "报告中有需要尽快处理的情况；紧急时请立即拨打120。",
        ),
        ("emergency", Lang::En) => (
            "Please read your report now",
            "It holds something that should be seen to soon; in an emergency call 120 at once.",
        ),
        (_, Lang::ZhCn) => ("问诊报告已生成", "您的问诊报告可以查看了。"),
        (_, Lang::En) => (
            "Your report is ready",
            "The report of your consultation can be read.",
        ),
    }
}
