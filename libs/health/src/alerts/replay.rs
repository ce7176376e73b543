//! The machine with hysteresis.

use super::{ABNORMAL_IN_A_ROW, AGE_MS_MAX, NORMAL_IN_A_ROW};
use crate::classes::Level;

/// What a reading means for a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// The reading.
    pub id: String,
    /// When it was taken.
    pub at_ms: i64,
    /// How bad it is.
    pub level: Level,
    /// The class that says so.
    pub code: &'static str,
    /// The rules of the class.
    pub rule_set: &'static str,
    /// Whether it counts alone where it is critical.
    pub is_certain: bool,
}

/// A time in which a person was not well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Episode {
    /// The first abnormal reading.
    pub reading_id: String,
    /// When it was taken.
    pub started_ms: i64,
    /// When the newest abnormal reading was taken.
    pub last_ms: i64,
    /// When it ended: at the last of the normal readings that ended it.
    pub cleared_ms: Option<i64>,
    /// The worst level so far.
    pub level: Level,
    /// The class of the first reading of that level.
    pub code: String,
    /// The rules of the class.
    pub rule_set: String,
}

/// What has not become an episode yet: abnormal readings in a row.
struct Run {
    first: Episode,
    count: u32,
}

impl Run {
    /// Whether an abnormal reading confirms this one: what is older than a day tells of no
    /// danger now.
    fn reaches(&self, sample: &Sample) -> bool {
        sample.at_ms.saturating_sub(self.first.last_ms) <= AGE_MS_MAX
    }
}

impl Episode {
    fn begin(sample: &Sample) -> Self {
        Self {
            reading_id: sample.id.clone(),
            started_ms: sample.at_ms,
            last_ms: sample.at_ms,
            cleared_ms: None,
            level: sample.level,
            code: sample.code.to_owned(),
            rule_set: sample.rule_set.to_owned(),
        }
    }

    fn add(&mut self, sample: &Sample) {
        self.last_ms = sample.at_ms;
        if sample.level > self.level {
            self.level = sample.level;
            self.code = sample.code.to_owned();
            self.rule_set = sample.rule_set.to_owned();
        }
    }
}

/// The episodes of samples that are in the order of time. `open` is an episode that had
/// begun before the first sample and had not ended.
#[must_use]
pub fn replay(samples: &[Sample], open: Option<Episode>) -> Vec<Episode> {
    let mut done = Vec::new();
    let mut current = open;
    let mut run: Option<Run> = None;
    let mut normal = 0;
    for sample in samples {
        if sample.level == Level::None {
            run = None;
            normal += 1;
            if normal >= NORMAL_IN_A_ROW
                && let Some(mut ended) = current.take()
            {
                ended.cleared_ms = Some(sample.at_ms);
                done.push(ended);
            }
            continue;
        }
        normal = 0;
        if let Some(episode) = &mut current {
            episode.add(sample);
            continue;
        }
        let still = run.take().filter(|run| run.reaches(sample));
        let mut next = still.unwrap_or_else(|| Run {
            first: Episode::begin(sample),
            count: 0,
        });
        next.first.add(sample);
        next.count += 1;
        let is_critical = sample.level == Level::Critical && sample.is_certain;
        if is_critical || next.count >= ABNORMAL_IN_A_ROW {
            current = Some(next.first);
        } else {
            run = Some(next);
        }
    }
    done.extend(current);
    done
}
