//! Messages and schedules: what starts components beside requests.

use std::sync::Arc;
use std::time::Duration;

use host_app::{App, RedisTrigger as RedisSpec, Template, TriggerSpec};
use host_telemetry::Metrics;
use host_trigger_cron::{Clock, CronBinding, CronRunner, CronTrigger, FiringLog, SystemClock};
use host_trigger_redis::{RedisBinding, RedisRunner, RedisTrigger, RedisTriggerOptions};

use crate::cron::CronAdmin;
use crate::error::StartError;
use crate::load::Loaded;
use crate::observed::Observed;
use crate::variables::Values;

/// The triggers that run in the background, checked and ready to start.
pub(crate) struct Triggers {
    redis: RedisTrigger,
    cron: Arc<CronTrigger>,
    firings: Arc<dyn FiringLog>,
    clock: Arc<dyn Clock>,
}

/// The triggers while they run.
pub(crate) struct Running {
    redis: RedisRunner,
    cron: CronRunner,
}

impl Triggers {
    /// Checks every channel, schedule and component.
    pub(crate) fn new(
        app: &App,
        loaded: &Loaded,
        variables: &Values,
        firings: Arc<dyn FiringLog>,
    ) -> Result<Self, StartError> {
        let (mut messages, mut schedules) = (Vec::new(), Vec::new());
        for trigger in &app.triggers {
            match &trigger.spec {
                TriggerSpec::Http(_) => {}
                TriggerSpec::Redis(redis) => {
                    messages.push(redis_binding(&trigger.id, redis, loaded, variables)?);
                }
                TriggerSpec::Cron(cron) => schedules.push(CronBinding {
                    trigger: trigger.id.clone(),
                    expression: cron.expression.clone(),
                    policy: cron.policy.clone(),
                    function: loaded.function(&cron.component)?,
                }),
            }
        }
        let options = RedisTriggerOptions {
            embedded: loaded.embedded_redis.clone(),
            ..RedisTriggerOptions::default()
        };
        Ok(Self {
            redis: RedisTrigger::new(options, messages)?,
            cron: Arc::new(CronTrigger::new(schedules)?),
            firings,
            clock: Arc::new(SystemClock),
        })
    }

    /// Starts them all.
    pub(crate) fn start(&self) -> Running {
        Running {
            redis: self.redis.start(),
            cron: self.cron.start(&self.clock, &self.firings),
        }
    }

    /// What operators may ask of schedules.
    pub(crate) fn cron_admin(&self) -> CronAdmin {
        CronAdmin {
            trigger: self.cron.clone(),
            log: self.firings.clone(),
            clock: self.clock.clone(),
        }
    }

    /// What the triggers count, for operators.
    pub(crate) fn observe(&self, metrics: &Metrics, observed: &mut Observed) {
        for subscription in self.redis.subscriptions() {
            let source = format!("redis {}", subscription.server);
            let mut add = |event, read: fn(&host_trigger_redis::AddressStats) -> u64| {
                let stats = subscription.stats.clone();
                observed.add(metrics.event(&source, event), move || read(&stats));
            };
            add("received", |stats| stats.received());
            add("refused", |stats| stats.refused());
            add("dropped", |stats| stats.dropped());
            add("reconnects", |stats| stats.reconnects());
            add("gap_ms", |stats| stats.gap_ms());
        }
        for job in self.cron.jobs() {
            let source = format!("cron {}", job.trigger);
            let mut add = |event, read: fn(&host_trigger_cron::CronStats) -> u64| {
                let stats = job.stats.clone();
                observed.add(metrics.event(&source, event), move || read(&stats));
            };
            add("fired", |stats| stats.fired());
            add("failed", |stats| stats.failed());
            add("overlapped", |stats| stats.overlapped());
            add("missed", |stats| stats.missed());
            add("elsewhere", |stats| stats.elsewhere());
            add("unclaimed", |stats| stats.unclaimed());
        }
    }
}

fn redis_binding(
    trigger: &str,
    redis: &RedisSpec,
    loaded: &Loaded,
    variables: &Values,
) -> Result<RedisBinding, StartError> {
    let resolve = |key: &str, template: &Template| {
        template
            .resolve(|name| variables.get(name).cloned())
            .map_err(|error| StartError::Template {
                what: format!("trigger {trigger:?}: {key}"),
                reason: error.to_string(),
            })
    };
    Ok(RedisBinding {
        trigger: trigger.to_owned(),
        address: resolve("address", &redis.address)?,
        channel: resolve("channel", &redis.channel)?,
        function: loaded.function(&redis.component)?,
    })
}

impl Running {
    /// Lets running calls end, at most for `drain` each.
    pub(crate) async fn stop(self, drain: Duration) {
        let (_, cut_off) = tokio::join!(self.redis.stop(drain), self.cron.stop(drain));
        if cut_off > 0 {
            tracing::warn!(cut_off, "scheduled calls were cut off");
        }
    }
}
