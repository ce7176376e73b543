//! Episodes into alerts: what to store, and what to tell.

use super::replay::Episode;
use super::{AGE_MS_MAX, NOTICE_GAP_MS_MIN};
use crate::classes::Level;

/// What became of an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It lasts.
    Active,
    /// It is over.
    Cleared,
    /// Readings that came late, or were corrected or deleted, took it back.
    Withdrawn,
}

impl State {
    /// As it is stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Cleared => "cleared",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// As it was stored.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Active, Self::Cleared, Self::Withdrawn]
            .into_iter()
            .find(|state| state.as_str() == text)
    }
}

/// A stored alert of one rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Its id.
    pub id: String,
    /// Its first abnormal reading.
    pub reading_id: String,
    /// When that was taken.
    pub started_ms: i64,
    /// When its newest abnormal reading was taken.
    pub last_ms: i64,
    /// When it ended.
    pub cleared_ms: Option<i64>,
    /// Its worst level.
    pub level: Level,
    /// The class of its first reading of that level.
    pub code: String,
    /// The rules of the class.
    pub rule_set: String,
    /// What became of it.
    pub state: State,
    /// When the person was last told about it, by the server's clock.
    pub notified_ms: Option<i64>,
    /// The level that they were told.
    pub notified_level: Level,
    /// When the person said that they know.
    pub acknowledged_ms: Option<i64>,
}

impl Stored {
    /// The episode that it tells of, as far as it is known before `from_ms`; none where
    /// it began later or had ended by then.
    #[must_use]
    pub fn open_at(&self, from_ms: i64) -> Option<Episode> {
        let is_open = self.state != State::Withdrawn
            && self.started_ms < from_ms
            && self.cleared_ms.is_none_or(|ended| ended >= from_ms);
        is_open.then(|| Episode {
            reading_id: self.reading_id.clone(),
            started_ms: self.started_ms,
            last_ms: self.last_ms.min(from_ms),
            cleared_ms: None,
            level: self.level,
            code: self.code.clone(),
            rule_set: self.rule_set.clone(),
        })
    }
}

/// One change of what is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A new alert.
    Raise {
        /// What it is about.
        episode: Episode,
        /// Whether the person is told now.
        is_told: bool,
    },
    /// A stored alert went on, grew worse, or ended.
    Update {
        /// The alert.
        id: String,
        /// What it is now.
        episode: Episode,
        /// Whether the person is told again now.
        is_told: bool,
    },
    /// A stored alert was taken back.
    Withdraw {
        /// The alert.
        id: String,
    },
}

/// From when on the readings of a rule are needed: the last day, and where an alert
/// lasts, since its newest abnormal reading. So the normal readings that end it count
/// however far apart they are, also of somebody who measures once in a few days.
#[must_use]
pub fn needed_from(active_last_ms: Option<i64>, now_ms: i64) -> i64 {
    let day_ms = now_ms.saturating_sub(AGE_MS_MAX);
    active_last_ms.map_or(day_ms, |last_ms| last_ms.min(day_ms))
}

/// From when on readings are replayed, where all since `from_ms` are known: an alert
/// that began before and is over stays as it is, since the readings that ended it may be
/// known in part alone.
#[must_use]
pub fn replay_from(stored: &[Stored], from_ms: i64) -> i64 {
    let settled = stored
        .iter()
        .filter(|alert| alert.state != State::Withdrawn && alert.started_ms < from_ms)
        .filter_map(|alert| alert.cleared_ms);
    settled
        .map(|ended| ended.saturating_add(1))
        .fold(from_ms, i64::max)
}

/// What is to be changed so that `stored`, the alerts of one rule, tell of `episodes`.
/// Both hold what lies in the window that was replayed, which begins at `from_ms`
/// ([`replay_from`]), or reaches into it. Nothing is changed where nothing is new.
#[must_use]
pub fn plan(episodes: &[Episode], stored: &[Stored], from_ms: i64, now_ms: i64) -> Vec<Change> {
    let mut notices = Notices::of(stored);
    let mut left: Vec<&Stored> = stored
        .iter()
        .filter(|alert| alert.state != State::Withdrawn)
        .collect();
    left.sort_by(|a, b| (a.started_ms, &a.id).cmp(&(b.started_ms, &b.id)));
    let mut changes = Vec::new();
    for episode in episodes {
        let same = left.iter().position(|alert| overlaps(alert, episode));
        match same.map(|index| left.remove(index)) {
            Some(alert) => changes.extend(update(alert, episode, &mut notices, now_ms)),
            None if episode.last_ms >= now_ms.saturating_sub(AGE_MS_MAX) => {
                changes.push(Change::Raise {
                    is_told: notices.tell(episode.level, now_ms),
                    episode: episode.clone(),
                });
            }
            None => {}
        }
    }
    // What no reading of the window tells any more. An alert that began before it is
    // only known in part.
    let gone = left.iter().filter(|alert| alert.started_ms >= from_ms);
    changes.extend(gone.map(|alert| Change::Withdraw {
        id: alert.id.clone(),
    }));
    changes
}

fn overlaps(alert: &Stored, episode: &Episode) -> bool {
    let alert_end = alert.cleared_ms.unwrap_or(alert.last_ms);
    let episode_end = episode.cleared_ms.unwrap_or(episode.last_ms);
    alert.started_ms <= episode_end && episode.started_ms <= alert_end
}

fn update(alert: &Stored, episode: &Episode, notices: &mut Notices, now_ms: i64) -> Option<Change> {
    let known = match alert.acknowledged_ms {
        Some(_) => alert.level,
        None => alert.notified_level,
    };
    let is_worse = episode.level > known;
    let goes_on = episode.last_ms > alert.last_ms && alert.acknowledged_ms.is_none();
    let is_fresh = episode.last_ms >= now_ms.saturating_sub(AGE_MS_MAX);
    // A danger that came and went within one upload is told all the same; a warning that
    // is over by now is not.
    let wants_notice = match episode.cleared_ms {
        Some(_) => is_worse && episode.level == Level::Critical,
        None => is_worse || goes_on,
    };
    let is_told = is_fresh && wants_notice && notices.tell(episode.level, now_ms);
    let is_same = alert.started_ms == episode.started_ms
        && alert.reading_id == episode.reading_id
        && alert.last_ms == episode.last_ms
        && alert.cleared_ms == episode.cleared_ms
        && alert.level == episode.level
        && alert.code == episode.code;
    (is_told || !is_same).then(|| Change::Update {
        id: alert.id.clone(),
        episode: episode.clone(),
        is_told,
    })
}

/// When the person was last told of each level.
struct Notices {
    warning_ms: Option<i64>,
    critical_ms: Option<i64>,
}

impl Notices {
    fn of(stored: &[Stored]) -> Self {
        let newest = |level| {
            let of_level = stored.iter().filter(|alert| alert.notified_level == level);
            of_level.filter_map(|alert| alert.notified_ms).max()
        };
        Self {
            warning_ms: newest(Level::Warning),
            critical_ms: newest(Level::Critical),
        }
    }

    /// Whether it may be told now; if so, it is. What is critical does not wait for a
    /// warning, while a warning waits for both.
    fn tell(&mut self, level: Level, now_ms: i64) -> bool {
        let is_recent =
            |at: Option<i64>| at.is_some_and(|at| now_ms.saturating_sub(at) < NOTICE_GAP_MS_MIN);
        let last = match level {
            Level::None => return false,
            Level::Warning if is_recent(self.critical_ms) => return false,
            Level::Warning => &mut self.warning_ms,
            Level::Critical => &mut self.critical_ms,
        };
        if is_recent(*last) {
            return false;
        }
        *last = Some(now_ms);
        true
    }
}
