//! What a request costs without a socket: the time of one thread from the
//! request to the last byte of the answer, for `probe/hello` of the test guests.
//!
//! `scripts/build-components --tests && cargo run --release -p host-trigger-http --example in_process`
#![expect(clippy::unwrap_used, reason = "a measurement stops where it fails")]

use std::time::Instant;

use host_app::Component;
use host_interface_key_value::KeyValue;
use host_interface_sqlite::Sqlite;
use host_testkit::Probe;

/// The allocator of the host.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const WARM_UP: u32 = 2_000;
const REQUESTS: u32 = 100_000;

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let (key_value, sqlite) = (
            KeyValue::new(std::collections::BTreeMap::new()),
            Sqlite::new(std::collections::BTreeMap::new()),
        );
        let probe = Probe::new(Component::default(), key_value, sqlite);
        for _ in 0..WARM_UP {
            probe.ask("hello", "").await;
        }
        let started = Instant::now();
        for _ in 0..REQUESTS {
            assert_eq!(probe.ask("hello", "").await.0, 200);
        }
        let each = started.elapsed().as_secs_f64() * 1e6 / f64::from(REQUESTS);
        println!("{each:.1} µs for each request, one at a time");
    });
}
