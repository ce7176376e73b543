//! `[[trigger.KIND]]`

use std::collections::{BTreeMap, BTreeSet};

use host_app::{CronPolicy, CronTrigger, RedisTrigger, Template, Trigger, TriggerSpec};
use host_spanned_toml::{Problem, Table, Value};

use crate::Context;
use crate::application::Settings;
use crate::component::{self, Draft};
use crate::cron;
use crate::middleware::{self, Chains};
use crate::names::{self, NameRule};
use crate::trigger_http::{self, Routes};

/// The kinds of triggers there are.
pub(crate) const KINDS: [&str; 3] = ["http", "redis", "cron"];

/// A trigger as written.
struct Entry<'d> {
    kind: &'d str,
    value: Value<'d>,
    table: Table<'d>,
    id: Option<(&'d str, Value<'d>)>,
    component: Option<Value<'d>>,
}

/// Reads the triggers of all kinds, in the order of the manifest, and what is to
/// stand in front of their components. Components that are written inside of
/// triggers are added to the others.
pub(crate) fn read_all<'d>(
    context: &Context<'_>,
    settings: &Settings<'_>,
    root: &Table<'d>,
    components: &mut BTreeMap<String, Draft<'d>>,
) -> (Vec<Trigger>, Chains<'d>) {
    let entries = read_entries(root);
    let ids = read_ids(&entries);
    let schedules = entries.iter().zip(&ids);
    let schedules = schedules.filter(|(entry, _)| entry.kind == "cron");
    cron::check_names(&settings.cron, schedules.map(|(_, id)| id.as_str()));
    let mut routes = Routes::default();
    let mut triggers = Vec::new();
    let mut chains = Chains::new();
    for (entry, id) in entries.into_iter().zip(ids) {
        let component = read_component(context, settings, &entry, &id, components);
        let table = &entry.table;
        if entry.kind == "http" {
            chains.insert(id.clone(), middleware::read(context, table));
        }
        let spec = match entry.kind {
            "http" => trigger_http::read(table, component, &id, &mut routes).map(TriggerSpec::Http),
            "redis" => read_redis(context, settings, table, component).map(TriggerSpec::Redis),
            _ => read_cron(table, component, cron::policy(&settings.cron, &id))
                .map(TriggerSpec::Cron),
        };
        entry.table.finish();
        triggers.extend(spec.map(|spec| Trigger { id, spec }));
    }
    (triggers, chains)
}

fn read_entries<'d>(root: &Table<'d>) -> Vec<Entry<'d>> {
    let Some(kinds) = root.table("trigger") else {
        return Vec::new();
    };
    let mut entries = Vec::new();
    for (kind, value) in kinds.entries() {
        if !KINDS.contains(&kind) {
            report_unknown(kind, &value);
            continue;
        }
        if value.is_table() {
            value.fail_key(
                "triggers are a list",
                format!("write [[trigger.{kind}]] with two brackets"),
            );
            continue;
        }
        for value in value.array().unwrap_or_default() {
            let Some(table) = value.table() else {
                continue;
            };
            entries.push(Entry {
                kind,
                id: table.get("id").and_then(|id| Some((id.string()?, id))),
                component: table.get("component"),
                table,
                value,
            });
        }
    }
    entries.sort_by_key(|entry| entry.value.span().start);
    entries
}

/// Reports a kind of trigger that this host does not have.
pub(crate) fn report_unknown(kind: &str, value: &Value<'_>) {
    value.fail_key(
        format!("unknown trigger type {kind:?}"),
        names::did_you_mean(kind, "type", KINDS),
    );
}

/// The ids that are written, and for the others one that is free.
fn read_ids(entries: &[Entry<'_>]) -> Vec<String> {
    let mut seen: BTreeMap<&str, &Value<'_>> = BTreeMap::new();
    for (id, value) in entries.iter().filter_map(|entry| entry.id.as_ref()) {
        let Some(first) = seen.get(id) else {
            seen.insert(id, value);
            continue;
        };
        let sink = value.sink();
        let place = sink.place(&first.span());
        let problem = Problem::new(
            value.path(),
            format!("the trigger at {place} has the id {id:?} too"),
            "choose another id",
        );
        sink.report(problem.at(value.span()).also(first.span(), "the other"));
    }
    let mut taken: BTreeSet<String> = seen.into_keys().map(str::to_owned).collect();
    let ids = entries.iter().map(|entry| {
        let id = match &entry.id {
            Some((id, _)) => (*id).to_owned(),
            None => free_id(entry, &taken),
        };
        taken.insert(id.clone());
        id
    });
    ids.collect()
}

fn free_id(entry: &Entry<'_>, taken: &BTreeSet<String>) -> String {
    let kind = entry.kind;
    let component = entry.component.as_ref().filter(|value| value.is_string());
    let by_component = component
        .and_then(|component| component.string())
        .map(|component| format!("{component}-{kind}-trigger"));
    let numbered = (1..).map(|number: usize| format!("{kind}-trigger{number}"));
    by_component
        .into_iter()
        .chain(numbered)
        .find(|id| !taken.contains(id))
        .unwrap_or_default()
}

/// The id of the trigger's component.
fn read_component<'d>(
    context: &Context<'_>,
    settings: &Settings<'_>,
    entry: &Entry<'d>,
    trigger_id: &str,
    components: &mut BTreeMap<String, Draft<'d>>,
) -> Option<String> {
    let value = entry.component.as_ref()?;
    if value.is_table() {
        let id = inline_id(trigger_id, components);
        let draft = component::read_one(context, &settings.limits, &id, value)?;
        components.insert(id.clone(), draft);
        return Some(id);
    }
    let id = value.string()?;
    if !components.contains_key(id) {
        let ids = components.keys().map(String::as_str);
        value.fail(
            format!("there is no component {id:?}"),
            names::did_you_mean(id, "component", ids),
        );
    }
    Some(id.to_owned())
}

fn inline_id(trigger_id: &str, components: &BTreeMap<String, Draft<'_>>) -> String {
    let natural = Some(format!("{trigger_id}-component"));
    let natural = natural.filter(|id| names::check(NameRule::Kebab, id).is_ok());
    let numbered = (1..).map(|number: usize| format!("inline-component{number}"));
    natural
        .into_iter()
        .chain(numbered)
        .find(|id| !components.contains_key(id))
        .unwrap_or_default()
}

fn require_component(table: &Table<'_>, component: Option<String>) -> Option<String> {
    table.require("component", "add component = \"ID\"")?;
    component
}

fn read_redis(
    context: &Context<'_>,
    settings: &Settings<'_>,
    table: &Table<'_>,
    component: Option<String>,
) -> Option<RedisTrigger> {
    let component = require_component(table, component);
    let channel = table
        .require("channel", "add channel = \"NAME\"")
        .and_then(|channel| context.template(&channel));
    let address = match table.get("address") {
        Some(address) => redis_address(context, &address),
        None if settings.redis_address.is_some() => settings.redis_address.clone(),
        None => {
            table.require(
                "address",
                "add address = \"redis://127.0.0.1:6379\" here or in [application.trigger.redis]",
            );
            None
        }
    };
    Some(RedisTrigger {
        component: component?,
        channel: channel?,
        address: address?,
    })
}

/// The address of a Redis server; checked when its variables have defaults.
pub(crate) fn redis_address(context: &Context<'_>, value: &Value<'_>) -> Option<Template> {
    let template = context.template(value)?;
    let schemes = ["redis://", "rediss://"];
    let is_address = context
        .with_defaults(&template)
        .is_none_or(|text| schemes.iter().any(|scheme| text.starts_with(scheme)));
    if !is_address {
        value.fail(
            format!("\"{template}\" is not the address of a Redis server"),
            "write \"redis://HOST:PORT\", or \"rediss://HOST:PORT\" with TLS",
        );
    }
    Some(template)
}

fn read_cron(
    table: &Table<'_>,
    component: Option<String>,
    policy: CronPolicy,
) -> Option<CronTrigger> {
    let component = require_component(table, component);
    let expression = table
        .require("cron_expression", "add cron_expression = \"0 */5 * * * *\"")
        .and_then(|expression| expression.string());
    Some(CronTrigger {
        component: component?,
        expression: expression?.to_owned(),
        policy,
    })
}
