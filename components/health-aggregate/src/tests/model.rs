//! A person whose days are computed plainly from all their readings.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use suoke_health::figures;
use suoke_store::{Row, Sql, params};

/// Milliseconds of an instant.
pub fn ms(text: &str) -> i64 {
    DateTime::parse_from_rfc3339(text)
        .unwrap()
        .timestamp_millis()
}

#[derive(Clone, Debug)]
struct Reading {
    kind: &'static str,
    at_ms: i64,
    value: i64,
    rank: u8,
    is_final: bool,
}

/// Whose readings they are.
pub struct Person {
    id: &'static str,
    zone: Tz,
    readings: Vec<Reading>,
}

/// The figures of a day as they are stored, or should be.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    pub metric: String,
    pub start_ms: i64,
    pub count: i64,
    pub min: i64,
    pub max: i64,
    pub sum: i64,
    pub p50: i64,
    pub p95: i64,
    pub first: i64,
    pub last: i64,
    pub held: [i64; 4],
    pub distribution: Vec<(i64, u64)>,
    /// Count and held time of its five minutes together.
    pub series: (u64, i64),
}

impl Stored {
    pub async fn all(sql: &impl Sql) -> Vec<Self> {
        let rows: Vec<Row> = sql
            .query(
                "SELECT * FROM days ORDER BY user_id, metric, day_ms",
                params![],
            )
            .await
            .unwrap();
        rows.iter().map(Self::read).collect()
    }

    fn read(row: &Row) -> Self {
        let int = |name: &str| row.get::<i64>(name).unwrap();
        let text = |name: &str| row.get::<String>(name).unwrap();
        let distribution = suoke_health::distribution::Distribution::unpack(&text("distribution"));
        let series = figures::unpack(&text("series")).unwrap();
        Self {
            metric: text("metric"),
            start_ms: int("day_ms"),
            count: int("count"),
            min: int("min_milli"),
            max: int("max_milli"),
            sum: int("sum_milli"),
            p50: int("p50_milli"),
            p95: int("p95_milli"),
            first: int("first_milli"),
            last: int("last_milli"),
            held: [
                int("in_range_ms"),
                int("below_ms"),
                int("above_ms"),
                int("covered_ms"),
            ],
            distribution: distribution.unwrap().counts().to_vec(),
            series: (
                series
                    .iter()
                    .map(|piece| piece.figures.distribution.count())
                    .sum(),
                series
                    .iter()
                    .map(|piece| piece.figures.held.covered_ms())
                    .sum(),
            ),
        }
    }
}

impl Person {
    pub fn new(id: &'static str, zone: &str) -> Self {
        Self {
            id,
            zone: zone.parse().unwrap(),
            readings: Vec::new(),
        }
    }

    pub async fn set_zone(&self, sql: &impl Sql) {
        sql.execute(
            "INSERT INTO profiles (user_id, timezone, rules, version, changed_ms) \
             VALUES (?1, ?2, '{}', 1, 0) \
             ON CONFLICT (user_id) DO UPDATE SET timezone = excluded.timezone",
            params![self.id, self.zone.name()],
        )
        .await
        .unwrap();
    }

    /// Moves to another zone.
    pub async fn move_to(&mut self, sql: &impl Sql, zone: &str) {
        self.zone = zone.parse().unwrap();
        self.set_zone(sql).await;
        suoke_readings::mark_all_days(sql, self.id, 0)
            .await
            .unwrap();
    }

    pub async fn add(
        &mut self,
        sql: &impl Sql,
        kind: &'static str,
        at: &str,
        value: i64,
        rank: u8,
    ) {
        self.add_at(sql, kind, ms(at), value, rank).await;
    }

    /// Adds a reading, unless it is there. A pressure has a second value.
    pub async fn add_at(
        &mut self,
        sql: &impl Sql,
        kind: &'static str,
        at_ms: i64,
        value: i64,
        rank: u8,
    ) {
        let id = format!("{kind}-{at_ms}-{value}-{rank}");
        let second = (kind == "blood_pressure").then_some(value * 1_000 - 40_000);
        let created = sql
            .execute_counted(
                "INSERT INTO readings (user_id, id, device_id, client_id, type, value_milli, \
                 value2_milli, original_unit, effective_ms, offset_minutes, quality, source, \
                 source_rank, created_ms, changed_ms) \
                 VALUES (?1, ?2, '', '', ?3, ?4, ?5, '', ?6, 0, 'ok', '', ?7, 0, 0) \
                 ON CONFLICT DO NOTHING",
                params![self.id, &id, kind, value * 1_000, second, at_ms, rank],
            )
            .await
            .unwrap();
        if created == 1 {
            self.readings.push(Reading {
                kind,
                at_ms,
                value: value * 1_000,
                rank,
                is_final: true,
            });
            self.mark(sql, kind, at_ms).await;
        }
    }

    /// Deletes the reading that was added at this place, or does nothing.
    pub async fn delete(&mut self, sql: &impl Sql, place: usize) {
        let Some(reading) = self.readings.get_mut(place) else {
            return;
        };
        reading.is_final = false;
        let (kind, at_ms) = (reading.kind, reading.at_ms);
        let id = format!("{kind}-{at_ms}-{}-{}", reading.value / 1_000, reading.rank);
        sql.execute(
            "UPDATE readings SET status = 'entered_in_error' WHERE user_id = ?1 AND id = ?2",
            params![self.id, &id],
        )
        .await
        .unwrap();
        self.mark(sql, kind, at_ms).await;
    }

    /// Replaces a reading by one of another value.
    pub async fn correct(&mut self, sql: &impl Sql, place: usize, value: i64) {
        let Some(Reading {
            kind,
            at_ms,
            rank,
            is_final: true,
            ..
        }) = self.readings.get(place).cloned()
        else {
            return;
        };
        self.delete(sql, place).await;
        self.add_at(sql, kind, at_ms, value, rank).await;
    }

    async fn mark(&self, sql: &impl Sql, kind: &str, at_ms: i64) {
        sql.execute(
            "INSERT INTO dirty_days (user_id, type, utc_day, from_ms, to_ms, marked_ms) \
             VALUES (?1, ?2, ?3, ?4, ?4, 0) ON CONFLICT (user_id, type, utc_day) DO UPDATE SET \
             from_ms = CASE WHEN excluded.from_ms < dirty_days.from_ms \
             THEN excluded.from_ms ELSE dirty_days.from_ms END, \
             to_ms = CASE WHEN excluded.to_ms > dirty_days.to_ms \
             THEN excluded.to_ms ELSE dirty_days.to_ms END",
            params![self.id, kind, at_ms.div_euclid(86_400_000), at_ms],
        )
        .await
        .unwrap();
    }

    fn date(&self, at_ms: i64) -> NaiveDate {
        let utc = DateTime::<Utc>::from_timestamp_millis(at_ms).unwrap();
        utc.with_timezone(&self.zone).date_naive()
    }

    /// The first minute of the date that an instant falls on.
    fn midnight(&self, at_ms: i64) -> i64 {
        let date = self.date(at_ms);
        let mut minute_ms = at_ms - at_ms.rem_euclid(60_000);
        while self.date(minute_ms - 60_000) == date {
            minute_ms -= 60_000;
        }
        minute_ms
    }

    /// All days, computed from all readings that count.
    pub fn days(&self) -> Vec<Stored> {
        let finals: Vec<&Reading> = self
            .readings
            .iter()
            .filter(|reading| reading.is_final)
            .collect();
        let mut days = BTreeMap::<(&str, i64), Vec<(i64, i64)>>::new();
        for one in &finals {
            let window_ms = if one.kind == "heart_rate" {
                5_000
            } else {
                30_000
            };
            let is_shadowed = finals.iter().any(|other| {
                other.kind == one.kind
                    && other.rank > one.rank
                    && (other.at_ms - one.at_ms).abs() <= window_ms
            });
            if is_shadowed {
                continue;
            }
            let start_ms = self.midnight(one.at_ms);
            let pressures: &[(&str, i64)] = &[("systolic", 0), ("diastolic", 40_000)];
            let metrics = if one.kind == "blood_pressure" {
                pressures
            } else {
                &[(one.kind, 0)]
            };
            for (metric, less) in metrics {
                days.entry((metric, start_ms))
                    .or_default()
                    .push((one.at_ms, one.value - less));
            }
        }
        days.into_iter()
            .map(|((metric, start_ms), values)| self.day(metric, start_ms, values))
            .collect()
    }

    fn day(&self, metric: &str, start_ms: i64, mut values: Vec<(i64, i64)>) -> Stored {
        values.sort_unstable();
        let mut sorted: Vec<i64> = values.iter().map(|(_, value)| *value).collect();
        sorted.sort_unstable();
        let mut distribution = BTreeMap::<i64, u64>::new();
        for value in &sorted {
            *distribution.entry(*value).or_default() += 1;
        }
        let quantile = |p: f64| {
            let position = (sorted.len() - 1) as f64 * p;
            let (low, high) = (position.floor() as usize, position.ceil() as usize);
            (sorted[low] as f64 + position.fract() * (sorted[high] - sorted[low]) as f64).round()
                as i64
        };
        let held = self.held(metric, &values);
        Stored {
            metric: metric.to_owned(),
            start_ms,
            count: i64::try_from(sorted.len()).unwrap(),
            min: sorted[0],
            max: sorted[sorted.len() - 1],
            sum: sorted.iter().sum(),
            p50: quantile(0.5),
            p95: quantile(0.95),
            first: values[0].1,
            last: values[values.len() - 1].1,
            held,
            distribution: distribution.into_iter().collect(),
            series: (sorted.len() as u64, held[3]),
        }
    }

    /// Looks at every second of the time that a value may hold for. Readings are taken
    /// on whole seconds.
    fn held(&self, metric: &str, values: &[(i64, i64)]) -> [i64; 4] {
        let (low, high, gap_s) = match metric {
            "heart_rate" => (60_000, 100_000, 600),
            "spo2" => (95_000, 100_000, 600),
            "systolic" => (90_000, 139_000, 3_600),
            "diastolic" => (60_000, 89_000, 3_600),
            _ => return [0; 4],
        };
        let mut held = [0; 4];
        for (place, (at_ms, value)) in values.iter().enumerate() {
            let next_ms = values.get(place + 1).map_or(i64::MAX, |next| next.0);
            let date = self.date(*at_ms);
            let seconds = (0..gap_s).map(|second| at_ms + second * 1_000);
            let holds = seconds
                .take_while(|now_ms| *now_ms < next_ms && self.date(*now_ms) == date)
                .count();
            let side = if *value < low {
                1
            } else if *value > high {
                2
            } else {
                0
            };
            let ms = i64::try_from(holds).unwrap() * 1_000;
            held[side] += ms;
            held[3] += ms;
        }
        held
    }
}
