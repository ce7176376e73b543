//! `spin:variables@3.0.0`: a component's own variables.
//!
//! Values are templates over application variables, resolved at start: a
//! component sees only the names that its manifest entry lists.

mod bindings;

use std::collections::BTreeMap;
use std::sync::Arc;

use host_app::Component;
use host_engine::{Grant, Interface, State};
use wasmtime::component::{HasData, Linker};

use bindings::spin::variables::variables::{self, Error};

/// Gives the value of an application variable.
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

struct Values(Arc<BTreeMap<String, String>>);

impl Interface for Variables {
    fn link(&self, linker: &mut Linker<State>) -> wasmtime::Result<()> {
        variables::add_to_linker::<State, Own>(linker, |state| state.part::<Values>().0)
    }

    fn configure(&self, component: &Component) -> Result<Box<dyn Grant>, String> {
        let resolve = |(name, template): (&String, &host_app::Template)| {
            let value = template.resolve(|variable| (self.lookup)(variable));
            value
                .map(|value| (name.clone(), value))
                .map_err(|error| format!("variable {name:?}: {error}"))
        };
        let values = component
            .variables
            .iter()
            .map(resolve)
            .collect::<Result<_, _>>()?;
        Ok(Box::new(Values(Arc::new(values))))
    }
}

impl Grant for Values {
    fn instance(&self, state: &mut State) {
        state.insert(Self(self.0.clone()));
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
        let value = accessor.with(|mut access| access.get().0.get(&name).cloned());
        Ok(value.ok_or_else(|| {
            Error::Undefined(format!(
                "{name:?} is not among the component's variables in the manifest"
            ))
        }))
    }
}
