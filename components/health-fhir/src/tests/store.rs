//! What is written and found again, on a store in memory.

use serde_json::json;
use suoke_store::{Sql, params};

use super::*;

const NOW_MS: i64 = 1_800_000_000_000;

struct World {
    db: Database,
    desk: Desk,
}

impl World {
    fn new() -> Self {
        let who = suoke_identity::caller(&asked("GET", "/")).unwrap();
        let address = Address {
            base: "http://h/fhir".to_owned(),
        };
        Self {
            db: block_on(Database::open_in_memory(LABEL)).unwrap(),
            desk: Desk {
                who,
                address,
                now_ms: NOW_MS,
            },
        }
    }

    fn bundle(&mut self, kind: &str, entries: Value) -> (u16, Value) {
        let bundle = json!({ "resourceType": "Bundle", "type": kind, "entry": entries });
        let request = asked("POST", "/fhir");
        let reply = block_on(bundle::process(&mut self.db, &self.desk, &request, bundle));
        let reply = reply.or_else(Failed::reply).unwrap();
        (
            reply.status(),
            serde_json::from_slice(reply.body_bytes()).unwrap(),
        )
    }

    fn create(&mut self, request: Request, resource: Value) -> (u16, Value) {
        let reply = block_on(write::create(&mut self.db, &self.desk, &request, resource));
        let reply = reply.or_else(Failed::reply).unwrap();
        (
            reply.status(),
            serde_json::from_slice(reply.body_bytes()).unwrap(),
        )
    }

    fn update(&mut self, request: Request, id: &str, resource: Value) -> (u16, Value) {
        let reply = block_on(write::update(
            &mut self.db,
            &self.desk,
            &request,
            id,
            resource,
        ));
        let reply = reply.or_else(Failed::reply).unwrap();
        (
            reply.status(),
            serde_json::from_slice(reply.body_bytes()).unwrap(),
        )
    }

    fn get(&self, target: &str) -> (u16, Value) {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let segments: Vec<&str> = path.split('/').collect();
        let pairs = address::pairs(query);
        match block_on(get(&self.db, &self.desk, &segments, &pairs, true)) {
            Ok(found) => (200, found.resource),
            Err(failed) => (failed.status, suoke_fhir::outcome::errors(&failed.issues)),
        }
    }

    fn rows(&self) -> i64 {
        block_on(
            self.db
                .query_one("SELECT COUNT(*) FROM readings", params![]),
        )
        .unwrap()
    }
}

fn heart_rate(minute: u32, value: u32) -> Value {
    json!({
        "resourceType": "Observation",
        "status": "final",
        "code": { "coding": [{ "system": "http://loinc.org", "code": "8867-4" }] },
        "subject": { "reference": format!("Patient/{USER}") },
        "identifier": [{ "system": "urn:x", "value": format!("m{minute}") }],
        "effectiveDateTime": format!("2026-11-20T08:{minute:02}:00+08:00"),
        "valueQuantity": { "value": value, "unit": "/min" },
    })
}

fn post(resource: Value) -> Value {
    json!({ "resource": resource, "request": { "method": "POST", "url": "Observation" } })
}

fn ids(bundle: &Value) -> Vec<String> {
    let entries = bundle["entry"].as_array().into_iter().flatten();
    let ids = entries.map(|entry| entry["resource"]["id"].as_str().unwrap().to_owned());
    ids.collect()
}

fn statuses(bundle: &Value) -> Vec<String> {
    let entries = bundle["entry"].as_array().into_iter().flatten();
    let each = entries.map(|entry| entry["response"]["status"].as_str().unwrap().to_owned());
    each.collect()
}

#[test]
fn what_is_created_is_found_and_created_once() {
    let mut world = World::new();
    let (status, created) = world.create(asked("POST", "/fhir/Observation"), heart_rate(1, 72));
    assert_eq!(status, 201, "{created}");
    let id = created["id"].as_str().unwrap().to_owned();
    assert_eq!(
        world.get(&format!("Observation/{id}")),
        (200, created.clone())
    );
    let (status, again) = world.create(asked("POST", "/fhir/Observation"), heart_rate(1, 72));
    assert_eq!((status, &again["id"]), (200, &created["id"]));
    let (status, outcome) = world.create(asked("POST", "/fhir/Observation"), heart_rate(1, 73));
    assert_eq!(status, 409, "{outcome}");
    // Another time, and still the identifier that must not be there yet.
    let mut later = heart_rate(2, 80);
    later["identifier"][0]["value"] = "m1".into();
    let request =
        asked("POST", "/fhir/Observation").with_header("if-none-exist", "identifier=urn:x|m1");
    let (status, known) = world.create(request, later);
    assert_eq!((status, &known["id"]), (200, &created["id"]));
    assert_eq!(world.rows(), 1);
}

#[test]
fn a_correction_is_a_version_and_keeps_its_name() {
    let mut world = World::new();
    let (_, created) = world.create(asked("POST", "/"), heart_rate(1, 72));
    let id = created["id"].as_str().unwrap().to_owned();
    let mut changed = created.clone();
    changed["valueQuantity"]["value"] = 75.into();
    let (status, updated) = world.update(asked("PUT", "/"), &id, changed.clone());
    assert_eq!(status, 200, "{updated}");
    assert_eq!(
        (
            &updated["id"],
            &updated["status"],
            &updated["meta"]["versionId"]
        ),
        (&json!(id), &json!("amended"), &json!("2"))
    );
    // Said again it is no version of its own.
    let (_, same) = world.update(asked("PUT", "/"), &id, updated.clone());
    assert_eq!(same["meta"]["versionId"], "2");
    let stale = asked("PUT", "/").with_header("if-match", "W/\"1\"");
    assert_eq!(world.update(stale, &id, changed.clone()).0, 412);
    let (_, history) = world.get(&format!("Observation/{id}/_history"));
    assert_eq!(history["total"], 2);
    let (_, first) = world.get(&format!("Observation/{id}/_history/1"));
    assert_eq!(first["valueQuantity"]["value"], 72);
    let (_, found) = world.get("Observation?code=8867-4");
    assert_eq!(
        (ids(&found), &found["total"]),
        (vec![id.clone()], &json!(1))
    );
    assert_eq!(
        ids(&world.get("Observation?status=amended").1),
        std::slice::from_ref(&id)
    );
    assert!(ids(&world.get("Observation?status=final").1).is_empty());
    changed["id"] = "another".into();
    assert_eq!(world.update(asked("PUT", "/"), &id, changed).0, 400);
}

#[test]
fn what_is_deleted_says_so_and_is_not_searched() {
    let mut world = World::new();
    let (_, created) = world.create(asked("POST", "/"), heart_rate(1, 72));
    let id = created["id"].as_str().unwrap().to_owned();
    let entry = json!([{ "request": { "method": "DELETE", "url": format!("Observation/{id}") } }]);
    assert_eq!(
        statuses(&world.bundle("batch", entry.clone()).1),
        ["204 No Content"]
    );
    assert_eq!(
        statuses(&world.bundle("batch", entry).1),
        ["204 No Content"]
    );
    let (_, shown) = world.get(&format!("Observation/{id}"));
    assert_eq!(
        (&shown["status"], &shown["meta"]["versionId"]),
        (&json!("entered-in-error"), &json!("2"))
    );
    assert!(ids(&world.get("Observation").1).is_empty());
    assert_eq!(
        ids(&world.get("Observation?status=entered-in-error").1),
        std::slice::from_ref(&id)
    );
    assert_eq!(world.update(asked("PUT", "/"), &id, created).0, 409);
    assert_eq!(world.create(asked("POST", "/"), heart_rate(1, 72)).0, 409);
    assert_eq!(
        world.get(&format!("Observation/{id}/_history")).1["total"],
        2
    );
}

#[test]
fn a_batch_tells_of_each_entry() {
    let mut world = World::new();
    let mut wrong = heart_rate(2, 72);
    wrong["valueQuantity"]["value"] = 9_999.into();
    let mut foreign = heart_rate(3, 72);
    foreign["subject"]["reference"] = format!("Patient/{OTHER}").into();
    let entries = json!([
        post(heart_rate(1, 72)),
        post(wrong),
        post(foreign),
        { "request": { "method": "GET", "url": "Observation?code=8867-4" } },
        { "request": { "method": "PATCH", "url": "Observation/1" } },
        { "request": { "method": "GET", "url": "Observation/nothing" } },
    ]);
    let (status, answer) = world.bundle("batch", entries);
    assert_eq!((status, &answer["type"]), (200, &json!("batch-response")));
    assert_eq!(
        statuses(&answer),
        [
            "201 Created",
            "422 Unprocessable Entity",
            "403 Forbidden",
            "200 OK",
            "405 Method Not Allowed",
            "404 Not Found"
        ]
    );
    assert_eq!(answer["entry"][3]["resource"]["total"], 1);
    assert_eq!(
        answer["entry"][1]["response"]["outcome"]["issue"][0]["code"],
        "business-rule"
    );
    assert_eq!(world.rows(), 1);
}

#[test]
fn a_bundle_reads_a_bounded_number_of_pages() {
    let mut world = World::new();
    let read = json!({ "request": { "method": "GET", "url": "Observation" } });
    assert_eq!(world.bundle("batch", json!(vec![read.clone(); 20])).0, 200);
    assert_eq!(world.bundle("batch", json!(vec![read; 21])).0, 413);
}

#[test]
fn a_transaction_is_done_wholly_or_not_at_all() {
    let mut world = World::new();
    let mut wrong = heart_rate(2, 72);
    wrong["valueQuantity"]["value"] = 9_999.into();
    let (status, outcome) =
        world.bundle("transaction", json!([post(heart_rate(1, 72)), post(wrong)]));
    assert_eq!((status, world.rows()), (422, 0), "{outcome}");
    let place = outcome["issue"][0]["expression"][0].as_str().unwrap();
    assert!(place.starts_with("Bundle.entry[1]."), "{place}");
    let (status, answer) = world.bundle(
        "transaction",
        json!([post(heart_rate(1, 72)), post(heart_rate(2, 74))]),
    );
    assert_eq!((status, world.rows()), (200, 2), "{answer}");
    // What fails last undoes what was done first.
    let id = ids(&world.get("Observation").1).pop().unwrap();
    let entries = json!([
        { "request": { "method": "DELETE", "url": format!("Observation/{id}") } },
        { "request": { "method": "GET", "url": "Observation/nothing" } },
    ]);
    assert_eq!(world.bundle("transaction", entries).0, 404);
    assert_eq!(world.get(&format!("Observation/{id}")).1["status"], "final");
}

#[test]
fn entries_name_each_other_within_a_transaction() {
    let mut world = World::new();
    let patient = json!({
        "fullUrl": "urn:uuid:1",
        "resource": { "resourceType": "Patient" },
        "request": { "method": "POST", "url": "Patient", "ifNoneExist": format!("identifier=urn:suoke:user-id|{USER}") },
    });
    let mut reading = heart_rate(1, 72);
    reading["subject"]["reference"] = "urn:uuid:1".into();
    reading["derivedFrom"] = json!([{ "reference": "urn:uuid:2" }]);
    let mut named = post(reading);
    named["request"]["ifNoneExist"] = "identifier=urn:x|m1".into();
    let mut other = post(heart_rate(2, 73));
    other["fullUrl"] = "urn:uuid:2".into();
    let entries = json!([patient, named, other]);
    let (status, answer) = world.bundle("transaction", entries.clone());
    assert_eq!(status, 200, "{answer}");
    assert_eq!(statuses(&answer), ["200 OK", "201 Created", "201 Created"]);
    let (_, again) = world.bundle("transaction", entries);
    assert_eq!(statuses(&again), ["200 OK"; 3]);
    let mut lost = heart_rate(3, 72);
    lost["derivedFrom"] = json!([{ "reference": "urn:uuid:nobody" }]);
    assert_eq!(world.bundle("transaction", json!([post(lost)])).0, 400);
    assert_eq!(world.rows(), 2);
}

#[test]
fn pages_survive_what_comes_meanwhile() {
    let mut world = World::new();
    let all: Vec<Value> = (0..7)
        .map(|minute| post(heart_rate(minute, 60 + minute)))
        .collect();
    world.bundle("transaction", json!(all));
    for sort in ["-date", "date"] {
        let mut seen = Vec::new();
        let mut target = format!("Observation?code=8867-4&_count=3&_sort={sort}");
        let mut late = 30;
        loop {
            let (status, page) = world.get(&target);
            assert_eq!(status, 200, "{page}");
            seen.extend(ids(&page));
            let links = page["link"].as_array().unwrap();
            let next = links.iter().find(|link| link["relation"] == "next");
            let Some(next) = next else { break };
            target = next["url"]
                .as_str()
                .unwrap()
                .strip_prefix("http://h/fhir/")
                .unwrap()
                .to_owned();
            // Newer than all that is asked for, and older.
            if sort == "-date" {
                world.create(asked("POST", "/"), heart_rate(late, 80));
            }
            late += 1;
        }
        let mut distinct = seen.clone();
        distinct.sort();
        distinct.dedup();
        assert_eq!(distinct.len(), seen.len(), "{sort}");
        assert!(seen.len() >= 7);
    }
}

#[test]
fn dates_patients_and_identifiers_narrow_a_search() {
    let mut world = World::new();
    let all: Vec<Value> = (0..5)
        .map(|minute| post(heart_rate(minute, 60 + minute)))
        .collect();
    world.bundle("batch", json!(all));
    let total = |target: &str| {
        let (status, page) = world.get(target);
        (status, page["total"].as_u64().unwrap_or_default())
    };
    for (target, expected) in [
        ("Observation?date=2026-11-20", (200, 5)),
        ("Observation?date=ge2026-11-20T08:03:00%2B08:00", (200, 2)),
        (
            "Observation?date=ge2026-11-20T08:01:00%2B08:00&date=lt2026-11-20T08:03:00%2B08:00",
            (200, 2),
        ),
        ("Observation?date=2026-11-20T08:01", (200, 1)),
        ("Observation?date=gt2026-11-20", (200, 0)),
        ("Observation?identifier=urn:x|m3", (200, 1)),
        ("Observation?identifier=urn:y|m3", (200, 0)),
        ("Observation?category=vital-signs&_summary=count", (200, 5)),
        ("Observation?category=laboratory", (200, 0)),
        (
            "Observation?patient=018f0000-0000-7000-8000-000000000002",
            (403, 0),
        ),
        ("Observation?colour=red", (400, 0)),
    ] {
        assert_eq!(total(target), expected, "{target}");
    }
    let (_, page) = world.get("Observation?_include=Observation:patient&_count=1");
    assert_eq!(page["entry"][1]["search"]["mode"], "include");
    assert_eq!(page["entry"][1]["resource"]["resourceType"], "Patient");
    let one = ids(&page)[0].clone();
    assert_eq!(total(&format!("Observation?_id={one}")), (200, 1));
    let (_, everything) = world.get(&format!("Patient/{USER}/$everything"));
    assert_eq!(everything["total"], 6);
    assert_eq!(
        everything["entry"][0]["resource"]["resourceType"],
        "Patient"
    );
    assert_eq!(world.get(&format!("Patient/{OTHER}")).0, 404);
    assert_eq!(world.get(&format!("Patient/{OTHER}/$everything")).0, 404);
    assert_eq!(total("Patient"), (200, 1));
    assert_eq!(total(&format!("Patient?_id={OTHER}")), (200, 0));
}

#[test]
fn figures_are_of_what_counts() {
    let mut world = World::new();
    let all: Vec<Value> = [60, 70, 80]
        .iter()
        .zip(0..)
        .map(|(value, minute)| post(heart_rate(minute, *value)))
        .collect();
    world.bundle("batch", json!(all));
    let target = format!(
        "Observation/$stats?subject=Patient/{USER}&code=8867-4&system=http://loinc.org&statistic=average,count"
    );
    let (status, stats) = world.get(&target);
    assert_eq!(status, 200, "{stats}");
    let figures = &stats["parameter"][0]["resource"]["component"];
    assert_eq!(figures[0]["valueQuantity"]["value"], 70.0);
    assert_eq!(figures[1]["valueQuantity"]["value"], 3);
    for wrong in ["code=8867-4", "code=1-1", "statistic=mode", "duration=x"] {
        let target = format!("Observation/$stats?subject=Patient/{USER}&statistic=count&{wrong}");
        let expected = if wrong == "code=8867-4" { 200 } else { 400 };
        assert_eq!(world.get(&target).0, expected, "{wrong}");
    }
    let (_, last) = world.get("Observation/$lastn?max=2&code=8867-4");
    assert_eq!(last["total"], 2);
}
