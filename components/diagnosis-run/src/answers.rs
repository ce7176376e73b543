//! What was answered before: the same words mean the same to the same engine.

use std::convert::Infallible;
use std::sync::OnceLock;

use sha2::{Digest, Sha256};
use suoke_cache::{Cache, Freshness, Local, Origin, Settings, Time};
use suoke_diagnosis::StepResult;
use suoke_diagnosis_steps as steps;
use suoke_guest::secret;

/// Answers of this instance. What lies in Redis says nothing of whose words they
/// were: its key is a hash, and no person is named.
pub(crate) static ANSWERS: Local = Local::new(Settings {
    name: "diagnosis",
    ttl_ms: 3_600_000,
    freshness: Freshness::Content,
    local_items_max: 512,
    local_bytes_max: 1024 * 1024,
    value_bytes_max: 64 * 1024,
    // Computing takes less than waiting for another to compute.
    lock_ms: 0,
});

/// What the inquiry step reads out of a text, and where the answer was found.
pub(crate) async fn inquiry<T: Time>(cache: &Cache<'_, T>, text: &str) -> (StepResult, Origin) {
    let load = async || Ok::<_, Infallible>(steps::inquiry(text));
    match cache.get_or_load_from(&key("inquiry", text), load).await {
        Ok(found) => found,
        Err(never) => match never {},
    }
}

/// Names step, engine and words, and gives none of them away.
fn key(step: &str, text: &str) -> String {
    /// Name and version of the engine and of its knowledge.
    static MODEL: OnceLock<String> = OnceLock::new();
    let model = MODEL.get_or_init(|| steps::inquiry("").model);
    let mut hash = Sha256::new();
    for part in [step, model, text] {
        // Lengths keep the parts apart.
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    secret::hex(&hash.finalize())
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use suoke_cache::HostTime;
    use suoke_redis::{Memory, Redis};

    use super::*;

    #[test]
    fn the_same_words_are_answered_from_the_cache() {
        let memory = Memory::new();
        let ask = |text: &str| {
            // Another instance: it has nothing itself.
            let local = Local::new(ANSWERS.settings());
            let cache = Cache::on(&local, Redis::memory(&memory), HostTime);
            block_on(inquiry(&cache, text))
        };
        let (first, origin) = ask("胸闷，出冷汗");
        assert_eq!(origin, Origin::Loaded);
        assert!(!first.findings.is_empty());
        assert_eq!(ask("胸闷，出冷汗"), (first.clone(), Origin::Shared));
        let (other, origin) = ask("失眠");
        assert_eq!(origin, Origin::Loaded);
        assert_ne!(other, first);
    }

    #[test]
    fn a_key_depends_on_every_part_and_shows_none() {
        assert_ne!(key("a", "bc"), key("ab", "c"));
        assert_ne!(key("inquiry", "失眠"), key("inquiry", "失眠 "));
        assert_eq!(key("inquiry", "失眠").len(), 64);
    }
}
