//! A scheduled function with the export of Spin's cron trigger. A synchronous
//! export can store nothing: it says on standard output that it ran.

wit_bindgen::generate!({ path: "../../../wit/deps/spin-cron", world: "spin-cron" });

struct Ticks;

impl Guest for Ticks {
    fn handle_cron_event(metadata: Metadata) -> Result<(), Error> {
        println!(
            "ticked after the year 2020: {}",
            metadata.timestamp > 1_577_836_800
        );
        Ok(())
    }
}

export!(Ticks);
