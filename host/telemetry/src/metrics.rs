//! What Prometheus sees.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64};
use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// Upper bounds of the latency histogram, in seconds.
const LATENCY_BUCKETS_SECONDS: [f64; 14] = [
    0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0,
];

/// What started a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TriggerKind {
    /// An HTTP request.
    Http,
    /// A Redis message.
    Redis,
    /// A schedule.
    Cron,
}

impl EncodeLabelValue for TriggerKind {
    fn encode(&self, encoder: &mut LabelValueEncoder) -> fmt::Result {
        let name = match self {
            Self::Http => "http",
            Self::Redis => "redis",
            Self::Cron => "cron",
        };
        name.encode(encoder)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ComponentLabel {
    component: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CallLabels {
    component: String,
    trigger: TriggerKind,
    outcome: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StatusLabels {
    component: String,
    status: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FailureLabels {
    component: String,
    kind: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EventLabels {
    source: String,
    event: String,
}

/// Every metric of the process.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    families: Families,
}

#[derive(Clone)]
struct Families {
    http_duration: Family<StatusLabels, Histogram, fn() -> Histogram>,
    message_delay: Family<ComponentLabel, Histogram, fn() -> Histogram>,
    calls: Family<CallLabels, Counter>,
    failures: Family<FailureLabels, Counter>,
    instances: Family<ComponentLabel, Gauge<i64, AtomicI64>>,
    instances_made: Family<ComponentLabel, Counter>,
    running: Family<ComponentLabel, Gauge<i64, AtomicI64>>,
    cpu: Family<ComponentLabel, Counter<f64, AtomicU64>>,
    events: Family<EventLabels, Counter>,
}

fn latency_histogram() -> Histogram {
    Histogram::new(LATENCY_BUCKETS_SECONDS)
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// An empty set of metrics.
    pub fn new() -> Self {
        let families = Families {
            http_duration: Family::new_with_constructor(latency_histogram),
            message_delay: Family::new_with_constructor(latency_histogram),
            calls: Family::default(),
            failures: Family::default(),
            instances: Family::default(),
            instances_made: Family::default(),
            running: Family::default(),
            cpu: Family::default(),
            events: Family::default(),
        };
        let mut registry = Registry::default();
        registry.register_with_unit(
            "http_request_duration",
            "Time from a request's head to the end of its answer",
            Unit::Seconds,
            families.http_duration.clone(),
        );
        registry.register_with_unit(
            "event_bus_processing_delay",
            "Time from a message's arrival to the end of its handling",
            Unit::Seconds,
            families.message_delay.clone(),
        );
        registry.register(
            "function_calls",
            "Calls of a component by trigger and outcome",
            families.calls.clone(),
        );
        registry.register(
            "function_failures",
            "Calls that a component or its limits ended, by kind",
            families.failures.clone(),
        );
        registry.register(
            "function_instances",
            "Instances alive now",
            families.instances.clone(),
        );
        registry.register(
            "function_instances_made",
            "Instances made since the start",
            families.instances_made.clone(),
        );
        registry.register(
            "function_calls_running",
            "Calls running now",
            families.running.clone(),
        );
        registry.register_with_unit(
            "function_cpu",
            "Time spent running a component's code and the host calls it waits for",
            Unit::Seconds,
            families.cpu.clone(),
        );
        registry.register(
            "host_events",
            "Things that happened to the host, such as reconnections and full queues",
            families.events.clone(),
        );
        Self {
            registry: Arc::new(registry),
            families,
        }
    }

    /// The metrics of one component, looked up once.
    pub fn component(&self, component: &str) -> ComponentMetrics {
        let label = ComponentLabel {
            component: component.to_owned(),
        };
        ComponentMetrics {
            component: component.to_owned(),
            families: self.families.clone(),
            instances: self.families.instances.get_or_create_owned(&label),
            instances_made: self.families.instances_made.get_or_create_owned(&label),
            running: self.families.running.get_or_create_owned(&label),
            cpu: self.families.cpu.get_or_create_owned(&label),
        }
    }

    /// A counter of something that happens to the host, looked up once.
    pub fn event(&self, source: &str, event: &str) -> Counter {
        self.families.events.get_or_create_owned(&EventLabels {
            source: source.to_owned(),
            event: event.to_owned(),
        })
    }

    /// All metrics in the text format that Prometheus reads.
    ///
    /// # Errors
    /// When a metric cannot be written as text.
    pub fn encode(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

/// The metrics of one component.
pub struct ComponentMetrics {
    component: String,
    families: Families,
    instances: Gauge<i64, AtomicI64>,
    instances_made: Counter,
    running: Gauge<i64, AtomicI64>,
    cpu: Counter<f64, AtomicU64>,
}

impl ComponentMetrics {
    /// What is counted of HTTP requests, looked up once; only a component that
    /// answers them has it.
    pub fn http(&self) -> HttpMetrics {
        let status_classes = [2u8, 3, 4, 5].map(|class| {
            self.families
                .http_duration
                .get_or_create_owned(&StatusLabels {
                    component: self.component.clone(),
                    status: format!("{class}xx"),
                })
        });
        HttpMetrics { status_classes }
    }

    /// What is measured of messages, looked up once; only a component that handles
    /// them has it.
    pub fn messages(&self) -> MessageMetrics {
        let label = ComponentLabel {
            component: self.component.clone(),
        };
        MessageMetrics {
            delay: self.families.message_delay.get_or_create_owned(&label),
        }
    }

    /// A call that is not HTTP ended; `outcome` is `ok` or a kind of failure.
    pub fn call_ended(&self, trigger: TriggerKind, outcome: &str) {
        self.families
            .calls
            .get_or_create_owned(&CallLabels {
                component: self.component.clone(),
                trigger,
                outcome: outcome.to_owned(),
            })
            .inc();
    }

    /// A call failed; `kind` as in `FailureKind::as_str`.
    pub fn failed(&self, kind: &str) {
        self.families
            .failures
            .get_or_create_owned(&FailureLabels {
                component: self.component.clone(),
                kind: kind.to_owned(),
            })
            .inc();
    }

    /// An instance was made.
    pub fn instance_made(&self) {
        self.instances.inc();
        self.instances_made.inc();
    }

    /// An instance was dropped.
    pub fn instance_dropped(&self) {
        self.instances.dec();
    }

    /// A call started.
    pub fn call_started(&self) {
        self.running.inc();
    }

    /// A call ended after using `cpu`.
    pub fn call_finished(&self, cpu: Duration) {
        self.running.dec();
        self.cpu.inc_by(cpu.as_secs_f64());
    }
}

/// The metrics of a component that answers HTTP requests.
pub struct HttpMetrics {
    status_classes: [Histogram; 4],
}

impl HttpMetrics {
    /// A request was answered with `status` after `duration`.
    pub fn answered(&self, status: u16, duration: Duration) {
        let class = usize::from((status / 100).clamp(2, 5)) - 2;
        if let Some(histogram) = self.status_classes.get(class) {
            histogram.observe(duration.as_secs_f64());
        }
    }
}

/// The metrics of a component that handles messages.
pub struct MessageMetrics {
    delay: Histogram,
}

impl MessageMetrics {
    /// A message was handled, well or badly, `delay` after it had arrived.
    pub fn handled(&self, delay: Duration) {
        self.delay.observe(delay.as_secs_f64());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_is_labelled_by_component() {
        let metrics = Metrics::new();
        let component = metrics.component("hello");
        let http = component.http();
        http.answered(204, Duration::from_millis(3));
        http.answered(599, Duration::from_millis(3));
        component.messages().handled(Duration::from_secs(6));
        component.call_ended(TriggerKind::Cron, "ok");
        component.failed("trap");
        component.instance_made();
        let text = metrics.encode().unwrap();
        for line in [
            r#"http_request_duration_seconds_count{component="hello",status="2xx"} 1"#,
            r#"http_request_duration_seconds_count{component="hello",status="5xx"} 1"#,
            r#"event_bus_processing_delay_seconds_bucket{le="5.0",component="hello"} 0"#,
            r#"event_bus_processing_delay_seconds_count{component="hello"} 1"#,
            r#"function_calls_total{component="hello",trigger="cron",outcome="ok"} 1"#,
            r#"function_failures_total{component="hello",kind="trap"} 1"#,
            r#"function_instances{component="hello"} 1"#,
        ] {
            assert!(text.contains(line), "{line} is missing in\n{text}");
        }
    }

    #[test]
    fn components_without_requests_have_no_series_of_them() {
        let metrics = Metrics::new();
        let _component = metrics.component("job");
        let text = metrics.encode().unwrap();
        assert!(!text.contains("http_request_duration_seconds_"), "{text}");
    }
}
