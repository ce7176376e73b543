//! `spin:variables@3.0.0`: a component's own variables.
//!
//! Values are templates over application variables, checked at the start and
//! resolved when they are asked for. A component sees only the names that its
//! manifest entry lists.

mod bindings;

use std::collections::BTreeMap;
use std::sync::Arc;

use host_app::{Component, Template};
use host_engine::{Grant, Interface, State};
use wasmtime::component::{HasData, Linker};

use bindings::spin::variables::variables::{self, Error};

/// Gives the value that an application variable has now.
pub type Lookup = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// The interface over the application's variables.
pub struct Variables {
    lookup: Lookup,
}

impl Variables {
    /// Variables whose values `lookup` knows.
    pub fn new(lookup: Lookup) -> Self {
        Self { lookup }
    }
}

/// What one component may ask for.
#[derive(Clone)]
struct Values {
    templates: Arc<BTreeMap<String, Template>>,
    lookup: Lookup,
}

impl Interface for Variables {
    fn link(&self, linker: &mut Linker<State>) -> wasmtime::Result<()> {
        variables::add_to_linker::<State, Own>(linker, |state| state.part::<Values>().0)
    }

    fn configure(&self, component: &Component) -> Result<Box<dyn Grant>, String> {
        let values = Values {
            templates: Arc::new(component.variables.clone()),
            lookup: self.lookup.clone(),
        };
        for (name, template) in values.templates.iter() {
            values
                .resolve(template)
                .map_err(|reason| format!("variable {name:?}: {reason}"))?;
        }
        Ok(Box::new(values))
    }
}

impl Values {
    fn resolve(&self, template: &Template) -> Result<String, String> {
        let resolved = template.resolve(|variable| (self.lookup)(variable));
        resolved.map_err(|error| error.to_string())
    }

    fn get(&self, name: &str) -> Result<String, Error> {
        let Some(template) = self.templates.get(name) else {
            return Err(Error::Undefined(format!(
                "{name:?} is not among the component's variables in the manifest"
            )));
        };
        self.resolve(template).map_err(Error::Other)
    }
}

impl Grant for Values {
    fn instance(&self, state: &mut State) {
        state.insert(self.clone());
    }
}

struct Own;

impl HasData for Own {
    type Data<'a> = &'a mut Values;
}

impl variables::Host for &mut Values {}

impl variables::HostWithStore<State> for Own {
    async fn get(
        accessor: &wasmtime::component::Accessor<State, Self>,
        name: String,
    ) -> wasmtime::Result<Result<String, Error>> {
        if !host_app::is_variable_name(&name) {
            return Ok(Err(Error::InvalidName(format!(
                "{name:?}: use lower-case letters, digits and single underscores"
            ))));
        }
        let values = accessor.with(|mut access| access.get().clone());
        Ok(values.get(&name))
    }
}
