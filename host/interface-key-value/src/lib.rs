//! `spin:key-value@3.0.0`: small values by key.
//!
//! A component opens a store by its label; the label must be in its manifest
//! entry and in the runtime configuration. Stores live in a SQLite file, in the
//! table that Spin uses, so that data can move between hosts.

mod backend;
mod bindings;
mod host;

use std::collections::BTreeMap;
use std::sync::Arc;

use host_app::Component;
use host_engine::{Grant, Interface, State, by_label};
use wasmtime::component::{HasData, Linker, ResourceTable};

pub use backend::SqliteStore;
use bindings::spin::key_value::key_value;

/// Stores that one instance may have open.
const STORES_MAX: usize = 1024;

/// The interface over the stores of the runtime configuration.
pub struct KeyValue {
    stores: BTreeMap<String, Arc<SqliteStore>>,
}

impl KeyValue {
    /// Stores by label.
    pub fn new(stores: BTreeMap<String, Arc<SqliteStore>>) -> Self {
        Self { stores }
    }
}

/// The stores that one component may open.
struct Granted {
    stores: Arc<BTreeMap<String, Arc<SqliteStore>>>,
    /// How many of them the instance has open.
    open: usize,
}

/// A store that a guest has open.
pub struct OpenStore(Arc<SqliteStore>);

impl Interface for KeyValue {
    fn link(&self, linker: &mut Linker<State>) -> wasmtime::Result<()> {
        key_value::add_to_linker::<State, Own>(linker, |state| {
            let (granted, table) = state.part();
            View { granted, table }
        })
    }

    fn configure(&self, component: &Component) -> Result<Box<dyn Grant>, String> {
        let stores = by_label("key_value_store", &self.stores, &component.key_value_stores)?;
        Ok(Box::new(Granted {
            stores: Arc::new(stores),
            open: 0,
        }))
    }
}

impl Grant for Granted {
    fn instance(&self, state: &mut State) {
        state.insert(Self {
            stores: self.stores.clone(),
            open: 0,
        });
    }
}

struct Own;

impl HasData for Own {
    type Data<'a> = View<'a>;
}

/// What a host call sees of its instance.
struct View<'a> {
    granted: &'a mut Granted,
    table: &'a mut ResourceTable,
}
