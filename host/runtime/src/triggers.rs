//! Messages and schedules: what starts components beside requests.

use std::sync::Arc;
use std::time::Duration;

use host_app::{App, TriggerSpec};
use host_telemetry::Metrics;
use host_trigger_cron::{Clock, CronBinding, CronRunner, CronTrigger, SystemClock};

use crate::error::StartError;
use crate::load::Loaded;
use crate::variables::Values;

/// The triggers that run in the background, checked and ready to start.
pub(crate) struct Triggers {
    cron: CronTrigger,
}

/// The triggers while they run.
pub(crate) struct Running {
    cron: CronRunner,
}

impl Triggers {
    /// Checks every channel, schedule and component.
    pub(crate) fn new(
        app: &App,
        loaded: &Loaded,
        _metrics: &Metrics,
        _variables: &Arc<Values>,
    ) -> Result<Self, StartError> {
        let mut schedules = Vec::new();
        for trigger in &app.triggers {
            if let TriggerSpec::Cron(cron) = &trigger.spec {
                schedules.push(CronBinding {
                    trigger: trigger.id.clone(),
                    expression: cron.expression.clone(),
                    function: loaded.function(&cron.component)?,
                });
            }
        }
        Ok(Self {
            cron: CronTrigger::new(schedules)?,
        })
    }

    /// Starts them all.
    pub(crate) fn start(&self) -> Running {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        Running {
            cron: self.cron.start(&clock),
        }
    }
}

impl Running {
    /// Lets running calls end, at most for `drain`.
    pub(crate) async fn stop(self, drain: Duration) {
        let cut_off = self.cron.stop(drain).await;
        if cut_off > 0 {
            tracing::warn!(cut_off, "scheduled calls were cut off");
        }
    }
}
