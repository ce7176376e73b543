//! `[component.NAME]`

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use host_app::{Build, Component, Limits, Template};
use host_spanned_toml::{Table, Value};

use crate::dependency::{self, DependencyDraft};
use crate::files::{self, Files};
use crate::names::{self, NameRule};
use crate::{Context, application, outbound, tool};

/// A component as written, before it is known what the others are.
pub(crate) struct Draft<'d> {
    pub(crate) component: Component,
    pub(crate) source: Option<Value<'d>>,
    pub(crate) files: Files<'d>,
    pub(crate) dependencies: Vec<DependencyDraft<'d>>,
    /// Components it calls, and where it says so; `*` stands for all.
    pub(crate) chained: Vec<(String, Value<'d>)>,
    /// Keys of the permissions and resources it has.
    pub(crate) permissions: Vec<&'static str>,
    pub(crate) profiles: Vec<String>,
}

/// Reads every `[component.NAME]`.
pub(crate) fn read_all<'d>(
    context: &Context<'_>,
    limits: &Limits,
    root: &Table<'d>,
) -> BTreeMap<String, Draft<'d>> {
    let components = root.get("component");
    if let Some(list) = components.as_ref().filter(|value| value.is_array()) {
        list.fail_key(
            "components are tables with their id as the name",
            "write [component.ID] instead of [[component]] with an id",
        );
        return BTreeMap::new();
    }
    let Some(table) = components.and_then(|value| value.table()) else {
        return BTreeMap::new();
    };
    let drafts = table.entries().into_iter().filter_map(|(id, value)| {
        if !value.is_table() {
            value.fail_key(
                "components are tables with their id as the name",
                "write [component.ID] for each",
            );
            return None;
        }
        names::report(NameRule::Kebab, id, &value, true);
        Some((id.to_owned(), read_one(context, limits, id, &value)?))
    });
    drafts.collect()
}

/// Reads one component from its table.
pub(crate) fn read_one<'d>(
    context: &Context<'_>,
    limits: &Limits,
    id: &str,
    value: &Value<'d>,
) -> Option<Draft<'d>> {
    let table = value.table()?;
    let source = table.require("source", "add source = \"FILE.wasm\"");
    let outbound = outbound::read(context, &table);
    let inherit_all = table.get("dependencies_inherit_configuration");
    let (limits, acknowledges) = read_tool(&table, limits);
    let mut draft = Draft {
        component: Component {
            id: id.to_owned(),
            description: table.string("description").unwrap_or_default().to_owned(),
            source: read_source(context, source.as_ref()),
            files: Vec::new(),
            environment: read_environment(&table),
            variables: read_variables(context, &table),
            allowed_outbound_hosts: outbound.hosts,
            key_value_stores: read_labels(&table, "key_value_stores"),
            sqlite_databases: read_labels(&table, "sqlite_databases"),
            build: table.table("build").map(read_build),
            dependencies: Vec::new(),
            middleware: Vec::new(),
            limits,
            acknowledges,
        },
        source,
        files: files::read(&table),
        dependencies: dependency::read_all(context, &table, inherit_all.as_ref()),
        chained: outbound.chained,
        permissions: Vec::new(),
        profiles: Vec::new(),
    };
    let has_models = !table.strings("ai_models").is_empty();
    draft.permissions = permissions(&draft, has_models);
    application::read_targets(&table);
    read_profiles(context, &table, inherit_all.as_ref(), &mut draft);
    table.finish();
    draft
        .component
        .environment
        .extend(context.options.environment.clone());
    Some(draft)
}

fn permissions(draft: &Draft<'_>, has_models: bool) -> Vec<&'static str> {
    let component = &draft.component;
    let all = [
        ("ai_models", has_models),
        (
            "allowed_outbound_hosts",
            !component.allowed_outbound_hosts.is_empty(),
        ),
        ("dependencies", !draft.dependencies.is_empty()),
        ("environment", !component.environment.is_empty()),
        ("files", !draft.files.is_empty()),
        ("key_value_stores", !component.key_value_stores.is_empty()),
        ("sqlite_databases", !component.sqlite_databases.is_empty()),
        ("variables", !component.variables.is_empty()),
    ];
    all.into_iter()
        .filter_map(|(key, has)| has.then_some(key))
        .collect()
}

/// The path of a wasm file; empty, and reported, when it is none.
fn read_source(context: &Context<'_>, source: Option<&Value<'_>>) -> PathBuf {
    let Some(source) = source else {
        return PathBuf::new();
    };
    if source.is_table() {
        source.fail(
            "only local files are supported so far",
            "download the component, and write source = \"FILE.wasm\"",
        );
        return PathBuf::new();
    }
    match source.string() {
        Some("") => {
            source.fail("the path is empty", "write source = \"FILE.wasm\"");
            PathBuf::new()
        }
        Some(path) => context.root.join(path),
        None => PathBuf::new(),
    }
}

fn read_environment(table: &Table<'_>) -> BTreeMap<String, String> {
    let Some(environment) = table.table("environment") else {
        return BTreeMap::new();
    };
    let variables = environment
        .entries()
        .into_iter()
        .filter_map(|(name, value)| {
            if name.is_empty() || name.contains(['=', '\0']) {
                value.fail_key(
                    format!("{name:?} is not the name of an environment variable"),
                    "write a name without '='",
                );
            }
            Some((name.to_owned(), value.string()?.to_owned()))
        });
    variables.collect()
}

fn read_variables(context: &Context<'_>, table: &Table<'_>) -> BTreeMap<String, Template> {
    let Some(variables) = table.table("variables") else {
        return BTreeMap::new();
    };
    let variables = variables.entries().into_iter().filter_map(|(name, value)| {
        names::report(NameRule::LowerSnake, name, &value, true);
        Some((name.to_owned(), context.template(&value)?))
    });
    variables.collect()
}

fn read_labels(table: &Table<'_>, key: &'static str) -> Vec<String> {
    let labels = table.strings(key).into_iter().filter_map(|(label, value)| {
        names::report(NameRule::Label, label, &value, false).then(|| label.to_owned())
    });
    labels.collect()
}

/// What stands in `[component.NAME.tool.suoke]`.
fn read_tool(table: &Table<'_>, base: &Limits) -> (Limits, Option<bool>) {
    let Some(suoke) = tool::read(table) else {
        return (base.clone(), None);
    };
    let limits = tool::read_limits(&suoke, base);
    let acknowledges = suoke.boolean("acknowledges");
    suoke.finish();
    (limits, acknowledges)
}

fn read_build(table: Table<'_>) -> Build {
    let workdir = table.get("workdir");
    let build = Build {
        commands: read_commands(&table),
        workdir: workdir.as_ref().and_then(read_workdir),
        watch: table
            .strings("watch")
            .into_iter()
            .filter_map(|(pattern, value)| files::check_pattern(pattern, &value))
            .collect(),
    };
    table.finish();
    build
}

/// One command, or several that run in order.
fn read_commands(table: &Table<'_>) -> Vec<String> {
    let mend = "add command = \"cargo build --target wasm32-wasip2 --release\"";
    let Some(value) = table.require("command", mend) else {
        return Vec::new();
    };
    let commands = if value.is_array() {
        value.array().unwrap_or_default()
    } else {
        vec![value.clone()]
    };
    let texts: Vec<_> = commands.iter().map(Value::string).collect();
    let has_text = |text: &Option<&str>| text.is_none_or(|text| !text.trim().is_empty());
    if texts.is_empty() || !texts.iter().all(has_text) {
        value.fail(
            "there is no command to run",
            "write what builds the component",
        );
    }
    texts.into_iter().flatten().map(str::to_owned).collect()
}

fn read_workdir(value: &Value<'_>) -> Option<PathBuf> {
    let path = Path::new(value.string()?);
    if path.is_absolute() {
        value.fail(
            "the folder is absolute",
            "write it relative to the folder of the manifest",
        );
    }
    Some(path.to_owned())
}

/// Reads all profiles, so that none is wrong, and applies the selected one.
fn read_profiles<'d>(
    context: &Context<'_>,
    table: &Table<'d>,
    inherit_all: Option<&Value<'d>>,
    draft: &mut Draft<'d>,
) {
    let Some(profiles) = table.table("profile") else {
        return;
    };
    for (name, value) in profiles.entries() {
        names::report(NameRule::Kebab, name, &value, true);
        draft.profiles.push(name.to_owned());
        let Some(profile) = value.table() else {
            continue;
        };
        let source = profile.get("source");
        let path = read_source(context, source.as_ref());
        let environment = read_environment(&profile);
        let dependencies = dependency::read_all(context, &profile, inherit_all);
        let commands = profile.table("build").map(|build| {
            let commands = read_commands(&build);
            build.finish();
            commands
        });
        profile.finish();
        if context.options.profile.as_deref() != Some(name) {
            continue;
        }
        if source.is_some() {
            draft.source = source;
            draft.component.source = path;
        }
        draft.component.environment.extend(environment);
        dependency::merge(&mut draft.dependencies, dependencies);
        if let Some(commands) = commands {
            draft.component.build.get_or_insert_default().commands = commands;
        }
    }
}
