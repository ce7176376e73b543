//! `dependencies.middleware` of `[[trigger.http]]`: components in front of others.

use std::collections::BTreeMap;

use host_app::{App, Component, HttpRoute, HttpTarget, Middleware, Trigger, TriggerSpec};
use host_spanned_toml::{Table, Value};

use crate::Context;
use crate::component::Draft;
use crate::dependency::{self, Origin};
use crate::names;
use crate::select;

/// The only role that the dependencies of an HTTP trigger can have.
const ROLE: &str = "middleware";

/// What is to stand in front of the component of each HTTP trigger, by the id of
/// the trigger; the outermost first.
pub(crate) type Chains<'d> = BTreeMap<String, Vec<MiddlewareDraft<'d>>>;

/// A middleware as written.
pub(crate) struct MiddlewareDraft<'d> {
    middleware: Middleware,
    origin: Origin<'d>,
}

/// Reads the middleware of one trigger.
pub(crate) fn read<'d>(context: &Context<'_>, trigger: &Table<'d>) -> Vec<MiddlewareDraft<'d>> {
    let Some(dependencies) = trigger.get("dependencies") else {
        return Vec::new();
    };
    if trigger.get("component").is_none() {
        dependencies.fail_key(
            "there is no component for it to stand in front of",
            "remove it: a static response has no middleware",
        );
    }
    let mut chain = Vec::new();
    for (role, value) in dependencies.table().iter().flat_map(Table::entries) {
        if role == ROLE {
            let elements = value.array().unwrap_or_default();
            chain.extend(elements.iter().filter_map(|value| read_one(context, value)));
            continue;
        }
        value.fail_key(
            format!("unknown role {role:?} of a component in front of another"),
            names::did_you_mean(role, "role", [ROLE]),
        );
    }
    chain
}

fn read_one<'d>(context: &Context<'_>, value: &Value<'d>) -> Option<MiddlewareDraft<'d>> {
    let (table, origin) = dependency::read_origin(value)?;
    let inherit = table.get("inherit_configuration");
    let named = origin.component.as_ref().or(origin.path.as_ref());
    let draft = MiddlewareDraft {
        middleware: Middleware {
            name: named.map_or_else(String::new, |(name, _)| (*name).to_owned()),
            place: value.sink().place(&value.span()),
            source: origin.source(context),
            inherit: inherit
                .as_ref()
                .map(dependency::read_inherit)
                .unwrap_or_default(),
        },
        origin,
    };
    table.finish();
    Some(draft)
}

/// Finds the components that are named, now that all are read.
pub(crate) fn resolve(chains: &mut Chains<'_>, components: &BTreeMap<String, Draft<'_>>) {
    let known = dependency::known(components);
    for draft in chains.values_mut().flatten() {
        if let Some(source) = draft.origin.find(&known) {
            draft.middleware.source = source;
        }
    }
}

/// Puts the middleware of the triggers that are left in front of their
/// components.
///
/// Where the triggers of one component disagree, the component itself has what
/// its private trigger says, and else the first: that is what other components
/// reach by its name. For every other way there is a component of its own,
/// `COMPONENT-for-TRIGGER`, in everything else the same.
pub(crate) fn apply(context: &Context<'_>, app: &mut App, chains: &Chains<'_>) {
    let mut own: BTreeMap<String, &[MiddlewareDraft<'_>]> = BTreeMap::new();
    for trigger in app.triggers.iter().filter(|trigger| is_private(trigger)) {
        insert_first(&mut own, trigger, chains);
    }
    for trigger in &app.triggers {
        insert_first(&mut own, trigger, chains);
    }
    for (id, drafts) in own {
        if let Some(component) = app.components.get_mut(&id) {
            component.middleware = chain(drafts);
        }
    }
    for Trigger { id, spec } in &mut app.triggers {
        let TriggerSpec::Http(http) = spec else {
            continue;
        };
        let HttpTarget::Component(component) = &mut http.target else {
            continue;
        };
        let drafts = chains.get(id).map_or(&[][..], Vec::as_slice);
        if context.require_files {
            drafts.iter().for_each(check_source);
        }
        *component = component_with(&mut app.components, component, id, chain(drafts));
    }
}

fn is_private(trigger: &Trigger) -> bool {
    matches!(&trigger.spec, TriggerSpec::Http(http) if http.route == HttpRoute::Private)
}

/// Notes what a trigger wants in front of its component, unless another has.
fn insert_first<'c, 'd>(
    own: &mut BTreeMap<String, &'c [MiddlewareDraft<'d>]>,
    trigger: &Trigger,
    chains: &'c Chains<'d>,
) {
    if let (TriggerSpec::Http(_), Some(component)) = (&trigger.spec, trigger.spec.component()) {
        let drafts = chains.get(&trigger.id).map_or(&[][..], Vec::as_slice);
        own.entry(component.to_owned()).or_insert(drafts);
    }
}

fn chain(drafts: &[MiddlewareDraft<'_>]) -> Vec<Middleware> {
    drafts
        .iter()
        .map(|draft| draft.middleware.clone())
        .collect()
}

fn check_source(draft: &MiddlewareDraft<'_>) {
    if let Some((_, path)) = &draft.origin.path {
        select::check_source(path, &draft.middleware.source, false);
    }
}

/// The id under which a component is that has this in front of it; it is added
/// when there is none.
fn component_with(
    components: &mut BTreeMap<String, Component>,
    id: &str,
    trigger: &str,
    chain: Vec<Middleware>,
) -> String {
    let does_as = |component: &Component| {
        let pairs = component.middleware.iter().zip(&chain);
        component.id == id
            && component.middleware.len() == chain.len()
            && pairs.into_iter().all(|(a, b)| a.does_as(b))
    };
    let found = components
        .iter()
        .find_map(|(id, component)| does_as(component).then(|| id.clone()));
    let Some(component) = components.get(id).filter(|_| found.is_none()) else {
        return found.unwrap_or_else(|| id.to_owned());
    };
    let component = Component {
        middleware: chain,
        ..component.clone()
    };
    let natural = format!("{id}-for-{trigger}");
    let numbered = (1..).map(|number: usize| format!("{natural}-d{number}"));
    let free = std::iter::once(natural.clone())
        .chain(numbered)
        .find(|id| !components.contains_key(id))
        .unwrap_or_default();
    components.insert(free.clone(), component);
    free
}
