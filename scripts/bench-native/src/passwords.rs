//! How many passwords a second are hashed, with the parameters of the application.

use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use argon2::{Algorithm, Argon2, Params, Version};

// As `libs/identity` has them.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
const HASH_BYTES: usize = 32;

/// Hashes for some seconds on the thread that calls.
pub(crate) fn per_second(seconds: u64) -> Result<f64> {
    let params =
        Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|error| anyhow!("{error}"))?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let started = Instant::now();
    let mut hashes = 0_u32;
    while started.elapsed() < Duration::from_secs(seconds) {
        let mut hash = [0; HASH_BYTES];
        argon2
            .hash_password_into(
                b"correct horse 1",
                &hashes.to_le_bytes().repeat(4),
                &mut hash,
            )
            .map_err(|error| anyhow!("{error}"))?;
        std::hint::black_box(hash);
        hashes += 1;
    }
    Ok(f64::from(hashes) / started.elapsed().as_secs_f64())
}
