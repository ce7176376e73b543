//! Compiles, links, limits and runs components.
//!
//! The engine knows nothing about HTTP routes, Redis or schedules: a trigger
//! takes a [`Function`], makes a [`Pool`] of instances of the export it needs,
//! and runs calls in it. Host interfaces plug in through [`Interface`].
//!
//! ```text
//! Engine::load(component) -> Function --Pool::new--> Pool<Export> --run(call)--> result or Failure
//! ```

mod compile;
mod compose;
mod error;
mod function;
mod interface;
mod output;
mod pool;
mod state;

pub use compile::{Engine, EngineOptions};
pub use error::LoadError;
pub use function::{Function, FunctionParts, Mount};
pub use interface::{Grant, Interface, by_label};
pub use output::OutputSink;
pub use pool::{Instantiate, Pool};
pub use state::State;
