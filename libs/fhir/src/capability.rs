//! What this server says about itself. It names what is there and nothing else.

use serde_json::{Value, json};

use crate::date::written;
use crate::{FHIR_VERSION, MEDIA_TYPE};

/// When this statement last changed: 2026-11-21.
const CHANGED_MS: i64 = 1_795_219_200_000;

/// The parameters of a search for Observations: name, type, what it does.
pub const SEARCH_PARAMETERS: &[(&str, &str, &str)] = &[
    ("_id", "token", "Ids, with commas between them"),
    ("category", "token", "The category, such as vital-signs"),
    (
        "code",
        "token",
        "LOINC or urn:suoke:reading-type; `system|code`, a code alone, or `system|` for all of it",
    ),
    (
        "date",
        "date",
        "When it was measured, with the prefixes eq, ne, gt, lt, ge, le, sa and eb; repeated ones must all fit",
    ),
    ("identifier", "token", "`system|value`, both of them"),
    (
        "patient",
        "reference",
        "Whose it is; one's own unless an operator asks",
    ),
    (
        "status",
        "token",
        "final, amended or entered-in-error; what is entered in error is shown only when asked for",
    ),
    ("subject", "reference", "The same as patient"),
];

/// The `CapabilityStatement` of the server at `base`.
pub fn statement(base: &str, software_version: &str) -> Value {
    let parameters = SEARCH_PARAMETERS.iter().map(|(name, kind, documentation)| {
        json!({ "name": name, "type": kind, "documentation": documentation })
    });
    json!({
        "resourceType": "CapabilityStatement",
        "url": format!("{base}/metadata"),
        "name": "SuokeLife",
        "title": "Suoke Life",
        "status": "active",
        "date": written(CHANGED_MS, 0),
        "publisher": "The Suoke maintainers",
        "kind": "instance",
        "software": { "name": "Suoke", "version": software_version },
        "implementation": { "description": "Health readings of people, as Observations", "url": base },
        "fhirVersion": FHIR_VERSION,
        "format": [MEDIA_TYPE, "json"],
        "rest": [{
            "mode": "server",
            "documentation": "A person sees and writes their own Patient compartment; operators name the Patient. \
                Nothing is searched over several Patients.",
            "security": {
                "cors": true,
                "service": [{ "coding": [{
                    "system": "http://terminology.hl7.org/CodeSystem/restful-security-service",
                    "code": "OAuth",
                }], "text": "A bearer token" }],
                "description": "Authorization: Bearer, a token of POST /api/v1/auth/token",
            },
            "resource": [observation(parameters.collect()), patient()],
            "interaction": [
                { "code": "transaction", "documentation": "All entries or none, at most 1,000" },
                { "code": "batch", "documentation": "Each entry for itself, at most 1,000" },
            ],
        }],
    })
}

fn observation(parameters: Vec<Value>) -> Value {
    let profiles = [
        "bp",
        "heartrate",
        "oxygensat",
        "bodytemp",
        "resprate",
        "bodyweight",
        "bodyheight",
        "bmi",
    ];
    let profiles = profiles.map(|name| format!("http://hl7.org/fhir/StructureDefinition/{name}"));
    json!({
        "type": "Observation",
        "supportedProfile": profiles,
        "documentation": "A reading of the catalogue. Members that no reading has are passed over.",
        "interaction": [
            { "code": "read" },
            { "code": "vread" },
            { "code": "update", "documentation": "Corrects: what was said before stays as a version. Only what is there can be updated." },
            { "code": "delete", "documentation": "It is entered in error from then on, and gone after 30 days." },
            { "code": "history-instance" },
            { "code": "create", "documentation": "What is there already is answered with 200: a reading is stored once." },
            { "code": "search-type", "documentation": "Sorted by date; pages by links." },
        ],
        "versioning": "versioned",
        "readHistory": true,
        "updateCreate": false,
        "conditionalCreate": true,
        "conditionalRead": "not-supported",
        "conditionalUpdate": false,
        "conditionalDelete": "not-supported",
        "searchInclude": ["Observation:patient", "Observation:subject"],
        "searchParam": parameters,
        "operation": [
            { "name": "lastn", "definition": "http://hl7.org/fhir/OperationDefinition/Observation-lastn" },
            { "name": "stats", "definition": "http://hl7.org/fhir/OperationDefinition/Observation-stats" },
        ],
    })
}

fn patient() -> Value {
    json!({
        "type": "Patient",
        "documentation": "What the health profile says. It is written through /api/v1/health/profile.",
        "interaction": [{ "code": "read" }, { "code": "search-type" }],
        "versioning": "versioned",
        "readHistory": false,
        "updateCreate": false,
        "searchParam": [
            { "name": "_id", "type": "token" },
            { "name": "identifier", "type": "token", "documentation": "urn:suoke:user-id" },
        ],
        "operation": [
            { "name": "everything", "definition": "http://hl7.org/fhir/OperationDefinition/Patient-everything" },
        ],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_statement_names_version_address_and_resources() {
        let shown = statement("http://h/fhir", "0.1.0");
        assert_eq!(shown["fhirVersion"], "4.0.1");
        assert_eq!(shown["implementation"]["url"], "http://h/fhir");
        assert_eq!(shown["rest"][0]["resource"][0]["type"], "Observation");
        // `If-Match` is heeded where it is sent, and not asked for.
        for resource in shown["rest"][0]["resource"].as_array().unwrap() {
            assert_eq!(resource["versioning"], "versioned");
        }
    }

    #[test]
    fn every_parameter_that_is_stated_is_read() {
        let clock = crate::date::fixed_clock(0);
        for (name, kind, _) in SEARCH_PARAMETERS {
            let value = match (*kind, *name) {
                ("date", _) => "2026",
                (_, "identifier") => "x|x",
                _ => "x",
            };
            let pairs = [((*name).to_owned(), value.to_owned())];
            let search = crate::search::parse(&pairs, &clock, true).unwrap();
            assert_eq!(search.used.len(), 1, "{name}");
        }
    }
}
