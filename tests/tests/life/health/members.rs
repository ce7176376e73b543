//! People of a population who are registered here: what they sent, and what must have
//! come of it by the population's own rules.

use std::collections::BTreeMap;

use population::clock::{DAY_MS, MINUTE_MS, date_of, date_text, parse_rfc3339, rfc3339};
use population::figures::{Figures, by_span};
use population::{Batch, Kept, Kind, Ledger, Person, Plan};

use super::*;

/// Where batches are sent.
pub(crate) const BATCHES: &str = "/api/v1/health/readings:batch";
/// Most days of one question, by resolution.
const DAYS_ASKED: [(&str, i64); 5] = [("5m", 7), ("1h", 31), ("1d", 90), ("1w", 366), ("1mo", 366)];

/// Somebody who is registered.
pub(crate) struct Member {
    pub(crate) person: Person,
    pub(crate) token: String,
    pub(crate) user_id: String,
    /// What the devices send, in the order in which it arrives.
    pub(crate) batches: Vec<Batch>,
    /// What must be stored once all of it was taken.
    pub(crate) kept: Vec<Kept>,
}

/// One reading, as far as it must be the same: type, instant, values in thousandths,
/// whether it is plausible.
pub(crate) type Seen = (String, i64, Vec<i64>, bool);

impl Member {
    /// Registers a person.
    pub(crate) async fn join(life: &Life, plan: &Plan, person: Person) -> Self {
        let body = json!({
            "email": format!("person-{}@example.com", person.index),
            "password": "correct horse 1",
            "name": "王芳",
        });
        let answer = life.post("/api/v1/users/register", None, &body).await;
        let answer = answer.expect(201).json();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let token = text(&answer["access_token"]);
        let profile = json!({
            "timezone": person.timezone,
            "sex": person.sex.as_str(),
            "birth_date": date_text(person.birth_day),
            "height_cm": person.height as f64 / 1_000.0,
            "altitude_m": person.altitude_m,
        });
        let path = "/api/v1/health/profile";
        let set = life.try_send("PUT", path, &token, &profile).await;
        set.unwrap().expect(200);
        let batches = plan.batches(&person);
        let mut ledger = Ledger::default();
        for batch in &batches {
            ledger.take(batch);
        }
        Self {
            token,
            user_id: text(&answer["user"]["user_id"]),
            person,
            kept: ledger.kept().to_vec(),
            batches,
        }
    }

    /// What must be stored.
    pub(crate) fn expected(&self) -> Vec<Seen> {
        let mut seen: Vec<Seen> = self.kept.iter().map(must_be).collect();
        seen.sort_unstable();
        seen
    }

    /// What is stored, page by page as the person sees it, with its id.
    pub(crate) async fn stored(&self, life: &Life) -> Vec<(Seen, String)> {
        let mut seen = Vec::new();
        let mut cursor = String::new();
        loop {
            let path = format!("/api/v1/health/readings?limit=200{cursor}");
            let page = life.get(&path, &self.token).await.expect(200).json();
            let readings = page["readings"].as_array().unwrap().iter();
            seen.extend(readings.map(|reading| {
                let id = reading["id"].as_str().unwrap();
                (shown(reading), id.to_owned())
            }));
            let Some(next) = page["next_cursor"].as_str() else {
                break;
            };
            cursor = format!("&cursor={next}");
        }
        seen.sort_unstable();
        seen
    }

    /// The id of a stored reading, and where it stands in `kept`.
    pub(crate) async fn find(&self, life: &Life, kind: Kind) -> (usize, String) {
        let place = self.kept.iter().position(|kept| kept.kind == kind).unwrap();
        let wanted = must_be(&self.kept[place]);
        let stored = self.stored(life).await;
        let (_, id) = stored
            .into_iter()
            .find(|(seen, _)| *seen == wanted)
            .unwrap();
        (place, id)
    }

    /// Checks that exactly what must be stored is.
    pub(crate) async fn check_stored(&self, life: &Life) {
        let stored = self.stored(life).await.into_iter();
        let stored: Vec<Seen> = stored.map(|(seen, _)| seen).collect();
        let expected = self.expected();
        let difference = stored
            .iter()
            .zip(&expected)
            .find(|(one, other)| one != other);
        assert_eq!(
            (stored.len(), difference),
            (expected.len(), None),
            "person {}",
            self.person.index
        );
    }

    /// The first millisecond of the local day of an instant.
    pub(crate) fn midnight(&self, at_ms: i64) -> i64 {
        let offset_ms = i64::from(self.person.offset_minutes) * MINUTE_MS;
        (at_ms + offset_ms).div_euclid(DAY_MS) * DAY_MS - offset_ms
    }

    /// The first millisecond of the bucket of a day that holds an instant.
    pub(crate) fn part_of_day(&self, at_ms: i64, length_ms: i64) -> i64 {
        let midnight = self.midnight(at_ms);
        midnight + (at_ms - midnight) / length_ms * length_ms
    }

    /// The first millisecond of the local week of an instant, which begins on Monday.
    pub(crate) fn monday(&self, at_ms: i64) -> i64 {
        // 1970-01-01 was a Thursday.
        let weekday = (self.day(at_ms) + 3).rem_euclid(7);
        self.midnight(at_ms) - weekday * DAY_MS
    }

    /// The first millisecond of the local month of an instant.
    pub(crate) fn first_of_month(&self, at_ms: i64) -> i64 {
        let (_, _, date) = date_of(self.day(at_ms));
        self.midnight(at_ms) - (date - 1) * DAY_MS
    }

    /// The local day of an instant, counted from 1970-01-01.
    pub(crate) fn day(&self, at_ms: i64) -> i64 {
        let offset_ms = i64::from(self.person.offset_minutes) * MINUTE_MS;
        (at_ms + offset_ms).div_euclid(DAY_MS)
    }

    /// Checks the figures of every kind at one resolution; `start_of` tells where the
    /// bucket of an instant begins.
    pub(crate) async fn check_figures(
        &self,
        life: &Life,
        resolution: &str,
        start_of: impl Fn(i64) -> i64,
    ) {
        let asked = DAYS_ASKED
            .iter()
            .find(|(name, _)| *name == resolution)
            .unwrap()
            .1;
        let mut kinds: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
        for kept in &self.kept {
            kinds.entry(kept.kind.key()).or_default().push(kept.at_ms);
        }
        let mut found = BTreeMap::new();
        for (kind, mut times) in kinds {
            times.sort_unstable();
            while let Some(first) = times.first() {
                let from = start_of(*first);
                let to = self.midnight(from + asked * DAY_MS);
                times.retain(|at_ms| *at_ms >= to);
                found.extend(self.figures(life, kind, resolution, (from, to)).await);
            }
        }
        let expected = by_span(&self.kept, start_of);
        let missing: Vec<_> = expected
            .keys()
            .filter(|(metric, start)| !found.contains_key(&((*metric).to_owned(), *start)))
            .collect();
        assert_eq!(
            (found.len(), missing),
            (expected.len(), Vec::new()),
            "{resolution}"
        );
        for ((metric, start), figures) in expected {
            let bucket = &found[&(metric.to_owned(), start)];
            same(bucket, &figures, &format!("person {}", self.person.index));
        }
    }

    /// The buckets that are answered, by metric and start.
    async fn figures(
        &self,
        life: &Life,
        kind: &str,
        resolution: &str,
        (from, to): (i64, i64),
    ) -> BTreeMap<(String, i64), Value> {
        let utc = |at_ms| rfc3339(at_ms, 0).replace("+00:00", "Z");
        let path = format!(
            "/api/v1/health/aggregates?type={kind}&from={}&to={}&resolution={resolution}",
            utc(from),
            utc(to)
        );
        let answer = life.get(&path, &self.token).await.expect(200).json();
        let buckets = answer["buckets"].as_array().unwrap().iter();
        let by_span = buckets.map(|bucket| {
            let metric = bucket["metric"].as_str().unwrap().to_owned();
            let start = parse_rfc3339(bucket["start"].as_str().unwrap()).unwrap();
            ((metric, start), bucket.clone())
        });
        by_span.collect()
    }
}

/// Checks one bucket against the figures that it must have.
#[track_caller]
fn same(bucket: &Value, figures: &Figures, whose: &str) {
    let milli = |value: i64| value as f64 / 1_000.0;
    assert_eq!(bucket["count"], figures.count, "{whose}: {bucket}");
    for (key, expected) in [
        ("min", milli(figures.min)),
        ("max", milli(figures.max)),
        ("sum", milli(figures.sum)),
        ("mean", figures.mean()),
        ("p50", figures.p50()),
        ("p95", figures.p95()),
    ] {
        let found = bucket[key].as_f64();
        let is_same = found.is_some_and(|found| (found - expected).abs() < 0.0011);
        assert!(is_same, "{whose}: {key} must be {expected}: {bucket}");
    }
}

/// A reading as it is answered.
fn shown(reading: &Value) -> Seen {
    let milli = |value: &Value| value.as_f64().map(|value| (value * 1_000.0).round() as i64);
    let components = ["systolic", "diastolic"].map(|name| &reading["components"][name]);
    let values = [&reading["value"]].into_iter().chain(components);
    (
        reading["type"].as_str().unwrap().to_owned(),
        parse_rfc3339(reading["effective_at"].as_str().unwrap()).unwrap(),
        values.filter_map(milli).collect(),
        reading["quality"] == "ok",
    )
}

fn must_be(kept: &Kept) -> Seen {
    let values = [Some(kept.value), kept.value2];
    (
        kept.kind.key().to_owned(),
        kept.at_ms,
        values.into_iter().flatten().collect(),
        kept.usual,
    )
}

/// A few people who differ in what they wear and where they live.
pub(crate) fn a_few(plan: &Plan) -> Vec<Person> {
    let wanted: [fn(&Person) -> bool; 6] = [
        |person| person.has_sensor,
        |person| person.has_strap,
        |person| person.timezone != "Asia/Shanghai" && person.wearable.is_some(),
        |person| person.hypertensive && person.wearable.is_none(),
        |person| person.diabetic && !person.has_sensor && person.wearable.is_some(),
        |person| person.altitude_m > 2_500,
    ];
    let mut few: Vec<Person> = Vec::new();
    for is_wanted in wanted {
        let is_new = |person: &Person| few.iter().all(|known| known.index != person.index);
        let found = plan
            .people()
            .find(|person| is_wanted(person) && is_new(person));
        few.push(found.unwrap());
    }
    few
}

/// Now, in milliseconds since the Unix epoch.
pub(crate) fn now_ms() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    i64::try_from(now.unwrap().as_millis()).unwrap()
}

/// Waits until no day is marked as out of date.
pub(crate) async fn aggregated(life: &Life) {
    eventually("no day is out of date", async || {
        let dirty = life.number("health", "SELECT count(*) FROM dirty_days");
        (dirty.await == 0).then_some(())
    })
    .await;
}
