//! One transaction: marks are taken away, their days computed anew from all their
//! readings, and written.
//!
//! A mark that is made meanwhile waits for the transaction or is not seen by it, and
//! stays. When it fails, the marks are back.

use std::collections::{HashMap, VecDeque};

use suoke_guest::clock;
use suoke_health::calendar::Calendar;
use suoke_health::catalogue;
use suoke_health::day::{DayFigures, Sample, counted, figures_of, is_mixed, shadow_ms, unpack};
use suoke_store::{Database, Sql, StoreError};

use crate::queries::{self, DayRow};
use crate::work::{Mark, Run, runs_of};

/// What one transaction may touch: others that write wait for it.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Marks that are taken.
    pub marks_max: u32,
    /// Readings after which no further days are begun.
    pub readings_max: usize,
    /// Readings that are read at once of days that follow each other; of more, whole
    /// days are computed and the others read again.
    pub run_readings_max: u32,
    /// Readings of a type that count on one day: the newest.
    pub day_readings_max: u32,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            marks_max: 2_000,
            readings_max: 100_000,
            run_readings_max: 20_000,
            day_readings_max: 200_000,
        }
    }
}

/// What a transaction did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// Marks that it took.
    pub marks: usize,
    /// Days of a metric that got figures.
    pub days: u64,
}

/// Recomputes the next days.
pub async fn recompute(db: &mut Database, bounds: Bounds) -> Result<Done, StoreError> {
    let now_ms = clock::now_ms();
    db.transaction(async |tx| {
        let mut marks = queries::take(tx, bounds.marks_max).await?;
        marks.sort_by(|one, other| {
            (&one.user_id, &one.kind, one.utc_day).cmp(&(
                &other.user_id,
                &other.kind,
                other.utc_day,
            ))
        });
        let mut runs = runs(tx, &marks).await?;
        let mut writer = Writer::new(now_ms);
        let mut readings = 0;
        while readings < bounds.readings_max || is_first_open(&marks, &runs) {
            let next: Vec<Run> = take(&mut runs);
            if next.is_empty() {
                break;
            }
            readings += compute(tx, &mut runs, next, bounds, &mut writer).await?;
        }
        writer.flush(tx).await?;
        queries::put_back(tx, &left(&marks, &runs)).await?;
        Ok(Done {
            marks: marks.len(),
            days: writer.days,
        })
    })
    .await
}

/// Whether days of the first mark are not done: it is finished whatever it takes, so
/// that every transaction leaves fewer marks.
fn is_first_open(marks: &[Mark], runs: &VecDeque<Run>) -> bool {
    let (Some(mark), Some(run)) = (marks.first(), runs.front()) else {
        return false;
    };
    run.marks.start == 0 && run.is_marked_by(mark)
}

/// The next runs that one statement reads: of one shape, because a panel is read
/// differently.
fn take(runs: &mut VecDeque<Run>) -> Vec<Run> {
    let shape = |run: &Run| (run.kind.is_panel(), run.is_large);
    let Some(first) = runs.front().map(shape) else {
        return Vec::new();
    };
    let most = if first.1 { 1 } else { queries::RUNS_MAX };
    let same = runs
        .iter()
        .take(most)
        .take_while(|run| shape(run) == first)
        .count();
    runs.drain(..same).collect()
}

/// The days that marks make out of date, by person and type. A type that left the
/// catalogue has none.
async fn runs(sql: &impl Sql, marks: &[Mark]) -> Result<VecDeque<Run>, StoreError> {
    let mut clocks = HashMap::<&str, Calendar>::new();
    let mut runs = VecDeque::new();
    let mut begin = 0;
    for group in
        marks.chunk_by(|one, other| (&one.user_id, &one.kind) == (&other.user_id, &other.kind))
    {
        let places = begin..begin + group.len();
        begin = places.end;
        let Some(first) = group.first() else { continue };
        let Some(kind) = catalogue::find(&first.kind) else {
            continue;
        };
        let calendar = match clocks.get(first.user_id.as_str()) {
            Some(known) => *known,
            None => {
                let stored = suoke_readings::profile(sql, &first.user_id).await?;
                let calendar = Calendar::new(stored.profile.tz());
                clocks.insert(&first.user_id, calendar);
                calendar
            }
        };
        runs.extend(runs_of(kind, calendar, marks, places));
    }
    Ok(runs)
}

/// The marks of the runs that are not done.
fn left<'a>(marks: &'a [Mark], runs: &VecDeque<Run>) -> Vec<&'a Mark> {
    let mut places: Vec<usize> = Vec::new();
    for run in runs {
        let of_run = run.marks.clone();
        places.extend(
            of_run.filter(|place| marks.get(*place).is_some_and(|mark| run.is_marked_by(mark))),
        );
    }
    places.sort_unstable();
    places.dedup();
    places
        .into_iter()
        .filter_map(|place| marks.get(place))
        .collect()
}

/// Reads and computes runs; what is too much at once goes back to the front of `runs`.
/// Says how many readings were read.
async fn compute(
    sql: &impl Sql,
    runs: &mut VecDeque<Run>,
    next: Vec<Run>,
    bounds: Bounds,
    writer: &mut Writer,
) -> Result<usize, StoreError> {
    let is_large = next.first().is_some_and(|run| run.is_large);
    let readings_max = if is_large {
        bounds.day_readings_max
    } else {
        bounds.run_readings_max
    };
    let found = queries::read(sql, &next, readings_max).await?;
    let mut readings = 0;
    for (mut run, read) in next.into_iter().zip(found).rev() {
        let samples = unpack(&read.packed, run.read_span().start_ms);
        readings += samples.len();
        if samples.len() >= readings_max as usize && !is_large {
            put_aside(runs, &mut run, &samples);
        }
        if !run.days.is_empty() {
            write(
                sql,
                &run,
                &samples,
                read.has_figures,
                read.has_shadows,
                writer,
            )
            .await?;
        }
    }
    Ok(readings)
}

/// Leaves a run with the days whose readings are all among `samples`, the newest ones
/// of it; the others go back. Where not one day is whole, the last one is read alone.
fn put_aside(runs: &mut VecDeque<Run>, run: &mut Run, samples: &[Sample]) {
    let window_ms = shadow_ms(run.kind.key);
    let oldest_ms = samples.first().map_or(i64::MAX, |sample| sample.at_ms);
    let whole = run
        .days
        .partition_point(|day| day.start_ms - window_ms <= oldest_ms);
    let newer = run.days.split_off(whole);
    let mut older = std::mem::replace(&mut run.days, newer);
    if run.days.is_empty() {
        let last = older.pop();
        runs.push_front(Run {
            days: last.into_iter().collect(),
            is_large: true,
            ..run.clone()
        });
    }
    if !older.is_empty() {
        runs.push_front(Run {
            days: older,
            ..run.clone()
        });
    }
}

/// Computes a run and has it written.
async fn write(
    sql: &impl Sql,
    run: &Run,
    samples: &[Sample],
    has_figures: bool,
    has_shadows: bool,
    writer: &mut Writer,
) -> Result<(), StoreError> {
    let window_ms = shadow_ms(run.kind.key);
    if has_figures {
        queries::delete_days(sql, run).await?;
    }
    if has_shadows || is_mixed(samples) {
        queries::set_shadows(sql, run, window_ms).await?;
    }
    let counted = counted(samples, window_ms);
    for figures in figures_of(run.kind, &counted, &run.days) {
        writer.add(sql, &run.user_id, figures).await?;
    }
    Ok(())
}

/// Collects rows, so that few statements write them.
struct Writer {
    now_ms: i64,
    rows: Vec<DayRow>,
    days: u64,
}

impl Writer {
    fn new(now_ms: i64) -> Self {
        Self {
            now_ms,
            rows: Vec::with_capacity(queries::ROWS_MAX),
            days: 0,
        }
    }

    async fn add(
        &mut self,
        sql: &impl Sql,
        user_id: &str,
        figures: DayFigures,
    ) -> Result<(), StoreError> {
        self.rows.push(DayRow {
            user_id: user_id.to_owned(),
            figures,
        });
        self.days += 1;
        if self.rows.len() >= queries::ROWS_MAX {
            self.flush(sql).await?;
        }
        Ok(())
    }

    async fn flush(&mut self, sql: &impl Sql) -> Result<(), StoreError> {
        queries::insert_days(sql, &self.rows, self.now_ms).await?;
        self.rows.clear();
        Ok(())
    }
}
