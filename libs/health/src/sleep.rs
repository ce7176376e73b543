//! The stages of a night against its length.

use crate::reading::{Quality, Reading};
use std::collections::BTreeMap;

/// How far the stages may be from the whole, in hundredths of the whole.
const TOLERANCE_PERCENT: i64 = 5;

/// The readings of one night: of one device, that begin at one instant.
#[derive(Default)]
struct Night {
    total: Option<i64>,
    stages: BTreeMap<&'static str, i64>,
    places: Vec<usize>,
}

/// Flags what contradicts itself within one batch: where a device sends the length of a
/// night (`sleep_duration`) and stages that begin at the same instant, all of these are
/// `implausible` if the three stages sum up to anything else than the length ±5 %. Where
/// a stage is missing, the others may be less than the whole, but not more.
pub(crate) fn flag(readings: &mut [&mut Reading]) {
    let mut nights = BTreeMap::<(String, i64), Night>::new();
    for (place, reading) in readings.iter().enumerate() {
        let key = reading.kind.key;
        let is_stage = matches!(key, "sleep_deep" | "sleep_light" | "sleep_rem");
        if !is_stage && key != "sleep_duration" {
            continue;
        }
        let minutes = reading.values.first().map_or(0, |value| value.0);
        let night = nights
            .entry((reading.device_id.clone(), reading.effective_ms))
            .or_default();
        night.places.push(place);
        if is_stage {
            night.stages.insert(key, minutes);
        } else {
            night.total = Some(minutes);
        }
    }
    for night in nights.into_values().filter(Night::is_contradictory) {
        for place in night.places {
            if let Some(reading) = readings.get_mut(place) {
                reading.quality = Quality::Implausible;
            }
        }
    }
}

impl Night {
    fn is_contradictory(&self) -> bool {
        let Some(total) = self.total.filter(|_| !self.stages.is_empty()) else {
            return false;
        };
        let excess = self.stages.values().sum::<i64>() - total;
        let allowed = total * TOLERANCE_PERCENT;
        excess * 100 > allowed || self.stages.len() == 3 && excess * 100 < -allowed
    }
}
