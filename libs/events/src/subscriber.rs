//! Functions that run on messages: `spin:redis/inbound-redis`.

use suoke_guest::log;

use crate::envelope::Event;
use crate::error::EventError;

/// What `wit-bindgen` makes of the interface.
#[cfg(target_family = "wasm")]
#[doc(hidden)]
pub mod bindings {
    spin_sdk::wit_bindgen::generate!({
        path: "../../wit/deps/spin-redis",
        inline: "package suoke:events; world subscriber { export spin:redis/inbound-redis@3.0.0; }",
        world: "suoke:events/subscriber",
        runtime_path: "::spin_sdk::wit_bindgen::rt",
        default_bindings_module: "suoke_events::subscriber::bindings",
        export_macro_name: "export_subscriber",
        pub_export_macro: true,
        generate_all,
    });
}

/// Reads the message and runs `work` on the event. A failure is logged here,
/// once, and told to the host.
///
/// # Errors
/// When the message is no event of ours or the work fails.
pub async fn handle(
    message: &[u8],
    work: impl AsyncFnOnce(Event) -> Result<(), EventError>,
) -> Result<(), EventError> {
    let event = Event::parse(message).inspect_err(|error| failed(error, "", ""))?;
    let (id, kind) = (event.id.clone(), event.kind.clone());
    work(event)
        .await
        .inspect_err(|error| failed(error, &id, &kind))
}

fn failed(error: &EventError, id: &str, kind: &str) {
    let cause = error.to_string();
    let fields = [("event.id", id), ("event.type", kind), ("cause", &cause)];
    log::error("event failed", &fields);
}

/// Makes `async fn(Event) -> Result<(), EventError>` what a component does with
/// each message of its channel. Natively nothing is exported.
#[macro_export]
macro_rules! subscriber {
    ($work:ident) => {
        #[cfg(target_family = "wasm")]
        mod __suoke_subscriber {
            use $crate::subscriber::bindings;

            struct Subscriber;

            impl bindings::exports::spin::redis::inbound_redis::Guest for Subscriber {
                async fn handle_message(
                    message: Vec<u8>,
                ) -> Result<(), bindings::spin::redis::redis::Error> {
                    match $crate::subscriber::handle(&message, super::$work).await {
                        Ok(()) => Ok(()),
                        Err(error) => Err(bindings::spin::redis::redis::Error::Other(
                            error.to_string(),
                        )),
                    }
                }
            }

            bindings::export_subscriber!(Subscriber with_types_in $crate::subscriber::bindings);
        }

        #[cfg(not(target_family = "wasm"))]
        const _: fn() = || {
            let _ = $work;
        };
    };
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;

    use super::*;

    #[test]
    fn a_message_becomes_an_event_or_an_error() {
        let event = Event::new("test", "c", &1).unwrap();
        let message = event.to_message().unwrap();
        let seen = block_on(handle(&message, async |seen| {
            assert_eq!(seen.id, event.id);
            Ok(())
        }));
        assert!(seen.is_ok());
        let failed = block_on(handle(&message, async |_| Err(EventError::work("no"))));
        assert!(failed.is_err_and(|error| !error.is_permanent()));
        let odd = block_on(handle(b"{}", async |_| Ok(())));
        assert!(odd.is_err_and(|error| error.is_permanent()));
    }
}
