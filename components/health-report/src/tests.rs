//! From stored days to a report, and what may be asked for.

use futures::executor::block_on;
use serde_json::Value;
use suoke_health::distribution::Distribution;
use suoke_store::{Sql, params};

use super::*;

/// 2026-11-20T04:00:00Z: noon in Shanghai.
const NOW_MS: i64 = 1_795_147_200_000;
/// Its midnight there.
const MIDNIGHT_MS: i64 = NOW_MS - 12 * 3_600_000;
const DAY_MS: i64 = 86_400_000;

fn asked(query: &str) -> Result<Wanted, u16> {
    wanted(&Request::new("GET", &format!("/x?{query}"))).map_err(|error| error.status())
}

async fn day(db: &Database, metric: &str, ago: i64, values: &[i64]) {
    let milli: Vec<i64> = values.iter().map(|value| value * 1000).collect();
    let text = "INSERT INTO days (user_id, metric, day_ms, end_ms, count, min_milli, max_milli, \
         sum_milli, p50_milli, p95_milli, first_milli, last_milli, in_range_ms, below_ms, \
         above_ms, covered_ms, computed_ms, distribution, series) \
         VALUES ('u1', ?1, ?2, ?3, 1, 1, 1, 1, 1, 1, ?4, ?5, 1, 0, 0, 1, 1, ?6, '1000')";
    let start_ms = MIDNIGHT_MS - ago * DAY_MS;
    let (first, last) = (milli[0], milli[milli.len() - 1]);
    let packed = Distribution::of(milli).pack();
    let values = params![metric, start_ms, start_ms + DAY_MS, first, last, packed];
    db.execute(text, values).await.unwrap();
}

async fn filled() -> Database {
    let db = Database::open_in_memory("health").await.unwrap();
    for ago in 0..5 {
        day(&db, "systolic", ago, &[150, 152]).await;
        day(&db, "diastolic", ago, &[85, 92]).await;
        day(&db, "steps", ago, &[2_000 * (ago + 1)]).await;
    }
    let text = "INSERT INTO readings (user_id, id, device_id, client_id, type, value_milli, \
         value2_milli, original_unit, effective_ms, offset_minutes, quality, status, source, \
         source_rank, shadowed, created_ms, changed_ms) \
         VALUES ('u1', ?2, '<b>', '', 'blood_pressure', 150000, 92000, 'x', ?1, 0, 'ok', \
         'final', '', 0, 0, 1, 1)";
    // Ids begin with the instant.
    let hex = format!("{NOW_MS:012x}");
    let id = format!("{}-{}-7000-8000-000000000001", &hex[..8], &hex[8..]);
    db.execute(text, params![NOW_MS, id]).await.unwrap();
    let text = "INSERT INTO alerts (user_id, id, rule, metric, level, code, rule_set, reading_id, \
         started_ms, last_ms, state, notified_level, created_ms) \
         VALUES ('u1', ?2, 'blood_pressure_high', 'blood_pressure', 'warning', 'grade_1', 'x', \
         'r', ?1, ?1, ?3, 'none', 3)";
    for (id, state) in [("a1", "active"), ("a2", "withdrawn")] {
        db.execute(text, params![NOW_MS, id, state]).await.unwrap();
    }
    db
}

async fn json(db: &Database, user: &str, query: &str) -> Value {
    let reply = answer(db, user, &asked(query).unwrap(), NOW_MS).await;
    serde_json::from_slice(reply.unwrap().body_bytes()).unwrap()
}

#[test]
fn a_week_is_reported_from_its_days() {
    block_on(async {
        let db = filled().await;
        let report = json(&db, "u1", "").await;
        assert_eq!(report["from"], "2026-11-16");
        assert_eq!(report["timezone"], "Asia/Shanghai");
        let sections = report["sections"].as_array().unwrap();
        assert_eq!(sections.len(), 2);
        assert_eq!(sections[0]["metrics"][0]["mean"], 151.0);
        assert_eq!(sections[0]["metrics"][1]["metric"], "diastolic");
        assert_eq!(sections[0]["classes"][0]["code"], "grade_1");
        assert_eq!(sections[1]["counted"], "days");
        // 4,000 steps yesterday; the 2,000 of today are not a day yet.
        assert_eq!(sections[1]["classes"][0]["count"], 1);
        assert_eq!(sections[1]["metrics"][0]["per_day"], 7_000.0);
        assert_eq!(report["pending"], false);
        assert_eq!(report["alerts"].as_array().unwrap().len(), 1);
        assert_eq!(report["alerts"][0]["zh"], "血压偏高");
        assert_eq!(report["devices"][0], "<b>");
        let last_week = json(&db, "u1", "date=2026-11-09").await;
        assert_eq!(last_week["sections"], serde_json::json!([]));
        assert_eq!(json(&db, "u2", "").await["sections"], serde_json::json!([]));
    });
}

async fn reading(db: &Database, kind: &str, at_ms: i64, value: i64, rank: i64, quality: &str) {
    let text = "INSERT INTO readings (user_id, id, device_id, client_id, type, value_milli, \
         original_unit, effective_ms, offset_minutes, quality, status, source, source_rank, \
         shadowed, created_ms, changed_ms) \
         VALUES ('u1', ?1, '', '', ?2, ?3, 'x', ?4, 0, ?5, 'final', '', ?6, 0, 1, 1)";
    let id = format!("{kind}{at_ms}{rank}");
    let values = params![id, kind, value * 1000, at_ms, quality, rank];
    db.execute(text, values).await.unwrap();
}

#[test]
fn nights_go_from_noon_to_noon() {
    block_on(async {
        let db = Database::open_in_memory("health").await.unwrap();
        // Half past midnight on Tuesday, and half past eleven in its evening.
        let tuesday_ms = MIDNIGHT_MS - 3 * DAY_MS;
        let half_hour = 1_800_000;
        reading(&db, "sleep_duration", tuesday_ms + half_hour, 420, 0, "ok").await;
        let evening_ms = tuesday_ms + 47 * half_hour;
        reading(&db, "sleep_duration", evening_ms, 420, 0, "ok").await;
        let report = json(&db, "u1", "").await;
        let sleep = &report["sections"][0];
        assert_eq!(sleep["metrics"][0]["days"], 2);
        assert_eq!(sleep["metrics"][0]["per_day"], 420.0);
        assert_eq!(
            (&sleep["classes"][0]["code"], &sleep["classes"][0]["count"]),
            (&"normal".into(), &2.into())
        );
        let starts = sleep["buckets"].as_array().unwrap().iter();
        let dates: Vec<&str> = starts
            .map(|bucket| &bucket["start"].as_str().unwrap()[..10])
            .collect();
        assert_eq!(dates, ["2026-11-17", "2026-11-18"]);
    });
}

#[test]
fn what_counts_is_in_no_shadow_and_what_is_implausible_is_told() {
    block_on(async {
        let db = Database::open_in_memory("health").await.unwrap();
        day(&db, "spo2", 0, &[97, 60]).await;
        reading(&db, "spo2", NOW_MS - 9_000, 97, 3, "ok").await;
        // In the shadow of the better device.
        reading(&db, "spo2", NOW_MS - 5_000, 90, 1, "ok").await;
        reading(&db, "spo2", NOW_MS - 90_000, 60, 3, "implausible").await;
        let report = json(&db, "u1", "").await;
        let section = &report["sections"][0];
        assert_eq!(section["implausible"], 1);
        let classes = section["classes"].as_array().unwrap().iter();
        let codes: Vec<&str> = classes
            .map(|class| class["code"].as_str().unwrap())
            .collect();
        assert_eq!(codes, ["critical", "normal"]);
    });
}

#[test]
fn changes_that_figures_do_not_know_yet_are_told() {
    block_on(async {
        let db = filled().await;
        let text = "INSERT INTO dirty_days VALUES ('u1', 'spo2', ?1, ?2, ?2, 0)";
        let values = params![NOW_MS / DAY_MS, NOW_MS];
        db.execute(text, values).await.unwrap();
        assert_eq!(json(&db, "u1", "").await["pending"], true);
        let earlier = json(&db, "u1", "date=2026-11-09").await;
        assert_eq!(earlier["pending"], false);
        assert_eq!(json(&db, "u2", "").await["pending"], false);
    });
}

#[test]
fn a_page_allows_its_own_style_alone_and_is_not_kept() {
    block_on(async {
        let db = filled().await;
        for (lang, tag) in [("zh", "zh-CN"), ("en", "en")] {
            let wanted = asked(&format!("format=html&lang={lang}&period=day")).unwrap();
            let reply = answer(&db, "u1", &wanted, NOW_MS).await.unwrap();
            let policy = reply.header_value("content-security-policy").unwrap();
            assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"));
            assert_eq!(reply.header_value("content-language"), Some(tag));
            assert_eq!(
                reply.header_value("cache-control"),
                Some("private, no-store")
            );
            let body = String::from_utf8(reply.body_bytes().to_vec()).unwrap();
            assert!(body.contains("&lt;b&gt;") && !body.contains("<b>"));
        }
    });
}

#[test]
fn what_is_asked_for_is_checked() {
    let plain = asked("").unwrap();
    assert_eq!((plain.period, plain.is_page), (Period::Week, false));
    let all = asked("period=month&date=2026-02-01&format=html&lang=zh").unwrap();
    assert_eq!(
        (all.period, all.is_page, all.language),
        (Period::Month, true, Language::Chinese)
    );
    for query in [
        "period=year",
        "date=2026-2-1",
        "date=2026-02-30",
        "date=1899-12-31",
        "date=9999-01-01",
        "format=pdf",
        "lang=fr",
        "user=u2",
    ] {
        assert_eq!(asked(query), Err(400), "{query}");
    }
    let request = Request::new("GET", "/x")
        .with_header("accept", "text/html,*/*")
        .with_header("accept-language", "zh-CN");
    let found = wanted(&request).unwrap();
    assert_eq!((found.is_page, found.language), (true, Language::Chinese));
}

#[test]
fn strangers_and_other_methods_are_refused() {
    let ask = |request: Request| block_on(suoke_guest::answer(request, route));
    assert_eq!(ask(Request::new("GET", "/x")).status(), 401);
    assert_eq!(ask(Request::new("POST", "/x")).status(), 405);
}
