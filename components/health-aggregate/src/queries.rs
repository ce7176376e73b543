//! The SQL of the aggregation. What crosses into the component are a few large texts
//! instead of a row for each reading: they are made from the index alone.

use suoke_health::calendar::{DAY_MS_MAX, Span};
use suoke_health::day::{DayFigures, RANKS};
use suoke_health::figures;
use suoke_store::{Row, Sql, StoreError, Value, params};

use crate::work::{Mark, Run};

/// Runs that one statement reads.
pub const RUNS_MAX: usize = 16;
/// Rows that one statement writes: full ones share one text.
pub const ROWS_MAX: usize = 50;
/// Columns of a day.
const COLUMNS: usize = 19;
/// Values that a run is read with.
const READ_VALUES: usize = 8;

/// Takes the next marks away.
pub async fn take(sql: &impl Sql, limit: u32) -> Result<Vec<Mark>, StoreError> {
    sql.query(
        "DELETE FROM dirty_days WHERE (user_id, type, utc_day) IN \
         (SELECT user_id, type, utc_day FROM dirty_days \
          ORDER BY user_id, type, utc_day LIMIT ?1) \
         RETURNING user_id, type AS kind, utc_day, from_ms, to_ms, marked_ms",
        params![limit],
    )
    .await
}

/// Makes marks again; of one that was made meanwhile the span grows.
pub async fn put_back(sql: &impl Sql, marks: &[&Mark]) -> Result<(), StoreError> {
    for chunk in marks.chunks(ROWS_MAX) {
        let mut values = Vec::with_capacity(chunk.len() * 6);
        for mark in chunk {
            values.extend(params![
                &mark.user_id,
                &mark.kind,
                mark.utc_day,
                mark.from_ms,
                mark.to_ms,
                mark.marked_ms
            ]);
        }
        let text = format!(
            "INSERT INTO dirty_days (user_id, type, utc_day, from_ms, to_ms, marked_ms) \
             VALUES {} ON CONFLICT (user_id, type, utc_day) DO UPDATE SET \
             from_ms = CASE WHEN excluded.from_ms < dirty_days.from_ms \
             THEN excluded.from_ms ELSE dirty_days.from_ms END, \
             to_ms = CASE WHEN excluded.to_ms > dirty_days.to_ms \
             THEN excluded.to_ms ELSE dirty_days.to_ms END",
            places(chunk.len(), 6)
        );
        sql.execute(&text, values).await?;
    }
    Ok(())
}

/// What is stored of a run.
#[derive(Debug, Default)]
pub struct Read {
    /// Its readings, as [`suoke_health::day::unpack`] takes them.
    pub packed: String,
    /// Whether days of it have figures.
    pub has_figures: bool,
    /// Whether one of its readings is marked as in the shadow.
    pub has_shadows: bool,
}

/// Reads at most `limit` readings, the newest, of each of the runs, in their order. All
/// are panels or none is.
pub async fn read(sql: &impl Sql, runs: &[Run], limit: u32) -> Result<Vec<Read>, StoreError> {
    let mut values: Vec<Value> = Vec::with_capacity(runs.len() * READ_VALUES);
    let mut terms = Vec::with_capacity(runs.len());
    for (place, run) in runs.iter().enumerate() {
        let (span, around) = (run.span(), run.read_span());
        let metric = run.kind.metrics.first().map_or("", |metric| metric.key);
        values.extend(params![
            &run.user_id,
            run.kind.key,
            around.start_ms,
            around.end_ms,
            limit,
            metric,
            span.start_ms,
            span.end_ms
        ]);
        terms.push(term(place, run.kind.is_panel()));
    }
    let rows: Vec<Row> = sql.query(&terms.join(" UNION ALL "), values).await?;
    let mut found: Vec<Read> = runs.iter().map(|_| Read::default()).collect();
    for row in rows {
        let place: usize = row.get("place")?;
        if let Some(read) = found.get_mut(place) {
            let packed: Option<String> = row.get("packed")?;
            read.packed = packed.unwrap_or_default();
            read.has_figures = row.get("has_figures")?;
            read.has_shadows = row.get("has_shadows")?;
        }
    }
    Ok(found)
}

/// What reads one run. Without an order of the texts nothing is sorted: readings come
/// as they stand in the index.
fn term(place: usize, is_panel: bool) -> String {
    let value = |at: usize| place * READ_VALUES + at;
    let (user, kind, from, to) = (value(1), value(2), value(3), value(4));
    let (limit, metric, start, end) = (value(5), value(6), value(7), value(8));
    let second = if is_panel {
        " || COALESCE(':' || CAST(r.value2_milli AS TEXT), '')"
    } else {
        ""
    };
    format!(
        "SELECT {place} AS place, (SELECT string_agg(p.packed, ';') FROM (\
         SELECT CAST((r.effective_ms - ?{from}) * {RANKS} + r.source_rank AS TEXT) || ':' || \
         CAST(r.value_milli AS TEXT){second} AS packed FROM readings r \
         WHERE r.user_id = ?{user} AND r.type = ?{kind} AND r.status = 'final' \
         AND r.effective_ms >= ?{from} AND r.effective_ms < ?{to} \
         ORDER BY r.effective_ms DESC, r.value_milli, r.value2_milli, r.source_rank \
         LIMIT ?{limit}) p) AS packed, \
         CASE WHEN EXISTS (SELECT 1 FROM days d WHERE d.user_id = ?{user} \
         AND d.metric = ?{metric} AND d.day_ms > ?{start} - {DAY_MS_MAX} \
         AND d.day_ms < ?{end} AND d.end_ms > ?{start}) THEN 1 ELSE 0 END AS has_figures, \
         CASE WHEN EXISTS (SELECT 1 FROM readings s WHERE s.user_id = ?{user} \
         AND s.type = ?{kind} AND s.shadowed = 1 AND s.effective_ms >= ?{start} \
         AND s.effective_ms < ?{end}) THEN 1 ELSE 0 END AS has_shadows"
    )
}

/// Deletes the figures of all days that overlap a run: one may have become empty, or
/// was that of another time zone.
pub async fn delete_days(sql: &impl Sql, run: &Run) -> Result<(), StoreError> {
    let Span { start_ms, end_ms } = run.span();
    for metric in run.kind.metrics {
        sql.execute(
            "DELETE FROM days WHERE user_id = ?1 AND metric = ?2 AND day_ms > ?3 \
             AND day_ms < ?4 AND end_ms > ?5",
            params![
                &run.user_id,
                metric.key,
                start_ms - DAY_MS_MAX,
                end_ms,
                start_ms
            ],
        )
        .await?;
    }
    Ok(())
}

/// Writes into the readings of a run whether another of a better source within
/// `window_ms` puts them in the shadow.
pub async fn set_shadows(sql: &impl Sql, run: &Run, window_ms: i64) -> Result<(), StoreError> {
    let is_shadowed = "CASE WHEN EXISTS (SELECT 1 FROM readings b \
         WHERE b.user_id = readings.user_id AND b.type = readings.type AND b.status = 'final' \
         AND b.effective_ms >= readings.effective_ms - ?5 \
         AND b.effective_ms <= readings.effective_ms + ?5 \
         AND b.source_rank > readings.source_rank) THEN 1 ELSE 0 END";
    let text = format!(
        "UPDATE readings SET shadowed = {is_shadowed} WHERE user_id = ?1 AND type = ?2 \
         AND status = 'final' AND effective_ms >= ?3 AND effective_ms < ?4 \
         AND shadowed <> {is_shadowed}"
    );
    let Span { start_ms, end_ms } = run.span();
    let values = params![&run.user_id, run.kind.key, start_ms, end_ms, window_ms];
    sql.execute(&text, values).await
}

/// A row of figures.
pub struct DayRow {
    /// Whose.
    pub user_id: String,
    /// What they are.
    pub figures: DayFigures,
}

/// Writes rows of days that have none.
pub async fn insert_days(sql: &impl Sql, rows: &[DayRow], now_ms: i64) -> Result<(), StoreError> {
    for chunk in rows.chunks(ROWS_MAX) {
        let mut values = Vec::with_capacity(chunk.len() * COLUMNS);
        for row in chunk {
            push_row(&mut values, row, now_ms);
        }
        let text = format!(
            "INSERT INTO days (user_id, metric, day_ms, end_ms, count, min_milli, max_milli, \
             sum_milli, p50_milli, p95_milli, first_milli, last_milli, in_range_ms, below_ms, \
             above_ms, covered_ms, computed_ms, distribution, series) VALUES {}",
            places(chunk.len(), COLUMNS)
        );
        sql.execute(&text, values).await?;
    }
    Ok(())
}

fn push_row(values: &mut Vec<Value>, row: &DayRow, now_ms: i64) {
    let DayFigures {
        metric,
        day,
        figures,
        series,
    } = &row.figures;
    let (distribution, held) = (&figures.distribution, figures.held);
    let (first, last) = figures.ends.unwrap_or_default();
    let quantile = |p: f64| {
        distribution
            .quantile(p)
            .map_or(0, |milli| milli.round() as i64)
    };
    values.extend(params![
        &row.user_id,
        *metric,
        day.start_ms,
        day.end_ms,
        i64::try_from(distribution.count()).unwrap_or(i64::MAX),
        distribution.min().unwrap_or_default(),
        distribution.max().unwrap_or_default(),
        distribution.sum(),
        quantile(0.5),
        quantile(0.95),
        first,
        last,
        held.in_ms,
        held.below_ms,
        held.above_ms,
        held.covered_ms(),
        now_ms,
        distribution.pack(),
        figures::pack(series)
    ]);
}

/// `(?1,?2),(?3,?4)` for two rows of two columns.
fn places(rows: usize, columns: usize) -> String {
    let row = |row: usize| {
        let each = (1..=columns).map(|column| format!("?{}", row * columns + column));
        format!("({})", each.collect::<Vec<_>>().join(","))
    };
    (0..rows).map(row).collect::<Vec<_>>().join(",")
}
