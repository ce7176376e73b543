//! Compiles and links every component that a trigger starts.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZero;
use std::path::Path;
use std::sync::Arc;

use futures::stream::{self, StreamExt, TryStreamExt};
use host_app::{App, Trigger, TriggerSpec};
use host_embedded_redis::EmbeddedRedis;
use host_engine::{Engine, Function, FunctionParts, Interface, LoadError};
use host_interface_application::Application;
use host_interface_key_value::KeyValue;
use host_interface_outbound_http::OutboundHttp;
use host_interface_postgres::{Postgres, Stats as PostgresStats};
use host_interface_redis::OutboundRedis;
use host_interface_sqlite::Sqlite;
use host_interface_variables::Variables as OwnVariables;
use host_settings::Settings;
use host_telemetry::Metrics;
use host_trigger_http::{HttpApp, HttpFunction};

use crate::error::StartError;
use crate::files;
use crate::options::HostOptions;
use crate::output::GuestLog;
use crate::stores::{self, Stores};
use crate::variables::{Values, Variables};

/// Everything that is loaded, by component.
pub(crate) struct Loaded {
    pub(crate) functions: BTreeMap<String, Arc<Function>>,
    pub(crate) outbound_http: Arc<OutboundHttp>,
    pub(crate) embedded_redis: Option<(String, EmbeddedRedis)>,
    pub(crate) postgres: Arc<PostgresStats>,
}

/// Opens the stores, then loads all components side by side.
pub(crate) async fn load(
    app: &App,
    settings: &Settings,
    options: &HostOptions,
    metrics: &Metrics,
    variables: &Arc<Variables>,
) -> Result<Loaded, StartError> {
    let stores = stores::open(settings, options).await?;
    let embedded_redis = stores::embedded_redis(app, settings, options).await?;
    let lookup = variables.at_start().clone();
    let outbound_http = Arc::new(OutboundHttp::new(
        stores::outbound_http(settings),
        move |name| lookup.get(name).cloned(),
    ));
    let lookup = variables.at_start().clone();
    let postgres = Postgres::new(stores::outbound_postgres(settings), move |name| {
        lookup.get(name).cloned()
    });
    let postgres_stats = postgres.stats();
    let mut interfaces = interfaces(settings, stores, &embedded_redis, &outbound_http, variables);
    interfaces.push(Arc::new(postgres));
    interfaces.push(Arc::new(application(app, variables.at_start())?));
    let engine = Arc::new(Engine::new(&options.engine, interfaces)?);
    let functions = load_functions(app, options, metrics, &engine).await?;
    Ok(Loaded {
        functions,
        outbound_http,
        embedded_redis,
        postgres: postgres_stats,
    })
}

/// What components may know about the application.
fn application(app: &App, variables: &Values) -> Result<Application, StartError> {
    let lookup = |name: &str| variables.get(name).map(String::as_str);
    Application::new(app, lookup).map_err(|error| StartError::Template {
        what: "a channel of the application".to_owned(),
        reason: error.to_string(),
    })
}

fn interfaces(
    settings: &Settings,
    stores: Stores,
    embedded_redis: &Option<(String, EmbeddedRedis)>,
    outbound_http: &Arc<OutboundHttp>,
    variables: &Arc<Variables>,
) -> Vec<Arc<dyn Interface>> {
    let (for_variables, for_redis) = (variables.clone(), variables.at_start().clone());
    vec![
        Arc::new(KeyValue::new(stores.key_value)),
        Arc::new(Sqlite::new(stores.sqlite)),
        Arc::new(OwnVariables::new(Arc::new(move |name| {
            for_variables.get(name)
        }))),
        Arc::new(OutboundRedis::new(
            stores::outbound_redis(settings, embedded_redis.clone()),
            move |name: &str| for_redis.get(name).cloned(),
        )),
        outbound_http.clone(),
    ]
}

async fn load_functions(
    app: &App,
    options: &HostOptions,
    metrics: &Metrics,
    engine: &Arc<Engine>,
) -> Result<BTreeMap<String, Arc<Function>>, StartError> {
    let output = GuestLog::new(
        options.log_dir.as_deref(),
        options.truncate_logs,
        options.follow.clone(),
    )
    .map_err(|reason| StartError::Folder {
        path: options.log_dir.clone().unwrap_or_default(),
        reason,
    })?;
    let output = Arc::new(output);
    let assets = match &options.state_dir {
        Some(folder) => folder.join("assets"),
        None => std::env::temp_dir().join(format!("suoke-assets-{}", std::process::id())),
    };
    let mut waiting = Vec::new();
    for (id, component) in &app.components {
        let started = app
            .triggers
            .iter()
            .any(|trigger| trigger.spec.component() == Some(id));
        if !started {
            continue;
        }
        let parts = parts(component, options, metrics, output.clone(), &assets)?;
        waiting.push((id.clone(), component.clone(), parts));
    }
    // What compiles needs the memory of many files: no more at once than cores.
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    stream::iter(waiting)
        .map(|(id, component, parts)| {
            let engine = engine.clone();
            let loading = tokio::task::spawn_blocking(move || engine.load(&component, parts));
            async move {
                let function = loading
                    .await
                    .map_err(|error| StartError::Loader(error.to_string()))??;
                Ok((id, Arc::new(function)))
            }
        })
        .buffer_unordered(cores)
        .try_collect()
        .await
}

fn parts(
    component: &host_app::Component,
    options: &HostOptions,
    metrics: &Metrics,
    output: Arc<GuestLog>,
    assets: &Path,
) -> Result<FunctionParts, StartError> {
    let mounts =
        files::lay_out(component, assets, options.files).map_err(|reason| StartError::Files {
            component: component.id.clone(),
            reason,
        })?;
    let mut limits = component.limits.clone();
    options.bounds.apply(&mut limits);
    Ok(FunctionParts {
        id: component.id.as_str().into(),
        limits,
        environment: component.environment.clone().into_iter().collect(),
        mounts,
        output,
        metrics: metrics.component(&component.id),
    })
}

impl Loaded {
    /// The functions that answer requests; `None` when the application has no
    /// HTTP trigger.
    pub(crate) fn http_app(&self, app: &App) -> Result<Option<Arc<HttpApp>>, StartError> {
        let mut any = false;
        let mut functions = HashMap::new();
        for trigger in &app.triggers {
            if !matches!(trigger.spec, TriggerSpec::Http(_)) {
                continue;
            }
            any = true;
            let Some(id) = trigger.spec.component() else {
                continue;
            };
            if !functions.contains_key(id) {
                let function = HttpFunction::new(self.function(id)?)?;
                functions.insert(id.to_owned(), Arc::new(function));
            }
        }
        if !any {
            return Ok(None);
        }
        Ok(Some(Arc::new(HttpApp::new(app, functions)?)))
    }

    /// The function of a component that a trigger names.
    pub(crate) fn function(&self, id: &str) -> Result<Arc<Function>, StartError> {
        self.functions.get(id).cloned().ok_or_else(|| {
            StartError::Load(LoadError::Refused {
                component: id.to_owned(),
                reason: "a trigger names it, but the application has no such component".to_owned(),
            })
        })
    }

    /// What operators see of the application.
    pub(crate) fn describe(&self, app: &App) -> serde_json::Value {
        let component = |(id, function): (&String, &&Arc<Function>)| {
            let limits = function.limits();
            let is_of = |trigger: &&Trigger| {
                let component = trigger
                    .spec
                    .component()
                    .and_then(|id| app.components.get(id));
                component.is_some_and(|component| component.id == *id)
            };
            let triggers = app.triggers.iter().filter(is_of);
            let triggers: Vec<String> = triggers
                .map(|trigger| describe_trigger(&trigger.spec))
                .collect();
            serde_json::json!({
                "id": id,
                "triggers": triggers,
                "limits": {
                    "deadline_ms": limits.deadline_ms,
                    "cpu_ms": limits.cpu_ms,
                    "memory_bytes_max": limits.memory_bytes_max,
                    "concurrency_max": limits.concurrency_max,
                    "queue_max": limits.queue_max,
                    "queue_wait_ms": limits.queue_wait_ms,
                    "body_bytes_max": limits.body_bytes_max,
                },
            })
        };
        // What stands for a component before different middleware is that component.
        let named = self.functions.values();
        let named: BTreeMap<String, &Arc<Function>> = named
            .map(|function| (function.id().to_string(), function))
            .collect();
        serde_json::json!({
            "name": app.name,
            "version": app.version,
            "components": named.iter().map(component).collect::<Vec<_>>(),
        })
    }
}

fn describe_trigger(spec: &TriggerSpec) -> String {
    match spec {
        TriggerSpec::Http(http) => match &http.route {
            host_app::HttpRoute::Pattern(route) => format!("http {route}"),
            host_app::HttpRoute::Private => "http (private)".to_owned(),
        },
        TriggerSpec::Redis(redis) => format!("redis {}", redis.channel),
        TriggerSpec::Cron(cron) => {
            format!(
                "cron {} ({})",
                cron.expression,
                cron.policy.time_zone.name()
            )
        }
    }
}
