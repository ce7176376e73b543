//! All schedules of an application.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use host_app::{CronPolicy, Failure, FailureKind};
use host_engine::{Function, LoadError};

use crate::clock::Clock;
use crate::component::CronFunction;
use crate::log::FiringLog;
use crate::runner::{CronRunner, ScheduledJob, Tick};
use crate::schedule::{Schedule, ScheduleError};

/// How often instances that nobody needs are looked for.
const TRIM_INTERVAL: Duration = Duration::from_secs(1);

/// One `[[trigger.cron]]`: when, and what.
pub struct CronBinding {
    /// The trigger's id.
    pub trigger: String,
    /// When, as written.
    pub expression: String,
    /// What happens to ticks that come at a bad time.
    pub policy: CronPolicy,
    /// The component.
    pub function: Arc<Function>,
}

/// Why the schedules of an application cannot start.
#[derive(Debug, thiserror::Error)]
pub enum CronError {
    /// An expression that is no schedule.
    #[error("trigger {trigger:?} of component {component:?}: {source}")]
    Schedule {
        /// The trigger.
        trigger: String,
        /// The component.
        component: String,
        /// What is wrong with it.
        source: ScheduleError,
    },
    /// A component that cannot handle ticks.
    #[error(transparent)]
    Component(#[from] LoadError),
}

/// The schedules of an application, checked and ready to start.
pub struct CronTrigger {
    jobs: Vec<ScheduledJob>,
    functions: Vec<Arc<CronFunction>>,
}

impl CronTrigger {
    /// Checks every expression and every component.
    ///
    /// # Errors
    /// At the first expression that is no schedule, or the first component
    /// without an export for ticks.
    pub fn new(bindings: Vec<CronBinding>) -> Result<Self, CronError> {
        let mut functions: BTreeMap<Arc<str>, Arc<CronFunction>> = BTreeMap::new();
        let mut jobs = Vec::new();
        for binding in bindings {
            let id = binding.function.id().clone();
            let schedule =
                Schedule::parse(&binding.expression).map_err(|source| CronError::Schedule {
                    trigger: binding.trigger.clone(),
                    component: id.to_string(),
                    source,
                })?;
            let job = match functions.get(&id) {
                Some(known) => known.clone(),
                None => Arc::new(CronFunction::new(binding.function)?),
            };
            functions.insert(id.clone(), job.clone());
            jobs.push(ScheduledJob {
                trigger: binding.trigger,
                component: id.to_string(),
                schedule: schedule.in_zone(binding.policy.time_zone),
                policy: binding.policy,
                job,
                stats: Arc::default(),
            });
        }
        Ok(Self {
            jobs,
            functions: functions.into_values().collect(),
        })
    }

    /// The schedules, in the order given.
    pub fn jobs(&self) -> &[ScheduledJob] {
        &self.jobs
    }

    /// Starts the schedules. Must be called within a Tokio runtime.
    pub fn start(&self, clock: &Arc<dyn Clock>, log: &Arc<dyn FiringLog>) -> CronRunner {
        let mut runner = CronRunner::start(&self.jobs, clock, log);
        let functions = self.functions.clone();
        runner.in_background(async move {
            let mut interval = tokio::time::interval(TRIM_INTERVAL);
            loop {
                interval.tick().await;
                functions.iter().for_each(|function| function.trim());
            }
        });
        runner
    }

    /// The schedule of a trigger.
    pub fn job(&self, trigger: &str) -> Option<&ScheduledJob> {
        self.jobs.iter().find(|job| job.trigger == trigger)
    }

    /// Runs the component of a trigger at once, for an instant that an operator
    /// chose. It is beside the schedule: nothing is claimed, no policy counts.
    ///
    /// # Errors
    /// When there is no such trigger, or its component fails.
    pub async fn run_now(
        &self,
        trigger: &str,
        scheduled_at_ms: i64,
        clock: &dyn Clock,
    ) -> Result<(), Failure> {
        let job = self.job(trigger).ok_or_else(|| {
            let known: Vec<_> = self.jobs.iter().map(|job| job.trigger.as_str()).collect();
            Failure::new(
                FailureKind::BadInput,
                format!(
                    "no cron trigger {trigger:?}; there are: {}",
                    known.join(", ")
                ),
            )
        })?;
        let tick = Tick {
            scheduled_at_ms,
            fired_at_ms: clock.now_ms(),
        };
        job.job.run(tick).await
    }
}
