//! The samples of waveforms, which are kept as blobs.

use serde_json::Value;
use suoke_fhir::observation::Shown;
use suoke_fhir::waveform;
use suoke_readings::blobs;

use crate::failed::Failed;

/// Puts the samples of a waveform into its Observation: only where it is read alone,
/// because they are long.
pub async fn fill(user_id: &str, shown: &Shown, resource: &mut Value) -> Result<(), Failed> {
    let Some(blob) = waveform::blob(&shown.reading) else {
        return Ok(());
    };
    if let Some(bytes) = blobs::content(user_id, &blob).await? {
        waveform::fill(resource, &bytes);
    }
    Ok(())
}
