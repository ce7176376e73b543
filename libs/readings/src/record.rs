//! A batch into the store: rows, corrections, marks and events in one transaction.
//!
//! Most batches hold nothing but new readings. So a batch is first inserted as if it
//! did, and rows are only counted; where the count is short, everything is rolled back
//! and done again with a look at what is stored. That costs whoever sends a batch
//! again, and spares everybody else one look-up and one answer for each row.

use std::collections::HashMap;

use suoke_events::{Event, announce, outbox_all};
use suoke_guest::ApiError;
use suoke_health::batch::{Batch, Candidate, Fate, Outcome, dirty_days};
use suoke_health::view::{Status, StoredReading};
use suoke_store::{Database, StoreError, Transaction, erased};

use crate::blobs;
use crate::cause::Cause;
use crate::events::{self, Corrected};
use crate::marks::mark;
use crate::queries::{read, write as queries};

/// How often a batch is tried where others write the same readings at that moment.
const ATTEMPTS_MAX: u32 = 4;
/// What has a partition for each month of measurement.
const TABLE: &str = "readings";

/// The code of [`erased()`].
const ACCOUNT_ERASED: &str = "account_erased";

/// Why a batch is not written.
enum Stop {
    /// Some of it is stored already: look first.
    Repeats,
    Failed(ApiError),
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<ApiError> for Stop {
    fn from(error: ApiError) -> Self {
        Self::Failed(error)
    }
}

/// Whose batch it is, when, and why.
#[derive(Clone, Copy)]
struct Writing<'a> {
    batch: &'a Batch,
    user_id: &'a str,
    now_ms: i64,
    cause: Cause<'a>,
}

/// Stores what is new of a batch and answers for every item; nothing is stored twice
/// and nothing by halves. The events are announced. A component whose readings may be
/// waveforms needs the key-value store `blobs`.
///
/// # Errors
/// 401 `account_erased`, 503 where others write the same readings at that moment, or
/// when the database or the store of blobs fails.
pub async fn record(
    db: &mut Database,
    batch: &Batch,
    user_id: &str,
    now_ms: i64,
    cause: Cause<'_>,
) -> Result<Outcome, ApiError> {
    make_room(db, batch).await?;
    blobs::put_samples(db, user_id, batch.candidates()).await?;
    let writing = Writing {
        batch,
        user_id,
        now_ms,
        cause,
    };
    let mut looks = writing.must_look();
    for _ in 0..ATTEMPTS_MAX {
        let written = db
            .transaction_of(user_id, async |tx| writing.write(tx, looks).await)
            .await;
        match written {
            Ok((outcome, events)) => {
                announce(&events).await;
                return Ok(outcome);
            }
            Err(Stop::Failed(error)) => {
                // Erased since the samples came: nobody would miss them.
                if error.code() == ACCOUNT_ERASED {
                    blobs::take_samples_back(user_id, batch.candidates()).await?;
                }
                return Err(error);
            }
            Err(Stop::Repeats) => looks = true,
        }
    }
    Err(contended())
}

/// Makes the partitions that the readings of a batch go into, where the database has one
/// for each month. Whoever uses [`record_in()`] calls it before their transaction: within,
/// it would keep all others from the table until its end.
///
/// # Errors
/// 503 when the database fails or is busy.
pub async fn make_room(db: &Database, batch: &Batch) -> Result<(), ApiError> {
    let candidates = batch.candidates().iter();
    let instants: Vec<i64> = candidates.map(|one| one.reading.effective_ms).collect();
    Ok(db.ensure_partitions(TABLE, &instants).await?)
}

/// [`record()`] in a transaction of the caller, who announces the events after its
/// commit, or rolls back where an item was refused; [`make_room()`] comes before it.
///
/// # Errors
/// As [`record()`].
pub async fn record_in(
    tx: &Transaction<'_>,
    batch: &Batch,
    user_id: &str,
    now_ms: i64,
    cause: Cause<'_>,
) -> Result<(Outcome, Vec<Event>), ApiError> {
    blobs::put_samples(tx, user_id, batch.candidates()).await?;
    let writing = Writing {
        batch,
        user_id,
        now_ms,
        cause,
    };
    writing.write(tx, true).await.map_err(|stop| match stop {
        Stop::Failed(error) => error,
        Stop::Repeats => contended(),
    })
}

fn contended() -> ApiError {
    ApiError::unavailable("others store the same readings at this moment")
}

/// Whoever asks is erased: nothing of theirs comes back.
pub(crate) fn erased() -> ApiError {
    let detail = "This account is erased: nothing was stored.";
    ApiError::unauthorized(ACCOUNT_ERASED, detail).zh("账户已注销，未保存任何数据。")
}

impl Writing<'_> {
    /// Whether something of the batch refers to what is stored.
    fn must_look(&self) -> bool {
        self.batch.candidates().iter().any(|candidate| {
            candidate.reading.supersedes.is_some()
                || candidate
                    .samples
                    .as_ref()
                    .is_some_and(|samples| samples.bytes.is_none())
        })
    }

    async fn write(
        &self,
        tx: &Transaction<'_>,
        looks: bool,
    ) -> Result<(Outcome, Vec<Event>), Stop> {
        let candidates = self.batch.candidates();
        if candidates.is_empty() {
            return Ok((self.batch.outcome(&[]), Vec::new()));
        }
        // A token may be good for a moment longer than its user is there.
        if erased::is_erased(tx, self.user_id).await? {
            return Err(erased().into());
        }
        let known = if looks {
            self.look(tx).await?
        } else {
            HashMap::new()
        };
        let mut fates = self.fates(tx, &known).await?;
        self.insert(tx, &fates).await?;
        let superseded = self.correct(tx, &known, &mut fates).await?;
        if !fates.iter().any(Fate::is_new) {
            return Ok((self.batch.outcome(&fates), Vec::new()));
        }
        self.mark(tx, &fates, &superseded).await?;
        let events = self.events(&fates, &superseded)?;
        let events = outbox_all(tx, events).await.map_err(ApiError::from)?;
        Ok((self.batch.outcome(&fates), events))
    }

    /// What is stored under the ids of the candidates and of what they supersede.
    async fn look(&self, tx: &Transaction<'_>) -> Result<HashMap<String, StoredReading>, Stop> {
        let candidates = self.batch.candidates().iter();
        let ids: Vec<&str> = candidates
            .flat_map(|candidate| {
                let superseded = candidate.reading.supersedes.as_deref();
                [Some(candidate.id.as_str()), superseded]
            })
            .flatten()
            .collect();
        let found = read::by_ids(tx, self.user_id, &ids).await?;
        let by_id = found.into_iter().map(|stored| (stored.id.clone(), stored));
        Ok(by_id.collect())
    }

    /// What becomes of each candidate; corrections are `updated` for the time being.
    async fn fates(
        &self,
        tx: &Transaction<'_>,
        known: &HashMap<String, StoredReading>,
    ) -> Result<Vec<Fate>, Stop> {
        let mut fates = Vec::with_capacity(self.batch.candidates().len());
        for candidate in self.batch.candidates() {
            fates.push(match known.get(&candidate.id) {
                Some(stored) if stored.status == Status::EnteredInError => Fate::deleted(),
                Some(stored) if is_same(candidate, stored) => Fate::Duplicate,
                Some(_) => Fate::value_conflict(),
                None if !self.has_samples(tx, candidate).await? => Fate::unknown_blob(),
                None if candidate.reading.supersedes.is_some() => Fate::Updated,
                None => Fate::Created,
            });
        }
        Ok(fates)
    }

    /// Whether samples that a reading names are there, or come with it.
    async fn has_samples(
        &self,
        tx: &Transaction<'_>,
        candidate: &Candidate,
    ) -> Result<bool, StoreError> {
        match &candidate.samples {
            Some(samples) if samples.bytes.is_none() => {
                let blob = blobs::find(tx, self.user_id, &samples.blob).await?;
                Ok(blob.is_some())
            }
            _ => Ok(true),
        }
    }

    /// Inserts what is created.
    async fn insert(&self, tx: &Transaction<'_>, fates: &[Fate]) -> Result<(), Stop> {
        let both = self.batch.candidates().iter().zip(fates);
        let created: Vec<_> = both
            .filter(|(_, fate)| **fate == Fate::Created)
            .map(|(candidate, _)| candidate)
            .collect();
        let count = queries::insert(tx, self.user_id, &created, self.now_ms).await?;
        if count < created.len() as u64 {
            return Err(Stop::Repeats);
        }
        blobs::note_samples(tx, self.user_id, &created, self.now_ms).await?;
        Ok(())
    }

    /// Takes what is corrected out and puts the corrections in, in the order of the
    /// request: one may supersede another. Gives the types and instants of what is
    /// superseded.
    async fn correct(
        &self,
        tx: &Transaction<'_>,
        known: &HashMap<String, StoredReading>,
        fates: &mut [Fate],
    ) -> Result<Vec<(&'static str, i64)>, Stop> {
        let mut superseded = Vec::new();
        let both = self.batch.candidates().iter().zip(fates);
        for (candidate, fate) in both.filter(|(_, fate)| **fate == Fate::Updated) {
            let at_ms = self.amend(tx, known, candidate).await?;
            let Some(at_ms) = at_ms else {
                *fate = Fate::not_correctable();
                continue;
            };
            let count = queries::insert(tx, self.user_id, &[candidate], self.now_ms).await?;
            if count == 0 {
                return Err(Stop::Repeats);
            }
            blobs::note_samples(tx, self.user_id, &[candidate], self.now_ms).await?;
            superseded.push((candidate.reading.kind.key, at_ms));
        }
        Ok(superseded)
    }

    /// Amends what a candidate supersedes and says when that was measured; none where
    /// there is nothing of that type that counts.
    async fn amend(
        &self,
        tx: &Transaction<'_>,
        known: &HashMap<String, StoredReading>,
        candidate: &Candidate,
    ) -> Result<Option<i64>, StoreError> {
        let Some(id) = candidate.reading.supersedes.as_deref() else {
            return Ok(None);
        };
        let stored = known.get(id).map(|stored| stored.effective_ms);
        let in_batch = || {
            let mut all = self.batch.candidates().iter();
            all.find(|other| other.id == id)
                .map(|other| other.reading.effective_ms)
        };
        let Some(at_ms) = stored.or_else(in_batch) else {
            return Ok(None);
        };
        let kind = candidate.reading.kind.key;
        let amended = queries::amend(tx, self.user_id, id, at_ms, kind, self.now_ms).await?;
        Ok(amended.then_some(at_ms))
    }

    /// Marks the days of what is new and of what it supersedes.
    async fn mark(
        &self,
        tx: &Transaction<'_>,
        fates: &[Fate],
        superseded: &[(&'static str, i64)],
    ) -> Result<(), StoreError> {
        let days = if superseded.is_empty() {
            self.batch.dirty_days(fates)
        } else {
            let both = self.batch.candidates().iter().zip(fates);
            let new = both
                .filter(|(_, fate)| fate.is_new())
                .map(|(candidate, _)| &candidate.reading)
                .map(|reading| (reading.kind.key, reading.effective_ms));
            dirty_days(new.chain(superseded.iter().copied()))
        };
        mark(tx, self.user_id, &days, self.now_ms).await
    }

    /// What is told: the batch, and each correction.
    fn events(
        &self,
        fates: &[Fate],
        superseded: &[(&'static str, i64)],
    ) -> Result<Vec<Event>, ApiError> {
        let recorded = self.batch.recorded(self.user_id, fates);
        let component = self.cause.component();
        let mut events = Vec::with_capacity(superseded.len() + 1);
        events.push(Event::new(events::RECORDED, component, &recorded)?);
        let both = self.batch.candidates().iter().zip(fates);
        for (candidate, _) in both.filter(|(_, fate)| **fate == Fate::Updated) {
            let corrected = Corrected {
                user_id: self.user_id.to_owned(),
                id: candidate.id.clone(),
                supersedes: candidate.reading.supersedes.clone().unwrap_or_default(),
                kind: candidate.reading.kind.key.to_owned(),
            };
            events.push(Event::new(events::CORRECTED, component, &corrected)?);
        }
        let subject = events::subject(self.user_id);
        let events = events.into_iter();
        Ok(events
            .map(|event| self.cause.of(event.about(&subject)))
            .collect())
    }
}

/// Whether a stored reading tells of the same, whatever became of it.
fn is_same(candidate: &Candidate, stored: &StoredReading) -> bool {
    candidate.reading.values == stored.values && candidate.reading.data == stored.data
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
