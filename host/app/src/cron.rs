//! What a schedule does beside firing.

use chrono_tz::Tz;

/// How a schedule is read and kept: `[application.tool.suoke.cron.ID]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CronPolicy {
    /// Whose clock the expression is about.
    pub time_zone: Tz,
    /// What happens to a tick that comes while a run is going.
    pub overlap: Overlap,
    /// What happens to ticks that passed while nobody could run them.
    pub missed: Missed,
    /// How much later than its instant a tick may be run.
    pub jitter_ms_max: u64,
}

impl Default for CronPolicy {
    fn default() -> Self {
        Self {
            time_zone: Tz::UTC,
            overlap: Overlap::default(),
            missed: Missed::default(),
            jitter_ms_max: 0,
        }
    }
}

/// What happens to a tick that comes while a run is going.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overlap {
    /// It is skipped.
    #[default]
    Skip,
    /// One waits until the run has ended; further ones are skipped.
    Queue,
    /// It runs beside the others.
    Allow {
        /// Runs at the same time; a tick over it is skipped.
        runs_max: u32,
    },
}

impl Overlap {
    /// Runs that bound how many go on at the same time when none is given.
    pub const RUNS_MAX: u32 = 4;

    /// The word in the manifest.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Skip => "skip",
            Self::Queue => "queue",
            Self::Allow { .. } => "allow",
        }
    }

    /// Runs that may go on at the same time.
    pub fn runs_max(self) -> u32 {
        match self {
            Self::Skip | Self::Queue => 1,
            Self::Allow { runs_max } => runs_max.max(1),
        }
    }
}

/// What happens to ticks that passed while nobody could run them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Missed {
    /// They are counted.
    #[default]
    Skip,
    /// The latest of them is run.
    RunOnce,
    /// They are run one after the other, in order.
    RunAll {
        /// Ticks that are made up for, the latest ones; those before are counted.
        ticks_max: u32,
    },
}

impl Missed {
    /// Ticks that are made up for when no number is given.
    pub const TICKS_MAX: u32 = 100;

    /// The word in the manifest.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Skip => "skip",
            Self::RunOnce => "run_once",
            Self::RunAll { .. } => "run_all",
        }
    }
}
