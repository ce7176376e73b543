//! What the entries of a bundle ask for.

use std::collections::{HashMap, HashSet};

use serde_json::Value;
use suoke_fhir::bundle::{Entry, find_reference};
use suoke_fhir::import::Imported;
use suoke_fhir::json::at;
use suoke_fhir::outcome::IssueType;
use suoke_fhir::terms;

use crate::failed::Failed;
use crate::write::{self, New};
use crate::{Desk, address, methods, read};

/// What an entry asks for.
pub enum Task {
    Create {
        user_id: String,
        new: Box<New>,
    },
    /// A Patient that is there already: accounts are not made here.
    Known {
        user_id: String,
    },
    Update {
        user_id: String,
        id: String,
        imported: Box<Imported>,
        if_match: Option<String>,
    },
    Delete {
        user_id: String,
        id: String,
        if_match: Option<String>,
    },
    Get {
        segments: Vec<String>,
        pairs: Vec<(String, String)>,
    },
}

/// The Patients that entries bring along, by the names that other entries give them.
pub fn names(desk: &Desk, entries: &[Entry]) -> Result<HashMap<String, String>, Failed> {
    let mut names = HashMap::new();
    for entry in entries
        .iter()
        .filter(|entry| at(&entry.resource, "resourceType") == "Patient")
    {
        if entry.full_url.is_empty() {
            continue;
        }
        if let Ok(user_id) = known_patient(desk, entry)
            && names
                .insert(entry.full_url.clone(), format!("Patient/{user_id}"))
                .is_some()
        {
            let message = "two entries have the same `fullUrl`";
            return Err(Failed::new(
                400,
                IssueType::Duplicate,
                &format!("{}.fullUrl", entry.place()),
                message,
            ));
        }
    }
    Ok(names)
}

/// The account of a Patient that an entry would create if it were not there.
fn known_patient(desk: &Desk, entry: &Entry) -> Result<String, Failed> {
    let condition = entry
        .if_none_exist
        .as_deref()
        .map(write::condition)
        .transpose()?;
    match condition {
        Some((system, user_id)) if system == terms::USER_ID => read::subject(desk, Some(&user_id)),
        _ => {
            let message = "Patients are accounts and not made here: name one by \
                `ifNoneExist` identifier=urn:suoke:user-id|<id>";
            Err(Failed::new(
                422,
                IssueType::NotSupported,
                "Patient",
                message,
            ))
        }
    }
}

/// Understands an entry. `places` are the names of all entries, where they may name
/// each other.
pub fn task(
    desk: &Desk,
    entry: &Entry,
    names: &HashMap<String, String>,
    places: Option<&HashSet<&str>>,
) -> Result<Task, Failed> {
    let (path, query) = entry.url.split_once('?').unwrap_or((&entry.url, ""));
    let path = path
        .strip_prefix(desk.address.base.as_str())
        .unwrap_or(path);
    let segments = address::segments(path)?;
    let pairs = address::pairs(query);
    let parts: Vec<&str> = segments.iter().map(String::as_str).collect();
    match (entry.method.as_str(), parts.as_slice()) {
        ("GET" | "HEAD", parts) => {
            if !methods(parts)?.contains(&"GET") {
                return Err(not_here());
            }
            Ok(Task::Get { segments, pairs })
        }
        ("POST", ["Observation"]) => {
            let (user_id, imported) = observation(desk, entry, names, places)?;
            if imported.is_error {
                let message = "what was entered in error is not stored anew";
                return Err(Failed::new(
                    422,
                    IssueType::BusinessRule,
                    "Observation.status",
                    message,
                ));
            }
            let unless = entry
                .if_none_exist
                .as_deref()
                .map(write::condition)
                .transpose()?;
            let new = Box::new(New {
                reading: imported.reading,
                unless,
            });
            Ok(Task::Create { user_id, new })
        }
        ("POST", ["Patient"]) => known_patient(desk, entry).map(|user_id| Task::Known { user_id }),
        ("PUT", ["Observation", id]) => {
            let (user_id, imported) = observation(desk, entry, names, places)?;
            write::if_named(id, &entry.resource)?;
            Ok(Task::Update {
                user_id,
                id: (*id).to_owned(),
                imported: Box::new(imported),
                if_match: entry.if_match.clone(),
            })
        }
        ("DELETE", ["Observation", id]) => Ok(Task::Delete {
            user_id: read::subject_of(desk, &pairs)?,
            id: (*id).to_owned(),
            if_match: entry.if_match.clone(),
        }),
        _ => Err(not_here()),
    }
}

pub fn not_here() -> Failed {
    let message = "this is not done here: see the CapabilityStatement at metadata";
    Failed::new(405, IssueType::NotSupported, "Bundle.request", message)
}

/// The Observation of an entry. Whatever it refers to inside of the bundle must be
/// there.
fn observation(
    desk: &Desk,
    entry: &Entry,
    names: &HashMap<String, String>,
    places: Option<&HashSet<&str>>,
) -> Result<(String, Imported), Failed> {
    let is_lost = |reference: &str| {
        let is_here = places.is_some_and(|places| places.contains(reference));
        reference.starts_with("urn:") && !is_here
    };
    if find_reference(&entry.resource, &is_lost).is_some() {
        let message = "a reference names no entry of this transaction";
        return Err(Failed::new(400, IssueType::Value, "Observation", message));
    }
    let subject = entry
        .resource
        .pointer("/subject/reference")
        .and_then(Value::as_str);
    let subject = subject.and_then(|reference| names.get(reference));
    write::understood(desk, &entry.resource, subject.map(String::as_str))
}

impl Task {
    /// Whose readings it writes; none where it reads.
    pub fn user_id(&self) -> Option<&str> {
        match self {
            Self::Create { user_id, .. }
            | Self::Known { user_id }
            | Self::Update { user_id, .. }
            | Self::Delete { user_id, .. } => Some(user_id),
            Self::Get { .. } => None,
        }
    }

    /// The reading that it would store, and whose.
    pub fn writes(&self) -> Option<(&str, &Value)> {
        match self {
            Self::Create { user_id, new } => Some((user_id, &new.reading)),
            Self::Update {
                user_id, imported, ..
            } if !imported.is_error => Some((user_id, &imported.reading)),
            _ => None,
        }
    }
}

/// The person whom all writing tasks are about; none where they are several.
pub fn only_person(tasks: &[(usize, Task)]) -> Option<String> {
    let mut people = tasks.iter().filter_map(|(_, task)| task.user_id());
    let first = people.next()?;
    people
        .all(|user_id| user_id == first)
        .then(|| first.to_owned())
}

/// What a task changes, or creates unless it is there: never the same twice in one
/// transaction.
fn changed(task: &Task) -> Option<(&str, String)> {
    match task {
        Task::Update { user_id, id, .. } | Task::Delete { user_id, id, .. } => {
            Some((user_id, format!("Observation/{id}")))
        }
        Task::Create { user_id, new } => Some((user_id, new.condition()?)),
        Task::Known { .. } | Task::Get { .. } => None,
    }
}

/// Fails where two entries change the same Observation, or create one under the same
/// condition.
pub fn once(tasks: &[(usize, Task)]) -> Result<(), Failed> {
    let mut seen = HashSet::new();
    for (index, task) in tasks {
        let Some(changed) = changed(task) else {
            continue;
        };
        if !seen.insert(changed) {
            let message = "a transaction changes an Observation once, and creates one for a \
                condition";
            return Err(Failed::new(
                400,
                IssueType::Duplicate,
                &format!("Bundle.entry[{index}]"),
                message,
            ));
        }
    }
    Ok(())
}
