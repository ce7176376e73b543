//! What must be kept of all that was sent, counted without the application.

use std::collections::{BTreeMap, BTreeSet};

use crate::batch::Batch;
use crate::day::Device;
use crate::kind::{Kind, Milli};
use crate::reading::{Fate, Kept, Reading};

/// What makes two readings the same one: person, device, kind and instant, and the
/// device's own name for it or its value.
type Identity = (
    u32,
    Device,
    Kind,
    i64,
    Result<String, (Milli, Option<Milli>)>,
);

/// What one batch must be answered with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// Readings that are new.
    pub accepted: u64,
    /// Readings that are there already.
    pub duplicated: u64,
    /// Readings that are refused.
    pub rejected: u64,
}

/// What was taken so far.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    seen: BTreeSet<Identity>,
    kept: Vec<Kept>,
    totals: Totals,
}

/// Numbers of all that was sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Batches.
    pub batches: u64,
    /// Readings in them.
    pub sent: u64,
    /// Of these, distinct valid ones: so many must be stored.
    pub stored: u64,
    /// Of the stored ones, those that are marked as implausible.
    pub implausible: u64,
    /// Valid ones that were there already.
    pub duplicated: u64,
    /// Refused ones, by code.
    pub refused: BTreeMap<&'static str, u64>,
    /// Stored ones, by kind.
    pub kinds: BTreeMap<&'static str, u64>,
}

impl Ledger {
    /// Takes a batch and says what it must be answered with.
    pub fn take(&mut self, batch: &Batch) -> Answer {
        let mut answer = Answer::default();
        self.totals.batches += 1;
        let mut fates: Vec<Fate> = batch.readings.iter().map(Reading::fate).collect();
        doubt_nights(&mut fates);
        for (reading, fate) in batch.readings.iter().zip(fates) {
            self.totals.sent += 1;
            match fate {
                Fate::Refused(code) => {
                    answer.rejected += 1;
                    *self.totals.refused.entry(code).or_default() += 1;
                }
                Fate::Kept(kept) if self.seen.insert(identity(reading, &kept)) => {
                    answer.accepted += 1;
                    self.totals.stored += 1;
                    self.totals.implausible += u64::from(!kept.usual);
                    *self.totals.kinds.entry(kept.kind.key()).or_default() += 1;
                    self.kept.push(kept);
                }
                Fate::Kept(_) => {
                    answer.duplicated += 1;
                    self.totals.duplicated += 1;
                }
            }
        }
        answer
    }

    /// What must be stored, in the order in which it arrived.
    #[must_use]
    pub fn kept(&self) -> &[Kept] {
        &self.kept
    }

    /// The numbers so far.
    #[must_use]
    pub fn totals(&self) -> &Totals {
        &self.totals
    }
}

impl Totals {
    /// Adds those of other people.
    pub fn add(&mut self, other: &Self) {
        self.batches += other.batches;
        self.sent += other.sent;
        self.stored += other.stored;
        self.implausible += other.implausible;
        self.duplicated += other.duplicated;
        for (all, more) in [
            (&mut self.refused, &other.refused),
            (&mut self.kinds, &other.kinds),
        ] {
            for (key, count) in more {
                *all.entry(key).or_default() += count;
            }
        }
    }

    /// As JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        let object = |counts: &BTreeMap<&str, u64>| {
            let members = counts
                .iter()
                .map(|(key, count)| format!("\"{key}\":{count}"));
            format!("{{{}}}", members.collect::<Vec<_>>().join(","))
        };
        format!(
            "{{\"batches\":{},\"sent\":{},\"stored\":{},\"implausible\":{},\"duplicated\":{},\
             \"refused\":{},\"kinds\":{}}}",
            self.batches,
            self.sent,
            self.stored,
            self.implausible,
            self.duplicated,
            object(&self.refused),
            object(&self.kinds)
        )
    }
}

/// Stages of a night that contradict its length are not to be believed, nor is the
/// length: more than it by a twentieth, or less where all three are there. Only what
/// arrives together is compared.
fn doubt_nights(fates: &mut [Fate]) {
    let stages = [Kind::SleepDeep, Kind::SleepLight, Kind::SleepRem];
    let mut nights: BTreeMap<i64, BTreeMap<Kind, Milli>> = BTreeMap::new();
    for fate in fates.iter() {
        if let Fate::Kept(kept) = fate
            && (stages.contains(&kept.kind) || kept.kind == Kind::SleepDuration)
        {
            let night = nights.entry(kept.at_ms).or_default();
            night.insert(kept.kind, kept.value);
        }
    }
    nights.retain(|_, night| {
        let Some(whole) = night.remove(&Kind::SleepDuration) else {
            return false;
        };
        let sum: Milli = night.values().sum();
        let too_little = night.len() == stages.len() && sum * 20 < whole * 19;
        !night.is_empty() && (sum * 20 > whole * 21 || too_little)
    });
    for fate in fates {
        if let Fate::Kept(kept) = fate
            && (stages.contains(&kept.kind) || kept.kind == Kind::SleepDuration)
            && nights.contains_key(&kept.at_ms)
        {
            kept.usual = false;
        }
    }
}

fn identity(reading: &Reading, kept: &Kept) -> Identity {
    let own = reading.client_id.clone();
    let own = own.ok_or((kept.value, kept.value2));
    (kept.person, kept.device, kept.kind, kept.at_ms, own)
}
