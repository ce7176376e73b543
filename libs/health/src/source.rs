//! How much a source of readings counts where two of them measured the same moment:
//! clinic > medical device > wearable > by hand > not known.

/// Highest rank: measured in a clinic.
pub const CLINIC: u8 = 4;
/// A medical device, or a device of Chinese medicine.
pub const MEDICAL_DEVICE: u8 = 3;
/// A watch, a band, a phone, or an app that gathers from them.
pub const WEARABLE: u8 = 2;
/// Typed in by hand.
pub const MANUAL: u8 = 1;
/// Anything else.
pub const UNKNOWN: u8 = 0;

/// Names by rank, lower-case with underscores. Among them are the seven kinds of
/// device of the public protocol: apple_health, fitbit, garmin, xiaomi, tcm_device,
/// manual, other.
const NAMES: [(u8, &[&str]); 4] = [
    (
        CLINIC,
        &["clinic", "manual_clinic", "hospital", "laboratory", "lab"],
    ),
    (
        MEDICAL_DEVICE,
        &[
            "medical_device",
            "tcm_device",
            "glucometer",
            "cgm",
            "blood_pressure_monitor",
            "oximeter",
            "thermometer",
            "ecg_device",
        ],
    ),
    (
        WEARABLE,
        &[
            "wearable",
            "apple_health",
            "apple_watch",
            "healthkit",
            "fitbit",
            "garmin",
            "xiaomi",
            "mi_band",
            "huawei",
            "huawei_health",
            "oppo",
            "samsung_health",
            "google_fit",
            "health_connect",
            "watch",
            "phone",
        ],
    ),
    (MANUAL, &["manual", "self_reported", "app"]),
];

/// The rank of a source; capitals, spaces and hyphens do not matter.
pub fn rank(source: &str) -> u8 {
    let same = |known: &str| {
        known.len() == source.len()
            && known.bytes().zip(source.bytes()).all(|(known, given)| {
                known == given.to_ascii_lowercase() || known == b'_' && matches!(given, b' ' | b'-')
            })
    };
    let found = NAMES
        .iter()
        .find(|(_, names)| names.iter().any(|known| same(known)));
    found.map_or(UNKNOWN, |(rank, _)| *rank)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kinds_of_device_of_the_protocol_are_known() {
        for (source, expected) in [
            ("apple_health", WEARABLE),
            ("fitbit", WEARABLE),
            ("garmin", WEARABLE),
            ("xiaomi", WEARABLE),
            ("tcm_device", MEDICAL_DEVICE),
            ("manual", MANUAL),
            ("other", UNKNOWN),
            ("manual-clinic", CLINIC),
            ("Clinic", CLINIC),
            ("Apple Health", WEARABLE),
            ("Medical-Device", MEDICAL_DEVICE),
            ("", UNKNOWN),
            ("诊所", UNKNOWN),
        ] {
            assert_eq!(rank(source), expected, "{source}");
        }
    }

    #[test]
    fn no_name_has_two_ranks() {
        let mut names: Vec<_> = NAMES.iter().flat_map(|(_, names)| names.iter()).collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
    }
}
