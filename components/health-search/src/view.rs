//! What was found, as callers see it.

use std::collections::BTreeMap;

use serde::Serialize;
use suoke_guest::clock;
use suoke_search::{Found, Hit};

/// The answer.
#[derive(Debug, Serialize)]
pub(crate) struct Answer {
    total: u64,
    hits: Vec<Shown>,
    counts: Counts,
    /// Whether so much answers that not all of it was looked at.
    truncated: bool,
    next_cursor: Option<String>,
}

/// How many there are of what answers.
#[derive(Debug, Serialize)]
struct Counts {
    /// By type, whichever types are shown.
    types: BTreeMap<String, u64>,
    /// By month, of the types that are shown.
    months: BTreeMap<String, u64>,
}

/// A document.
#[derive(Debug, Serialize)]
struct Shown {
    #[serde(rename = "type")]
    kind: String,
    id: String,
    name: String,
    score: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<String>,
    /// By field, as safe HTML.
    highlights: BTreeMap<String, String>,
}

impl From<Found> for Answer {
    fn from(found: Found) -> Self {
        Self {
            total: found.total,
            hits: found.hits.into_iter().map(shown).collect(),
            counts: Counts {
                types: found.kinds,
                months: found.months,
            },
            truncated: found.is_cut,
            next_cursor: found.next.map(|cursor| cursor.text()),
        }
    }
}

fn shown(hit: Hit) -> Shown {
    Shown {
        kind: hit.kind,
        id: hit.id,
        name: hit.name,
        score: hit.score,
        at: hit.at_ms.map(clock::rfc3339),
        highlights: hit.highlights,
    }
}
