//! A consultation is one saga: completely done, or taken back.

use super::*;

const SLEEPLESS: &str = "失眠多梦，心烦，腰酸，手足心热，盗汗，口干";

/// Opens a consultation; its id.
async fn open(life: &Life, token: &str, complaint: &str) -> String {
    let body = json!({ "chief_complaint": complaint });
    let created = life.post("/consultation", Some(token), &body).await;
    let created = created.expect(201).json();
    created["consultation_id"].as_str().unwrap().to_owned()
}

async fn consultation(life: &Life, token: &str, id: &str) -> Value {
    let path = format!("/api/v1/consultations/{id}");
    life.get(&path, token).await.expect(200).json()
}

/// Waits until the saga of a consultation stands there.
async fn saga_is(life: &Life, id: &str, status: &str) {
    let path = format!("/api/v1/sagas/consultation_{id}");
    eventually(&format!("the saga is {status}"), async || {
        let answer = life.get(&path, OPERATOR_TOKEN).await;
        (answer.status == 200 && answer.json()["status"] == status).then_some(())
    })
    .await;
}

/// What a list of somebody holds.
async fn list(life: &Life, token: &str, path: &str, key: &str) -> Vec<Value> {
    let answer = life.get(path, token).await.expect(200).json();
    answer[key].as_array().unwrap().clone()
}

async fn cancel(life: &Life, token: &str, id: &str) -> Answer {
    let path = format!("/api/v1/consultations/{id}");
    let request = life
        .host
        .request("DELETE", &path)
        .header("authorization", format!("Bearer {token}"));
    life.host.send(request.body(whole("")).unwrap()).await
}

async fn a_consultation_is_completed(life: &Life) {
    let token = life.register("fang@example.com").await;
    let id = open(life, &token, SLEEPLESS).await;
    saga_is(life, &id, "completed").await;

    let shown = consultation(life, &token, &id).await;
    assert_eq!(shown["status"], "diagnosed");
    let agents: Vec<&str> = shown["answers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|answer| answer["agent"].as_str().unwrap())
        .collect();
    assert_eq!(agents, ["laoke", "xiaoai", "xiaoke"]);
    let report = &shown["report"];
    let summary = report["summary"]["zh"].as_str().unwrap();
    assert!(summary.contains("心肾不交证"), "{summary}");
    // Nothing was measured: it is missing, not 0.
    assert!(summary.contains("近7天没有体征数据"), "{summary}");
    assert_eq!(report["vitals"], json!([]));
    let primary = &report["differentiation"]["syndromes"][0];
    assert_eq!(primary["supporting"][0]["name"], "失眠", "{primary}");
    assert!(primary.get("formula").is_none(), "{primary}");
    assert!(
        report["disclaimers_zh"][0]
            .as_str()
            .unwrap()
            .contains("不作为医学诊断")
    );

    let told = list(life, &token, "/api/v1/notifications", "notifications").await;
    assert_eq!((told.len(), &told[0]["kind"]), (1, &json!("report_ready")));
    assert_eq!(told[0]["report_id"], report["report_id"]);
    let path = format!(
        "/api/v1/notifications/{}/read",
        told[0]["notification_id"].as_str().unwrap()
    );
    life.post(&path, Some(&token), &json!({})).await.expect(204);
    let unread = "/api/v1/notifications?unread=true";
    assert_eq!(list(life, &token, unread, "notifications").await.len(), 0);

    let records = list(life, &token, "/api/v1/health/records", "records").await;
    assert_eq!(records.len(), 1);
    assert_eq!(records[0]["report_id"], report["report_id"]);
    assert_eq!(records[0]["summary"]["syndromes"][0], "heart_kidney");

    let late = cancel(life, &token, &id).await;
    problem(&late, 409, "consultation_finished", None);
}

#[tokio::test]
async fn a_consultation_becomes_a_report_a_notification_and_a_record() {
    a_consultation_is_completed(&Life::embedded().await).await;
}

#[tokio::test]
async fn a_consultation_is_completed_with_databases_on_postgresql() {
    a_consultation_is_completed(&Life::with_postgres().await).await;
}

#[tokio::test]
async fn a_consultation_is_completed_over_a_real_redis_server() {
    a_consultation_is_completed(&Life::with_redis().await).await;
}

#[tokio::test]
async fn an_emergency_comes_first_and_overrides_every_score() {
    let life = Life::embedded().await;
    let token = life.register("fang@example.com").await;
    let complaint = format!("{SLEEPLESS}。胸痛二十分钟，出冷汗");
    let id = open(&life, &token, &complaint).await;
    saga_is(&life, &id, "completed").await;
    let report = consultation(&life, &token, &id).await["report"].clone();
    assert_eq!(report["red_flags"][0]["code"], "rf_acs", "{report}");
    assert_eq!(report["differentiation"]["syndromes"], json!([]));
    let summary = report["summary"]["zh"].as_str().unwrap();
    assert!(
        summary.starts_with("【疑似急性冠脉综合征】立即拨打120"),
        "{summary}"
    );
    let told = list(&life, &token, "/api/v1/notifications", "notifications").await;
    assert_eq!(told[0]["kind"], "emergency");
}

#[tokio::test]
async fn vital_signs_of_the_week_are_in_the_report() {
    let life = Life::embedded().await;
    let token = life.register("fang@example.com").await;
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    let reading = json!({
        "type": "blood_pressure",
        "components": { "systolic": 150, "diastolic": 92 },
        "unit": "mm[Hg]",
        "effective_at": rfc3339(now.as_secs() - 3600),
    });
    let path = "/api/v1/health/readings";
    let sent = life.post(path, Some(&token), &reading).await;
    assert_eq!(counts(&sent.expect(200).json()), (1, 0, 0));
    let id = open(&life, &token, "头晕").await;
    saga_is(&life, &id, "completed").await;
    let report = consultation(&life, &token, &id).await["report"].clone();
    let vital = &report["vitals"][0];
    assert_eq!(vital["type"], "blood_pressure", "{report}");
    assert_eq!(vital["class"]["code"], "grade_1", "{vital}");
}

/// An instant of Unix time in UTC.
fn rfc3339(seconds: u64) -> String {
    // Days of the civil calendar, counted from March of the year 0.
    let days = (seconds / 86_400) + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[tokio::test]
async fn what_is_cancelled_is_taken_back() {
    let life = Life::embedded().await;
    let token = life.register("fang@example.com").await;
    // The saga may be faster than its owner; then another one is opened.
    let mut cancelled = None;
    for _ in 0..20 {
        let id = open(&life, &token, SLEEPLESS).await;
        if cancel(&life, &token, &id).await.status == 204 {
            cancelled = Some(id);
            break;
        }
    }
    let id = cancelled.unwrap();
    saga_is(&life, &id, "compensated").await;
    let shown = consultation(&life, &token, &id).await;
    assert_eq!(shown["status"], "cancelled");
    assert_eq!(shown["chief_complaint"], SLEEPLESS);
    assert_eq!(
        (&shown["answers"], &shown["diagnoses"], &shown["report"]),
        (&json!([]), &json!([]), &Value::Null)
    );
    cancel(&life, &token, &id).await.expect(204);
    for (path, key) in [
        ("/api/v1/notifications", "notifications"),
        ("/api/v1/health/records", "records"),
    ] {
        let left = list(&life, &token, path, key).await;
        let of_it = |item: &&Value| item["consultation_id"] == id.as_str();
        assert!(left.iter().find(of_it).is_none(), "{left:?}");
    }
}

#[tokio::test]
async fn nobody_sees_or_cancels_what_is_somebody_elses() {
    let life = Life::embedded().await;
    let fang = life.register("fang@example.com").await;
    let li = life.register("li@example.com").await;
    let id = open(&life, &fang, SLEEPLESS).await;
    problem(&cancel(&life, &li, &id).await, 404, "not_found", None);
    saga_is(&life, &id, "completed").await;
    assert_eq!(
        list(&life, &li, "/api/v1/notifications", "notifications").await,
        [] as [Value; 0]
    );
    assert_eq!(
        list(&life, &li, "/api/v1/health/records", "records").await,
        [] as [Value; 0]
    );
}
