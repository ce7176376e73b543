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
                others: RefCell::default(),
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
fn what_was_corrected_does_not_count_again_when_its_correction_is_purged() {
    let mut world = World::new();
    let (_, created) = world.create(asked("POST", "/"), heart_rate(1, 72));
    let id = created["id"].as_str().unwrap().to_owned();
    let mut right = heart_rate(1, 82);
    right["id"] = id.as_str().into();
    assert_eq!(world.update(asked("PUT", "/"), &id, right).0, 200);
    let request = asked("DELETE", "/");
    let delete = write::delete(&mut world.db, &world.desk, &request, &id);
    assert_eq!(block_on(delete).unwrap().status(), 204);
    let purge = "DELETE FROM readings WHERE status = 'entered_in_error'";
    block_on(world.db.execute(purge, params![])).unwrap();
    for address in [
        format!("Observation/{id}"),
        format!("Observation/{id}/_history"),
        format!("Observation/{id}/_history/1"),
    ] {
        assert_eq!(world.get(&address).0, 404, "{address}");
    }
    for query in [
        format!("_id={id}"),
        format!("identifier=urn:suoke:reading-id|{id}"),
        String::new(),
    ] {
        let found = world.get(&format!("Observation?{query}")).1;
        assert_eq!(found["total"], 0, "{query}: {found}");
    }
    let (status, outcome) = world.create(asked("POST", "/"), heart_rate(1, 72));
    assert!(matches!(status, 201 | 409), "{outcome}");
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
    let url = format!("Observation/$stats?subject=Patient/{USER}&code=8867-4&statistic=count");
    let stats = json!({ "request": { "method": "GET", "url": url } });
    assert_eq!(world.bundle("batch", json!(vec![stats.clone(); 4])).0, 200);
    assert_eq!(world.bundle("batch", json!(vec![stats; 5])).0, 413);
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
        ("Observation?identifier=m3", (400, 0)),
        ("Observation?code=http://loinc.org|", (200, 5)),
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
    let stats = |code: &str| {
        let base = format!("Observation/$stats?subject=Patient/{USER}&statistic=count");
        let (status, stats) = world.get(&format!("{base}&code={code}"));
        let all = stats["parameter"].as_array().map(Vec::len);
        (status, all.unwrap_or_default())
    };
    assert_eq!(stats("8867-4,http://loinc.org|8867-4,8867-4"), (200, 1));
    // Twenty times the same code is one code; all of a system are too many.
    assert_eq!(stats(&vec!["8867-4"; 20].join(",")), (200, 1));
    assert_eq!(stats("http://loinc.org|").0, 413);
}

#[test]
fn the_newest_are_those_of_a_time_and_a_status() {
    let mut world = World::new();
    for minute in 0..5 {
        world.create(asked("POST", "/"), heart_rate(minute, 60 + minute));
    }
    let (_, page) = world.get("Observation?identifier=urn:x|m4");
    let newest = page["entry"][0]["resource"].clone();
    let id = newest["id"].as_str().unwrap().to_owned();
    let mut changed = newest;
    changed["valueQuantity"]["value"] = 90.into();
    assert_eq!(world.update(asked("PUT", "/"), &id, changed).0, 200);
    let values = |query: &str| -> Vec<Value> {
        let (status, last) = world.get(&format!("Observation/$lastn?{query}"));
        assert_eq!(status, 200, "{query}: {last}");
        let entries = last["entry"].as_array().into_iter().flatten();
        let values = entries.map(|entry| entry["resource"]["valueQuantity"]["value"].clone());
        values.collect()
    };
    assert_eq!(values("max=2"), [90, 63]);
    assert_eq!(values("date=lt2026-11-20T08:02:00%2B08:00"), [61]);
    assert_eq!(values("date=2026-11-20T08:02:00%2B08:00&max=9"), [62]);
    assert_eq!(values("status=final"), [63]);
    assert_eq!(values("status=amended"), [90]);
    assert!(values("status=preliminary").is_empty());
    assert!(values("status=entered-in-error").is_empty());
    for refused in ["_id", "identifier", "_cursor"] {
        let target = format!("Observation/$lastn?{refused}=urn:x|m1");
        let (status, outcome) = world.get(&target);
        assert_eq!(status, 400, "{refused}");
        assert_eq!(outcome["issue"][0]["code"], "not-supported", "{outcome}");
    }
    let (_, last) = world.get("Observation/$lastn?code=8867-4&_count=1&max=3");
    assert_eq!(
        last["link"][0]["url"],
        "http://h/fhir/Observation/$lastn?code=8867-4&max=3"
    );
}

#[test]
fn a_condition_makes_one_observation() {
    let mut world = World::new();
    let unless = |minute: u32, value: u32| {
        let mut entry = post(heart_rate(minute, value));
        entry["resource"]["identifier"][0]["value"] = "same".into();
        entry["request"]["ifNoneExist"] = "identifier=urn:x|same".into();
        entry
    };
    let entries = json!([unless(1, 72), unless(2, 73)]);
    let (status, outcome) = world.bundle("transaction", entries.clone());
    assert_eq!((status, world.rows()), (400, 0), "{outcome}");
    assert_eq!(outcome["issue"][0]["code"], "duplicate");
    let (_, answer) = world.bundle("batch", entries.clone());
    assert_eq!(statuses(&answer), ["201 Created", "200 OK"]);
    let place = |at: usize| &answer["entry"][at]["response"]["location"];
    assert_eq!((place(0), world.rows()), (place(1), 1));
    assert_eq!(statuses(&world.bundle("batch", entries).1), ["200 OK"; 2]);
}

#[test]
fn a_batch_goes_on_after_a_person_who_is_erased() {
    let mut world = World::new();
    let request = Request::new("POST", "/fhir")
        .with_header("x-user-id", USER)
        .with_header("x-user-roles", "admin")
        .with_header("x-token-expires-at", "1900000000")
        .with_header("x-auth-method", "jwt");
    world.desk.who = suoke_identity::caller(&request).unwrap();
    block_on(suoke_store::erased::note(&world.db, USER, NOW_MS)).unwrap();
    let mut other = heart_rate(2, 73);
    other["subject"]["reference"] = format!("Patient/{OTHER}").into();
    let entries = json!([post(heart_rate(1, 72)), post(other)]);
    let (status, answer) = world.bundle("batch", entries.clone());
    assert_eq!(status, 200, "{answer}");
    assert_eq!(statuses(&answer), ["401 Unauthorized", "201 Created"]);
    assert_eq!(world.rows(), 1);
    // Of a transaction, all or nothing is done.
    assert_eq!(world.bundle("transaction", entries).0, 401);
}

/// Each way of writing one, in a month of its own that nothing else is of.
#[test]
fn readings_go_into_the_partitions_of_their_months() {
    let mut world = World::new();
    let of_month = |month: u32| {
        let mut observation = heart_rate(month, 72);
        observation["effectiveDateTime"] = format!("2021-{month:02}-15T08:00:00+08:00").into();
        observation
    };
    let (_, created) = world.create(asked("POST", "/fhir/Observation"), of_month(1));
    let id = created["id"].as_str().unwrap();
    let (_, second) = world.create(asked("POST", "/fhir/Observation"), of_month(2));
    let put = |id: &Value, month: u32| {
        let mut corrected = of_month(month);
        corrected["id"] = id.clone();
        corrected
    };
    let corrected = put(&created["id"], 3);
    let (status, outcome) = world.update(asked("PUT", "/"), id, corrected);
    assert_eq!(status, 200, "{outcome}");
    let batch = json!([post(of_month(4)), post(of_month(5)), post(json!({}))]);
    let (_, answers) = world.bundle("batch", batch);
    assert_eq!(
        statuses(&answers),
        ["201 Created", "201 Created", "400 Bad Request"]
    );
    let url = format!("Observation/{}", second["id"].as_str().unwrap());
    let put = json!({
        "resource": put(&second["id"], 6),
        "request": { "method": "PUT", "url": url },
    });
    let (status, answers) = world.bundle("transaction", json!([post(of_month(7)), put]));
    assert_eq!(status, 200, "{answers}");
    assert_eq!(world.rows(), 7);
    if Database::tests_use_postgres() {
        let elsewhere = "SELECT COUNT(*) FROM readings_other";
        let elsewhere: i64 = block_on(world.db.query_one(elsewhere, params![])).unwrap();
        assert_eq!(elsewhere, 0);
    }
}

/// Every way of reading of somebody else.
#[test]
fn whoever_looks_at_somebody_else_is_noted() {
    let mut world = World::new();
    let request = asked("GET", "/fhir");
    world.desk.who.roles = vec!["admin".to_owned()];
    let text = "SELECT payload FROM event_outbox";
    let read = |of: &str| {
        [
            format!("Observation?patient={of}"),
            format!("Observation/_search?subject=Patient/{of}"),
            format!("Observation/$lastn?patient={of}&code=8867-4"),
            format!("Observation/$stats?subject=Patient/{of}&code=8867-4&statistic=count"),
            format!("Observation/none?patient={of}"),
            format!("Observation/none/_history?patient={of}"),
            format!("Observation/none/_history/1?patient={of}"),
            format!("Patient?_id={of}"),
            format!("Patient/{of}"),
            format!("Patient/{of}/$everything"),
        ]
    };
    for target in read(USER) {
        world.get(&target);
        block_on(note(&mut world.db, &request, &world.desk)).unwrap();
        let none: Vec<String> = block_on(world.db.query(text, params![])).unwrap();
        assert_eq!(none.len(), 0, "{target}");
    }
    for target in read(OTHER) {
        world.get(&target);
        block_on(note(&mut world.db, &request, &world.desk)).unwrap();
        let event: String = block_on(world.db.query_one(text, params![])).unwrap();
        let event: Value = serde_json::from_str(&event).unwrap();
        let expected = json!({ "user_id": OTHER, "by": USER, "resource": RESOURCE });
        assert_eq!(event["data"], expected, "{target}");
        block_on(world.db.execute("DELETE FROM event_outbox", params![])).unwrap();
    }
    let url = format!("Observation?patient={OTHER}");
    let entry = json!({ "request": { "method": "GET", "url": url } });
    world.bundle("batch", json!([entry]));
    assert_eq!(world.desk.others.borrow().len(), 1);
    block_on(world.db.execute("DROP TABLE event_outbox", params![])).unwrap();
    let refused = block_on(note(&mut world.db, &request, &world.desk)).unwrap_err();
    let reply = refused.reply().unwrap();
    assert_eq!(reply.status(), 503);
    assert!(reply.header_value("retry-after").is_some());
}
