//! What is known of a person, as a Patient. Names and addresses belong to the account
//! and are not part of it.

use serde_json::{Value, json};

use crate::date::written;
use crate::json::set;
use crate::terms;

/// What the health profile says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Person<'a> {
    /// The account.
    pub user_id: &'a str,
    /// `male`, `female`, or empty.
    pub sex: &'a str,
    /// `1990-01-31`, where it is known.
    pub birth_date: Option<&'a str>,
    /// A name of the IANA database, such as `Asia/Shanghai`.
    pub timezone: &'a str,
    /// The version of the profile; 0 where there is none.
    pub version: i64,
    /// When it was changed, in milliseconds since the Unix epoch; 0 where it never was.
    pub changed_ms: i64,
}

/// The Patient.
pub fn patient(person: &Person<'_>) -> Value {
    let gender = match person.sex {
        "male" => "male",
        "female" => "female",
        _ => "unknown",
    };
    let mut meta = json!({ "versionId": person.version.to_string() });
    if person.changed_ms > 0 {
        set(
            &mut meta,
            "lastUpdated",
            json!(written(person.changed_ms, 0)),
        );
    }
    let mut patient = json!({
        "resourceType": "Patient",
        "id": person.user_id,
        "meta": meta,
        "identifier": [{ "use": "official", "system": terms::USER_ID, "value": person.user_id }],
        "active": true,
        "gender": gender,
    });
    if let Some(date) = person.birth_date {
        set(&mut patient, "birthDate", json!(date));
    }
    if !person.timezone.is_empty() {
        set(
            &mut patient,
            "extension",
            json!([{
                "url": "http://hl7.org/fhir/StructureDefinition/timezone",
                "valueCode": person.timezone,
            }]),
        );
    }
    patient
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patient_tells_what_is_known_and_no_more() {
        let person = Person {
            user_id: "u1",
            sex: "female",
            birth_date: Some("1990-01-31"),
            timezone: "Asia/Shanghai",
            version: 3,
            changed_ms: 1,
        };
        let shown = patient(&person);
        assert_eq!(
            (&shown["gender"], &shown["birthDate"]),
            (&json!("female"), &json!("1990-01-31"))
        );
        assert_eq!(shown["meta"]["versionId"], "3");
        let unknown = patient(&Person {
            user_id: "u1",
            ..Person::default()
        });
        assert_eq!(unknown["gender"], "unknown");
        assert!(unknown.get("birthDate").is_none() && unknown.get("extension").is_none());
    }
}
