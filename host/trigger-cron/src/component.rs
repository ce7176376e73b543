//! A component that a schedule starts.

use std::sync::Arc;

use host_app::{Failure, FailureKind};
use host_engine::{Function, LoadError, Pool};
use host_telemetry::TriggerKind;

use crate::bindings::ours::exports::suoke::cron::handler as tick_handler;
use crate::bindings::{ours, spin};
use crate::clock::BoxFuture;
use crate::runner::{Job, Tick};

/// A component with an export for schedules.
pub struct CronFunction {
    pool: Pool<Guest>,
}

enum Guest {
    Ours(ours::Scheduled),
    Spin(spin::SpinCron),
}

impl CronFunction {
    /// Finds the export that handles ticks.
    ///
    /// # Errors
    /// When the component has none.
    pub fn new(function: Arc<Function>) -> Result<Self, LoadError> {
        let pre = function.instance_pre();
        if let Ok(handler) = ours::ScheduledPre::new(pre.clone()) {
            return Ok(Self {
                pool: Pool::new(
                    function,
                    Box::new(move |store| {
                        let handler = handler.clone();
                        Box::pin(
                            async move { Ok(Guest::Ours(handler.instantiate_async(store).await?)) },
                        )
                    }),
                ),
            });
        }
        if let Ok(handler) = spin::SpinCronPre::new(pre.clone()) {
            return Ok(Self {
                pool: Pool::single_use(
                    function,
                    Box::new(move |store| {
                        let handler = handler.clone();
                        Box::pin(
                            async move { Ok(Guest::Spin(handler.instantiate_async(store).await?)) },
                        )
                    }),
                ),
            });
        }
        Err(LoadError::WrongExport {
            component: function.id().to_string(),
            trigger: "a cron trigger",
            wanted: "`suoke:cron/handler@1.0.0` or the function `handle-cron-event` of the world `fermyon:spin-cron/spin-cron@2.0.0`",
        })
    }

    /// The component.
    pub fn function(&self) -> &Arc<Function> {
        self.pool.function()
    }

    /// Drops instances that have been idle for longer than they may be.
    pub fn trim(&self) {
        self.pool.trim();
    }

    /// Runs the component for one tick.
    ///
    /// # Errors
    /// When it fails, or answers with an error of its own.
    pub async fn invoke(&self, tick: Tick) -> Result<(), Failure> {
        let outcome = self.call(tick).await.flatten();
        let metrics = self.function().metrics();
        match &outcome {
            Ok(()) => metrics.call_ended(TriggerKind::Cron, "ok"),
            Err(failure) => {
                metrics.call_ended(TriggerKind::Cron, failure.kind.as_str());
                metrics.failed(failure.kind.as_str());
            }
        }
        outcome
    }

    /// The outer error is the platform's, the inner one the component's.
    async fn call(&self, tick: Tick) -> Result<Result<(), Failure>, Failure> {
        self.pool
            .run(async move |accessor, guest| match guest {
                Guest::Ours(handler) => {
                    let tick = tick_handler::Tick {
                        scheduled_at_ms: unsigned(tick.scheduled_at_ms),
                        fired_at_ms: unsigned(tick.fired_at_ms),
                    };
                    let handler = handler.suoke_cron_handler();
                    let answer = handler.call_handle_tick(accessor, tick).await?;
                    Ok(answer.map_err(|tick_handler::Error::Other(text)| refused(text)))
                }
                Guest::Spin(handler) => {
                    let event = spin::Metadata {
                        timestamp: unsigned(tick.fired_at_ms) / 1000,
                    };
                    let answer = handler.call_handle_cron_event(accessor, event).await?;
                    Ok(answer.map_err(|spin::Error::Other(text)| refused(text)))
                }
            })
            .await
    }
}

impl Job for CronFunction {
    fn run(&self, tick: Tick) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(self.invoke(tick))
    }
}

fn unsigned(ms: i64) -> u64 {
    u64::try_from(ms).unwrap_or(0)
}

fn refused(text: String) -> Failure {
    Failure::new(FailureKind::Guest, text)
}
