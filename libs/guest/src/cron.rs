//! Functions that run on a schedule: the world `scheduled` of `suoke:cron`.

/// One firing of a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tick {
    /// The instant the schedule names, in milliseconds since the Unix epoch.
    pub scheduled_at_ms: u64,
    /// The instant the function was started, in milliseconds since the Unix epoch.
    pub fired_at_ms: u64,
}

/// What `wit-bindgen` makes of the world.
#[cfg(target_family = "wasm")]
#[doc(hidden)]
pub mod bindings {
    spin_sdk::wit_bindgen::generate!({
        path: "../../wit/cron",
        world: "scheduled",
        runtime_path: "::spin_sdk::wit_bindgen::rt",
        default_bindings_module: "suoke_guest::cron::bindings",
        export_macro_name: "export_scheduled",
        pub_export_macro: true,
    });
}

/// Makes `async fn(Tick) -> Result<(), E>` (with `E: Display`) what a component
/// does on each firing. A failure is logged once and told to the host.
#[macro_export]
macro_rules! scheduled {
    ($tick:ident) => {
        #[cfg(target_family = "wasm")]
        mod __suoke_cron {
            use $crate::cron::bindings::exports::suoke::cron::handler::{Error, Guest, Tick};

            struct Scheduled;

            impl Guest for Scheduled {
                async fn handle_tick(tick: Tick) -> Result<(), Error> {
                    let tick = $crate::cron::Tick {
                        scheduled_at_ms: tick.scheduled_at_ms,
                        fired_at_ms: tick.fired_at_ms,
                    };
                    match super::$tick(tick).await {
                        Ok(()) => Ok(()),
                        Err(error) => {
                            let cause = error.to_string();
                            $crate::log::error("tick failed", &[("cause", &cause)]);
                            Err(Error::Other("the tick failed; its cause is logged".to_owned()))
                        }
                    }
                }
            }

            $crate::cron::bindings::export_scheduled!(
                Scheduled with_types_in $crate::cron::bindings
            );
        }

        #[cfg(not(target_family = "wasm"))]
        const _: fn() = || {
            let _ = $tick;
        };
    };
}
