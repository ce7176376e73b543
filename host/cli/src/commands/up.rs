//! `suoke up`: runs an application until it is told to stop.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Parser;
use host_app::{App, HttpRoute, TriggerSpec};
use host_engine::EngineOptions;
use host_runtime::{Bounds, FileOptions, Follow, Host, HostOptions};
use host_settings::{Folder, Settings};
use host_telemetry::LogFormat;
use host_trigger_http::{HttpOptions, TlsFiles};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::args::{Cli, Command, Format, Source, UpArgs};
use crate::commands::{build, source};
use crate::exit::CommandError;

const RUNTIME_CONFIG: &str = "runtime-config.toml";
const STATE_DIR: &str = ".spin";
/// Threads for messages, schedules and operators; requests have their own.
const BACKGROUND_THREADS: usize = 2;
/// How often a thread gives other tasks their turn while a component computes.
const EVENT_INTERVAL: u32 = 7;

/// Runs the application that the arguments name.
pub(crate) fn run(args: &UpArgs) -> Result<(), CommandError> {
    host_telemetry::init_logs(LogFormat::for_stderr());
    if args.build {
        build::build(&args.source)?;
    }
    let environment = args.environment.iter().cloned().collect();
    let app = source::load(&args.source, environment, true)?;
    let settings = settings(&app, args)?;
    let options = options(&app, &settings, args)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(BACKGROUND_THREADS)
        .event_interval(EVENT_INTERVAL)
        .enable_all()
        .build()
        .map_err(CommandError::running)?;
    let outcome = runtime.block_on(serve(&app, &settings, &options, args.output.format));
    // What still runs after the time to drain is cut off.
    runtime.shutdown_background();
    outcome
}

/// Runs the application after `suoke build --up`.
pub(crate) fn run_after_build(source: &Source, up_args: &[String]) -> Result<(), CommandError> {
    let words = ["suoke".to_owned(), "up".to_owned()];
    let parsed = Cli::try_parse_from(words.iter().chain(up_args))
        .map_err(|error| CommandError::input(error.to_string()))?;
    let Command::Up(mut args) = parsed.command else {
        return Err(CommandError::input(
            "what follows --up must be arguments of up",
        ));
    };
    args.source = source.clone();
    run(&args)
}

async fn serve(
    app: &App,
    settings: &Settings,
    options: &HostOptions,
    format: Format,
) -> Result<(), CommandError> {
    let mut interrupt = signal(SignalKind::interrupt()).map_err(CommandError::running)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(CommandError::running)?;
    let host = Host::build(app, settings, options)
        .await
        .map_err(CommandError::input)?;
    announce(app, &host, format);
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(async move {
        for _ in 0..2 {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if stop.send_replace(true) {
                tracing::warn!("asked to stop twice: not waiting any longer");
                std::process::exit(1);
            }
            tracing::info!("stopping: running calls may end");
        }
    });
    host.run(stopped).await.map_err(CommandError::running)
}

fn settings(app: &App, args: &UpArgs) -> Result<Settings, CommandError> {
    let beside = app.root.join(RUNTIME_CONFIG);
    let path = args
        .runtime_config_file
        .clone()
        .or_else(|| beside.is_file().then_some(beside));
    host_settings::load(path.as_deref()).map_err(|error| CommandError::File(Box::new(error)))
}

fn options(app: &App, settings: &Settings, args: &UpArgs) -> Result<HostOptions, CommandError> {
    let state_dir = folder(
        args.state_dir.clone(),
        &settings.state_dir,
        Some(app.root.join(STATE_DIR)),
    );
    let log_dir = folder(
        args.output.log_dir.clone(),
        &settings.log_dir,
        state_dir.as_ref().map(|folder| folder.join("logs")),
    );
    Ok(HostOptions {
        http: http_options(args),
        engine: engine_options(args),
        admin_listen: args.listen.admin_listen,
        variables: variables(args)?,
        state_dir,
        log_dir,
        truncate_logs: args.output.truncate_logs,
        follow: follow(app, args)?,
        files: FileOptions {
            direct: args.direct_mounts,
            writable: args.allow_transient_write,
        },
        bounds: bounds(settings, args),
        key_values: args.key_values.clone(),
        statements: args
            .statements
            .iter()
            .map(|text| statement(text))
            .collect::<Result<_, _>>()?,
    })
}

fn bounds(settings: &Settings, args: &UpArgs) -> Bounds {
    let configured = settings.max_instance_memory;
    Bounds {
        memory_bytes_max: args
            .engine
            .max_instance_memory
            .or(configured.and_then(|bytes| usize::try_from(bytes).ok())),
        deadline_ms: args.engine.request_timeout,
        reuse_count_max: args.engine.max_instance_reuse_count,
        idle_ms_max: args.engine.idle_instance_timeout,
    }
}

/// The label of the database and the SQL of `SQL|@FILE[:LABEL]`.
fn statement(text: &str) -> Result<(String, String), CommandError> {
    let Some(file) = text.strip_prefix('@') else {
        return Ok(("default".to_owned(), text.to_owned()));
    };
    let (path, label) = file.rsplit_once(':').unwrap_or((file, "default"));
    let sql = std::fs::read_to_string(path).map_err(|error| {
        CommandError::input(format!("--sqlite {text}: cannot read {path}: {error}"))
    })?;
    Ok((label.to_owned(), sql))
}

/// The command line goes before the settings, they before the default; an empty
/// path means none.
fn folder(
    argument: Option<PathBuf>,
    setting: &Folder,
    default: Option<PathBuf>,
) -> Option<PathBuf> {
    match (argument, setting) {
        (Some(path), _) => (!path.as_os_str().is_empty()).then_some(path),
        (None, Folder::At(path)) => Some(path.clone()),
        (None, Folder::Off) => None,
        (None, Folder::Default) => default,
    }
}

fn http_options(args: &UpArgs) -> HttpOptions {
    let defaults = HttpOptions::default();
    let tls = args
        .listen
        .tls_cert
        .clone()
        .zip(args.listen.tls_key.clone());
    HttpOptions {
        listen: args.listen.listen,
        find_free_port: args.listen.find_free_port,
        tls: tls.map(|(certificate, key)| TlsFiles { certificate, key }),
        workers: args.listen.workers.map_or(defaults.workers, usize::from),
        head_bytes_max: args
            .listen
            .http1_max_buf_size
            .and_then(|bytes| usize::try_from(bytes).ok())
            .unwrap_or(defaults.head_bytes_max),
        ..defaults
    }
}

fn engine_options(args: &UpArgs) -> EngineOptions {
    EngineOptions {
        cache_dir: (!args.engine.disable_cache)
            .then(|| args.engine.cache_dir.clone().or_else(user_cache))
            .flatten()
            .map(|folder| folder.join("compiled")),
        instances_max: args.engine.max_instance_count,
        pooling: !args.engine.disable_pooling,
        debug_info: args.engine.debug_info,
    }
}

fn user_cache() -> Option<PathBuf> {
    let folder = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let base = folder("XDG_CACHE_HOME").or_else(|| Some(folder("HOME")?.join(".cache")))?;
    Some(base.join("suoke"))
}

fn variables(args: &UpArgs) -> Result<BTreeMap<String, String>, CommandError> {
    let read = |(key, value): &(String, String)| match value.strip_prefix('@') {
        None => Ok((key.clone(), value.clone())),
        Some(path) => std::fs::read_to_string(path)
            .map(|text| (key.clone(), text))
            .map_err(|error| {
                CommandError::input(format!("--variable {key}: cannot read {path}: {error}"))
            }),
    };
    args.variables.iter().map(read).collect()
}

fn follow(app: &App, args: &UpArgs) -> Result<Follow, CommandError> {
    if args.output.quiet {
        return Ok(Follow::Nothing);
    }
    if args.output.follow.is_empty() {
        return Ok(Follow::All);
    }
    let unknown = |id: &&String| !app.components.contains_key(*id);
    if let Some(id) = args.output.follow.iter().find(unknown) {
        let known: Vec<&str> = app.components.keys().map(String::as_str).collect();
        return Err(CommandError::input(format!(
            "--follow {id}: there is no such component; there are: {}",
            known.join(", ")
        )));
    }
    Ok(Follow::Only(args.output.follow.clone()))
}

/// Tells where the application is served: the first line is what scripts wait for.
fn announce(app: &App, host: &Host, format: Format) {
    let url = host.url().unwrap_or_default();
    if format == Format::Json {
        println!("{}", routes_as_json(app, &url));
        return;
    }
    if !url.is_empty() {
        println!("Serving {url}");
        println!("Available Routes:");
        for (component, route, description) in routes(app) {
            let (path, wildcard) = match route.strip_suffix("/...") {
                Some(path) => (path, " (wildcard)"),
                None => (route, ""),
            };
            println!("  {component}: {url}{path}{wildcard}");
            if !description.is_empty() {
                println!("    {description}");
            }
        }
    }
    announce_background(app);
    if let Some(address) = &app.options.embedded_redis {
        println!("Embedded Redis: connections to {address} stay in this process");
    }
    if let Some(address) = host.admin_address() {
        println!("Metrics and health: http://{address}/metrics /health/ready /components /cron");
    }
}

fn announce_background(app: &App) {
    let (mut channels, mut schedules) = (Vec::new(), Vec::new());
    for trigger in &app.triggers {
        match &trigger.spec {
            TriggerSpec::Http(_) => {}
            TriggerSpec::Redis(redis) => {
                channels.push(format!("  {}: {}", redis.component, redis.channel));
            }
            TriggerSpec::Cron(cron) => {
                let zone = cron.policy.time_zone.name();
                let zone = if zone == "UTC" {
                    String::new()
                } else {
                    format!(" ({zone})")
                };
                schedules.push(format!("  {}: {}{zone}", cron.component, cron.expression));
            }
        }
    }
    for (title, lines) in [
        ("Active Channels:", channels),
        ("Schedules (UTC):", schedules),
    ] {
        if !lines.is_empty() {
            println!("{title}\n{}", lines.join("\n"));
        }
    }
}

/// Component, route and description of every public route.
fn routes(app: &App) -> impl Iterator<Item = (&str, &str, &str)> {
    app.triggers.iter().filter_map(|trigger| {
        let TriggerSpec::Http(http) = &trigger.spec else {
            return None;
        };
        let HttpRoute::Pattern(route) = &http.route else {
            return None;
        };
        let id = trigger.spec.component().unwrap_or(&trigger.id);
        let component = app.components.get(id);
        let description = component.map_or("", |component| component.description.as_str());
        let id = component.map_or(id, |component| component.id.as_str());
        Some((id, route.as_str(), description))
    })
}

fn routes_as_json(app: &App, url: &str) -> serde_json::Value {
    let route = |(id, route, description): (&str, &str, &str)| {
        serde_json::json!({
            "id": id,
            "route": format!("{url}{}", route.strip_suffix("/...").unwrap_or(route)),
            "wildcard": Path::new(route).ends_with("..."),
            "description": description,
        })
    };
    serde_json::json!({ "base_url": url, "routes": routes(app).map(route).collect::<Vec<_>>() })
}
