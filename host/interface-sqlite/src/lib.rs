//! `spin:sqlite@3.1.0`: SQL databases in files.
//!
//! A component opens a database by its label; the label must be in its manifest
//! entry and in the runtime configuration. Every connection a guest opens is its
//! own: transactions belong to a connection, and what a guest leaves open at the
//! end of a call is rolled back.

mod bindings;
mod host;

use std::collections::BTreeMap;
use std::sync::Arc;

use host_app::Component;
use host_engine::{Grant, Interface, State, by_label};
use host_sqlite::{Database, Session};
use wasmtime::component::{HasData, Linker, ResourceTable};

use bindings::spin::sqlite::sqlite;

/// Connections that one instance may have open.
const CONNECTIONS_MAX: usize = 256;

/// The interface over the databases of the runtime configuration.
pub struct Sqlite {
    databases: BTreeMap<String, Arc<Database>>,
}

impl Sqlite {
    /// Databases by label.
    pub fn new(databases: BTreeMap<String, Arc<Database>>) -> Self {
        Self { databases }
    }
}

/// The databases that one component may open, and what an instance has open.
struct Granted {
    databases: Arc<BTreeMap<String, Arc<Database>>>,
    open: Vec<(u32, Session)>,
}

impl Interface for Sqlite {
    fn link(&self, linker: &mut Linker<State>) -> wasmtime::Result<()> {
        sqlite::add_to_linker::<State, Own>(linker, |state| {
            let (granted, table) = state.part();
            View { granted, table }
        })
    }

    fn configure(&self, component: &Component) -> Result<Box<dyn Grant>, String> {
        let databases = by_label(
            "sqlite_database",
            &self.databases,
            &component.sqlite_databases,
        )?;
        Ok(Box::new(Granted {
            databases: Arc::new(databases),
            open: Vec::new(),
        }))
    }
}

impl Grant for Granted {
    fn instance(&self, state: &mut State) {
        state.insert(Self {
            databases: self.databases.clone(),
            open: Vec::new(),
        });
    }

    fn call_ended(&self, state: &mut State) {
        let (granted, _) = state.part::<Self>();
        for (_, session) in &granted.open {
            session.roll_back();
        }
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
