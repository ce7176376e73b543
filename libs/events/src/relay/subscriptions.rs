//! Who listens to what, from the application itself.

use super::Subscription;

#[cfg(target_family = "wasm")]
mod bindings {
    //! What `wit-bindgen` makes of the interface.
    #![allow(missing_docs, clippy::pedantic, reason = "generated")]

    spin_sdk::wit_bindgen::generate!({
        path: "../../wit/application",
        world: "observer",
        runtime_path: "::spin_sdk::wit_bindgen::rt",
    });
}

/// Every component of the running application that listens to a channel.
#[cfg(target_family = "wasm")]
#[must_use]
pub fn subscriptions() -> Vec<Subscription> {
    let told = bindings::suoke::application::subscriptions::list();
    told.into_iter()
        .map(|told| Subscription {
            channel: told.channel,
            component: told.component,
            acknowledges: told.acknowledges,
        })
        .collect()
}

/// Natively there is no application.
#[cfg(not(target_family = "wasm"))]
#[must_use]
pub fn subscriptions() -> Vec<Subscription> {
    Vec::new()
}
