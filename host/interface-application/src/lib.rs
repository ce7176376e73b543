//! `suoke:application@1.0.0`: what an application knows about itself.
//!
//! Which components listen to which channels stands in the manifest alone: who
//! needs to know, such as a relay of events, asks here instead of keeping a list
//! of its own. Every component may ask; nothing here is secret.

mod bindings;

use std::sync::Arc;

use host_app::{App, Component, TemplateError, TriggerSpec};
use host_engine::{Grant, Interface, State};
use wasmtime::component::{HasData, Linker};

use bindings::suoke::application::subscriptions::{self, Subscription};

/// The interface over one application.
pub struct Application(Known);

/// Every subscription of the application.
#[derive(Clone)]
struct Known(Arc<[Subscription]>);

impl Application {
    /// The application with its channels; `lookup` knows the values of variables.
    ///
    /// # Errors
    /// When the name of a channel cannot be resolved.
    pub fn new<'v>(
        app: &App,
        lookup: impl Fn(&str) -> Option<&'v str>,
    ) -> Result<Self, TemplateError> {
        let mut known = Vec::new();
        for trigger in &app.triggers {
            let TriggerSpec::Redis(redis) = &trigger.spec else {
                continue;
            };
            let component = app.components.get(&redis.component);
            known.push(Subscription {
                channel: redis
                    .channel
                    .resolve(|name| lookup(name).map(str::to_owned))?,
                component: redis.component.clone(),
                acknowledges: component.is_some_and(Component::acknowledges),
            });
        }
        Ok(Self(Known(known.into())))
    }
}

impl Interface for Application {
    fn link(&self, linker: &mut Linker<State>) -> wasmtime::Result<()> {
        subscriptions::add_to_linker::<State, Own>(linker, |state| state.part::<Known>().0)
    }

    fn configure(&self, _component: &Component) -> Result<Box<dyn Grant>, String> {
        Ok(Box::new(self.0.clone()))
    }
}

impl Grant for Known {
    fn instance(&self, state: &mut State) {
        state.insert(self.clone());
    }
}

struct Own;

impl HasData for Own {
    type Data<'a> = &'a mut Known;
}

impl subscriptions::Host for &mut Known {
    fn list(&mut self) -> Vec<Subscription> {
        self.0.to_vec()
    }
}

#[cfg(test)]
mod tests {
    use host_app::{RedisTrigger, Template, Trigger};

    use super::*;

    fn listens(component: &str, channel: &str) -> Trigger {
        Trigger {
            id: component.to_owned(),
            spec: TriggerSpec::Redis(RedisTrigger {
                component: component.to_owned(),
                channel: Template::parse(channel).unwrap(),
                address: Template::parse("redis://127.0.0.1").unwrap(),
            }),
        }
    }

    fn component(id: &str, databases: &[&str], acknowledges: Option<bool>) -> Component {
        Component {
            id: id.to_owned(),
            sqlite_databases: databases.iter().map(|&label| label.to_owned()).collect(),
            acknowledges,
            ..Component::default()
        }
    }

    fn known(app: &App) -> Vec<(String, String, bool)> {
        let lookup = |name: &str| (name == "tenant").then_some("t1");
        let application = Application::new(app, lookup).unwrap();
        let known = application.0.0.iter();
        known
            .map(|one| (one.channel.clone(), one.component.clone(), one.acknowledges))
            .collect()
    }

    #[test]
    fn subscriptions_come_from_the_manifest_with_their_variables() {
        let components = [
            component("keeps", &["care"], None),
            component("forgets", &[], None),
            component("only-reads", &["care"], Some(false)),
        ];
        let app = App {
            components: components
                .into_iter()
                .map(|component| (component.id.clone(), component))
                .collect(),
            triggers: vec![
                listens("keeps", "{{ tenant }}.events"),
                listens("keeps", "other"),
                listens("forgets", "other"),
                listens("only-reads", "other"),
            ],
            ..App::default()
        };
        let expected = [
            ("t1.events", "keeps", true),
            ("other", "keeps", true),
            ("other", "forgets", false),
            ("other", "only-reads", false),
        ];
        let expected = expected.map(|(channel, component, acknowledges)| {
            (channel.to_owned(), component.to_owned(), acknowledges)
        });
        assert_eq!(known(&app), expected);
    }

    #[test]
    fn a_channel_without_a_value_is_an_error() {
        let app = App {
            triggers: vec![listens("keeps", "{{ missing }}")],
            ..App::default()
        };
        assert!(Application::new(&app, |_| None).is_err());
    }
}
