//! One resource, its versions, and the Patients that there are for a caller: one.

use suoke_fhir::bundle::{self as bundles, Page, Version};
use suoke_fhir::observation::{Shown, observation as written};
use suoke_fhir::outcome::IssueType;
use suoke_fhir::patient::{Person, patient as person};
use suoke_fhir::search::patient_id;
use suoke_fhir::terms;
use suoke_health::view::{Status, StoredReading};
use suoke_identity::AuthMethod;
use suoke_readings::{before, profile, versions};
use suoke_store::{Sql, StoreError};

use crate::failed::Failed;
use crate::{Desk, Found, samples};

/// Whose readings a request is about: the caller's own, unless an operator names
/// somebody.
pub fn subject(desk: &Desk, named: Option<&str>) -> Result<String, Failed> {
    match named {
        Some(named) if named == desk.who.user_id || desk.who.is_admin() => {
            desk.is_about(named);
            Ok(named.to_owned())
        }
        Some(_) => {
            let message = "this Patient is not yours";
            Err(Failed::new(403, IssueType::Forbidden, "patient", message))
        }
        None if desk.who.method == AuthMethod::Operator => {
            let message = "operators have no Patient of their own: name one with `patient`";
            Err(Failed::new(400, IssueType::Required, "patient", message))
        }
        None => Ok(desk.who.user_id.clone()),
    }
}

/// The person that a request by an id is about: `patient` in its parameters.
pub fn subject_of(desk: &Desk, pairs: &[(String, String)]) -> Result<String, Failed> {
    let named = pairs
        .iter()
        .find(|(name, _)| name == "patient" || name == "subject");
    let named = named.map(|(_, value)| {
        patient_id(value)
            .ok_or_else(|| Failed::new(400, IssueType::Value, "patient", "an id is needed"))
    });
    subject(desk, named.transpose()?)
}

/// A reading under the name and the number of its version.
pub async fn shown(
    sql: &impl Sql,
    user_id: &str,
    reading: StoredReading,
) -> Result<Shown, StoreError> {
    if reading.supersedes.is_none() {
        return Ok(Shown::first(reading));
    }
    let chain = before(sql, user_id, reading.clone()).await?;
    Ok(at_end(&chain, reading))
}

/// The last reading of a chain under the name of the first.
fn at_end(chain: &[StoredReading], reading: StoredReading) -> Shown {
    let first = chain.first().unwrap_or(&reading);
    // What the first one corrected was purged, and still is the name.
    let id = first.supersedes.as_ref().unwrap_or(&first.id).clone();
    let deleted = u32::from(reading.status == Status::EnteredInError);
    let version = u32::try_from(chain.len())
        .unwrap_or(u32::MAX)
        .saturating_add(deleted);
    Shown {
        reading,
        id,
        version,
    }
}

/// The newest version of the Observation that has this id, or to which a reading of
/// this id belongs.
pub async fn newest(sql: &impl Sql, user_id: &str, id: &str) -> Result<Option<Shown>, StoreError> {
    let chain = versions(sql, user_id, id).await?;
    let last = chain.last().cloned();
    Ok(last.map(|last| at_end(&chain, last)))
}

/// 404 for what is not there or not the caller's.
pub fn absent() -> Failed {
    let message =
        "there is no such Observation of this Patient; operators name the Patient with `patient`";
    Failed::new(404, IssueType::NotFound, "", message)
}

/// An Observation as it is answered.
pub fn found(desk: &Desk, user_id: &str, shown: &Shown) -> Found {
    Found {
        resource: written(user_id, shown),
        etag: Some(shown.etag()),
        modified_ms: Some(shown.updated_ms()),
        location: Some(location(desk, shown)),
    }
}

/// Where this version of an Observation is.
pub fn location(desk: &Desk, shown: &Shown) -> String {
    let address = desk.address.of_resource("Observation", &shown.id);
    format!("{address}/_history/{}", shown.version)
}

/// Reads an Observation; what was entered in error says so.
pub async fn observation(
    sql: &impl Sql,
    desk: &Desk,
    id: &str,
    pairs: &[(String, String)],
) -> Result<Found, Failed> {
    let user_id = subject_of(desk, pairs)?;
    let shown = newest(sql, &user_id, id).await?.ok_or_else(absent)?;
    let mut found = found(desk, &user_id, &shown);
    // It was asked for where it is, unless a correction was named.
    found.location = found.location.filter(|_| shown.id != id);
    samples::fill(&user_id, &shown, &mut found.resource).await?;
    Ok(found)
}

/// The versions of an Observation, the newest first.
async fn all_versions(sql: &impl Sql, user_id: &str, id: &str) -> Result<Vec<Shown>, Failed> {
    let chain = versions(sql, user_id, id).await?;
    let mut shown = Vec::with_capacity(chain.len() + 1);
    for at in 0..chain.len() {
        let (Some(part), Some(reading)) = (chain.get(..=at), chain.get(at)) else {
            continue;
        };
        // What was deleted was said before, and counted then.
        let mut said = reading.clone();
        said.status = Status::Final;
        shown.push(at_end(part, said));
        // What it corrected was deleted with it, at once.
        let is_last = at + 1 == chain.len();
        if is_last && reading.status == Status::EnteredInError {
            shown.push(at_end(part, reading.clone()));
        }
    }
    shown.reverse();
    if shown.is_empty() {
        Err(absent())
    } else {
        Ok(shown)
    }
}

/// The history of an Observation.
pub async fn history(
    sql: &impl Sql,
    desk: &Desk,
    id: &str,
    pairs: &[(String, String)],
) -> Result<serde_json::Value, Failed> {
    let user_id = subject_of(desk, pairs)?;
    let all = all_versions(sql, &user_id, id).await?;
    let each = all.iter().map(|shown| {
        let (method, status) = match shown.reading.status {
            Status::EnteredInError => ("DELETE", "200"),
            Status::Final | Status::Amended if shown.version == 1 => ("POST", "201"),
            Status::Final | Status::Amended => ("PUT", "200"),
        };
        Version {
            method,
            status,
            etag: shown.etag(),
            at_ms: shown.updated_ms(),
            resource: written(&user_id, shown),
        }
    });
    let id = all.first().map_or(id, |shown| &shown.id);
    let address = desk.address.of_resource("Observation", id);
    Ok(bundles::history(
        &format!("{address}/_history"),
        &address,
        each.collect(),
    ))
}

/// One version of an Observation.
pub async fn version(
    sql: &impl Sql,
    desk: &Desk,
    id: &str,
    version: &str,
    pairs: &[(String, String)],
) -> Result<Found, Failed> {
    let user_id = subject_of(desk, pairs)?;
    let all = all_versions(sql, &user_id, id).await?;
    let shown = all
        .into_iter()
        .find(|shown| shown.version.to_string() == version);
    let shown = shown
        .ok_or_else(|| Failed::new(404, IssueType::NotFound, "", "there is no such version"))?;
    let mut found = found(desk, &user_id, &shown);
    found.location = None;
    samples::fill(&user_id, &shown, &mut found.resource).await?;
    Ok(found)
}

/// Reads a Patient.
pub async fn patient(sql: &impl Sql, desk: &Desk, id: &str) -> Result<Found, Failed> {
    if id != desk.who.user_id && !desk.who.is_admin() {
        let message = "there is no such Patient, or it is not yours";
        return Err(Failed::new(404, IssueType::NotFound, "", message));
    }
    let known = patient_id(id).filter(|known| *known == id);
    let id = known.ok_or_else(|| Failed::new(404, IssueType::NotFound, "", "this is no id"))?;
    desk.is_about(id);
    let stored = profile(sql, id).await?;
    let shown = person(&Person {
        user_id: id,
        sex: stored.profile.sex.map_or("", |sex| sex.as_str()),
        birth_date: stored.profile.birth_date.as_deref(),
        timezone: &stored.profile.timezone,
        version: stored.version,
        changed_ms: stored.changed_ms,
    });
    Ok(Found {
        resource: shown,
        etag: Some(format!("W/\"{}\"", stored.version)),
        modified_ms: Some(stored.changed_ms).filter(|at| *at > 0),
        location: None,
    })
}

/// The Patients that a search finds: one's own, unless operators name another.
pub async fn patients(
    sql: &impl Sql,
    desk: &Desk,
    pairs: &[(String, String)],
) -> Result<serde_json::Value, Failed> {
    let mut ids = Vec::new();
    for (name, value) in pairs {
        match name.as_str() {
            "_id" => ids.push(value.clone()),
            "identifier" => {
                let (system, id) = value.split_once('|').unwrap_or((terms::USER_ID, value));
                ids.push(if system == terms::USER_ID { id } else { "" }.to_owned());
            }
            _ => {}
        }
    }
    let own = desk.who.user_id.clone();
    let wanted = match ids.split_first() {
        None => (desk.who.method != AuthMethod::Operator).then_some(own),
        Some((first, rest)) => rest.iter().all(|id| id == first).then(|| first.clone()),
    };
    let mut page = Page {
        total: Some(0),
        links: vec![("self", desk.address.of_search("Patient", &known(pairs)))],
        entries: Vec::new(),
    };
    if let Some(id) = wanted.filter(|id| *id == desk.who.user_id || desk.who.is_admin())
        && let Ok(found) = patient(sql, desk, &id).await
    {
        let address = desk.address.of_resource("Patient", &id);
        page.total = Some(1);
        page.entries.push((address, found.resource, "match"));
    }
    Ok(bundles::searchset(page, desk.now_ms))
}

fn known(pairs: &[(String, String)]) -> Vec<(String, String)> {
    let known = pairs
        .iter()
        .filter(|(name, _)| name == "_id" || name == "identifier");
    known.cloned().collect()
}
