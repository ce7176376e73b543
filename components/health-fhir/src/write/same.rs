//! Corrections that correct nothing.

use suoke_health::reading::Reading;
use suoke_health::view::StoredReading;

/// Whether a correction says nothing else than what is stored.
pub(super) fn is_same(reading: &Reading, stored: &StoredReading) -> bool {
    let said = (
        (
            reading.kind.key,
            &reading.values,
            reading.effective_ms,
            reading.end_ms,
            reading.offset_minutes,
        ),
        (
            reading.client_id.as_deref().unwrap_or_default(),
            &reading.device_id,
            &reading.source,
        ),
        (&reading.context, &reading.data),
    );
    let known = (
        (
            stored.kind.key,
            &stored.values,
            stored.effective_ms,
            stored.end_ms,
            stored.offset_minutes,
        ),
        (stored.client_id.as_str(), &stored.device_id, &stored.source),
        (&stored.context, &stored.data),
    );
    said == known
}
