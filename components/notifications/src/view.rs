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
    #[serde(skip_serializing_if = "Option::is_none")]
    consultation_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    report_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    alert_id: Option<String>,
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
        alert_id: row.alert_id,
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
        ("health_critical", Lang::ZhCn) => (
            "请立即查看健康提醒",
            "有需要立即关注的健康数据；如有不适，请立即拨打120。",
        ),
        ("health_critical", Lang::En) => (
            "Please look at your health alert now",
            "Something needs attention at once; if you feel unwell, call 120.",
        ),
        ("health_warning", Lang::ZhCn) => {
            ("有一条健康提醒", "有需要留意的健康数据，请查看并复测。")
        }
        ("health_warning", Lang::En) => (
            "You have a health alert",
            "Something wants watching: please look at it and measure again.",
        ),
        (_, Lang::ZhCn) => ("问诊报告已生成", "您的问诊报告可以查看了。"),
        (_, Lang::En) => (
            "Your report is ready",
            "The report of your consultation can be read.",
        ),
    }
}
